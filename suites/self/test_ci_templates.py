"""The templates for CI systems: valid by their schemas and linters, and their commands run as each system runs them."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import check_jsonschema
import pytest
import yaml
from forks import ROOT
from jsonschema.validators import validator_for
from tiers import full, needed

from dcrproof.commands.ci import ATTEMPTS

SCHEMAS = Path(check_jsonschema.__file__).parent / "builtin_schemas" / "vendor"
BIN = Path(sys.executable).parent
JENKINS = ROOT / "ci" / "jenkins"
GREEN, BROKEN, INTERNAL_ERROR, USAGE = 0, 1, 3, 4


@dataclass(frozen=True)
class Command:
    """A script of a template with the environment that it is given; `always`: whether it runs after a failure, too;
    `counts`: whether the job fails with it.
    """

    script: str
    environment: Mapping[str, str]
    always: bool
    counts: bool = True


def loaded(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text("utf-8"))


def github(given: Mapping[str, str]) -> Iterator[Command]:
    action = loaded("action.yml")
    values = {f"inputs.{name}": str(given.get(name, one["default"])) for name, one in action["inputs"].items()}
    values["steps.python.outputs.python-path"] = "python3"
    for step in action["runs"]["steps"]:
        if "run" in step:
            environment = {
                name: filled(text, r"\$\{\{ ([\w.-]+) \}\}", values) for name, text in step.get("env", {}).items()
            }
            yield Command(step["run"], environment, step.get("if") == "always()")


def gitlab_job(given: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    header, text = (ROOT / "templates" / "dcrproof.yml").read_text("utf-8").split("\n---\n")
    known = yaml.safe_load(header)["spec"]["inputs"]
    inputs = {name: given.get(name, one["default"]) for name, one in known.items()}
    for name, value in inputs.items():
        if not re.fullmatch(of_re2(known[name]["regex"]), value):
            raise Refused(name)
    # GitLab puts a text where it stands, as it is: lib/gitlab/ci/config/interpolation/text_template.rb
    ((name, job),) = yaml.safe_load(filled(text, r"\$\[\[ inputs\.(\w+) \]\]", inputs)).items()
    return name, job


def of_re2(pattern: str) -> str:
    """An expression of GitLab's as one of Python's."""
    pattern = pattern.replace("[:cntrl:]", r"\x00-\x1f\x7f")
    return re.sub(r"\\x\{([0-9A-F]+)\}", lambda found: f"\\u{int(found[1], 16):04x}", pattern)


class Refused(Exception):
    """GitLab makes no pipeline, because of this input."""


def gitlab(given: Mapping[str, str]) -> Iterator[Command]:
    _, job = gitlab_job(given)
    for script in (*job["before_script"], *job["script"]):
        yield Command(script, job["variables"], always=False)
    for script in job["after_script"]:
        yield Command(script, job["variables"], always=True, counts=False)


def azure(given: Mapping[str, str]) -> Iterator[Command]:
    template = loaded("ci/azure/dcrproof.yml")
    values = {one["name"]: given.get(one["name"], one["default"]) for one in template["parameters"]}
    for step in template["steps"]:
        if "bash" in step:
            environment = {}
            for name, value in step["env"].items():
                if "each secret in parameters.secrets" in name:
                    environment |= {"KONNECT_TOKEN": "a secret"}
                else:
                    environment[name] = filled(value, r"\$\{\{ parameters\.(\w+) \}\}", values)
            yield Command(step["bash"], environment, step.get("condition") == "always()")


def filled(text: str, pattern: str, values: Mapping[str, str]) -> str:
    return re.sub(pattern, lambda found: values[found[1]], text)


SYSTEMS: Mapping[str, Callable[[Mapping[str, str]], Iterator[Command]]] = {
    "github": github,
    "gitlab": gitlab,
    "azure": azure,
}


# Schemas and linters


@pytest.mark.parametrize(
    ("schema", "content"),
    [
        ("github-actions", lambda: loaded("action.yml")),
        ("github-workflows", lambda: loaded("ci/examples/github.yml")),
        ("gitlab-ci", lambda: dict([gitlab_job({})])),
        ("gitlab-ci", lambda: loaded("ci/examples/gitlab.yml")),
        ("azure-pipelines", lambda: {"steps": without_expressions(loaded("ci/azure/dcrproof.yml")["steps"])}),
        ("azure-pipelines", lambda: loaded("ci/examples/azure-pipelines.yml")),
    ],
)
def test_it_is_valid_by_the_schema_of_its_system(schema, content):
    rules = json.loads((SCHEMAS / f"{schema}.json").read_text("utf-8"))
    found = content()
    found = {("on" if name is True else name): value for name, value in found.items()}  # YAML 1.1 reads `on` as true
    assert [error.message[:300] for error in validator_for(rules)(rules).iter_errors(found)] == []


def without_expressions(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Steps as Azure has them after its expressions: a mapping over secrets is gone."""
    return [
        {**step, "env": {name: text for name, text in step["env"].items() if isinstance(text, str)}}
        if "env" in step
        else step
        for step in steps
    ]


