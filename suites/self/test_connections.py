"""Connections to each party, over real sockets: proxies, certificate authorities, client certificates and nodes."""

import ssl
from pathlib import Path

import pytest
from connections import Identities, Recorded, answered, identities, over_tls, proxy, serving

from dcrproof.core.checks.outcomes import Unreachable
from dcrproof.core.http.connection import Connection, tls
from dcrproof.core.http.exchange import Exchange, Transcript
from dcrproof.core.http.party_connection import PartyConnection
from dcrproof.core.parties.target import Target
from dcrproof.core.profile.reading import read

HOST = "party.example.com"
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")

both = pytest.mark.parametrize("consumer", [False, True], ids=["httpx", "requests"])


@pytest.fixture(autouse=True)
def no_proxies_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    tls.cache_clear()  # what this machine trusts is another file in some tests


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Identities:
    return identities(tmp_path_factory.mktemp("known"), HOST)


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Identities:
    return identities(tmp_path_factory.mktemp("stranger"), HOST)


def asked(
    connection: Connection, *, consumer: bool, base: str = f"https://{HOST}", node: str | None = None
) -> Exchange:
    http = PartyConnection("curity", base, Transcript(), connection=connection, consumer=consumer)
    try:
        return http.send("GET", f"{base}/", node=node)
    finally:
        http.close()


def unreachable(connection: Connection, *, consumer: bool, base: str = f"https://{HOST}") -> Unreachable:
    with pytest.raises(Unreachable) as caught:
        asked(connection, consumer=consumer, base=base)
    return caught.value


# --- from the profile to the wire, for each party ---

PROFILE = """\
[run]
mode = "existing"
[curity]
issuer = "https://{host}/oauth"
{way}
[konnect]
url = "https://{host}"
token = {{ file = "token" }}
{way}
[portal]
url = "https://{host}"
{way}
[gateway]
url = "https://{host}"
{way}
[[gateway.route]]
path = "/orders"
[application]
client_id = "an application"
client_secret = {{ file = "token" }}
"""


def target(folder: Path, known: Identities, proxy_url: str) -> Target:
    (folder / "token").write_text("kpat_Zt81kPq07fGq2")
    way = f"ca = '{known.ca}'\nclient_cert = '{known.client_cert}'\nclient_key = '{known.client_key}'"
    path = folder / "profile.toml"
    path.write_text(PROFILE.format(host=HOST, way=f'{way}\nproxy = "{proxy_url}"'))
    return Target(read(path))


@pytest.mark.parametrize("party", ["curity", "konnect", "portal", "gateway"])
def test_authority_proxy_and_client_certificate_of_a_party_are_used(party, known, tmp_path):
    with over_tls(known.context(ask_for_certificate=True)) as port, proxy(**{f"{HOST}:443": port}) as between:
        parties = target(tmp_path, known, between.url)
        ask = {
            "curity": lambda: parties.authorization_server().discovery(),
            "konnect": lambda: parties.konnect().get("/v3/portals"),
            "portal": lambda: parties.portal().get("/portal"),
            "gateway": lambda: parties.consumer().call(),
        }[party]
        try:
            seen = ask().object()
        finally:
            parties.close()
    assert between.asked == [f"CONNECT {HOST}:443"]
    assert (seen["host"], seen["name"], seen["client"]) == (HOST, HOST, "dcrproof")


# --- TLS ---


@both
def test_a_node_is_dialled_through_a_proxy_with_the_public_name(consumer, known):
    """The address is in CONNECT, and the public name in TLS and in Host."""
    with over_tls(known.context(ask_for_certificate=False)) as port, proxy(**{"10.0.0.4:8443": port}) as between:
        connection = Connection(ca=known.ca, proxy=between.url, nodes=("10.0.0.4:8443",))
        seen = asked(connection, consumer=consumer).object()
    assert between.asked == ["CONNECT 10.0.0.4:8443"]
    assert (seen["host"], seen["name"]) == (HOST, HOST)


def via(known: Identities, port: int, between_url: str, **keywords: Path) -> Connection:
    return Connection(**{"ca": known.ca, "proxy": between_url, **keywords})


