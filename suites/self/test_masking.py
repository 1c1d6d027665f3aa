"""What pytest prints and writes has no secret in it, and a run that leaked one all the same finds it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from forks import command_line, environment
from leaks import leaks
from tiers import full, sample

from dcrproof.core.secrets.secret import Secret

TOKEN = """\
import os
import pytest

@pytest.fixture(scope="session")
def token(_dcr_target):
    value = _dcr_target.profile.konnect.token.reveal()
    with open(os.environ["TOLD"], "a") as told:  # each worker of xdist has mocks of its own
        print(value, file=told)
    return value
"""

# another plugin, which receives warnings
LISTENING = (
    TOKEN
    + """
def pytest_warning_recorded(warning_message):
    with open("warnings.txt", "a") as file:
        print(warning_message.message, file=file)
"""
)

# all ways in which a test can show a secret
LEAKY = """\
import base64, logging, os, sys, threading, warnings
import pytest
from hypothesis import HealthCheck, given, note, settings, strategies as st

@pytest.fixture(params=["a"])
def header(token):
    print("set up", token)
    yield {"authorization": f"Bearer {token}"}
    raise RuntimeError(f"torn down with {token}")

def test_difference(token):
    assert {"authorization": f"Bearer {token}", "other": [token] * 3} == {"authorization": "Bearer nothing"}

def test_long_octets(token):
    assert ("x" * 50 + token * 4).encode() == b"nothing"

def test_cut(token):
    raise ValueError("Bearer " + token + "-" * 400 + token)

def test_locals(header, token):
    nested = [{"a": {"b": (token, base64.b64encode(f"id:{token}".encode()))}}]
    print(token)
    print(token, file=sys.stderr)
    assert not nested

def test_log(token):
    logging.getLogger("mine").warning("with %s", token)
    logging.getLogger("mine").debug(base64.b64encode(f"id:{token}".encode()).decode())
    try:
        raise KeyError(token)
    except KeyError:
        logging.exception("it failed")

def test_log_that_does_not_fit(token):
    logging.getLogger("mine").warning("%d", token)

def test_warning(token):
    warnings.warn(f"mind {token}")

def test_thread(token):
    def run():
        raise ValueError(f"in a thread {token}")
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()

def test_property(record_property, token):
    record_property("token", token)

@pytest.mark.skipif("PYTEST_XDIST_WORKER" in os.environ, reason="xdist refuses them")
def test_attribute(record_xml_attribute, record_testsuite_property, token):
    record_xml_attribute("token", token)
    record_testsuite_property("token", token)

def test_skip(token):
    pytest.skip(f"no {token}")

def test_xfail(token):
    pytest.xfail(f"no {token}")

def test_part(subtests, token):
    with subtests.test(token, token=token):
        assert token == 1

@settings(suppress_health_check=list(HealthCheck))
@given(st.integers())
def test_example(token, number):
    note(f"noted {token}")
    assert number < 100, token

def test_causes(token):
    def deep(depth, value=token):
        if not depth:
            raise Exception({"k": value}) from ValueError(value)
        deep(depth - 1)
    deep(3)
"""

EVERYTHING = ("-vv", "--showlocals", "--setup-show", "--log-cli-level=debug", "-rA", "--full-trace")


@dataclass(frozen=True)
class Ended:
    """A run of a user's own tests: exit code, output, the files that it wrote, and the secrets that it was given."""

    code: int
    printed: str
    files: dict[str, str]
    told: list[str]

    @property
    def leaks(self) -> list[str]:
        return leaks({"what was printed": self.printed, **self.files}, self.told)

    @property
    def shown(self) -> str:
        """The output without colours, with one fingerprint for all secrets."""
        return re.sub(r"<secret [0-9a-f]{8}>", "<secret>", re.sub(r"\x1b\[[\d;]*m", "", self.printed))


