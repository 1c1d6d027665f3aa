"""A profile: everything that is wrong is reported at once, with its place, and no value is ever repeated."""

import json
import socket
import tomllib
from importlib import resources
from itertools import chain
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

import dcrproof
from dcrproof.__main__ import main
from dcrproof.core.profile.model import Mocked, Mode, Profile
from dcrproof.core.profile.reading import QUOTES, ProfileError, read
from dcrproof.core.profile.schema import json_schema
from dcrproof.core.profile.values import OF_THE_CONNECTION
from dcrproof.fixtures.catalogue import entries, needs
from dcrproof.fixtures.session.visibility import ACCESS, CAPABILITIES

SECRET = "correct horse battery staple"
ENVIRONMENT = {"SECRET": SECRET, "SHORT": "seven77", "EMPTY": ""}
UNFILLED = ["$(SECRET)", "$(a.secret)", "${SECRET}", "${{ secrets.SECRET }}"]

EXISTING = """
[run]
mode = "existing"
[gateway]
url = "https://gateway.example"
[[gateway.route]]
path = "/accounts"
[application]
client_id = "app"
client_secret = { env = "SECRET" }
"""
INSPECT = """
[run]
mode = "inspect"
[curity]
issuer = "https://curity.example/oauth/v2/oauth-anonymous"
"""
LIVE = {
    "curity": 'issuer = "https://curity.example/oauth"\n',
    "konnect": 'url = "https://konnect.example"\ntoken = { env = "SECRET" }\n'
    'portal = "developers"\napi = "accounts"\nstrategy = "dcr"\ncontrol_plane = "default"\nservice = "accounts"\n',
    "portal": 'url = "https://portal.example"\nemail = "dev@example.com"\npassword = { env = "SECRET" }\n',
    "gateway": 'url = "https://gateway.example"\nroute = [{ path = "/accounts" }]\n',
}
HERE = {name: text.replace(f"https://{name}.example", "http://127.0.0.1:8000") for name, text in LIVE.items()}
REGISTRAR = '[curity.registrar]\nid = "registrar"\nsecret = { env = "SECRET" }\n'
APPLICATION = '[application]\nclient_id = "app"\nclient_secret = { env = "SECRET" }\n'
JWT = 'kind = "jwt"\n' + LIVE["gateway"]
OF_A_KONG = (
    'gateway.kind: the mock of a gateway is a Kong: kind = "jwt" is for a gateway that runs elsewhere, without mocked'
)
CONTROL = 'mocked = { control = "http://127.0.0.1:8000" }\n'


@pytest.fixture
def profile_of(tmp_path):
    """Reads a profile from its text."""

    def read_text(text: str, environment=ENVIRONMENT) -> Profile:
        path = tmp_path / "profile.toml"
        path.write_text(text, "utf-8")
        return read(path, environment)

    return read_text


@pytest.fixture
def problems_of(profile_of):
    """What is wrong with a profile, line by line; an empty list for one that can be read."""

    def problems(text: str, environment=ENVIRONMENT) -> list[str]:
        try:
            profile_of(text, environment)
        except ProfileError as error:
            return error.problems
        return []

    return problems


def parties(mode: str, **tables: str) -> str:
    """A profile of that mode with these parties: `live`, `mocked`, or the text of the table."""
    texts = {name: LIVE[name] if text == "live" else text for name, text in tables.items()}
    texts = {name: "mocked = true\n" if text == "mocked" else text for name, text in texts.items()}
    return f'[run]\nmode = "{mode}"\n' + "".join(f"[{name}]\n{text}" for name, text in texts.items())


def test_everything_that_is_wrong_is_reported_at_once_with_its_place(problems_of):
    found = problems_of(
        """
        [run]
        mode = "inspect"
        hostile = "yes"
        max_created = 0
        approval = "wait:soon"
        deadlines = { propagation = "fast", other = "1s" }
        colour = "red"
        [curity]
        issuer = "curity.example"
        version = 9
        [curity.registrar]
        secret = "in plain"
        [curity.admin]
        url = "https://curity.example/admin"
        password = { env = "UNSET" }
        [gateway]
        url = "https://gateway.example"
        nodes = ["10.0.0.4"]
        [[gateway.route]]
        success = [200, 99]
        [[gateway.route]]
        path = "accounts"
        [upstream]
        url = "https://upstream.example"
        """
    )
    places = {line.partition(": ")[0] for line in found}
    assert places == {
        "run.hostile",
        "run.max_created",
        "run.approval",
        "run.deadlines.propagation",
        "run.deadlines.other",
        "run.colour",
        "curity.issuer",
        "curity.version",
        "curity.registrar.id",
        "curity.registrar.secret",
        "curity.admin.username",
        "curity.admin.password",
        "gateway.nodes",
        "gateway.route 1.path",
        "gateway.route 1.success",
        "gateway.route 2.path",
        "[upstream]",
    }
    assert len(found) == len(set(found)) == len(places)


def test_the_error_names_the_file_and_counts_the_problems(tmp_path):
    path = tmp_path / "tenant.toml"
    path.write_text('[run]\nmode = "inspect"\nzap = 1\n[curity]\nissuer = "https://curity.example"\n')
    with pytest.raises(ProfileError) as caught:
        read(path, {})
    assert str(caught.value).splitlines() == [
        f"{path}: 1 problem(s)",
        "  run.zap: unknown key; known are mode, hostile, max_created, parallel, approval, deadlines",
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\xff\xfe", "cannot be read: not UTF-8 text"),
        (b'x = "never closed', "not TOML (at end of document)"),
        (b"x = " + b"[" * 5000, "not TOML"),
        (b"x = " + b"1" * 5000, "not TOML"),
    ],
    ids=["not utf-8", "not toml", "nested too deeply", "a number too long"],
)
def test_a_file_that_cannot_be_read_is_one_problem(tmp_path, content, problem):
    path = tmp_path / "profile.toml"
    path.write_bytes(content)
    with pytest.raises(ProfileError) as caught:
        read(path, {})
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(problem)