@both
@pytest.mark.parametrize("most", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_a_missing_client_certificate_is_named(consumer, most, known):
    context = known.context(ask_for_certificate=True, most=most)
    with over_tls(context) as port, proxy(**{f"{HOST}:443": port}) as between:
        said = unreachable(Connection(ca=known.ca, proxy=between.url), consumer=consumer).observed
    assert "TLS: the other side" in said
    assert "client_cert" in said


@both
def test_a_client_certificate_of_an_unknown_authority_is_named(consumer, known, stranger):
    with over_tls(known.context(ask_for_certificate=True)) as port, proxy(**{f"{HOST}:443": port}) as between:
        connection = Connection(known.ca, between.url, stranger.client_cert, stranger.client_key)
        said = unreachable(connection, consumer=consumer).observed
    assert "TLS: the other side does not know who issued the client certificate (client_cert)" in said


@both
@pytest.mark.parametrize("ca", ["none", "another"])
def test_an_untrusted_authority_is_named_with_the_key_of_the_profile(consumer, ca, known, stranger):
    """Without `ca` this machine's trust counts, with it only the file."""
    with over_tls(known.context(ask_for_certificate=False)) as port, proxy(**{f"{HOST}:443": port}) as between:
        connection = Connection(ca=stranger.ca if ca == "another" else None, proxy=between.url)
        said = unreachable(connection, consumer=consumer).observed
    assert "TLS: " in said
    assert "issuer not trusted (set `ca`)" in said


@both
def test_what_this_machine_trusts_is_what_both_libraries_trust(consumer, known, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(known.ca))
    with over_tls(known.context(ask_for_certificate=False)) as port, proxy(**{f"{HOST}:443": port}) as between:
        assert asked(Connection(proxy=between.url), consumer=consumer).status == 200


@both
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_variables_of_one_library_change_nothing(consumer, variable, known, monkeypatch):
    monkeypatch.setenv(variable, str(known.ca))
    with over_tls(known.context(ask_for_certificate=False)) as port, proxy(**{f"{HOST}:443": port}) as between:
        assert "TLS: " in unreachable(Connection(proxy=between.url), consumer=consumer).observed


@both
def test_a_party_that_does_not_speak_tls_is_named(consumer):
    def plain(connection) -> None:
        connection.recv(65536)
        connection.sendall(answered(200, {}))

    with serving(plain) as port, proxy(**{f"{HOST}:443": port}) as between:
        said = unreachable(Connection(proxy=between.url), consumer=consumer).observed
    assert "TLS: " in said


# --- proxies ---


@both
@pytest.mark.parametrize(
    ("answer", "words", "passing"),
    [
        (
            b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
            "407, it wants credentials",
            False,
        ),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "403 to CONNECT", False),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "502 to CONNECT", True),
        (b"", "it closed the connection", True),
        (b"SSH-2.0-OpenSSH\r\n", "it closed the connection, or what answers there is not a proxy", True),
    ],
    ids=["407", "403", "502", "drops", "no-proxy"],
)
def test_an_error_at_the_proxy_names_the_proxy(consumer, answer, words, passing):
    with proxy(answer) as between:
        outcome = unreachable(Connection(proxy=between.url), consumer=consumer)
        assert f"proxy 127.0.0.1:{between.port}" in outcome.observed
    if consumer and "closed" in words:
        # requests does not tell whether the tunnel was established already
        said = "the answer is not HTTP" if answer else "the connection was dropped before the answer was complete"
        assert f"{said}, through proxy" in outcome.observed
        return
    assert words in outcome.observed
    assert (outcome.lost, outcome.passing) == (False, passing)


@both
def test_a_proxy_that_is_down_is_distinguished_from_a_party_that_is_down(consumer):
    with proxy() as between:
        pass
    outcome = unreachable(Connection(proxy=between.url), consumer=consumer)
    assert f"proxy 127.0.0.1:{between.port}: connection refused" in outcome.observed
    party = unreachable(Connection(), consumer=consumer, base=between.url.replace("http:", "https:"))
    assert "proxy" not in party.observed
    assert "connection refused" in party.observed


@both
def test_a_proxys_own_answer_to_a_plain_request_names_the_proxy(consumer):
    answer = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    with proxy(answer) as between:
        base = "http://gateway.example.com"
        said = unreachable(Connection(proxy=between.url), consumer=consumer, base=base).observed
    assert "proxy 127.0.0.1" in said
    assert "407" in said