@pytest.fixture
def run_tests(tmp_path: Path) -> Callable[..., Ended]:
    """Runs a user's own tests in their own folder; the arguments are those of pytest."""

    def run(tests: str, *arguments: str, conftest: str = TOKEN, **variables: str) -> Ended:
        (tmp_path / "test_of_a_user.py").write_text(tests)
        (tmp_path / "conftest.py").write_text(conftest)
        told = tmp_path.parent / f"told-{tmp_path.name}"
        before = {path for path in tmp_path.rglob("*") if path.is_file()}
        options = ["-p", "hypothesispytest", "--rootdir=.", *arguments]
        code, printed = command_line(*options, cwd=tmp_path, TOLD=str(told), **variables)
        files = {
            str(path.relative_to(tmp_path)): path.read_bytes().decode("utf-8", "replace")
            for path in tmp_path.rglob("*")
            if path.is_file() and path not in before and path.suffix != ".pyc"
        }
        return Ended(code, printed, files, told.read_text().splitlines() if told.exists() else [])

    return run


@pytest.mark.parametrize("workers", sample([0, 2]))
def test_no_secret_that_a_test_shows_is_printed_or_written(run_tests, workers):
    ended = run_tests(
        LEAKY,
        f"-n{workers}",
        *EVERYTHING,
        "--color=yes",
        "--junitxml=junit.xml",
        "--log-file=log.txt",
        "--log-file-level=debug",
        conftest=LISTENING,
    )
    assert ended.code == 1, ended.printed
    assert ended.leaks == []
    assert ended.shown.count("<secret>") > 60, ended.shown
    for said in (
        "E       ValueError: Bearer <secret>---",
        "set up <secret>",
        "UserWarning: mind <secret>",
        "in a thread <secret>",
        "no <secret>",
        "noted <secret>",
        "with <secret>",
        "Exception: {'k': '<secret>'}",
        "torn down with <secret>",
    ):
        assert said in ended.shown, said
    assert "<secret " in ended.files["log.txt"]
    assert "<secret " in ended.files["warnings.txt"]
    assert "&lt;secret " in ended.files["junit.xml"]


# all ways to the terminal, whatever is captured
TO_THE_TERMINAL = """\
import faulthandler, logging, multiprocessing, os, subprocess, sys, threading, warnings
import pytest
from dcrproof.fixtures.run.run import run_of

SECRET = "kpat_" + "Zq7-mGd2_Rk9+Lx5/"

KNOWN = False

@pytest.fixture
def secret(request):
    global KNOWN
    KNOWN = True
    with open(os.environ["TOLD"], "a") as told:
        print(SECRET, file=told)
    run_of(request.config).secrets.know(SECRET)
    print("set up", SECRET)
    yield SECRET
    os.write(2, f"torn down {SECRET}\\n".encode())

def everything(secret):
    print("printed", secret)
    print("to stderr", secret, file=sys.stderr, flush=True)
    print("to the first stream", secret, file=sys.__stdout__, flush=True)
    sys.stdout.buffer.write(f"octets {secret}\\n".encode())
    os.write(1, f"descriptor {secret}\\n".encode())
    print(f"coloured \\x1b[31m{secret[:9]}\\x1b[33m{secret[9:]}\\x1b[0m")
    for shell in ("echo by a program $IT", "echo by a program to stderr $IT >&2"):
        subprocess.run(shell, shell=True, env={"IT": secret}, check=True)
    logging.StreamHandler().handle(logging.makeLogRecord({"msg": "handled by itself " + secret}))
    warnings.showwarning(UserWarning("warned " + secret), UserWarning, __file__, 1)
    thread = threading.Thread(target=print, args=["by a thread", secret])
    thread.start(); thread.join()
    child = multiprocessing.get_context("fork").Process(target=print, args=["by a process", secret])
    child.start(); child.join()
    faulthandler.dump_traceback(sys.__stderr__, all_threads=False)

def test_that_passes(secret): everything(secret)
def test_that_fails(secret): everything(secret); assert not secret
def test_without_capturing(secret, capsys):
    with capsys.disabled():
        everything(secret)
def test_without_capturing_descriptors(secret, capfd):
    with capfd.disabled():
        everything(secret)
def test_with_tee(secret, capteesys): everything(secret)

LATE = logging.StreamHandler
def test_that_keeps_a_stream(secret):
    global LATE
    LATE = logging.StreamHandler()  # what is captured, as this is said

@pytest.mark.skip
def test_that_puts_the_masks_in_force(_dcr_target): pass
"""
AFTERWARDS = """
def pytest_sessionfinish(session):
    test = sys.modules.get("test_of_a_user")
    if test and test.KNOWN:
        print("printed afterwards", test.SECRET)
        test.LATE.stream.write("captured afterwards " + test.SECRET)
def pytest_runtest_logfinish():
    test = sys.modules.get("test_of_a_user")
    if test and test.KNOWN:
        print("printed between", test.SECRET)
        print("to stderr between", test.SECRET, file=sys.stderr)
"""