def test_a_missing_file_and_a_folder_are_one_problem(tmp_path):
    for path, reason in ((tmp_path / "none.toml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(ProfileError, match=f"cannot be read: {reason}"):
            read(path, {})


def test_the_place_of_a_syntax_error_is_named_without_its_line(problems_of):
    found = problems_of(f"[konnect]\ntoken = {SECRET}\n")
    assert found == [f"not TOML (at line 2, column 9): {QUOTES}"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("url = \u201chttps://a\u201d", "straight quotation marks"),
        ("url", "comes ="),
        ('url: "x"', "comes ="),
        ('[konnect\nurl = "x"', "brackets"),
        ("nodes = [1,\n", "quotation marks"),
        ("nodes = [1", "a [ that is not closed"),
        ('token = { env = "X"', "a { that is not closed"),
        ('token = { env = "X" file = "y" }', "a comma"),
        ('url = "x" and more', "behind the value"),
        ('url = "x', "not closed"),
        ("url = 'x", "not closed"),
        ('url = "x\ny"', "not closed"),
        ('ca = "C:\\qa"', "a backslash is written twice"),
        ("[konnect]\n[konnect]", "a table that is there twice"),
        ("a = 1\na = 2", "a key that is there twice"),
        ("= 1", "begins with a key"),
    ],
)
def test_a_syntax_error_is_told_in_words(problems_of, text, words):
    (found,) = problems_of(text)
    assert found.startswith("not TOML (at ")
    assert words in found


# Secrets


def test_a_secret_comes_from_the_environment(profile_of):
    assert profile_of(EXISTING).applications[0].client_secret.reveal() == SECRET


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (SECRET, SECRET),
        (f"{SECRET}\n", SECRET),
        (f"{SECRET}\r\n", SECRET),
        (f"\ufeff{SECRET}", SECRET),
        (f" {SECRET} ", f" {SECRET} "),
        ("pässwörter\n", "pässwörter"),
    ],
    ids=["as it is", "newline", "crlf", "byte order mark", "spaces stay", "utf-8"],
)
def test_a_secret_comes_from_a_file_beside_the_profile_without_its_newline(tmp_path, profile_of, content, secret):
    (tmp_path / "client-secret").write_bytes(content.encode())
    profile = profile_of(EXISTING.replace('{ env = "SECRET" }', '{ file = "client-secret" }'))
    assert profile.applications[0].client_secret.reveal() == secret


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ('{ env = "UNSET" }', "the environment variable UNSET is not set"),
        ('{ env = "EMPTY" }', "the value of the environment variable EMPTY is empty"),
        ('{ env = "SHORT" }', "the value of the environment variable SHORT has fewer than 8 characters"),
        ('{ env = "" }', "a secret is never written in the profile"),
        ("{ env = 1 }", "a secret is never written in the profile"),
        ('{ env = "not a name" }', 'expected a table, { env = "VARIABLE" } or { file = "PATH" }'),
        ('{ file = "no-such-file" }', "cannot read"),
        ('{ file = "." }', "cannot read"),
        ('{ file = "empty" }', "is empty"),
        ('{ file = "newline" }', "is empty"),
        ('{ file = "two-lines" }', "contains a line break"),
        ('{ env = "SECRET", file = "empty" }', "a secret is never written in the profile"),
        ('{ value = "correct horse" }', "a secret is never written in the profile"),
        ("{}", "a secret is never written in the profile"),
        ('"correct horse"', "a secret is never written in the profile"),
        ("12345678", "a secret is never written in the profile"),
    ],
)
def test_a_secret_that_cannot_be_used_is_a_problem_at_its_place(tmp_path, problems_of, value, problem):
    for name, content in (("empty", ""), ("newline", "\n"), ("two-lines", f"{SECRET}\n\n")):
        (tmp_path / name).write_text(content)
    found = problems_of(EXISTING.replace('{ env = "SECRET" }', value))
    assert len(found) == 1
    assert found[0].startswith("application.client_secret: ")
    assert problem in found[0]
    assert "horse" not in found[0]


@pytest.mark.parametrize("text", UNFILLED)
def test_a_variable_that_a_ci_system_did_not_know_is_no_secret(tmp_path, problems_of, text):
    (tmp_path / "unfilled").write_text(text)
    (found,) = problems_of(EXISTING.replace('{ env = "SECRET" }', '{ file = "unfilled" }'))
    assert "is only the name of a variable, such as $(NAME): nothing was put in its place" in found


def test_a_secret_hides_in_the_repr_of_its_profile(profile_of):
    assert SECRET not in repr(profile_of(EXISTING))


