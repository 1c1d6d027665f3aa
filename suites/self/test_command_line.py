"""`dcrproof steps` and `checks`, what they promise, and a run of a person on call (mode existing)."""

import argparse
import json
import os
import re
import subprocess
import sys
from collections import Counter
from itertools import chain
from pathlib import Path

import httpx
import pytest
from tiers import sample

from dcrproof import __version__
from dcrproof.__main__ import command_line, main
from dcrproof.core.profile.reading import read
from dcrproof.fixtures.catalogue import entries, kinds
from dcrproof.fixtures.session import asked
from dcrproof.fixtures.session.visibility import foreseen

GREEN, BROKEN, INTERNAL_ERROR, USAGE, UNREACHABLE = 0, 1, 3, 4, 6
STEP = {
    *("id", "party", "owner", "place", "label", "value", "breaks", "fix", "caution", "source", "guide", "implied"),
    *("notes", "undo", "variants", "undo_reason"),
}
CHECK = {
    "id",
    "title",
    "level",
    "evidence",
    "stage",
    "steps",
    "references",
    "needs",
    "smoke",
    "hostile",
    "owner",
    "security",
}
ID = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
MODES = ["inspect", "existing", "create", "provision"]


def printed(capsys, *arguments):
    assert main(arguments) == GREEN
    output = capsys.readouterr()
    assert output.err == ""
    return output.out


@pytest.fixture
def steps(capsys):
    return json.loads(printed(capsys, "steps", "--json"))


@pytest.fixture
def checks(capsys):
    return json.loads(printed(capsys, "checks", "--json"))


# The guide and the catalogue


def test_a_step_has_its_keys(steps):
    assert steps
    for step in steps:
        assert set(step) >= STEP
        assert all(isinstance(step[key], str) for key in STEP - {"guide", "implied", "undo", "variants"})
        assert all(step[key] for key in ("party", "owner", "place", "value", "breaks", "fix", "source"))
        assert step["guide"] is None or {"how_to", "section", "step"} <= set(step["guide"])
        assert step["implied"] is (step["guide"] is None)
        assert isinstance(step["undo"], bool)
        assert isinstance(step["variants"], list)
        assert bool(step["undo_reason"]) is not step["undo"]
        assert step["undo"] or not step["variants"]


def test_the_id_of_a_step_begins_with_its_party(steps):
    for step in steps:
        assert step["id"].count(".") >= 2
        assert step["id"].startswith(step["party"] + ".")
        assert step["party"] in {"curity", "konnect", "portal", "gateway", "consumer"}


def test_a_check_has_its_keys(checks):
    assert checks
    for check in checks:
        assert set(check) >= CHECK
        assert check["title"]
        assert check["references"]
        assert check["level"] in {"MUST", "SHOULD"}
        assert check["evidence"] in {"documented", "contradicted", "inferred", "unknown"}
        assert set(check["needs"]) == {"capabilities", "access", "mode"}
        assert check["needs"]["mode"] in MODES
        assert isinstance(check["smoke"], bool)
        assert isinstance(check["hostile"], bool)


@pytest.mark.parametrize("of", ["steps", "checks"])
def test_no_id_is_the_beginning_of_another(request, of):
    ids = [item["id"] for item in request.getfixturevalue(of)]
    assert all(ID.fullmatch(id) for id in ids)
    assert [id for id, number in Counter(ids).items() if number > 1] == []
    assert [(id, other) for id in ids for other in ids if other.startswith(id + ".")] == []


def test_checks_name_steps_of_the_guide_and_guard_every_one_that_can_be(steps, checks):
    named = {step for check in checks for step in check["steps"]}
    assert named == {step["id"] for step in steps if not step["unguarded_reason"]}


