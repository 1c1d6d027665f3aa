// Runs the step of ci/jenkins/vars as Jenkins does, with the steps that it calls: those that concern files are done here.
// Arguments: the file of the step, then its settings as NAME=VALUE. Prints what it calls; the exit code is that of the job.

def stack = [System.getenv() as HashMap]

class Failed extends RuntimeException {
    Failed(String message) { super(message) }
}

def binding = new Binding()
binding.env = [JOB_NAME: 'contract']
binding.withEnv = { List pairs, Closure body ->
    stack << (stack.last() + pairs.collectEntries { it.split('=', 2) as List })
    try { body() } finally { stack.remove(stack.size() - 1) }
}
binding.withCredentials = { List secrets, Closure body -> binding.withEnv.call(secrets.collect { "${it.variable}=${it.value}".toString() }, body) }
binding.string = { Map one -> [variable: one.variable, value: 'the-secret-of-' + one.credentialsId] }
binding.sh = { Map step ->
    def code = new ProcessBuilder('sh', '-e', '-c', step.script).with {
        environment().clear()
        environment().putAll(stack.last())
        inheritIO().start().waitFor()
    }
    if (code) { throw new Failed("exit ${code}") }
}
['copyArtifacts', 'junit', 'archiveArtifacts'].each { name ->
    binding.setVariable(name, { Map step -> println "step ${name} ${step.sort()}" })
}
def inside = null
binding.dir = { String path, Closure body -> inside = path; body() }
binding.deleteDir = { -> new File(inside).deleteDir() }
binding.fileExists = { String path -> new File(path).exists() }
binding.readFile = { String path -> new File(path).text }
binding.currentBuild = [:]
binding.lastCompleted = { -> 'the last completed build' }

def step = new GroovyShell(binding).parse(new File(args[0]))
def settings = args.tail().collectEntries { it.split('=', 2) as List }
settings.credentials = [binding.string.call(credentialsId: 'konnect-token', variable: 'KONNECT_TOKEN')]
try {
    try { step.call(settings) } finally { println "description ${binding.currentBuild.description}" }
} catch (Failed failed) {
    println "failed: ${failed.message}"
    System.exit(1)
}