# Unknown keys, and values of the wrong kind


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[curity]\nissuer = "http://curity.example"', "curity.issuer: expected https://"),
        ('[curity]\nissuer = "https://"', "curity.issuer: expected a URL"),
        ('[curity]\nissuer = "https://[::1"', "curity.issuer: expected a URL"),
        ('[curity]\nissuer = "https://curity.example:99999"', "curity.issuer: expected a URL"),
        ('[curity]\nissuer = "https://curity example"', "curity.issuer: expected a URL"),
        ('[curity]\nissuer = "https://curity.example?tenant=1"', "curity.issuer: a URL in a profile has no query"),
        ('[curity]\nissuer = "https://me:secret@curity.example"', "curity.issuer: a URL in a profile has no user"),
        ('[curity]\nversion = "  "', "curity.version: expected a text that is not empty"),
        ("[curity]\nversion = 2026-01-01", "curity.version: expected a text that is not empty, found a date or time"),
        ("curity = 1", "[curity]: expected a table, found a number"),
        ("[[curity]]", "[curity]: expected a table, found a list"),
        ("[curity]\nadmin = 1", "curity.admin: expected a table, found a number"),
        ('[curity]\nkind = "okta"', "curity.kind: expected one of curity, openid, found a text"),
        ("[curity]\nmocked = false", "curity.mocked: expected true or { control = URL }, found false"),
        ("[curity]\nmocked = { control = 1 }", "curity.mocked.control: expected a URL"),
        (
            '[curity]\nmocked = { control = "http://mocks.example" }',
            "curity.mocked.control: expected an address of this",
        ),
        ('[curity]\nnodes = ["10.0.0.4:²"]', "curity.nodes: expected a list of addresses"),
        ('[curity]\nnodes = ["10.0.0.4:70000"]', "curity.nodes: expected a list of addresses"),
        ('[curity]\nnodes = ["fd00::4:8443"]', "curity.nodes: expected a list of addresses"),
        ('[curity]\nnodes = ["[fd00::4:8443"]', "curity.nodes: expected a list of addresses"),
        ("[curity]\nnodes = []", "curity.nodes: expected a list of addresses"),
        ('[curity]\nca = "none.pem"', "curity.ca: cannot read"),
        (f'[curity]\nca = "{"long" * 2000}"', "curity.ca: cannot read"),
        ('[curity]\nca = "profile.toml"', "curity.ca: "),
        ('[curity]\nclient_key = "profile.toml"', "curity.client_cert: missing"),
        ('[curity]\nclient_cert = "profile.toml"', "curity.client_cert: contains no PEM certificate"),
        ('[gateway]\nurl = "HTTP://gateway.example"', "gateway.url: expected https://"),
        ("[gateway]\nroute = 1", "gateway.route: expected [[gateway.route]] tables"),
        ("[gateway]\nroute = [1]", "gateway.route 1: expected a table, found a number"),
        ('[[gateway.route]]\npath = "/"\nmethod = "G ET"', "gateway.route 1.method: expected an HTTP method"),
        ('[[gateway.route]]\npath = "/"\nheaders = { "a b" = "c" }', "gateway.route 1.headers: expected a table"),
        ('[[gateway.route]]\npath = "/"\nheaders = { a = "b\\nc" }', "gateway.route 1.headers: expected a table"),
        ('[[gateway.route]]\npath = "/"\nsuccess = ["200"]', "gateway.route 1.success: expected a list of HTTP"),
        ('[run]\napproval = "wait:999999999999h"', 'run.approval: expected "auto", "admin" or "wait:15m"'),
        ('[run]\ndeadlines = { propagation = "1e9s" }', "run.deadlines.propagation: expected a duration"),
        ('[run]\napproval = "wait:2h"', "run.deadlines.run: the run ends after 2h, and approval alone may wait 2h"),
        ('[run]\ndeadlines = { run = "1h30m" }', "run.deadlines.run: expected a duration"),
        ('[run]\ndeadlines = { run = "0s" }', "run.deadlines.run: expected a duration above 0"),
        ('[run]\ndeadlines = { run = "000h" }', "run.deadlines.run: expected a duration above 0"),
        ("[run]\nmax_created = true", "run.max_created: expected a whole number above 0"),
        ("application = 1", "application: expected a table, found a number"),
        ('application = [1, { client_id = "a" }]', "application 1: expected a table, found a number"),
        ('[application]\naccepted = "no"', "application.accepted: expected true or false"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named_by_its_kind(problems_of, text, problem):
    assert any(line.startswith(problem) for line in problems_of(text)), problems_of(text)


def test_an_unknown_mode_is_not_taken_for_the_default_one(problems_of):
    found = problems_of(INSPECT.replace('"inspect"', '"look"'))
    assert found == ["run.mode: expected one of inspect, existing, create, provision, found a text, 'look'"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[run]\nmode = "insepct"', "run.mode: expected one of inspect, existing, create, provision, found a text, 'insepct'; did you mean 'inspect'?"),
        ('[run]\nmode = "x\\u001b[2J"', "run.mode: expected one of inspect, existing, create, provision, found a text, 'x\\x1b[2J'"),
        ("[run]\nmax_created = 0", "run.max_created: expected a whole number above 0, found a number, 0"),
        ("[run]\nmax_created = -3", "run.max_created: expected a whole number above 0, found a number, -3"),
        ('[run]\nhostile = "yes"', "run.hostile: expected true or false, found a text, 'yes'"),
        ('[run]\napproval = "wait"', """run.approval: expected "auto", "admin" or "wait:15m", found a text, 'wait'"""),
        ('[curity]\nkind = "opnid"', "curity.kind: expected one of curity, openid, found a text, 'opnid'; did you mean 'openid'?"),
        ('[curity]\nissuer = "http://a.example"', "curity.issuer: expected https://; plain http is for addresses of this machine, found 'http://a.example'"),
        ('[curity]\nissuer = "a.example"', "curity.issuer: expected a URL that begins with https:// and has a host, found a text, 'a.example'"),
        ('[curity]\nisuer = "https://a.example"', "curity.isuer: unknown key; did you mean 'issuer'? known are issuer, "),
        ('[curty]\nissuer = "https://a.example"', "[curty]: unknown table; did you mean 'curity'? known are run, "),
        ('[gateway]\nurl = "http://a.example"', "gateway.url: expected https://, found http://a.example; for a gateway without TLS"),
        ('[curity]\nnodes = ["a:99999"]', "curity.nodes: expected a list of addresses such as [\"10.0.0.4:8443\"], found a list, ['a:99999']"),
        ("[[gateway.route]]\npath = 'accounts'", "gateway.route 1.path: expected a path that begins with /, found a text, 'accounts'"),
    ],
)  # fmt: skip
def test_a_refusal_shows_the_value_and_what_is_allowed(problems_of, text, problem):
    assert any(line.startswith(problem) for line in problems_of(text)), problems_of(text)


HIDDEN = "correct-horse-battery"