@both
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_the_environments_proxy_is_used_where_the_profile_names_none(consumer, variable, known, monkeypatch):
    with over_tls(known.context(ask_for_certificate=False)) as port, proxy(**{f"{HOST}:443": port}) as between:
        monkeypatch.setenv(variable, f"http://user:pass-word@127.0.0.1:{between.port}")
        assert asked(Connection(ca=known.ca), consumer=consumer).status == 200
    assert between.asked == [f"CONNECT {HOST}:443"]
    assert "proxy-authorization: basic" in between.heads[0].lower()


@both
def test_the_profiles_proxy_takes_precedence_over_the_environments(consumer, known, monkeypatch):
    with (
        over_tls(known.context(ask_for_certificate=False)) as port,
        proxy(**{f"{HOST}:443": port}) as between,
        proxy(b"") as other,
    ):
        monkeypatch.setenv("HTTPS_PROXY", other.url)
        assert asked(Connection(ca=known.ca, proxy=between.url), consumer=consumer).status == 200
    assert (len(between.asked), other.asked) == (1, [])


@both
def test_a_host_of_no_proxy_is_dialled_directly(consumer, monkeypatch):
    with proxy(b"") as other:
        monkeypatch.setenv("HTTPS_PROXY", other.url)
        monkeypatch.setenv("NO_PROXY", "party.invalid")
        said = unreachable(Connection(), consumer=consumer, base="https://party.invalid").observed
    assert "DNS" in said
    assert other.asked == []


@both
@pytest.mark.parametrize("of_the_profile", [False, True], ids=["environment", "profile"])
@pytest.mark.parametrize("how", ["base", "node", "endpoint"])
def test_loopback_never_goes_through_a_proxy(consumer, of_the_profile, how, known, monkeypatch):
    """Neither a party on this machine, nor a node of a party, nor an endpoint here that a party elsewhere has named."""
    with over_tls(known.context(ask_for_certificate=False)) as port, proxy(b"") as between:
        for name in (*VARIABLES[:3], *(name.lower() for name in VARIABLES[:3])):
            monkeypatch.setenv(name, between.url)
        address = f"127.0.0.1:{port}"
        connection = Connection(
            ca=known.ca, proxy=between.url if of_the_profile else None, nodes=(address,) if how == "node" else ()
        )
        base = f"https://{address}" if how == "base" else f"https://{HOST}"
        http = PartyConnection("curity", base, Transcript(), connection=connection, consumer=consumer)
        url = f"https://{address}/" if how == "endpoint" else f"{base}/"
        try:
            http.send("GET", url)
        except Unreachable as outcome:
            assert how != "node"
            assert "TLS" in outcome.observed  # it was reached, and its certificate is for another name
        finally:
            http.close()
    assert between.asked == []


@both
def test_a_proxy_that_is_not_an_http_proxy_is_named(consumer, monkeypatch):
    for url in ("socks5://127.0.0.1:9", "http://[", "http://proxy:port"):
        monkeypatch.setenv("ALL_PROXY", url)
        said = unreachable(Connection(), consumer=consumer).observed
        assert "proxy: not an http:// or https:// address" in said


def test_the_password_of_a_proxy_is_masked_like_any_other(tmp_path, known, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://user:pass%2Bword-of-the-proxy@proxy.example.com:3128")
    secrets = target(tmp_path, known, "http://127.0.0.1:9").secrets
    assert "of-the-proxy" not in secrets.mask("pass+word-of-the-proxy and pass%2Bword-of-the-proxy")


def test_unanswered_requests_are_in_the_transcript():
    http = PartyConnection("curity", f"https://{HOST}", Recorded(), connection=Connection(proxy="http://127.0.0.1:1"))
    with pytest.raises(Unreachable):
        http.send("GET", f"https://{HOST}/a")
    http.close()
    (lost,) = http.transcript.unanswered
    assert (lost.number, lost.party, lost.method, lost.url) == (1, "curity", "GET", f"https://{HOST}/a")
    assert lost.error == "proxy 127.0.0.1:1: connection refused"
