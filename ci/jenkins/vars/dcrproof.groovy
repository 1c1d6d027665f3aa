/**
 * The step `dcrproof` of a shared library for Jenkins; docs/ci.md says how to use it.
 *
 * settings: name (of the target: two in a job need two names), profile, baseline, options, package (what pip installs), and
 * credentials, a list as withCredentials takes it.
 * All commands are in single quotes: Groovy puts nothing into them, and the shell reads the environment.
 */
def call(Map settings = [:]) {
    def name = settings.name ?: 'dcrproof'
    String report = "${name}-report"
    String state = ".dcrproof/${name}"
    def environment = [
        "DCRPROOF_PACKAGE=${settings.package ?: 'dcrproof'}",
        "DCRPROOF_PROFILE=${settings.profile ?: ''}",
        "DCRPROOF_BASELINE=${settings.baseline ?: ''}",
        "DCRPROOF_OPTIONS=${settings.options ?: ''}",
        "DCRPROOF_REPORT=${report}",
        "DCRPROOF_STATE=${state}",
    ]
    withEnv(environment.collect { it.toString() }) {
        dir(report) { deleteDir() } // that of an earlier build, which a workspace keeps
        copyArtifacts(
            projectName: '/' + env.JOB_NAME, selector: lastCompleted(), filter: state + '/**', optional: true
        )
        try {
            sh(label: 'Install dcrproof', script: 'python3 -m venv .dcrproof-venv')
            sh(label: 'Install dcrproof', script: '.dcrproof-venv/bin/pip install --quiet "$DCRPROOF_PACKAGE"')
            withCredentials(settings.credentials ?: []) {
                try {
                    sh(label: 'Run the checks', script: '.dcrproof-venv/bin/dcrproof ci run')
                } finally {
                    sh(label: 'Delete what a killed run has left', script: '.dcrproof-venv/bin/dcrproof ci sweep')
                }
            }
        } finally { // also where nothing could be installed: what was copied is archived again, for the next build
            if (fileExists(report + '/compare.txt')) { // how the run ended, in the list of builds
                def newest = readFile(report + '/compare.txt').readLines().find { it.startsWith('newest ') }
                currentBuild.description = newest?.replaceFirst(/newest +\S+: /, '')
            }
            junit(testResults: report + '/junit.xml', allowEmptyResults: true, skipMarkingBuildUnstable: true)
            archiveArtifacts(
                artifacts: report + '/**, ' + state + '/**', allowEmptyArchive: true, defaultExcludes: false
            )
        }
    }
}