@pytest.mark.parametrize(
    "text",
    [
        *(f"[konnect]\ntoken = {value}" for value in (f'"{HIDDEN}"', f'["{HIDDEN}"]', f'{{ env = "{HIDDEN}" }}')),
        f'[portal]\npassword = "{HIDDEN}"\ncookie = "{HIDDEN}"',
        f'[application]\nclient_secret = "{HIDDEN}"',
        f'[curity.registrar]\nsecret = "{HIDDEN}"\ninitial_access_token = "{HIDDEN}"',
        f'[curity.admin]\npassword = {{ key = "{HIDDEN}" }}',
        f'[[gateway.route]]\nheaders = {{ x-api-key = "{HIDDEN}\\n" }}',
        f'[curity]\nissuer = "https://me:{HIDDEN}@curity.example"',
        f'[curity]\nissuer = "https://curity.example?key={HIDDEN}"',
        f'[gateway]\nproxy = "http://me:{HIDDEN}@proxy"',
    ],
)  # fmt: skip
def test_a_refusal_shows_no_secret(problems_of, text):
    found = problems_of(text)
    assert found
    assert HIDDEN not in "\n".join(found)


@pytest.mark.parametrize("table", ["run", "curity", "konnect", "portal", "gateway", "application"])
def test_an_unknown_key_is_a_problem_in_every_table(problems_of, table):
    assert any(
        line.startswith(f"{table}.colour: unknown key; known are ") for line in problems_of(f"[{table}]\ncolour = 1")
    )


@pytest.mark.parametrize("table", ["curity.registrar", "curity.admin", "gateway.route"])
def test_an_unknown_key_is_a_problem_in_every_table_below(problems_of, table):
    text = "[[gateway.route]]\ncolour = 1" if table == "gateway.route" else f"[{table}]\ncolour = 1"
    assert any(line.startswith(table) and ".colour: unknown key" in line for line in problems_of(text))


# What each mode needs (the table of modes)


def test_inspect_needs_any_one_party(problems_of):
    assert problems_of(INSPECT) == []
    for name in ("curity", "konnect", "portal", "gateway"):
        assert problems_of(parties("inspect", **{name: "live"})) == []
    assert problems_of('[run]\nmode = "inspect"\n') == ["profile: no party is described"]


def test_existing_needs_an_application_and_a_route_and_nothing_of_konnect_or_the_portal(profile_of, problems_of):
    profile = profile_of(EXISTING)
    assert profile.run.mode is Mode.EXISTING
    assert profile.live == ["gateway"]
    without_route = EXISTING.replace('[[gateway.route]]\npath = "/accounts"\n', "")
    assert problems_of(without_route) == [
        "gateway.route: missing: the route to call, as a [[gateway.route]] table with its path"
    ]
    without_application = EXISTING.partition("[application]")[0]
    missing = 'application: missing: mode "existing" needs client_id and client_secret of an application'
    assert problems_of(without_application) == [missing]
    assert problems_of("application = []\n" + without_application) == [missing]
    without_gateway = '[run]\nmode = "existing"\n[curity]\nissuer = "https://curity.example"\n' + APPLICATION
    assert problems_of(without_gateway) == [
        'gateway: missing: mode "existing" needs it; describe it, or set mocked = true'
    ]


@pytest.mark.parametrize("mode", ["create", "provision"])
def test_a_party_that_a_mode_needs_is_described_or_said_to_be_mocked(problems_of, mode):
    whole = dict.fromkeys(LIVE, "live")
    assert problems_of(parties(mode, **whole)) == []
    for forgotten in LIVE:
        rest = {name: text for name, text in whole.items() if name != forgotten}
        missing = f'{forgotten}: missing: mode "{mode}" needs it; describe it, or set mocked = true'
        assert missing in problems_of(parties(mode, **rest))


def test_create_is_the_default_mode(profile_of):
    text = parties("create", **dict.fromkeys(LIVE, "live")).replace('mode = "create"', "")
    assert profile_of(text).run.mode is Mode.CREATE


def test_create_needs_a_developer_or_a_session_cookie(problems_of):
    whole = dict.fromkeys(LIVE, "live")
    cookie = 'url = "https://portal.example"\ncookie = { env = "SECRET" }\n'
    assert problems_of(parties("create", **(whole | {"portal": cookie}))) == []
    nobody = 'url = "https://portal.example"\n'
    reason = "missing: give email and password of a developer, or a session cookie"
    assert problems_of(parties("create", **(whole | {"portal": nobody}))) == [
        f"portal.email: {reason}",
        f"portal.password: {reason}",
    ]


def test_create_names_existing_objects_in_konnect_and_needs_no_token(problems_of):
    whole = dict.fromkeys(LIVE, "live")
    without_token = LIVE["konnect"].replace('token = { env = "SECRET" }\n', "")
    assert problems_of(parties("create", **(whole | {"konnect": without_token}))) == []
    nameless = 'url = "https://konnect.example"\n'
    why = 'missing: mode "create" uses an existing one, by name or id'
    assert problems_of(parties("create", **(whole | {"konnect": nameless}))) == [
        f"konnect.portal: {why}",
        f"konnect.api: {why}",
        f"konnect.strategy: {why}",
    ]


def test_provision_needs_a_token_and_a_service_to_link_to(problems_of):
    whole = dict.fromkeys(LIVE, "live")
    bare = 'url = "https://konnect.example"\n'
    assert problems_of(parties("provision", **(whole | {"konnect": bare}))) == [
        "konnect.token: missing",
        "konnect.control_plane: missing: a new API is linked to a service",
        "konnect.service: missing: a new API is linked to a service",
    ]


OF_ITS_OWN = "not used: without api the run creates an API, portal, strategy and provider of its own; "


@pytest.mark.parametrize(
    ("lines", "problems"),
    [
        ("", []),
        *(
            (
                f'{key} = "existing"\n',
                [f"konnect.{key}: {OF_ITS_OWN}leave it out, or name portal, api, strategy that exist"],
            )
            for key in ("portal", "strategy", "provider")
        ),
        (
            'api = "accounts"\n',
            [
                f"konnect.{key}: missing: the flow goes through what exists: it belongs to the api"
                for key in ("portal", "strategy")
            ],
        ),
        ('api = "accounts"\nportal = "developers"\nstrategy = "dcr"\nprovider = "Curity"\n', []),
    ],
)
def test_provision_goes_through_its_own_objects_or_through_those_that_exist(problems_of, lines, problems):
    bare = LIVE["konnect"].replace('portal = "developers"\napi = "accounts"\nstrategy = "dcr"\n', lines)
    assert problems_of(parties("provision", **(dict.fromkeys(LIVE, "live") | {"konnect": bare}))) == problems