@pytest.mark.parametrize(
    "arguments", sample([["--capture=fd"], ["--capture=tee-sys"], ["-s"], ["--capture=sys"], ["-s", "-n1"]], of=3)
)
def test_no_secret_reaches_the_terminal_whatever_is_captured(run_tests, arguments):
    ended = run_tests(
        TO_THE_TERMINAL, *arguments, "-p", "no:randomly", "--import-mode=prepend", conftest=f"import sys\n{AFTERWARDS}"
    )
    assert ended.code == 1, ended.printed
    assert ended.leaks == []
    shown = ended.shown
    if "-n1" not in arguments:  # the standard output of a worker leads nowhere
        for said in (
            *("printed", "to the first stream", "octets", "descriptor", "coloured", "by a program", "by a thread"),
            *("by a process", "printed between", "to stderr between", "printed afterwards"),
        ):
            assert f"{said} <secret>\n" in shown, shown
    for said in ("to stderr", "by a program to stderr", "handled by itself", "torn down"):
        assert f"{said} <secret>\n" in shown, shown
    assert "UserWarning: warned <secret>" in shown
    assert "failed" in shown.splitlines()[-1]


DEBUGGED = (
    TO_THE_TERMINAL.partition("def everything")[0]
    + """
def test_with_a_breakpoint(secret):
    breakpoint()
    subprocess.run(["echo", "afterwards", secret])

@pytest.mark.skip
def test_that_puts_the_masks_in_force(_dcr_target): pass
"""
)
DEBUGGER = """
import io, pdb
class Debugger(pdb.Pdb):
    def __init__(self, **given):
        super().__init__(**given | {"stdin": io.StringIO("p 'asked', secret\\np os.path.sameopenfile(1, 2)\\nc\\n")})
        self.use_rawinput = False
"""


def test_a_debugger_has_the_terminal_and_shows_no_secret(run_tests, tmp_path):
    (tmp_path / "debugger.py").write_text(DEBUGGER)
    ended = run_tests(DEBUGGED, "-s", "--pdbcls=debugger:Debugger", PYTHONPATH=str(tmp_path))
    assert ended.code == 0, ended.printed
    assert ended.leaks == []
    assert "('asked', '<secret>')" in ended.shown
    assert "True" in ended.shown  # both streams of this run lead to one pipe, and not to files of their own
    assert "afterwards <secret>" in ended.shown


CHARACTER_BY_CHARACTER = """
import sys
def test_it(token):
    for character in f"{{token}}\\n":
        sys.{stream}.write(character)
        sys.{stream}.flush()
"""


@pytest.mark.parametrize(
    ("stream", "arguments"),
    [("stdout", ["-s"]), ("stderr", ["--capture=tee-sys"]), ("stderr", ["-s", "-n1"])],
)
def test_a_secret_that_was_printed_in_parts_is_found_at_the_end(run_tests, stream, arguments):
    ended = run_tests(CHARACTER_BY_CHARACTER.format(stream=stream), *arguments)
    assert ended.code == 3, ended.printed
    assert "LEAKED SECRET  the terminal, at character " in ended.shown


@pytest.mark.parametrize("option", ["--log-file=out.txt", "--report-of-a-plugin=out.txt"])
def test_a_file_that_an_option_names_is_searched_if_the_run_wrote_it(run_tests, option):
    hook = (
        "\ndef pytest_addoption(parser): parser.addoption('--report-of-a-plugin')\n"
        "def pytest_sessionfinish(session): open('out.txt', 'a').write(open(os.environ['TOLD']).read())\n"
    )
    ended = run_tests("def test_it(token): pass\n", option, conftest=TOKEN + hook)
    assert ended.code == 3, ended.printed
    assert f"LEAKED SECRET  out.txt, at character 0: {Secret(ended.told[0])!r}" in ended.printed


