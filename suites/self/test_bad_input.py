"""Bad input on the command line of pytest: an exit code, one clear message, no traceback and no secret."""

import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
import trustme

USAGE, UNREACHABLE = 4, 6
SECRET = "a-secret-of-this-test"
PAGE = b"<!DOCTYPE html><html><body>Access to this page has been blocked by your company.</body></html>"


class Page(BaseHTTPRequestHandler):
    """Answers every request with an HTML page."""

    status = 200

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(self.status)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - the names that the base class looks for

    def log_message(self, *_) -> None:
        """Says nothing."""


@contextmanager
def page(status: int = 200, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serves the page with that status, and yields the port."""
    handler = type("PageWithStatus", (Page,), {"status": status})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        # a client that refuses the certificate closes the connection: not an error of the server
        server.handle_error = lambda *_: None
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def closed_port() -> int:
    """A port of this machine that is closed."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        return server.server_port


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def server_context(authority: trustme.CA, *, expired: bool = False) -> ssl.SSLContext:
    now = datetime.now(UTC)
    life = {"not_before": now - timedelta(days=30), "not_after": now - timedelta(days=1)} if expired else {}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", **life).configure_cert(context)
    return context


@pytest.fixture
def refused(tmp_path, run_checks):
    """Runs the checks with that profile, asserts that it is refused, and returns the output."""

    def run(text: str, *arguments: str) -> str:
        path = tmp_path / "profile.toml"
        path.write_text(text, "utf-8")
        ran = run_checks(*arguments, profile=path, A_SECRET=SECRET)
        assert ran.code == USAGE, ran.output
        assert ran.report == {}
        assert "Traceback" not in ran.output
        assert SECRET not in ran.output
        return ran.output

    return run


@pytest.fixture
def unreachable(run_checks):
    """Runs one check with that profile, asserts that its party is unreachable and nothing else is wrong.

    Returns what was expected and observed.
    """

    def run(profile, party: str, check: str, secrets: tuple[str, ...] = ()) -> str:
        ran = run_checks("--dcr-check", check, profile=profile, A_SECRET=SECRET)
        assert ran.code == UNREACHABLE, ran.output
        found = ran.with_verdict("unreachable", "failed", "error")
        assert list(found) == [check]
        assert found[check]["verdict"] == "unreachable"
        message = found[check]["expected"] + "; " + found[check]["observed"]
        assert party in message
        assert ran.output.count("UNREACHABLE") == 1
        assert f"UNREACHABLE {check}" in ran.output
        assert found[check]["observed"] in ran.output
        assert "Traceback" not in ran.output
        for secret in (SECRET, *secrets):
            assert secret not in ran.output
        return message

    return run


# Profiles that are refused


def test_unknown_keys_and_missing_values_are_listed_together(refused):
    output = refused(
        '[run]\nmode = "existing"\ncolour = "red"\n[gateway]\nurl = "https://gateway.example"\n'
        f'[application]\nclient_id = "a"\nclient_secret = "{SECRET}"\n[upstream]\n'
    )
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    assert lines[0].startswith("ERROR: ")
    assert lines[0].endswith("profile.toml: 4 problem(s)")
    assert [line.partition(": ")[0] for line in lines[1:]] == [
        "run.colour",
        "application.client_secret",
        "[upstream]",
        "gateway.route",
    ]


def test_an_unset_variable_is_named(refused):
    output = refused(
        '[run]\nmode = "inspect"\n[konnect]\nurl = "https://konnect.example"\ntoken = { env = "NEVER_SET_ANYWHERE" }\n'
    )
    assert "konnect.token: the environment variable NEVER_SET_ANYWHERE is not set" in output


def test_an_impossible_mix_is_refused_with_its_reason(refused):
    output = refused(
        '[run]\nmode = "inspect"\n[curity]\nmocked = true\n'
        '[konnect]\nurl = "https://konnect.example"\ntoken = { env = "A_SECRET" }\n'
    )
    assert "curity.mocked: live Konnect cannot reach a mocked Curity" in output


def test_a_missing_profile_is_one_line(tmp_path, run_checks):
    ran = run_checks(profile=tmp_path / "none.toml")
    assert ran.code == USAGE
    assert "none.toml: 1 problem(s)\n  cannot be read: No such file or directory" in ran.output
    assert "Traceback" not in ran.output


def test_an_invalid_ca_file_is_refused_before_anything_is_sent(refused):
    output = refused('[run]\nmode = "inspect"\n[curity]\nissuer = "https://curity.example"\nca = "profile.toml"\n')
    assert "curity.ca: " in output
    assert "contains no PEM certificates" in output


# Parties that cannot be reached


def inspecting_curity(tmp_path, issuer: str, more: str = ""):
    path = tmp_path / "profile.toml"
    path.write_text(f'[run]\nmode = "inspect"\n[curity]\nissuer = "{issuer}"\n{more}', "utf-8")
    return path


def calling(tmp_path, url: str, more: str = ""):
    path = tmp_path / "profile.toml"
    path.write_text(
        f'[run]\nmode = "existing"\n[gateway]\nurl = "{url}"\n{more}[[gateway.route]]\npath = "/accounts"\n'
        '[application]\nclient_id = "app"\nclient_secret = { env = "A_SECRET" }\n',
        "utf-8",
    )
    return path


def test_a_closed_port(tmp_path, unreachable, closed_port):
    profile = inspecting_curity(tmp_path, f"http://127.0.0.1:{closed_port}/oauth")
    assert "connection refused" in unreachable(profile, "curity", "discovery.served")


def test_a_gateway_that_is_down(tmp_path, unreachable, closed_port):
    profile = calling(tmp_path, f"http://127.0.0.1:{closed_port}")
    assert "connection refused" in unreachable(profile, "gateway", "gateway.answers")


def test_a_node_of_the_gateway_that_is_down_is_named(tmp_path, unreachable, closed_port):
    profile = calling(tmp_path, "https://gateway.example", f'nodes = ["127.0.0.1:{closed_port}"]\n')
    observed = unreachable(profile, "gateway", "gateway.answers")
    assert f"https://gateway.example/accounts at 127.0.0.1:{closed_port}: connection refused" in observed


# RFC 6761 6.4: no resolver knows a name below .invalid
def test_a_host_that_does_not_resolve(tmp_path, unreachable):
    profile = inspecting_curity(tmp_path, "https://curity.invalid/oauth")
    assert "DNS: the host name cannot be resolved" in unreachable(profile, "curity", "discovery.served")


def test_a_gateway_whose_host_does_not_resolve(tmp_path, unreachable):
    profile = calling(tmp_path, "https://gateway.invalid")
    assert "DNS: the host name cannot be resolved" in unreachable(profile, "gateway", "gateway.answers")


def test_an_expired_certificate(tmp_path, unreachable, authority):
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with page(context=server_context(authority, expired=True)) as port:
        profile = inspecting_curity(tmp_path, f"https://127.0.0.1:{port}", 'ca = "ca.pem"\n')
        assert "TLS: certificate has expired" in unreachable(profile, "curity", "discovery.served")


def test_an_expired_certificate_of_the_gateway(tmp_path, unreachable, authority):
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with page(context=server_context(authority, expired=True)) as port:
        profile = calling(tmp_path, f"https://127.0.0.1:{port}", 'ca = "ca.pem"\n')
        assert "TLS: certificate has expired" in unreachable(profile, "gateway", "gateway.answers")


@pytest.mark.parametrize("ca", ["", 'ca = "ca.pem"\n'], ids=["none given", "another one given"])
def test_a_certificate_of_another_authority(tmp_path, unreachable, authority, ca):
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    with page(context=server_context(authority)) as port:
        profile = inspecting_curity(tmp_path, f"https://127.0.0.1:{port}", ca)
        assert "TLS: " in unreachable(profile, "curity", "discovery.served")


def test_a_server_without_tls(tmp_path, unreachable):
    with page() as port:
        profile = inspecting_curity(tmp_path, f"https://127.0.0.1:{port}")
        assert "TLS: " in unreachable(profile, "curity", "discovery.served")


# Answers that are not the party's


def instead_of(party: str, port: int):
    """The profile of running mocks, with a server of the test in place of one party."""

    def change(described):
        address = urlsplit(described[party]["url"]).netloc
        return lambda text: text.replace(address, f"127.0.0.1:{port}")

    return change


@pytest.mark.parametrize(
    ("party", "check"), [("portal", "portal.open"), ("konnect", "konnect.authenticated")], ids=["portal", "konnect"]
)
def test_html_instead_of_json(mocks, unreachable, party, check):
    with page() as port:
        profile = mocks.changed(f"html-{party}", instead_of(party, port)(mocks.described))
        observed = unreachable(profile, party, check, tuple(mocks.secrets))
    assert f"-> 200 is not an answer of {party}: text/html, {len(PAGE)} bytes" in observed


def test_html_instead_of_the_discovery_document(tmp_path, unreachable):
    with page() as port:
        observed = unreachable(inspecting_curity(tmp_path, f"http://127.0.0.1:{port}"), "curity", "discovery.served")
    assert "is not an answer of curity: text/html" in observed


def test_a_page_instead_of_the_portal_blocks_only_what_depends_on_the_portal(mocks, run_checks):
    with page() as port:
        ran = run_checks(profile=mocks.changed("html-whole", instead_of("portal", port)(mocks.described)))
    assert ran.code == UNREACHABLE
    assert ran.report["exit"] == UNREACHABLE
    assert list(ran.with_verdict("unreachable", "failed", "error")) == ["portal.open"]
    blocked = ran.with_verdict("blocked")
    assert {check["blocked_by"] for check in blocked.values()} == {"portal.open"}
    assert {check["stage"] for check in ran.report["checks"] if check["id"] not in blocked} >= {"curity", "konnect"}
    assert all(check["stage"] not in {"curity", "konnect", "provision"} for check in blocked.values())
    assert ran.output.count("UNREACHABLE") == 1
    assert "verdict    unreachable: portal.open" in ran.output
    assert "Traceback" not in ran.output
    assert not [secret for secret in mocks.secrets if secret in ran.output]


def test_the_page_of_a_firewall_is_not_taken_for_a_refusal_by_kong(mocks, run_checks):
    with page(403) as port:
        ran = run_checks(profile=mocks.changed("firewall", instead_of("gateway", port)(mocks.described)))
    assert ran.code == UNREACHABLE
    assert list(ran.with_verdict("unreachable", "failed", "error")) == ["gateway.answers"]
    observed = ran.with_verdict("unreachable")["gateway.answers"]["observed"]
    assert re.search(rf"/accounts at \S+ -> 403 was not answered by Kong: text/html, {len(PAGE)} bytes", observed)
    # taken for an answer of Kong, the 403 would make every check of a refusal pass
    refusals = [id for id in ran.verdicts if id.startswith("route.")]
    assert {ran.verdicts[id] for id in refusals} <= {"blocked", "not seen", "not applicable"}
    assert "Traceback" not in ran.output
    assert not [secret for secret in mocks.secrets if secret in ran.output]


# Options


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("curity.no-such.step", "curity.no-such.step: no step that can be left undone; they are curity."),
        ("curity.token-isuer.jwt", "no step that can be left undone; did you mean 'curity.token-issuer.jwt'?"),
        ("moon", "moon: no step that can be left undone; ids begin with curity, "),
        ("curity.profile.tab", "curity.profile.tab: it cannot be left undone: navigation"),
        ("curity.token-issuer.jwt=sideways", "sideways: no such variant; it has wrapped"),
    ],
)
def test_an_unknown_step_or_variant_is_refused_with_the_known_ones(run_checks, step, message):
    ran = run_checks(f"--dcr-undo={step}")
    assert ran.code == USAGE
    assert message in ran.output
    assert "Traceback" not in ran.output