@pytest.mark.parametrize(
    ("name", "before", "after", "problem"),
    [
        ("konnect", ".example", ".example/v2", "has a path: give the address alone, /v2 or /v3 is added to it"),
        ("portal", ".example", ".example/login", "has a path: give the address alone, /api/v3 is added to it"),
        ("gateway", ".example", ".example/accounts", "has the path of a route, which is added to it"),
        ("gateway", ".example", ".example/behind/a/balancer", ""),
        ("gateway", "path =", 'echo = true, method = "HEAD", path =', "route 1.echo: an answer to HEAD has no body"),
        ("konnect", '"developers"', '"developers "', "begins or ends with a blank"),
        ("portal", '"dev@', '" dev@', "begins or ends with a blank"),
    ],
)
def test_a_value_that_cannot_be_right_is_a_problem_before_anything_is_sent(problems_of, name, before, after, problem):
    table = LIVE[name].replace(before, after)
    found = problems_of(parties("create", **(dict.fromkeys(LIVE, "live") | {name: table})))
    assert [problem in line for line in found] == ([True] if problem else [])


@pytest.mark.parametrize("name", ["curity", "konnect", "portal", "gateway"])
def test_a_live_party_has_an_address(problems_of, name):
    key = "issuer" if name == "curity" else "url"
    assert f"{name}.{key}: missing" in problems_of(parties("inspect", **{name: ""}))


@pytest.mark.parametrize(
    ("registrar", "problems"),
    [
        ("open = true\n", []),
        ('initial_access_token = { env = "SECRET" }\n', []),
        ('id = "a"\nsecret = { env = "SECRET" }\n', []),
        ("", ["curity.registrar.id: missing", "curity.registrar.secret: missing"]),
        ("open = false\n", ["curity.registrar.id: missing", "curity.registrar.secret: missing"]),
    ],
)
def test_an_openid_provider_registers_with_a_registrar_a_token_or_openly(problems_of, registrar, problems):
    text = parties("inspect", curity=LIVE["curity"] + 'kind = "openid"\n[curity.registrar]\n' + registrar)
    assert problems_of(text) == problems


@pytest.mark.parametrize("key", ["open = true", 'initial_access_token = { env = "SECRET" }'])
def test_curity_registers_only_with_a_registrar(problems_of, key):
    text = parties("inspect", curity=LIVE["curity"] + REGISTRAR + key + "\n")
    assert problems_of(text) == [f'curity.registrar.{key.partition(" ")[0]}: only for kind = "openid"']


# Mocks, and mixes of live and mocked


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("curity", 'issuer = "https://curity.example"'),
        ("curity", 'registrar = { id = "a", secret = { env = "SECRET" } }'),
        ("konnect", 'url = "https://konnect.example"'),
        ("konnect", 'token = { env = "SECRET" }'),
        *(
            ("konnect", f'{name} = "nope"')
            for name in ("control_plane", "service", "portal", "api", "strategy", "provider")
        ),
        ("portal", 'email = "dev@example.com"'),
        ("portal", 'password = { env = "SECRET" }'),
        ("portal", 'cookie = { env = "SECRET" }'),
        ("gateway", 'url = "https://gateway.example"'),
        ("gateway", 'nodes = ["10.0.0.4:443"]'),
        ("gateway", 'proxy = "https://proxy.example"'),
    ],
)
def test_addresses_secrets_and_names_have_no_meaning_beside_a_mock_of_this_run(problems_of, name, key):
    tables = dict.fromkeys(LIVE, "mocked") | {name: f"mocked = true\n{key}\n"}
    word = key.partition(" ")[0]
    assert problems_of(parties("create", **tables)) == [
        f"{name}.{word}: has no meaning beside mocked = true: the mock makes its own"
    ]


def test_a_mock_that_runs_elsewhere_needs_an_address(profile_of, problems_of):
    tables = {name: HERE[name] + CONTROL for name in LIVE}
    profile = profile_of(parties("provision", **tables))
    assert profile.live == []
    assert profile.gateway is not None
    assert profile.gateway.mocked == Mocked("http://127.0.0.1:8000")
    assert "gateway.url: missing" in problems_of(parties("provision", **(tables | {"gateway": CONTROL})))
    elsewhere = problems_of(parties("provision", **(tables | {"portal": LIVE["portal"] + CONTROL})))
    assert [line.partition(" of this machine")[0] for line in elsewhere] == ["portal.url: expected an address"]