def test_checks_stand_in_the_order_of_the_flow(checks):
    stages = list(dict.fromkeys(check["stage"] for check in checks))
    flow = ["configuration", "curity", "konnect", "provision", "portal", "route", "claims", "life"]
    assert stages == [
        *flow,
        "curity_detail",
        "konnect_bridge",
        "konnect_detail",
        "plugin",
        "plugin_issuer",
        "plugin_services",
        "plugin_tokens",
        "standards",
        *NOT_OF_PYTEST,
    ]
    assert [check["stage"] for check in checks] == sorted((check["stage"] for check in checks), key=stages.index)


@pytest.mark.parametrize(("command", "of"), [("steps", "steps"), ("checks", "checks")])
def test_without_json_everything_is_listed_for_a_reader(capsys, request, command, of):
    items = request.getfixturevalue(of)
    lines = printed(capsys, command).splitlines()
    heads = [line.split()[0] for line in lines if not line.startswith(" ")]
    assert heads == [item["id"] for item in items]
    assert [line for line in lines if len(line) > 120 and len(line.split()) > 2] == []  # an address stays whole


FILES = (
    "compare NAME x",
    "compare NAME",
    "report NAME",
    "checks --failing-in NAME",
    "sweep --ledger NAME",
    "lint NAME",
)
FILES += (
    "profile check NAME",
    "serve --observed NAME",
    "init --mode inspect --issuer https://x --output NAME",
)


@pytest.mark.parametrize("command", FILES)
@pytest.mark.parametrize("name", ["ü" * 300, f"{'a' * 200}/{'b' * 5000}"], ids=["long", "very long"])
def test_a_name_that_no_file_can_have_is_bad_usage(capsys, tmp_path, monkeypatch, command, name):
    monkeypatch.chdir(tmp_path)
    code = main([word.replace("NAME", name) for word in command.split()])
    error = capsys.readouterr().err
    expected = INTERNAL_ERROR if command.startswith("sweep") else USAGE  # a ledger that cannot be read is not swept
    assert (code, "Traceback" in error, list(tmp_path.iterdir())) == (expected, False, []), error