def test_zizmor_finds_nothing():
    """Texts that reach a shell, actions that are not pinned, permissions that are too wide."""
    files = ("action.yml", "ci/examples/github.yml", ".github/workflows/release.yml")
    command = [BIN / "zizmor", "--offline", "--quiet", "--no-progress", *files]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


@needed("actionlint", "actionlint (go install github.com/rhysd/actionlint/cmd/actionlint@latest)")
def test_actionlint_finds_nothing_in_the_workflows():
    ended = subprocess.run(
        ["actionlint", "ci/examples/github.yml", ".github/workflows/release.yml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (0, "")


@pytest.mark.parametrize("system", SYSTEMS)
def test_no_text_is_put_into_a_script(system):
    for command in SYSTEMS[system]({}):
        assert not re.search(r"\$\{\{|\$\[\[|\$\(", command.script)


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_script_is_one_command_a_line_and_decides_nothing(system):
    known = re.compile(r'((python3|"\$PYTHON") -m venv|.*bin/pip"? install --quiet|.*bin/dcrproof"? ci (run|sweep)$)')
    for command in SYSTEMS[system]({}):
        for line in command.script.strip().splitlines():
            assert known.match(line.strip()), line


# What they do

PYTHON = """\
#!/bin/sh
# in place of `python3 -m venv FOLDER`: an environment in which dcrproof is installed
test "$1 $2" = "-m venv" || exit 9
mkdir -p "$3/bin"
ln -sf DCRPROOF "$3/bin/dcrproof"
printf '#!/bin/sh\\nprintf "%%s\\\\n" "$@" > installed\\n' > "$3/bin/pip"
chmod +x "$3/bin/pip"
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """That of a job in `tmp_path`."""
    shims = tmp_path / "shims"
    shims.mkdir()
    (shims / "python3").write_text(PYTHON.replace("DCRPROOF", str(BIN / "dcrproof")))
    (shims / "python3").chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DCRPROOF_", "PYTEST_"))}
    return {
        **kept,
        "PATH": f"{shims}:{os.environ['PATH']}",
        "RUNNER_TEMP": str(tmp_path / "temp"),
        "GITHUB_ACTION_PATH": str(ROOT),
    }


def performed(system: str, given: Mapping[str, str], folder: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """Runs the commands of a template as its system does. Returns the first exit code that is not 0, and all output."""
    code, printed = 0, ""
    for command in SYSTEMS[system](given):
        if code == 0 or command.always:
            ended = subprocess.run(
                ["bash", "-e", "-o", "pipefail", "-c", command.script],
                cwd=folder,
                env={**environment, **command.environment},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            printed += ended.stdout
            code = code or (ended.returncode if command.counts else 0)
    return code, printed


ONE = "-q -p no:cacheprovider --dcr-check token.is-jwt"


@full
@pytest.mark.parametrize("system", SYSTEMS)
def test_a_green_job_leaves_its_report_and_what_the_next_one_needs(system, tmp_path, environment):
    code, printed = performed(system, {"options": ONE}, tmp_path, environment)
    assert code == GREEN, printed
    assert (tmp_path / "installed").read_text().splitlines()[:2] == ["install", "--quiet"]
    report = {path.name for path in (tmp_path / "dcrproof-report").iterdir()}
    assert report >= {"index.html", "history.html", "junit.xml", "results.sarif", "metrics.prom", "compare.txt"}
    assert "nothing to sweep: all parties are mocked" in printed
    assert re.findall(r"(?m)^(?:evidence|open) .*", printed) == [f"open       {Path('dcrproof-report', 'index.html')}"]
    (kept,) = (path for path in (tmp_path / ".dcrproof").rglob("runs/*") if not path.is_symlink())
    assert [path.name for path in kept.iterdir()] == ["run.json"]


@full
@pytest.mark.parametrize("system", SYSTEMS)
def test_a_red_job_sweeps_and_has_the_exit_code_of_the_run(system, tmp_path, environment):
    options = f"{ONE} --dcr-undo curity.token-issuer.jwt"
    code, printed = performed(system, {"options": options}, tmp_path, environment)
    assert code == BROKEN, printed
    assert "nothing to sweep" in printed
    assert (tmp_path / "dcrproof-report" / "handoff-curity-admins.md").exists()


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_sweep_that_fails_makes_a_green_job_red(system, tmp_path, environment):
    (tmp_path / "dcrproof").write_text('#!/bin/sh\ntest "$2" = sweep && exit 3\nexit 0\n')
    (tmp_path / "dcrproof").chmod(0o755)
    shim = tmp_path / "shims" / "python3"
    shim.write_text(PYTHON.replace("DCRPROOF", str(tmp_path / "dcrproof")))
    assert performed(system, {}, tmp_path, environment)[0] == INTERNAL_ERROR


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("names", [("options",), pytest.param(("profile", "baseline"), marks=full)])
def test_no_input_is_a_command(system, names, tmp_path, environment):
    hostile = "\"; touch pwned; $(touch pwned) `touch pwned` ' \n touch pwned #"
    if system == "gitlab":
        hostile = hostile.replace("\n", "\\n")  # a line break is refused before
    code, printed = performed(system, dict.fromkeys(names, hostile), tmp_path, environment)
    assert code == USAGE, printed
    assert "Traceback" not in printed
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize(
    "options",
    [
        '-m "contract and not hostile"',
        "-k 'a or b'",
        "# a: [b",
        "- *a &b !c | > %d @e {f}",
        "\\",
        '"',
        "",
        "  a",
        "a:",
        "é",
    ],
)
def test_an_input_of_gitlab_arrives_as_it_is_and_changes_nothing_else(options):
    """GitLab puts its text into that of the template, before it is read as YAML."""
    _, job = gitlab_job(dict.fromkeys(("options", "profile", "baseline", "package", "image", "stage"), options))
    read = [job["variables"][f"DCRPROOF_{name}"] for name in ("OPTIONS", "PROFILE", "BASELINE", "PACKAGE")]
    assert [*read, job["image"], job["stage"]] == [options.strip()] * 6
    assert (job["script"], list(job)) == (gitlab_job({})[1]["script"], list(gitlab_job({})[1]))


@pytest.mark.parametrize("break_", ["\n", "\r", "\x85", "\u2028", "\u2029", "\t", "\0"])
@pytest.mark.parametrize("name", ["job", "stage", "image", "package", "profile", "baseline", "options"])
def test_an_input_of_gitlab_with_a_line_break_is_refused(name, break_):
    with pytest.raises(Refused, match=name):
        gitlab_job({name: f"a{break_}script: [touch pwned]"})


def test_gitlab_leaves_time_to_sweep_after_a_run_that_takes_too_long():
    """Else `after_script` is not run: https://docs.gitlab.com/ci/runners/configure_runners/#ensuring-after_script-execution"""
    _, job = gitlab_job({})
    script, sweep = (job["variables"][f"RUNNER_{name}_TIMEOUT"] for name in ("SCRIPT", "AFTER_SCRIPT"))
    assert all(text[-1] == "m" for text in (script, sweep, job["timeout"]))
    assert int(script[:-1]) + int(sweep[:-1]) < int(job["timeout"][:-1])


def test_what_azure_fetches_is_where_a_job_looks_for_it_and_what_an_attempt_keeps_is_its_own():
    """A relative path would be one of the pipeline's workspace, and an artifact cannot be written twice."""
    steps = loaded("ci/azure/dcrproof.yml")["steps"]
    (fetched,) = (step["inputs"] for step in steps if step.get("task") == "DownloadPipelineArtifact@2")
    (state,) = {step["env"]["DCRPROOF_STATE"] for step in steps if "DCRPROOF_STATE" in step.get("env", {})}
    assert fetched["targetPath"] == f"$(System.DefaultWorkingDirectory)/{state}/{ATTEMPTS}"
    published = {step["publish"]: step["artifact"] for step in steps if "publish" in step}
    assert all(name.endswith("-$(System.JobAttempt)") for name in published.values())
    assert fetched["itemPattern"] == published[state].replace("$(System.JobAttempt)", "*/**")


def test_the_cache_of_one_target_is_not_fetched_by_another_whose_name_begins_so():
    steps = {step["name"]: step for step in loaded("action.yml")["runs"]["steps"] if "name" in step}
    fetch, keep = (steps[f"{what} the ledgers and the runs {when}"] for what, when in CACHES)
    keys = {name: filled(keep["with"]["key"], r"\$\{\{ inputs\.(name) \}\}", {"name": name}) for name in ("a", "a-b")}
    wanted = filled(fetch["with"]["restore-keys"], r"\$\{\{ inputs\.(name) \}\}", {"name": "a"})
    assert [name for name, key in keys.items() if key.startswith(wanted)] == ["a"]
    assert fetch["with"]["path"] == keep["with"]["path"]  # a cache is found by its paths as well


CACHES = (("Fetch", "of earlier jobs"), ("Keep", "for later jobs"))


def groovy(program: str, *arguments: object, **more: Any) -> subprocess.CompletedProcess[str]:
    """Runs Groovy with the Java of this machine: Debian's expects its default one."""
    java = Path(shutil.which("java") or "java").resolve().parents[1]
    environment = {**more.pop("env", os.environ), "JAVA_HOME": str(java)}
    return subprocess.run(
        [program, *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **more,
    )


@full
@needed("java", "Java")
@needed("groovy", "Groovy (Debian's package groovy)")
@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (ONE, GREEN, "description green - "),
        (f"{ONE} --dcr-undo curity.token-issuer.jwt", BROKEN, "description failed: token.is-jwt"),
        ("'; touch pwned; $(touch pwned) `touch pwned`", BROKEN, "DCRPROOF_OPTIONS: No closing quotation"),
    ],
)
def test_the_step_of_jenkins_runs_sweeps_and_keeps(options, code, said, tmp_path, environment):
    harness, step = ROOT / "suites/self/jenkins.groovy", JENKINS / "vars" / "dcrproof.groovy"
    ended = groovy("groovy", harness, step, f"options={options}", cwd=tmp_path, env=environment)
    assert ended.returncode == code, ended.stdout
    assert said in ended.stdout
    for part in ("nothing to sweep", "step junit", "step archiveArtifacts", "step copyArtifacts"):
        assert part in ended.stdout, part
    assert not list(tmp_path.rglob("pwned"))


@full
@needed("java", "Java")
@needed("groovy", "Groovy (Debian's package groovy)")
def test_what_jenkins_has_kept_is_kept_again_where_nothing_can_be_installed(tmp_path, environment):
    (tmp_path / "shims" / "python3").write_text("#!/bin/sh\nexit 9\n")
    (tmp_path / "tenant-report").mkdir()
    (tmp_path / "tenant-report" / "compare.txt").write_text(
        "newest     20261123T020000.000000Z-7: green - of yesterday\n"
    )
    harness, step = ROOT / "suites/self/jenkins.groovy", JENKINS / "vars" / "dcrproof.groovy"
    ended = groovy("groovy", harness, step, "name=tenant", cwd=tmp_path, env=environment)
    assert "failed: exit 9" in ended.stdout
    assert "yesterday" not in ended.stdout
    assert not (tmp_path / "tenant-report").exists()
    assert ".dcrproof/tenant/**" in ended.stdout.partition("step archiveArtifacts")[2]


@full
@needed("java", "Java")
@needed("groovyc", "Groovy (Debian's package groovy)")
def test_the_jenkinsfile_is_groovy(tmp_path):
    """Without the annotation that names the library, which is Jenkins' own."""
    text = (JENKINS / "Jenkinsfile").read_text("utf-8").replace("@Library('dcrproof@v1') _\n", "")
    (tmp_path / "Jenkinsfile.groovy").write_text(text)
    ended = groovy("groovyc", "-d", tmp_path / "out", tmp_path / "Jenkinsfile.groovy")
    assert ended.returncode == 0, ended.stdout


def test_the_commands_of_the_step_of_jenkins_are_in_single_quotes():
    scripts = re.findall(r"script: (.)", (JENKINS / "vars" / "dcrproof.groovy").read_text("utf-8"))
    assert scripts == ["'"] * 4


@pytest.mark.parametrize(
    "file", ["action.yml", "templates/dcrproof.yml", "ci/azure/dcrproof.yml", "ci/jenkins/vars/dcrproof.groovy"]
)
def test_the_page_on_ci_names_it_with_each_of_its_settings(file):
    page = (ROOT / "docs" / "ci.md").read_text("utf-8")
    assert f"`{file}`" in page
    text = (ROOT / file).read_text("utf-8")
    settings = {
        "action.yml": lambda: loaded(file)["inputs"],
        "templates/dcrproof.yml": lambda: yaml.safe_load(text.split("\n---\n")[0])["spec"]["inputs"],
        "ci/azure/dcrproof.yml": lambda: [one["name"] for one in loaded(file)["parameters"]],
        "ci/jenkins/vars/dcrproof.groovy": lambda: set(re.findall(r"settings\.(\w+)", text)),
    }[file]()
    assert [name for name in settings if f"`{name}`" not in page] == []