MIXES = {
    "none live": (parties("create", **dict.fromkeys(LIVE, "mocked")), []),
    "all live": (parties("create", **dict.fromkeys(LIVE, "live")), []),
    "Curity live": (
        parties("create", curity=LIVE["curity"] + REGISTRAR, konnect="mocked", portal="mocked", gateway="mocked"),
        [],
    ),
    "Curity live, without a registrar": (
        parties("create", curity="live", konnect="mocked", portal="mocked", gateway="mocked"),
        ["curity.registrar: missing: mocked Konnect registers applications at this Curity with it"],
    ),
    "Curity and gateway live": (
        parties("create", curity=LIVE["curity"] + REGISTRAR, konnect="mocked", portal="mocked", gateway="live")
        + APPLICATION,
        [],
    ),
    "Curity and gateway live, without an application": (
        parties("create", curity=LIVE["curity"] + REGISTRAR, konnect="mocked", portal="mocked", gateway="live"),
        [
            (
                "application: missing: a gateway that is configured by hand does not know what mocked Konnect "
                "registers; give the application's credentials"
            )
        ],
    ),
    "Curity and a gateway of kind jwt live, without an application": (
        parties("create", curity=LIVE["curity"] + REGISTRAR, konnect="mocked", portal="mocked", gateway=JWT),
        [],
    ),
    "all live, with a gateway of kind jwt": (
        parties("create", curity="live", konnect="live", portal="live", gateway=JWT),
        [],
    ),
    "a gateway of kind jwt without an issuer": (
        EXISTING.replace("[gateway]", '[gateway]\nkind = "jwt"'),
        ['curity: missing: a gateway of kind = "jwt" takes tokens alone, and the run fetches them from its issuer'],
    ),
    "a mocked gateway of kind jwt": (
        parties("create", curity="mocked", konnect="mocked", portal="mocked", gateway='kind = "jwt"\nmocked = true\n'),
        [OF_A_KONG],
    ),
    "a gateway of kind jwt, mocked elsewhere": (
        parties(
            "create",
            curity="mocked",
            konnect="mocked",
            portal="mocked",
            gateway=HERE["gateway"] + CONTROL + 'kind = "jwt"\n',
        ),
        [OF_A_KONG],
    ),
    "Curity, Konnect and portal live": (
        parties("create", curity="live", konnect="live", portal="live", gateway="mocked"),
        [],
    ),
    "gateway live": (parties("create", curity="mocked", konnect="mocked", portal="mocked", gateway="live"), []),
    "live Konnect, mocked Curity": (
        parties("create", curity="mocked", konnect="live", portal="live", gateway="live"),
        ["curity.mocked: live Konnect cannot reach a mocked Curity: its cloud has no connection to this machine"],
    ),
    "live Konnect, Curity mocked elsewhere": (
        parties("create", curity=HERE["curity"] + CONTROL, konnect="live", portal="live", gateway="live"),
        ["curity.mocked: live Konnect cannot reach a mocked Curity: its cloud has no connection to this machine"],
    ),
    "live Konnect, an OpenID provider": (
        parties("create", curity=LIVE["curity"] + 'kind = "openid"\n', konnect="live", portal="live", gateway="live"),
        ['curity.kind: live Konnect has no provider type for kind = "openid"'],
    ),
    "live Konnect, mocked portal": (
        parties("create", curity="live", konnect="live", portal="mocked", gateway="live"),
        ["portal: Konnect and its portal must be both live or both mocked: they share their applications"],
    ),
    "live portal, mocked Konnect": (
        parties("create", curity=LIVE["curity"] + REGISTRAR, konnect="mocked", portal="live", gateway="mocked"),
        ["portal: Konnect and its portal must be both live or both mocked: they share their applications"],
    ),
    "Konnect mocked here, portal elsewhere": (
        parties("create", curity="mocked", konnect="mocked", portal=HERE["portal"] + CONTROL, gateway="mocked"),
        ["portal.mocked: Konnect and its portal must be mocks of the same instance"],
    ),
    "Konnect and portal of two instances": (
        parties(
            "create",
            curity=HERE["curity"] + CONTROL,
            konnect=HERE["konnect"] + CONTROL,
            portal=HERE["portal"] + CONTROL.replace("8000", "9000"),
            gateway=HERE["gateway"] + CONTROL,
        ),
        ["portal.mocked: Konnect and its portal must be mocks of the same instance"],
    ),
    "a mocked gateway in front of a live classic portal": (
        parties(
            "create",
            **(
                dict.fromkeys(LIVE, "live")
                | {"portal": LIVE["portal"] + 'generation = "classic"\n', "gateway": "mocked"}
            ),
        ),
        ["portal.generation: a mocked gateway takes its applications from a portal of generation v3 only"],
    ),
}


@pytest.mark.parametrize("mix", MIXES)
def test_a_mix_that_cannot_work_is_rejected_with_its_reason(problems_of, mix):
    text, problems = MIXES[mix]
    assert problems_of(text) == problems


# How a party is reached


def test_how_a_party_is_reached_is_read_for_each_party(tmp_path, profile_of):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued = authority.issue_cert("client.example")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "client.pem")
    issued.private_key_pem.write_to_path(tmp_path / "client.key")
    reached = (
        'ca = "ca.pem"\nproxy = "http://proxy.example:3128"\nclient_cert = "client.pem"\nclient_key = "client.key"\n'
        'nodes = ["10.0.0.4:8443", "[::1]:8443"]\n'
    )
    for name, table in LIVE.items():
        party = profile_of(parties("inspect", **{name: reached + table})).party(name)
        assert party is not None
        connection = party.connection
        assert (connection.ca, connection.client_cert) == (tmp_path / "ca.pem", tmp_path / "client.pem")
        assert connection.client_key == tmp_path / "client.key"
        assert connection.proxy == "http://proxy.example:3128"
        assert connection.nodes == ("10.0.0.4:8443", "[::1]:8443")


def test_a_key_that_does_not_belong_to_the_certificate_is_a_problem(tmp_path, problems_of):
    authority = trustme.CA()
    authority.issue_cert("one.example").cert_chain_pems[0].write_to_path(tmp_path / "one.pem")
    authority.issue_cert("two.example").private_key_pem.write_to_path(tmp_path / "two.key")
    text = parties("inspect", curity='client_cert = "one.pem"\nclient_key = "two.key"\n' + LIVE["curity"])
    assert problems_of(text) == ["curity.client_cert: contains no PEM certificate with its unencrypted key"]


def test_a_gateway_may_use_plain_http_if_the_profile_allows_it(profile_of):
    text = EXISTING.replace('"https://gateway.example"', '"http://gateway.example"\nplain_http = true')
    profile = profile_of(text)
    assert profile.gateway is not None
    assert profile.gateway.plain_http


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "[::1]", "portal.localhost"])
def test_plain_http_to_this_machine_is_allowed(problems_of, host):
    assert problems_of(INSPECT.replace("https://curity.example", f"http://{host}")) == []