def test_a_file_that_an_option_names_is_not_searched_if_the_run_only_reads_it(run_tests, mocks, tmp_path):
    (tmp_path / ".env").write_text(f"KONNECT_TOKEN={mocks.described['konnect']['token']}\n")
    os.utime(tmp_path / ".env", (1, 1))
    conftest = "def pytest_addoption(parser): parser.addoption('--envfile')\n"
    tests = "def test_it(_dcr_target): pass\n"
    ended = run_tests(tests, f"--dcr-profile={mocks.profile}", "--envfile=.env", conftest=conftest)
    assert ended.code == 0, ended.printed


def test_the_trace_of_all_hooks_has_no_secret(run_tests):
    ended = run_tests(LEAKY, "--debug=trace.log", "-k", "locals or causes")
    assert ended.leaks == []
    assert "<secret " in ended.files["trace.log"]


CUT_SHORT = {
    "internal error": ("logfinish()", "raise AssertionError(token)", 3, "AssertionError: <secret>"),
    "interrupt": ("teardown(item)", "raise KeyboardInterrupt(token)", 2, "KeyboardInterrupt: <secret>"),
    "exit": ("teardown(item)", "pytest.exit(f'with {token}')", 2, "Exit: with <secret>"),
}
HOOK = """
def pytest_runtest_{hook}:
    token = open(os.environ["TOLD"]).read().strip()
    {raising}
"""


@pytest.mark.parametrize(("hook", "raising", "code", "said"), sample(CUT_SHORT.values()))
def test_a_run_that_ends_early_shows_no_secret(run_tests, hook, raising, code, said):
    ended = run_tests(
        "def test_it(token): pass\n", *EVERYTHING, conftest=TOKEN + HOOK.format(hook=hook, raising=raising)
    )
    assert ended.code == code, ended.printed
    assert ended.leaks == []
    assert said in ended.shown, ended.shown


def test_an_internal_error_of_a_worker_shows_no_secret(run_tests):
    raising = "if 'PYTEST_XDIST_WORKER' in os.environ: raise AssertionError(token)"
    hook = HOOK.format(hook="logfinish()", raising=raising)
    ended = run_tests("def test_it(token): pass\n", "-n1", *EVERYTHING, conftest=TOKEN + hook)
    assert ended.leaks == []
    assert "AssertionError: <secret>" in ended.shown, ended.shown


def test_a_module_that_cannot_be_collected_shows_no_secret_of_the_profile(run_tests, mocks):
    secret = mocks.described["konnect"]["token"]
    tests = "import os\nraise ValueError(os.environ['KONNECT_TOKEN'])\n"
    options = (f"--dcr-profile={mocks.profile}", "--junitxml=junit.xml")
    ended = run_tests(tests, *options, *EVERYTHING, KONNECT_TOKEN=secret)
    assert f"ValueError: {Secret(secret)!r}" in ended.printed
    assert leaks({"printed": ended.printed, **ended.files}, [secret]) == []


@pytest.mark.parametrize("workers", sample([0, 2]))
def test_an_id_of_a_test_with_a_secret_is_bad_usage(run_tests, mocks, workers):
    secret = mocks.described["konnect"]["token"]
    profile = mocks.changed("parallel", lambda text: text) if not workers else _live(mocks)
    tests = (
        "import os, pytest\n"
        "@pytest.mark.parametrize('token', [os.environ['KONNECT_TOKEN'], 'other'])\n"
        "def test_it(_dcr_target, token): pass\n"
    )
    ended = run_tests(tests, f"-n{workers}", f"--dcr-profile={profile}", "-v", KONNECT_TOKEN=secret)
    assert ended.code == 4, ended.printed
    assert f"the id of a test holds a secret: test_of_a_user.py::test_it[{Secret(secret)!r}]" in ended.printed
    assert "ids=" in ended.printed
    assert leaks({"printed": ended.printed, **ended.files}, [secret]) == []


def _live(mocks) -> Path:
    """A profile for which these mocks are live parties."""
    without = lambda text: "\n".join(line for line in text.splitlines() if not line.startswith("mocked"))  # noqa: E731
    return mocks.changed("live", lambda text: without(text).replace("[run]", "[run]\nparallel = true"))