def test_a_step_of_a_live_party_cannot_be_undone(refused):
    output = refused(
        '[run]\nmode = "inspect"\n[curity]\nissuer = "https://curity.example"\n',
        "--dcr-undo",
        "curity.token-issuer.jwt",
    )
    assert "--dcr-undo curity.token-issuer.jwt: curity is not mocked by this run" in output


def test_a_step_of_a_mock_in_another_process_cannot_be_undone(mocks, run_checks):
    ran = run_checks("--dcr-undo", "konnect.strategy.claim", profile=mocks.profile)
    assert ran.code == USAGE
    assert "konnect is not mocked by this run" in ran.output


@pytest.mark.parametrize("prefix", ["route.bas", "route.basic.accepted.more"])
def test_an_unknown_check_is_refused_and_leaves_no_record(run_checks, tmp_path, prefix):
    ran = run_checks(f"--dcr-check={prefix}")
    assert ran.code == USAGE
    assert "did you mean 'route.basic" in ran.output
    assert not (tmp_path / "reports").exists()
    assert f"--dcr-check {prefix}: no check has this id or prefix" in ran.output
    assert "Traceback" not in ran.output


@pytest.mark.parametrize("path", ["suites/self", "suites/self/test_profile.py::test_create_is_the_default_mode"])
def test_own_tests_never_talk_to_a_live_party(refused, path):
    output = refused('[run]\nmode = "inspect"\n[curity]\nissuer = "https://curity.example"\n', path)
    assert "never talk to a live party" in output