def test_several_applications_each_say_whether_they_are_accepted(profile_of, problems_of):
    second = '[[application]]\nclient_id = "revoked"\nclient_secret = { env = "SECRET" }\naccepted = false\n'
    text = EXISTING.replace("[application]", "[[application]]") + second
    accepted = {application.client_id: application.accepted for application in profile_of(text).applications}
    assert accepted == {"app": True, "revoked": False}
    found = problems_of(text.replace('client_id = "revoked"\n', ""))
    assert found == ["application 2.client_id: missing"]


def test_each_of_many_wrong_applications_is_named(problems_of):
    text = INSPECT.replace("[run]", f"application = [{', '.join(['{}', '1'] * 6)}]\n[run]", 1)
    places = [line.partition(": ")[0] for line in problems_of(text)]
    wrong = [
        [f"application {n}.client_id", f"application {n}.client_secret"] if n % 2 else [f"application {n}"]
        for n in range(1, 13)
    ]
    assert places == list(chain(*wrong))


# Arbitrary content

MARK = "¤"
"""Is in every generated value, and in no key: a problem that contains it has repeated a value."""

marked = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).map(lambda text: MARK + text)
scalars = st.one_of(marked, st.integers(), st.booleans(), st.floats(), st.just(""))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)),
    max_leaves=6,
)
plausible = st.sampled_from(
    [
        True,
        "https://party.example",
        f"https://{MARK}:pass@party.example",
        "http://127.0.0.1:8000",
        "/accounts",
        "inspect",
        "existing",
        "create",
        "provision",
        "openid",
        "classic",
        "15m",
        {"env": "SECRET"},
        {"env": "SHORT"},
        {"env": MARK},
        {"file": "none"},
        {"control": "http://127.0.0.1:8000"},
        [{"path": "/"}],
        [{"path": MARK, "method": MARK, "headers": {"a": MARK}}],
        ["127.0.0.1:80"],
        {"id": MARK, "secret": {"env": "SECRET"}},
        {"client_id": MARK, "client_secret": {"env": "SECRET"}},
    ]
)
# files are left out: a path is named in a problem, as it must be
KEYS = [
    *("mode", "hostile", "max_created", "parallel", "approval", "deadlines", "issuer", "kind", "version", "registrar"),
    *("admin", "url", "token", "control_plane", "portal", "api", "strategy", "email", "password", "cookie"),
    *("generation", "plain_http", "route", "proxy", "nodes", "mocked", "client_id", "client_secret", "accepted", "x"),
]
tables = st.dictionaries(
    st.sampled_from(["run", "curity", "konnect", "portal", "gateway", "application", "other"]),
    st.one_of(st.dictionaries(st.sampled_from(KEYS), st.one_of(values, plausible), max_size=6), values),
)