EXAMPLES = """\
import pytest
from hypothesis import HealthCheck, database, given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

@pytest.fixture(autouse=True)
def target(_dcr_target): pass

LOUD = settings(suppress_health_check=list(HealthCheck), deadline=None, print_blob=True)

class Machine(RuleBasedStateMachine):
    @rule(number=st.integers())
    def go(self, number): assert number < 100

"""
WITH_EXAMPLES = {
    "a test": "@LOUD\n@given(st.integers())\ndef test_it(number): assert number < 100\n",
    "with a database of its own": (
        "@settings(LOUD, database=database.DirectoryBasedExampleDatabase('examples'))\n"
        "@given(st.integers())\ndef test_it(number): assert number < 100\n"
    ),
    "a state machine": "Machine.TestCase.settings = LOUD\nTestMachine = Machine.TestCase\n",
    "a state machine as it is": "TestMachine = Machine.TestCase\n",
    "a state machine in a test": "def test_it(): run_state_machine_as_test(Machine)\n",
    "settings that a test makes": (
        "def test_it():\n"
        "    @settings(LOUD, max_examples=200)\n    @given(st.integers())\n    def inner(number): assert number < 100\n"
        "    inner()\n"
    ),
}


@pytest.mark.parametrize("test", sample(WITH_EXAMPLES, of=2))
def test_a_live_run_keeps_no_examples_of_hypothesis(run_tests, mocks, test):
    ended = run_tests(EXAMPLES + WITH_EXAMPLES[test], f"--dcr-profile={_live(mocks)}")
    assert "number=100" in ended.printed
    assert "reproduce_failure" not in ended.printed
    assert not [name for name in ended.files if "examples" in name], list(ended.files)


@full
def test_other_runs_keep_examples_of_hypothesis(run_tests):
    ended = run_tests(EXAMPLES + "TestMachine = Machine.TestCase\n")
    assert [name for name in ended.files if "examples" in name], list(ended.files)


