"""A mock reaches a live party by the TLS settings and the proxy that the profile names for that party."""

import asyncio
import json
import ssl

import pytest
from connections import identities, over_tls, proxy

from dcrproof.core.profile.model import CuritySettings, KonnectSettings, Mocked, Profile
from dcrproof.core.secrets.secret import Secret
from dcrproof.fixtures.session.assembling import _ways
from dcrproof.mocks.calls import Caller
from dcrproof.mocks.messages import Call


@pytest.fixture
def known(tmp_path):
    return identities(tmp_path, "idsvr.example.com")


@pytest.mark.parametrize("asks", [True, False], ids=["client certificate", "none"])
def test_a_mock_goes_by_the_proxy_and_shows_the_certificate(known, asks):
    with over_tls(known.context(ask_for_certificate=asks)) as server, proxy() as between:
        between.to["idsvr.example.com:443"] = server
        curity = CuritySettings(
            "https://idsvr.example.com",
            ca=known.ca,
            proxy=between.url,
            client_cert=known.client_cert,
            client_key=known.client_key,
        )
        profile = Profile("a test", curity=curity)
        caller = Caller({}, ssl.create_default_context(), _ways(profile), lambda *_: None)

        async def call():
            try:
                return await caller.call(Call("GET", "https://idsvr.example.com/oauth"), "konnect")
            finally:
                await caller.close()

        answer = asyncio.run(call())
    assert between.asked == ["CONNECT idsvr.example.com:443"]
    assert json.loads(answer.body)["client"] == ("dcrproof" if asks else None)


def test_proxies_are_those_of_the_parties_and_never_of_this_machine(monkeypatch):
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    profile = Profile(
        "a test",
        curity=CuritySettings("https://idsvr.example.com", proxy="http://another.example:3128"),
        konnect=KonnectSettings("https://eu.api.konghq.com", Secret("a token")),
    )
    assert {host: proxy for host, (_, proxy) in _ways(profile).items()} == {
        "idsvr.example.com": "http://another.example:3128",
        "eu.api.konghq.com": "http://proxy.example:3128",
    }
    here = Profile("a test", curity=CuritySettings("https://localhost:8443"), konnect=KonnectSettings(mocked=Mocked()))
    assert [proxy for _, proxy in _ways(here).values()] == [None]