def toml(value: object) -> str:
    """A value as inline TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("profiles")


def profile_or_problems(folder: Path, content: bytes) -> str:
    """The text of the ProfileError; empty where there is none. Any other exception is raised."""
    path = folder / "profile.toml"
    path.write_bytes(content)
    try:
        assert isinstance(read(path, ENVIRONMENT), Profile)
    except ProfileError as error:
        assert error.problems
        return str(error)
    return ""


@given(content=tables)
def test_any_tables_are_a_profile_or_problems_that_repeat_no_secret(folder, content):
    text = "".join(f"{json.dumps(key)} = {toml(value)}\n" for key, value in content.items())
    shown = profile_or_problems(folder, text.encode())
    assert "not TOML" not in shown
    assert shown or VALIDATOR.is_valid(tomllib.loads(text)), "accepted by the reader, and not by the schema"
    places = ("secret", "token", "password", "cookie", "headers")
    assert not [line for line in shown.splitlines() if MARK in line and line.partition(": ")[0].endswith(places)]
    assert SECRET not in shown
    assert ENVIRONMENT["SHORT"] not in shown


@given(content=st.one_of(st.binary(), st.text().map(lambda text: text.encode("utf-8", "surrogatepass"))))
def test_any_file_is_a_profile_or_problems(folder, content):
    profile_or_problems(folder, content)


@pytest.mark.parametrize("name", ["Authorization", "cookie", "X-Access-Token"])
def test_a_header_of_the_route_has_no_credentials(problems_of, name):
    route = f'[[gateway.route]]\npath = "/a"\nheaders = {{ {name} = "Bearer abc" }}\n'
    problems = problems_of(f'[run]\nmode = "inspect"\n[gateway]\nurl = "https://api.example.com"\n{route}')
    assert any("contains credentials" in problem for problem in problems)


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        *((f'headers = {{ {name} = "1" }}', f"headers: {name}: ") for name in sorted(OF_THE_CONNECTION)),
        ('headers = { Host = "a.example" }', "headers: Host: "),
        ('method = "CONNECT"', "method: CONNECT "),
        ('method = "connect"', "method: CONNECT "),
        *(
            (f"success = [200, {status}]", "success: expected a list of HTTP statuses")
            for status in (100, 101, 103, 199)
        ),
    ],
)
def test_a_call_of_the_route_leaves_the_connection_to_dcrproof(problems_of, setting, problem):
    found = problems_of(
        f'[run]\nmode = "inspect"\n[gateway]\nurl = "https://a.example"\n[[gateway.route]]\npath = "/a"\n{setting}\n'
    )
    assert [line for line in found if line.startswith(f"gateway.route 1.{problem}")], found


def test_a_client_id_that_basic_credentials_cannot_contain_is_rejected(problems_of):
    application = '[application]\nclient_id = "a:b"\nclient_secret = { env = "SECRET" }\n'
    assert any("contains a colon" in problem for problem in problems_of(f'[run]\nmode = "inspect"\n{application}'))


# The JSON Schema

SHIPPED = resources.files("dcrproof.core.profile").joinpath("profile.schema.json").read_text("utf-8")
VALIDATOR = Draft7Validator(json.loads(SHIPPED))


def described(schema: dict, place: str = "") -> dict[str, dict]:
    """All keys of a schema with their places, and the schema of each."""
    found = {}
    for one in (schema, *schema.get("anyOf", ()), schema.get("items", {})):
        for key, value in one.get("properties", {}).items():
            found |= {f"{place}{key}": value, **described(value, f"{place}{key}.")}
    return found


def test_the_shipped_schema_is_what_the_command_prints(capsys):
    assert main(["profile", "--schema"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads(SHIPPED), "dcrproof profile --schema > dcrproof/core/profile/profile.schema.json"


def test_the_schema_is_one_that_editors_read():
    Draft7Validator.check_schema(json_schema())
    assert "$ref" not in SHIPPED
    assert "null" not in SHIPPED


def test_every_key_of_the_schema_has_a_description_and_every_table_is_closed():
    keys = described(json_schema())
    assert {"run.mode", "curity.ca", "gateway.route.success", "application.client_secret.env"} <= keys.keys()
    for place, schema in keys.items():
        assert schema.get("description"), place
        assert "properties" not in schema or schema["additionalProperties"] is False, place
    assert keys["run.mode"]["enum"] == list(Mode)
    forms = [list(form["properties"]) for form in keys["konnect.token"]["anyOf"]]
    assert forms == [["env"], ["file"]]


def test_every_key_of_the_schema_is_in_the_documentation():
    text = (Path(dcrproof.__file__).parent.parent / "docs" / "profile.md").read_text("utf-8")
    keys = {place.rpartition(".")[2] for place in described(json_schema())}
    assert {
        key for key in keys if f"`{key}`" not in text and f"{key}]" not in text and f"{key} = " not in text
    } == set()


@pytest.mark.parametrize("mix", MIXES)
def test_the_schema_accepts_each_mix(mix):
    assert list(VALIDATOR.iter_errors(tomllib.loads(MIXES[mix][0]))) == []


@pytest.mark.parametrize(
    "text",
    [
        'colour = "red"',
        '[curity]\ncolour = "red"',
        '[run]\nmode = "look"',
        "[run]\nmax_created = 0",
        "[run]\nhostile = 1",
        '[run]\napproval = "soon"',
        '[curity]\nissuer = "curity.example"',
        '[curity.admin]\nurl = "https://curity.example"',
        "[curity]\nmocked = false",
        '[konnect]\ntoken = "in plain"',
        '[konnect]\ntoken = { env = "A", file = "b" }',
        "[gateway]\nnodes = []",
        '[[gateway.route]]\npath = "accounts"',
        '[[gateway.route]]\npath = "/"\nheaders = { a = "b\\nc" }',
        '[application]\nclient_id = "a"',
    ],
)
def test_the_schema_rejects_what_the_reader_rejects(text):
    assert not VALIDATOR.is_valid(tomllib.loads(text))


# dcrproof profile check


@pytest.fixture
def checked(tmp_path, capsys, monkeypatch):
    """Checks a profile from its text, without a socket; returns the exit code and both outputs."""

    def check(text: str, *options: str) -> tuple[int, str, str]:
        path = tmp_path / "profile.toml"
        path.write_text(text, "utf-8")
        monkeypatch.setenv("SECRET", SECRET)
        monkeypatch.setattr(socket, "socket", None)
        code = main(["profile", "check", str(path), *options])
        captured = capsys.readouterr()
        assert SECRET not in captured.out + captured.err
        return code, captured.out, captured.err

    return check


def test_check_lists_all_problems_as_a_run_does(checked, problems_of):
    text = parties("create", curity='kind = "okta"\n', konnect="live")
    code, out, err = checked(text)
    assert code == 4
    assert out == ""
    assert [line.strip() for line in err.splitlines()[1:]] == problems_of(text)
    assert len(problems_of(text)) == 4


def test_check_says_what_a_run_will_see_and_what_would_show_the_rest(checked):
    code, out, err = checked(parties("create", curity="live", konnect="live", portal="live", gateway="mocked"))
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].endswith("profile.toml: no problems")
    assert lines[1:6] == [
        "mode create, hostile checks not allowed",
        "curity live, https://curity.example/oauth",
        "konnect live, https://konnect.example",
        "portal live, https://portal.example",
        "gateway mocked",
    ]
    seen, unseen = out.split("checks will be not seen")
    assert "route.basic.accepted" in seen
    assert "  needs [run] hostile = true (" in unseen
    assert "route.bearer.tampered" in unseen
    assert "  needs [curity.registrar] id and secret (" in unseen


@pytest.mark.parametrize("echo", ["true", "false"])
def test_a_live_upstream_that_echoes_needs_no_mock(checked, echo):
    code, out, err = checked(EXISTING.replace('path = "/accounts"', f'path = "/accounts"\necho = {echo}'))
    assert (code, err) == (0, "")
    assert ("[[gateway.route]] echo = true" in out) is (echo == "false")


def test_check_prints_json(checked):
    code, out, _ = checked(parties("provision", **dict.fromkeys(LIVE, "mocked")), "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["mode"], found["target"]) == ("provision", dict.fromkeys(LIVE, "mocked"))
    assert found["not_seen"] == {}, "a run in which all parties are mocked sees everything"
    assert [*chain(*found["not_applicable"].values())] == ["route.bearer.foreign-audience", "route.bearer.query"]
    known = [*chain(*found["runs"].values(), *found["not_applicable"].values())]
    assert sorted(known) == sorted(entry.check.id for entry in entries())


def test_what_a_check_may_need_is_known_before_a_run():
    needed = [needs(entry.test) for entry in entries()]
    assert set(chain(*(one["access"] for one in needed))) == ACCESS.keys()
    assert set(chain(*(one["capabilities"] for one in needed))) == CAPABILITIES.keys()


@pytest.mark.parametrize("arguments", [["profile"], ["profile", "check"], ["profile", "look"]])
def test_profile_says_how_it_is_called(capsys, arguments):
    try:
        code = main(arguments)
    except SystemExit as stopped:
        code = stopped.code
    assert code == 4
    assert "dcrproof profile" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["profile", "--help"], ["profile", "check", "--help"]])
def test_profile_has_help(capsys, arguments):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 0
    assert "Nothing is sent" in capsys.readouterr().out