def test_the_settings_of_hypothesis_are_restored(mocks, tmp_path):
    (tmp_path / "put_back.py").write_text(
        "import pytest, sys\n"
        "from hypothesis import settings\n"
        "before = dict(vars(settings))\n"
        f"assert pytest.main(['-q', '-p', 'dcrproof', '--rootdir=.', '--dcr-profile={_live(mocks)}', 'test_of_a_user.py']) == 0\n"
        "assert dict(vars(settings)) == before\n"
        "assert settings().database is not None\n"
    )
    (tmp_path / "test_of_a_user.py").write_text("def test_it(_dcr_target): pass\n")
    done = subprocess.run(
        [sys.executable, "put_back.py"], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_changed_in_the_process_is_restored(tmp_path):
    (tmp_path / "conftest.py").write_text(TOKEN)
    (tmp_path / "test_of_a_user.py").write_text(
        "import logging\ndef test_it(token): assert logging.getLogRecordFactory() is not logging.LogRecord\n"
    )
    program = (
        "import logging, pytest\n"
        "assert pytest.main(['-q', '-p', 'dcrproof', '--rootdir=.']) == 0\n"
        "assert logging.getLogRecordFactory() is logging.LogRecord\n"
        "assert logging.getLogger('httpcore').level == 0\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment(TOLD=os.devnull),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_a_fixture_of_dcrproof_nothing_is_changed(run_tests):
    ended = run_tests(
        "import logging\ndef test_it(pytestconfig):\n"
        "    assert logging.getLogRecordFactory() is logging.LogRecord\n"
        "    assert not pytestconfig.pluginmanager.has_plugin('dcrproof.masking')\n",
        conftest="",
    )
    assert ended.code == 0, ended.printed


# The search at the end

LEAKING = """\
import pytest
from dcrproof.fixtures.run.run import run_of

{hook}
"""
INTO_THE_FOLDER = """
@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session):
    run = run_of(session.config)
    secret = next(value for value, _ in run.secrets.known if value.startswith("kpat_"))
    (run.recording.folder / "extra.txt").write_text("a line\\n" + secret)
"""
BEFORE_IT_IS_KNOWN = """
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item):
    item.config.get_terminal_writer().line("a value that is known later: not-known-before-it-is-too-late")

def pytest_sessionfinish(session):
    run_of(session.config).secrets.know("not-known-before-it-is-too-late")
"""


HALF_OF_OWN_WORDS = """
@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session):
    for secret in ("verdict-application.created-passed-Zq8wRt5x", "2026-11-30T12:00:00Z-Zq8wRt5x", "        Zq8wRt5x"):
        run_of(session.config).secrets.know(secret)
    for word in ("exchange", "verdict ", "password", "client_credentials", "2026-11-30", "        ", "evidence   reports"):
        run_of(session.config).secrets.know(word)  # as a party may answer
"""


@pytest.fixture
def run_leaking(run_checks, tmp_path):
    """Runs some checks with a plugin that leaks a secret."""

    def run(hook: str, *arguments: str):
        (tmp_path / "leaking.py").write_text(LEAKING.format(hook=hook))
        return run_checks("-p", "leaking", *arguments, PYTHONPATH=str(tmp_path))

    return run


def test_a_secret_in_a_file_of_the_run_is_found_and_the_run_fails(run_leaking, tmp_path):
    ran = run_leaking(INTO_THE_FOLDER, "--dcr-check=discovery")
    assert ran.code == 3
    secret = (tmp_path / "reports" / "latest" / "extra.txt").read_text().partition("\n")[2]
    told = f"extra.txt, at character 7: {Secret(secret)!r}"
    assert f"{told}\n" in ran.output
    assert "LEAKED SECRET  " in ran.output
    assert secret not in ran.output
    assert "verdict    red, exit 3" in ran.output
    assert ran.report["exit"] == 3
    assert [note["kind"] for note in ran.report["notes"]] == ["secret let out"]
    assert ran.report["notes"][0]["text"].endswith(told)
    events = (tmp_path / "reports" / "latest" / "events.jsonl").read_text().splitlines()
    assert json.loads(events[-1])["exit"] == 3


def test_a_secret_that_was_printed_before_it_was_known_is_found(run_leaking):
    ran = run_leaking(BEFORE_IT_IS_KNOWN, "--dcr-check=discovery")
    assert ran.code == 3
    assert "LEAKED SECRET  the terminal, at character " in ran.output


def test_the_exit_code_of_a_leaked_secret_comes_before_that_of_a_broken_contract(run_leaking):
    ran = run_leaking(INTO_THE_FOLDER, "--dcr-check=token.is-jwt", "--dcr-undo=curity.token-issuer.jwt")
    assert ran.code == 3
    assert "verdict    failed: token.is-jwt" in ran.output


@pytest.mark.parametrize("workers", [(), ("-n1",)], ids=["one process", "a worker"])
def test_a_secret_of_dcrproofs_own_words_changes_none_of_them_and_is_no_leak(run_leaking, workers):
    ran = run_leaking(HALF_OF_OWN_WORDS, "--dcr-check=application.created", "-v", *workers)
    assert ran.code == 0, ran.output
    assert "not masked 7 secrets from parties consist of words or numbers of which reports are full" in ran.output
    assert "<secret" not in ran.output
    assert "<secret" not in json.dumps([check["id"] + check["title"] for check in ran.report["checks"]])


def test_an_interrupted_run_with_a_leaked_secret_is_still_interrupted(run_leaking):
    interrupt = "def pytest_runtest_teardown(item):\n    raise KeyboardInterrupt\n"
    ran = run_leaking(INTO_THE_FOLDER + interrupt, "--dcr-check=discovery")
    assert ran.code == 2
    assert "LEAKED SECRET  " in ran.output
    assert ran.report["exit"] == 2


def test_the_controller_searches_for_the_secrets_of_its_workers(run_leaking, tmp_path):
    hook = """
@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    run = run_of(node.config)
    secret = next((value for value, _ in run.secrets.known if value.startswith("kpat_")), "")
    (run.recording.folder / "extra.txt").write_text(secret)
"""
    ran = run_leaking(hook, "-n1", "--dcr-check=discovery")
    assert (tmp_path / "reports" / "latest" / "extra.txt").exists(), ran.output
    assert (tmp_path / "reports" / "latest" / "extra.txt").read_text()
    assert ran.code == 3
    assert "extra.txt, at character 0: <secret " in ran.output


def test_what_is_written_by_a_users_own_tests_is_searched_too(run_tests):
    hook = "\n@pytest.hookimpl(trylast=True)\ndef pytest_sessionfinish(session):\n    open('junit.xml', 'a').write('<!-- ' + open(os.environ['TOLD']).read())\n"
    ended = run_tests("def test_it(token): pass\n", "--junitxml=junit.xml", conftest=TOKEN + hook)
    assert ended.code == 3, ended.printed
    assert f": {Secret(ended.told[0])!r}" in ended.printed