@pytest.mark.parametrize(
    "command", [command for command in FILES if "-" in command] + ["checks --stage NAME", "serve --issuer NAME"]
)
def test_an_empty_value_is_refused(capsys, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main([word.replace("NAME", "") for word in command.split()])
    assert stopped.value.code == USAGE
    assert "expected a value, found an empty text" in capsys.readouterr().err


@pytest.mark.parametrize("option", asked.FILES)
def test_an_empty_value_of_an_option_of_pytest_is_not_a_run_without_it(run_checks, option):
    """As of `--dcr-profile "$PROFILE"` where the variable is not set: all parties would be mocked, and the run green."""
    option = f"--{option.replace('_', '-')}"
    ran = run_checks(option, "", "--dcr-check=discovery")
    assert ran.code == USAGE
    assert f"{option}: expected a value, found an empty text" in ran.output


UNREAD = {
    "run --dcr-check discovery -v": GREEN,
    "steps --json": GREEN,
    "checks": GREEN,
    "run --dcr-check token.is-jwt -v --dcr-undo curity.token-issuer.jwt": BROKEN,
    "run --dcr-chek x": USAGE,
    "diagnose --route https://127.0.0.1:1/x --issuer https://127.0.0.1:1 --client-id a --secret-env HIDDEN": UNREACHABLE,
    "init": USAGE,
    "serve --port 0": USAGE,
    "lint nowhere": USAGE,
    "compare nowhere": USAGE,
    "report nowhere": USAGE,
    "profile --schema": GREEN,
    "sweep --ledger .": GREEN,
    "ci sweep": GREEN,
    "completion bash": GREEN,
    "--version": GREEN,
    "run --help": GREEN,
}


@pytest.mark.parametrize(("command", "code"), sample(UNREAD.items(), of=2))
def test_the_end_of_a_reader_changes_neither_what_a_command_does_nor_its_exit_code(tmp_path, command, code):
    """As that of `dcrproof checks | head`; here it has ended before the first line."""
    program = Path(sys.executable).parent / "dcrproof"
    script = f'"{program}" {command} 2>errors | exec <&-; exit ${{PIPESTATUS[0]}}'
    ended = subprocess.run(
        ["bash", "-c", script], check=False, cwd=tmp_path, env={**os.environ, "HIDDEN": "Qx7-not-the-secret-of-anybody"}
    )
    errors = (tmp_path / "errors").read_text("utf-8")
    assert (ended.returncode, "Traceback" in errors, "Broken pipe" in errors) == (code, False, False), errors


@pytest.mark.parametrize("arguments", [(), ("dance",), ("steps", "--xml"), ("checks", "more"), ("serve", "--port")])
def test_bad_usage_exits_with_4_and_says_how(capsys, arguments):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == USAGE
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("usage: dcrproof")


def commands(parser=None, *names: str):
    """All commands and their actions, as they are typed."""
    parser = parser or command_line()
    yield names
    for action in parser._actions:
        for name, one in action.choices.items() if isinstance(action, argparse._SubParsersAction) else ():
            yield from commands(one, *names, name)


COMMANDS = list(commands())


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_each_command_has_help_and_version_and_names_what_was_meant(capsys, command):
    for option, said in (
        ("--help", f"usage: {' '.join(('dcrproof', *command))}"),
        ("--version", f"dcrproof {__version__}"),
    ):
        with pytest.raises(SystemExit) as stopped:
            main([*command, option])
        assert stopped.value.code == GREEN
        assert capsys.readouterr().out.startswith(said)
    if command[:1] not in {("run",), ("diagnose",)}:  # these take the options of pytest
        with pytest.raises(SystemExit) as stopped:
            main([*command, "--verson"])
        assert stopped.value.code == USAGE
        assert capsys.readouterr().out == ""


# One of them, and some of them


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("setps",), "dcrproof: no command setps; did you mean 'steps'?"),
        (("profile", "chek"), "dcrproof profile: no command chek; did you mean 'check'?"),
        (("steps", "--jsn"), "dcrproof steps: unknown argument --jsn; did you mean '--json'?"),
        (("sweep", "now"), "dcrproof sweep: unknown argument now; dcrproof sweep --help lists them"),
        (("steps", "curity.token-isuer.jwt"), "dcrproof steps: curity.token-isuer.jwt: no such id; did you mean 'curity.token-issuer.jwt'?"),
        (("checks", "token.is-jtw"), "dcrproof checks: token.is-jtw: no such id; did you mean 'token.is-jwt'?"),
        (("checks", "route.bas"), "dcrproof checks: route.bas: no such id; did you mean 'route.basic'?"),
        (("checks", "--stage", "claim"), "dcrproof checks: --stage claim: did you mean 'claims'?"),
        (("steps", "--party", "gatway"), "dcrproof steps: --party gatway: did you mean 'gateway'?"),
        (("steps", "--party", "moon"), "dcrproof steps: --party moon: expected one of konnect, curity, "),
        (("serve", "--port", "x"), "eight ports from there upwards are used, found 'x'"),
        (("serve", "--undo", "curity.token-isuer.jwt"), "did you mean 'curity.token-issuer.jwt'?"),
        (("serve", "--undo", "curity.profile.tab"), "it cannot be left undone: navigation"),
    ],
)  # fmt: skip
def test_a_mistyped_name_is_answered_with_the_near_one(capsys, arguments, said):
    try:
        code = main(arguments)
    except SystemExit as stopped:
        code = stopped.code
    assert code == USAGE
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()[-1]) < 200


def test_a_check_is_explained(capsys, checks, steps):
    (check,) = (one for one in checks if one["id"] == "token.is-jwt")
    (step,) = (one for one in steps if [one["id"]] == check["steps"])
    text = " ".join(printed(capsys, "checks", "token.is-jwt").split())
    for part in (*(check[key] for key in ("id", "title", "level", "evidence", "stage", "owner")), *check["references"]):
        assert part in text
    for part in ("mode existing; [curity] issuer", "depends discovery.", step["id"], step["fix"], step["caution"]):
        assert part in text


