"""What a profile must not say: each is refused when it is read, with its place and the reason, and none is waited for."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from dcrproof.core.profile.reading import ProfileError, read

EXISTING = """
[run]
mode = "existing"
[gateway]
url = "https://gateway.example"
{gateway}
[[gateway.route]]
path = "/accounts"
{route}
[application]
client_id = "app"
client_secret = {{ env = "SECRET" }}
{application}
"""
CURITY = """
[run]
mode = "inspect"
[curity]
issuer = "https://curity.example/oauth"
{curity}
"""
SECRET = "Rk9-mGd2-Zq71-wLx5"


def problems(folder: Path, text: str, **environment: str) -> list[str]:
    path = folder / "profile.toml"
    path.write_text(text, "utf-8")
    try:
        read(path, {"SECRET": SECRET, **environment})
    except ProfileError as error:
        return error.problems
    return []


def existing(gateway: str = "", route: str = "", application: str = "") -> str:
    text = EXISTING.format(gateway=gateway, route=route, application=application)
    for line in (gateway, route, application):  # what is said here stands instead of what was said above
        key = line.partition(" = ")[0]
        if key and text.count(f"\n{key} = ") > 1:
            head, _, tail = text.partition(f"\n{key} = ")
            text = f"{head}\n{tail.partition(chr(10))[2]}"
    return text


def test_the_profiles_that_are_spoilt_below_are_read(tmp_path: Path) -> None:
    assert problems(tmp_path, existing()) == []
    assert problems(tmp_path, CURITY.format(curity="")) == []


NODES = [
    "[:::::]:9",
    "[1:2]:9",
    "[fe80::1%eth0]:9",
    "[]:9",
    "a..b:9",
    "-a:9",
    "*.b:9",
    "a,b:9",
    "256.1.1.1:9",
]


@pytest.mark.parametrize("node", NODES)
def test_a_node_is_an_address(tmp_path: Path, node: str) -> None:
    (problem,) = problems(tmp_path, existing(gateway=f"nodes = ['{node}']"))
    assert problem.startswith("gateway.nodes: ")


@pytest.mark.parametrize(
    "node", ["10.0.0.4:8443", "[::1]:9", "[fd00::4]:1", "node-1.internal:65535", "localhost:1", "a_b:9"]
)
def test_what_is_an_address_is_a_node(tmp_path: Path, node: str) -> None:
    assert problems(tmp_path, existing(gateway=f"nodes = ['{node}']")) == []


URLS = [
    *(
        "https://@host",
        "https://:@host",
        "https://a..localhost",
        "https://*.localhost",
        "https://.example",
        "https://a..b",
    ),
    *("https://-", "https://[::1", "https://[1:2]/", "https://[:::::]/", "https://a_b..c", "https://256.256.256.256"),
    *("https://a%00b", "https://a%2eb", "https://a\\\\b", "https://a/b\\\\c", "https://a/../b", "https://a/%2e%2e/b"),
    *("https://a:99999", "https://a:0", "https://a:", "https://a/%", "https://a/%zz", "https://\\u00ad.example"),
    *(f"https://{'a' * 64}.example", f"https://{'a.' * 130}example", "https://a\\u202eb", "http:///", "https:a"),
]


@pytest.mark.parametrize("url", URLS)
def test_an_address_has_a_host_that_can_be_one(tmp_path: Path, url: str) -> None:
    (problem,) = problems(tmp_path, existing(gateway=f'url = "{url}"'))
    assert problem.startswith("gateway.url: ")


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example/b/c-d_e~f",
        "https://127.0.0.1:8443",
        "https://[::1]:8443/x",
        "https://m\\u00fcnchen.example",
        "https://a_b.example",
    ],
)
def test_what_can_be_an_address_is_one(tmp_path: Path, url: str) -> None:
    assert problems(tmp_path, existing(gateway=f'url = "{url}"')) == []


PATHS = [
    *(
        "/a\\r\\nX-Evil: 1",
        "/a\\n",
        "/a b",
        "/a\\u0000",
        "/\\u007f",
        "/\\u202e",
        "/a#b",
        "/../b",
        "/a/..",
        "/a/./b",
        "/%2e%2e/b",
    ),
    *("//evil.example/a", "/a\\\\b", "/%", "/%zz", "/\\u00e4"),
]


@pytest.mark.parametrize("path", PATHS)
def test_the_path_of_a_route_is_one(tmp_path: Path, path: str) -> None:
    (problem,) = problems(tmp_path, existing(route=f'path = "{path}"'))
    assert problem.startswith("gateway.route 1.path: ")


@pytest.mark.parametrize("path", ["/", "/a", "/a/b?c=d&e", "/a%20b", "/a;b=c/@:!$&'()*+,", "/a//b", "/a..b/"])
def test_what_is_the_path_of_a_route_is_taken(tmp_path: Path, path: str) -> None:
    assert problems(tmp_path, existing(route=f'path = "{path}"')) == []


LINES = ["a\\nb", "a\\r", "a\\u0000b", "\\u001b[2J", "a\\u202eb", "a\\u2028b", "\\u00ad", "\\U000e0041"]


@pytest.mark.parametrize("text", LINES)
def test_a_text_has_one_line_that_can_be_seen(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, existing(application=f'client_id = "{text}"'))
    assert problems(tmp_path, existing(gateway=f'version = "{text}"'))
    assert problems(tmp_path, existing(route=f'headers = {{ "x-a" = "{text}" }}'))
    for member in ("id", "scope"):
        registrar = {"id": "a", "scope": "dcr"} | {member: text}
        table = "".join(f'{name} = "{value}"\n' for name, value in registrar.items())
        assert problems(tmp_path, CURITY.format(curity=f'[curity.registrar]\n{table}secret = {{ env = "SECRET" }}'))


@pytest.mark.parametrize(
    ("place", "table"),
    [
        ("curity.registrar.id", '[curity.registrar]\nid = "a:b"\nsecret = { env = "SECRET" }'),
        (
            "curity.admin.username",
            '[curity.admin]\nurl = "https://a.example"\nusername = "a:b"\npassword = { env = "SECRET" }',
        ),
    ],
)
def test_the_user_of_basic_has_no_colon(tmp_path: Path, place: str, table: str) -> None:
    """RFC 7617 2. A client id is sent encoded (RFC 6749 2.3.1), but Konnect and the gateway send it as it is."""
    found = problems(tmp_path, CURITY.format(curity=table))
    assert [problem.partition(": ")[0] for problem in found] == [place]


@pytest.mark.parametrize("key", ["[x\\n::error::pwned]", "\\u001b[2J", "a\\u202eb"])
def test_an_unknown_key_is_named_on_one_line(tmp_path: Path, key: str) -> None:
    for text in (existing(gateway=f'"{key}" = 1'), f'{existing()}\n["{key}"]\na = 1\n'):
        path = tmp_path / "profile.toml"
        path.write_text(text, "utf-8")
        with pytest.raises(ProfileError) as caught:
            read(path, {"SECRET": SECRET})
        lines = str(caught.value).splitlines()
        assert len(lines) == 2
        assert all(line.isprintable() for line in lines)


# Files that never end


class Over(BaseException):
    """Nothing takes it for an error of a file."""


@pytest.fixture
def hurried() -> Iterator[None]:
    def over(*_: object) -> None:
        raise Over

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(5)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def fifo(path: Path) -> None:
    os.mkfifo(path)


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def folder(path: Path) -> None:
    path.mkdir()


def large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(3_000_000_000)


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("make", [fifo, endless, folder, large])
def test_what_is_no_file_of_a_sane_size_is_not_waited_for(tmp_path: Path, make) -> None:
    odd = tmp_path / "odd"
    make(odd)
    with pytest.raises(ProfileError):
        read(odd, {})
    (problem,) = problems(tmp_path, existing(application=f"client_secret = {{ file = '{odd}' }}"))
    assert problem.startswith("application.client_secret: ")
    for key in ("ca", "client_cert"):
        found = problems(tmp_path, existing(gateway=f"{key} = '{odd}'"))
        assert found
        assert found[0].startswith(f"gateway.{key}: ")


# Secrets that cannot be masked

WORDS = [
    *(
        "password",
        "registration",
        "authorization",
        "client_credentials",
        "exchange",
        "verdict ",
        "observed",
        "expected",
    ),
    *(
        "blocked by",
        "application",
        "konnect.account.created",
        "token.granted",
        "Portal: sign-in",
        "passed in",
        "Curity admins",
    ),
    *(
        "        ",
        "aaaaaaaa",
        "--------",
        "========",
        "abababab",
        "2026-11-30",
        "20261130",
        "2026-11-30T12:00:00",
        "12:34:56.789",
    ),
    *(
        "366 passed",
        "2 not applicable",
        "mode provision",
        "verdict    green",
        "evidence   reports/out/20261130T12",
        "blocked_by",
    ),
    *("30 Nov 2026", '"verdict": "', "| --- | ---: |", "<li><span", "addEventListener", "--dcr-check", "events.jsonl"),
    *("-----BEGIN", "collected 366 items", "rootdir: /", "exchange 12", "404 not found", "1234-5678"),
    *("dkonnect", "password1", "checksPortal", "by 3not seen"),  # at the end of one line and the beginning of the next
    *("localhost", "127.0.0.1", "https://", "application/json", "Authorization", "PASSWORD", "not seen", "undefined"),
]


@pytest.mark.parametrize("secret", WORDS)
def test_a_secret_that_cannot_be_masked_is_refused_with_the_reason(tmp_path: Path, secret: str) -> None:
    (problem,) = problems(tmp_path, existing(), SECRET=secret)
    assert problem.startswith("application.client_secret: the value of the environment variable SECRET ")
    assert "mask" in problem
    assert secret not in problem.removeprefix("application.client_secret: ")


@pytest.mark.parametrize(
    ("secret", "gateway", "application"),
    [
        ("gateway.example", "", ""),
        ("team-of-7-Zq", 'url = "https://team-of-7-Zq.example"', ""),
        ("app-of-7-Zq", "", 'client_id = "app-of-7-Zq"'),
        ("app-of-7-Zq", "", 'client_id = "my-app-of-7-Zq"'),
    ],
)
def test_a_secret_that_the_profile_shows_is_refused(
    tmp_path: Path, secret: str, gateway: str, application: str
) -> None:
    (problem,) = problems(tmp_path, existing(gateway=gateway, application=application), SECRET=secret)
    assert problem.startswith("application.client_secret: ")
    assert "mask" in problem


@pytest.mark.parametrize(
    "secret",
    [
        "Passw0rd!",
        "the-secret-of-the-registrar",
        "verdict-Zq8w",
        "hunter2!",
        "correct horse battery staple",
        "9f8b7c6d-1234-4abc-8def-0123456789ab",
        "konnect-of-the-portal",
        "S3cret99",
        "90210731",
    ],
)
def test_a_bad_secret_that_can_be_masked_is_taken(tmp_path: Path, secret: str) -> None:
    assert problems(tmp_path, existing(), SECRET=secret) == []