def test_a_step_is_explained(capsys, steps):
    (step,) = (one for one in steps if one["id"] == "curity.token-issuer.jwt")
    text = " ".join(printed(capsys, "steps", step["id"]).split())
    for key in ("id", "party", "owner", "place", "label", "value", "breaks", "fix", "caution", "source"):
        assert step[key] in text
    for part in (step["guide"]["how_to"], "wrapped", "checks configuration.token-issuer.jwt, token.is-jwt"):
        assert part in text


def listed(capsys, *arguments):
    return [one["id"] for one in json.loads(printed(capsys, *arguments, "--json"))]


def test_a_beginning_lists_what_begins_so(capsys, checks):
    expected = [check["id"] for check in checks if check["id"].startswith("route.basic.")]
    assert listed(capsys, "checks", "route.basic") == expected


def test_stage_and_party_list_what_fits_both(capsys, checks, steps):
    assert listed(capsys, "checks", "--stage", "claims") == [c["id"] for c in checks if c["stage"] == "claims"]
    assert listed(capsys, "steps", "--party", "gateway") == [s["id"] for s in steps if s["party"] == "gateway"]
    route = {check["id"] for check in checks if check["stage"] == "route"}
    of_konnect = set(listed(capsys, "checks", "--stage", "route", "--party", "konnect"))
    assert set() < of_konnect < route
    guarded = {step for check in checks if check["stage"] == "portal" for step in check["steps"]}
    assert set(listed(capsys, "steps", "--stage", "portal")) == guarded


@pytest.fixture
def failed_run(tmp_path, monkeypatch):
    """The folder of a run in which two checks failed, as `latest` of the current folder."""
    monkeypatch.chdir(tmp_path)
    told = {"expected": "one thing", "observed": "another", "again": "pytest --dcr-check token.is-jwt"}
    seen = [
        {"id": "token.is-jwt", "verdict": "failed", "candidates": ["curity.token-issuer.jwt"], **told},
        {"id": "route.basic.accepted", "verdict": "blocked", "candidates": [], **told},
        {"id": "discovery.served", "verdict": "passed", "candidates": [], **told},
        {"id": "clean-up.clients-refused", "verdict": "failed", "candidates": [], **told},
    ]
    folder = tmp_path / "reports" / "out" / "latest"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"schema": 1, "exchanges": [], "checks": seen}))
    return folder


def test_what_failed_in_a_run_is_listed(capsys, failed_run):
    for run in ("latest", str(failed_run), str(failed_run / "run.json")):
        assert listed(capsys, "checks", "--failing-in", run) == ["token.is-jwt", "clean-up.clients-refused"]
        assert listed(capsys, "steps", "--failing-in", run) == ["curity.token-issuer.jwt"]
    found, _ = json.loads(printed(capsys, "checks", "--failing-in", "latest", "--json"))
    assert (found["verdict"], found["observed"], found["level"]) == ("failed", "another", "MUST")
    text = printed(capsys, "checks", "--failing-in", "latest")
    assert "  observed another\n" in text
    assert "  rerun    pytest --dcr-check token.is-jwt\n" in text


def test_a_run_is_found_by_its_name(capsys, failed_run):
    named = failed_run.rename(failed_run.parent / "20261130T162239.266198Z-23378")
    failed_run.symlink_to(named.name)
    for run in ("latest", named.name):
        assert listed(capsys, "steps", "--failing-in", run) == ["curity.token-issuer.jwt"]
        assert main(["report", run]) == USAGE  # it has no events
        assert f"dcrproof report: reports/out/{run}/events.jsonl: " in capsys.readouterr().err
    for command in (["report"], ["steps", "--failing-in"], ["compare", "latest"]):
        assert main([*command, "20261130T162239.26619Z-23378"]) == USAGE
        assert f"neither here nor in reports/out; did you mean '{named.name}'?" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--dcr-chek=token", "--dcr_plan", "--dcrcheck"])
def test_a_mistyped_option_of_pytest_is_answered_with_the_near_one(run_checks, option):
    ended = run_checks(option)
    assert ended.code == USAGE
    name = option.partition("=")[0]
    near = {"--dcr_plan": "--dcr-plan"}.get(name, "--dcr-check")
    assert f"ERROR: unknown option {name}; did you mean '{near}'?" in ended.output


def test_what_failed_in_a_run_is_printed_as_options_that_select_it(capsys, failed_run):
    assert printed(capsys, "checks", "--failing-in", "latest", "--as-options") == "--dcr-check token.is-jwt\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "none: No such file or directory; expected a run's folder, or its run.json"),
        ('{"schema": 1, "exchanges": []}', "damaged"),
        ('{"schema": 1, "exchanges": [], "checks": [{}]}', "damaged"),
        ("[]", "not a run.json"),
    ],
)
def test_a_run_that_cannot_be_read_is_bad_usage(capsys, tmp_path, content, said):
    run = tmp_path / ("none" if content is None else "run.json")
    if content is not None:
        run.write_text(content)
    for command in ("checks", "steps"):
        assert main([command, "--failing-in", str(run)]) == USAGE
        assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        ("steps", "--failing-in"),
        ("checks", "--failing-in"),
        ("checks", "--as-options", "--failing-in"),
        ("compare", "x"),
    ],
    ids=" ".join,
)
def test_latest_where_no_run_was_says_so(capsys, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").write_text('{"schema": 1, "exchanges": [], "checks": []}')
    assert main([*command, "latest"]) == USAGE
    said = f"dcrproof {command[0]}: latest: no run has left a report in reports/out of this folder: `dcrproof run` leaves one"
    assert said in capsys.readouterr().err


def test_a_name_that_no_run_has_is_answered_by_that_of_a_run(capsys, tmp_path, monkeypatch):
    out = tmp_path / "reports" / "out"
    (out / "20261201T003303.923030Z-7076").mkdir(parents=True)
    (out / "latest").symlink_to("20261201T003303.923030Z-7076")
    (out / "history.html").touch()
    monkeypatch.chdir(tmp_path)
    assert main(["compare", "nosuch", "x"]) == USAGE
    assert "the last run there is '20261201T003303.923030Z-7076'" in capsys.readouterr().err


def test_where_no_step_explains_what_failed_the_checks_are_pointed_to(capsys, failed_run):
    seen = {"id": "discovery.served", "verdict": "unreachable", "candidates": []}
    (failed_run / "run.json").write_text(json.dumps({"schema": 1, "exchanges": [], "checks": [seen]}))
    assert main(["steps", "--failing-in", "latest"]) == GREEN
    said = "no step fits; `dcrproof checks --failing-in latest` lists what failed there\n"
    assert capsys.readouterr().err == said


def test_an_empty_list_says_so(capsys):
    assert main(["steps", "--stage", "clean_up", "--party", "consumer"]) == GREEN
    assert capsys.readouterr().err == "no step fits\n"


# What a check needs, and what a run without it sees


@pytest.fixture(scope="session")
def application(mocks):
    """An application with a registration at the running mocks: its id, and its secret in a file beside the profile."""
    portal, host = mocks.described["portal"], mocks.described["portal"]["url"] + "/api/v3"
    with httpx.Client(trust_env=False, timeout=10) as client:
        body = {"username": portal["email"], "password": portal["password"]}
        signed_in = client.post(f"{host}/developer/authenticate", json=body)
        client.headers["cookie"] = signed_in.headers["set-cookie"].partition(";")[0]
        made = client.post(
            f"{host}/applications", json={"name": "on call", "auth_strategy_id": portal["strategy_id"]}
        ).json()
        registered = client.post(f"{host}/applications/{made['id']}/registrations", json={"api_id": portal["api_id"]})
        assert registered.json()["status"] == "approved"
    (mocks.folder / "application-secret").write_text(made["client_secret"] + "\n")
    (mocks.folder / "wrong-secret").write_text("yq7-last-year-Kd93hhLm2\n")
    return made["client_id"]


def given(client_id, file, more=""):
    return f'[[application]]\nclient_id = "{client_id}"\nclient_secret = {{ file = "{file}" }}\n{more}'


def in_mode(mode):
    def change(mocks, text, application):
        text = text.replace('mode = "provision"', f'mode = "{mode}"')
        return re.sub(r"(?m)^service = .*\n", "", text)  # that is the one that the run links an API to

    return change


def existing(mocks, text, application):
    return in_mode("existing")(mocks, text, application) + given(application, "application-secret")


def without(table):
    def change(mocks, text, application):
        return re.sub(rf"(?ms)^\[{re.escape(table)}\]\n.*?(?=^\[|\Z)", "", text)

    return change


def without_token(mocks, text, application):
    """Konnect as the developer knows it: nothing but the ids of the API and the strategy."""
    portal = mocks.described["portal"]
    text = re.sub(r"(?m)^token = .*\n", "", in_mode("create")(mocks, text, application))
    text = text.replace('api = "accounts"', f'api = "{portal["api_id"]}"')
    return text.replace('strategy = "curity-dcr"', f'strategy = "{portal["strategy_id"]}"')


def portal_alone(mocks, text, application):
    return f'[run]\nmode = "inspect"\nhostile = true\n[portal]\nurl = "{mocks.described["portal"]["url"]}"\n'


REGISTRAR, CLIENT = "[curity.registrar] id and secret", "[curity.registrar] or [application]"
ADMIN, TOKEN = "[curity.admin] url, username and password", "[konnect] url and token"
NOT_OF_PYTEST = ("explored", "load", "files", "clean_up", "documents")
"""Stages whose checks a run of all checks does not perform by itself: a search, a load, a lint, and what is judged at the end."""
AT_A_MOCK = {"show the call log", "turn the clock", "rotate a key"}
LIMITED = {
    # what the run has: its mode, what it lacks, and its profile, made of the whole one
    "inspect": ("inspect", set(), in_mode("inspect")),
    "existing": ("existing", set(), existing),
    "create": ("create", set(), in_mode("create")),
    "no registrar": ("provision", {REGISTRAR, CLIENT}, without("curity.registrar")),
    "no token": ("create", {TOKEN}, without_token),
    "no admin": ("provision", {ADMIN}, without("curity.admin")),
    "a portal alone": (
        "inspect",
        {REGISTRAR, CLIENT, TOKEN, "[curity] issuer", "[[gateway.route]] path", "echo at the upstream", *AT_A_MOCK},
        portal_alone,
    ),
}


BY_THE_GATEWAY = {"claims.scope"}
"""Checks that ask Konnect where the gateway is Kong, and do without it elsewhere: a run says so, a profile cannot."""
FOR_JWT_GATEWAYS = {entry.check.id for entry in entries() if "jwt" in kinds(entry.test)}


@pytest.mark.parametrize("limit", sample(LIMITED))
def test_what_is_not_seen_is_just_what_needs_more_than_there_is(mocks, application, run_checks, checks, limit):
    mode, lacks, change = LIMITED[limit]
    name = f"limited-{limit.replace(' ', '-')}"
    profile = mocks.changed(name, lambda text: change(mocks, text, application))
    ran = run_checks("--tb=native", profile=profile)
    assert ran.code == GREEN, ran.output
    expected = [
        check["id"]
        for check in checks
        if check["id"] not in FOR_JWT_GATEWAYS
        and (
            MODES.index(check["needs"]["mode"]) > MODES.index(mode)
            or lacks & {*check["needs"]["access"], *check["needs"]["capabilities"]}
        )
    ]
    in_suites = [check["id"] for check in checks if check["stage"] not in NOT_OF_PYTEST]
    not_seen = [id for id in ran.with_verdict("not seen") if id in expected or id not in BY_THE_GATEWAY]
    assert not_seen == [id for id in expected if id in in_suites]
    assert set(chain(*foreseen(read(profile))["not_seen"].values())) == set(not_seen)
    assert [id for id in ran.verdicts if id in in_suites] == in_suites
    assert set(ran.verdicts.values()) <= {"passed", "not seen", "not applicable"}
    assert all(check["expected"] for check in ran.with_verdict("not seen").values())


# On call: an id, a secret and a route


def on_call(mocks, client_id, name, *applications, curity=False):
    """A profile with what somebody has who is called at night."""
    described = mocks.described
    text = (
        f'[run]\nmode = "existing"\n[gateway]\nurl = "{described["gateway"]["url"]}"\n'
        '[[gateway.route]]\npath = "/accounts"\n'
        + "".join(given(client_id, file, more) for file, more in applications)
        + (f'[curity]\nissuer = "{described["curity"]["issuer"]}"\n' if curity else "")
    )
    return mocks.changed(name, lambda _: text)


RIGHT, WRONG = ("application-secret", ""), ("wrong-secret", "")


def test_right_credentials_and_a_route_are_enough_for_a_green_run(mocks, application, run_checks):
    ran = run_checks("--tb=native", profile=on_call(mocks, application, "right", RIGHT))
    assert ran.code == GREEN, ran.output
    assert ran.report["target"] == {"gateway": "live"}
    for check in ("gateway.answers", "route.no-credentials", "route.basic.accepted", "route.session.accepted"):
        assert ran.verdicts[check] == "passed"
    assert "with [curity] issuer" in ran.output


def test_a_wrong_secret_fails_the_route_and_says_what_would_tell_whose_fault_it_is(mocks, application, run_checks):
    ran = run_checks(profile=on_call(mocks, application, "wrong", WRONG))
    assert ran.code == BROKEN
    (failed,) = ran.with_verdict("failed", "error", "unreachable").values()
    assert failed["id"] == "route.basic.accepted"
    assert application in failed["expected"]
    assert "401" in failed["observed"]
    assert failed["decides"].startswith("[curity] issuer; or ")
    assert "[konnect] url and token" in failed["decides"]
    assert "  to narrow down [curity] issuer" in ran.output
    assert {check["blocked_by"] for check in ran.with_verdict("blocked").values()} == {"route.basic.accepted"}
    assert "last year" not in ran.output
    assert "Traceback" not in ran.output


def test_with_the_issuer_a_wrong_secret_is_found_at_curity_and_no_set_up_step_is_blamed(mocks, application, run_checks):
    ran = run_checks("--tb=native", profile=on_call(mocks, application, "wrong-curity", WRONG, curity=True))
    assert ran.code == BROKEN
    (failed,) = ran.with_verdict("failed", "error", "unreachable").values()
    assert failed["id"] == "client.known"
    assert failed["candidates"] == []
    assert failed["owner"] == "API consumer"
    assert "regenerate the secret" in failed["fix"]
    assert "the application of the profile" in failed["expected"]
    assert "401 invalid_client: the secret is wrong or was rotated, or the client is gone" in failed["observed"]
    assert ran.verdicts["discovery.served"] == "passed"
    assert ran.verdicts["route.no-credentials"] == "passed"
    assert ran.verdicts["route.basic.accepted"] == "blocked"


def test_with_the_issuer_right_credentials_prove_the_token_as_well(mocks, application, run_checks):
    ran = run_checks("--tb=native", profile=on_call(mocks, application, "right-curity", RIGHT, curity=True))
    assert ran.code == GREEN, ran.output
    for check in ("token.is-jwt", "client.known", "route.basic.accepted", "route.bearer.accepted", "claims.verify"):
        assert ran.verdicts[check] == "passed"


def test_credentials_that_curity_takes_and_the_route_refuses_are_the_gateways_fault(mocks, run_checks):
    """The registrar is a client of Curity, and no application of the portal."""
    curity = mocks.described["curity"]
    profile = on_call(mocks, curity["registrar_id"], "registrar", ("registrar-secret", ""), curity=True)
    ran = run_checks("--dcr-check", "route.basic.accepted", profile=profile)
    assert ran.code == BROKEN
    (failed,) = ran.with_verdict("failed", "error", "unreachable").values()
    assert failed["id"] == "gateway.reads-tokens"
    assert failed["ruled_out"][0] == "the id and the secret: the authorization server gave a token for them"
    assert {"konnect.registration.approved", "konnect.strategy.claim"} < set(failed["candidates"])
    assert "[konnect] url and token" in failed["decides"]


def test_of_several_applications_each_is_judged_by_what_is_expected_of_it(mocks, application, run_checks):
    refused = ("wrong-secret", "accepted = false\n")
    ran = run_checks("--dcr-check", "route.basic", profile=on_call(mocks, application, "several", RIGHT, refused))
    assert ran.code == GREEN, ran.output
    assert ran.verdicts["route.basic.accepted"] == "passed"
    assert ran.verdicts["route.basic.given"] == "passed"


def test_of_two_pairs_of_one_application_the_wrong_one_is_named(mocks, application, run_checks):
    second = ("wrong-secret", "")
    ran = run_checks(
        "--dcr-check", "route.basic", profile=on_call(mocks, application, "two-pairs", RIGHT, second, curity=True)
    )
    assert ran.code == BROKEN
    (failed,) = ran.with_verdict("failed", "error", "unreachable").values()
    assert failed["id"] == "route.basic.given"
    assert (
        failed["expected"]
        == f"a token for {application}, the application of the profile, number 2 of its [[application]]"
    )
    assert failed["profile"][0].startswith("[application] client_id and client_secret")


def test_an_application_that_is_accepted_although_it_must_not_be_is_red(mocks, application, run_checks):
    forgotten = ("application-secret", "accepted = false\n")
    ran = run_checks("--dcr-check", "route.basic", profile=on_call(mocks, application, "not-refused", RIGHT, forgotten))
    assert ran.code == BROKEN
    (failed,) = ran.with_verdict("failed", "error", "unreachable").values()
    assert failed["id"] == "route.basic.given"
    assert application in failed["expected"]


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("init <&-", USAGE, "on a terminal, dcrproof init asks for them"),
        ("diagnose --route https://h --client-id x --issuer https://h <&-", USAGE, "there is no terminal to ask"),
        ("init --output / --force", USAGE, "--output /: it is a folder"),
        ("init --output ''", USAGE, "--output: expected a value, found an empty text"),
        ("steps >/dev/full", INTERNAL_ERROR, "cannot be written: No space left on device"),
        ("--version >/dev/full", INTERNAL_ERROR, "cannot be written: No space left on device"),
        ("completion bash >/dev/full", INTERNAL_ERROR, "cannot be written: No space left on device"),
        ("run --dcr-check discovery -q >/dev/full", INTERNAL_ERROR, "cannot be written: No space left on device"),
    ],
)
def test_without_a_terminal_or_room_for_the_output_a_command_says_so(tmp_path, command, code, said):
    program = Path(sys.executable).parent / "dcrproof"
    ended = subprocess.run(
        ["sh", "-c", f'"{program}" {command}'], check=False, cwd=tmp_path, capture_output=True, text=True
    )
    assert (ended.returncode, said in ended.stderr.splitlines()[-1]) == (code, True), ended.stderr
