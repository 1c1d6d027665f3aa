"""The ledger: what it writes before a request and after its answer, and what is read from its file."""

import json
import stat
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrproof.core.checks.outcomes import NotSeen
from dcrproof.core.cleanup.clean_up import clean_up, hidden
from dcrproof.core.cleanup.sweep import ledgers, listed, swept
from dcrproof.core.http.exchange import Exchange, Request
from dcrproof.core.ledger.file import Busy, Unreadable, addresses, in_use, kept, read, taken_over
from dcrproof.core.ledger.ledger import Ledger, new_mark
from dcrproof.core.ledger.watch import watch
from dcrproof.core.parties.control import ControlClient
from dcrproof.core.parties.target import Target
from dcrproof.core.profile.model import (
    CuritySettings,
    KonnectSettings,
    Mocked,
    PortalSettings,
    Profile,
    RegistrarSettings,
)
from dcrproof.core.secrets.secret import Secret

KONNECT, PORTAL, CURITY = "https://eu.api.example", "https://portal.example", "https://curity.example/oauth"
REGISTER = "https://curity.example/token-service/oauth-registration"
TOKEN = "registration-token-0123456789"
PROFILE = Profile(
    "a test",
    curity=CuritySettings(CURITY, registrar=RegistrarSettings("registrar", Secret("the registrar's secret"))),
    konnect=KonnectSettings(KONNECT, Secret("the token of Konnect")),
    portal=PortalSettings(PORTAL, "developer@example.com", Secret("the developer's password")),
)
ANOTHER = replace(
    PROFILE, curity=CuritySettings(CURITY, registrar=RegistrarSettings("registrar", Secret("another secret")))
)
BASES = {"konnect": KONNECT, "portal": PORTAL, "curity": CURITY}


def answer(party: str, method: str, url: str, status: int, content: object = None) -> Exchange:
    body = b"" if content is None else json.dumps(content).encode()
    return Exchange(
        number=1,
        at=datetime.now(UTC),
        party=party,
        method=method,
        url=url,
        status=status,
        request_headers=(),
        request_body=b"",
        headers=(),
        body=body,
        seconds=0.1,
    )


def send(
    ledger: Ledger,
    party: str,
    method: str,
    url: str,
    body: object = None,
    *,
    status: int | None = None,
    content: object = None,
) -> None:
    """A request that the ledger watches, and its answer; without a status no answer comes."""
    sent = b"" if body is None else json.dumps(body).encode()
    media_type = "application/json" if sent else ""
    answered = watch(
        ledger, Request(party=party, base=BASES[party], method=method, url=url, media_type=media_type, body=sent)
    )
    if status is not None:
        answered(answer(party, method, url, status, content))


def named(ledger: Ledger) -> list[tuple[str, str | None, str | None]]:
    return [(entry.kind.name, entry.name, entry.id) for entry in ledger.pending]


# What passes by


def test_what_is_created_is_named_before_it_is_sent_and_has_its_id_after() -> None:
    ledger, written = Ledger(new_mark()), []
    ledger.write = written.append
    answered = watch(
        ledger,
        Request(
            party="konnect",
            base=KONNECT,
            method="POST",
            url=f"{KONNECT}/v3/apis",
            media_type="application/json",
            body=b'{"name": "one"}',
        ),
    )
    assert [(line["intent"], line["kind"], line["name"]) for line in written] == [(1, "API", "one")]
    answered(answer("konnect", "POST", f"{KONNECT}/v3/apis", 201, {"id": "a1", "name": "one"}))
    assert (written[1]["made"], written[1]["id"]) == (1, "a1")
    assert named(ledger) == [("API", "one", "a1")]


@pytest.mark.parametrize(
    ("party", "url", "content", "kind"),
    [
        ("konnect", "/v2/dcr-providers", {"id": "x"}, "DCR provider"),
        ("konnect", "/v2/application-auth-strategies", {"id": "x"}, "auth strategy"),
        ("konnect", "/v3/portals", {"id": "x"}, "portal"),
        ("konnect", "/v3/apis", {"id": "x"}, "API"),
        ("konnect", "/v3/apis/a/implementations", {"id": "x"}, "implementation"),
        ("konnect", "/v2/control-planes/c/core-entities/services/s/routes", {"id": "x"}, "gateway route"),
        ("konnect", "/v3/portals/p/developers", {"id": "x"}, "developer"),
        ("konnect", "/v3/portals/p/applications", {"id": "x"}, "application of another developer"),
        ("portal", "/api/v3/applications", {"id": "x"}, "application"),
        ("portal", "/api/v2/applications", {"id": "x", "credentials": {"client_id": "c"}}, "application"),
        ("portal", "/api/v3/applications/a/registrations", {"id": "x"}, "registration"),
        ("curity", "/anything", {"client_id": "x"}, "client"),
    ],
)
def test_everything_that_a_run_creates_is_in_the_ledger(party: str, url: str, content: object, kind: str) -> None:
    ledger = Ledger(new_mark())
    send(ledger, party, "POST", BASES[party] + url, {"any": "thing"}, status=201, content=content)
    assert [(entry.kind.name, entry.id) for entry in ledger.pending] == [(kind, "x")]


@pytest.mark.parametrize(
    ("party", "method", "url"),
    [
        ("konnect", "GET", "/v3/apis"),
        ("konnect", "POST", "/v2/dcr-providers/x/verify"),
        ("konnect", "POST", "/v3/apis/a/versions"),
        ("konnect", "PATCH", "/v3/portals/p"),
        ("konnect", "PUT", "/v3/apis/of-others/publications/p"),
        ("portal", "POST", "/api/v3/developer/authenticate"),
        ("portal", "POST", "/api/v3/applications/a/regenerate-secret"),
    ],
)
def test_what_creates_nothing_is_not_in_the_ledger(party: str, method: str, url: str) -> None:
    """A PUT changes an existing publication of an API, which the run may not delete."""
    ledger = Ledger(new_mark())
    send(ledger, party, method, BASES[party] + url, {"any": "thing"}, status=200, content={"id": "x"})
    assert ledger.pending == []


def test_a_publication_of_the_runs_own_api_is_named() -> None:
    ledger = Ledger(new_mark())
    send(ledger, "konnect", "POST", f"{KONNECT}/v3/apis", {"name": "one"}, status=201, content={"id": "a1"})
    send(ledger, "konnect", "PUT", f"{KONNECT}/v3/apis/a1/publications/p1", {})
    assert [entry.path for entry in ledger.pending] == ["/v3/apis/a1/publications/p1", "/v3/apis/a1"]


def test_a_form_posted_to_the_authorization_server_registers_nothing() -> None:
    ledger = Ledger(new_mark())
    watch(
        ledger,
        Request(
            party="curity",
            base=CURITY,
            method="POST",
            url=CURITY + "/token",
            media_type="application/x-www-form-urlencoded",
            body=b"grant_type=x",
        ),
    )
    assert ledger.pending == []


@pytest.mark.parametrize(
    ("status", "kept_as_lost"),
    [
        (400, False),
        (401, False),
        (409, False),
        (429, False),
        (503, True),
        (500, True),
        (502, True),
        (504, True),
        (None, True),
    ],
)
def test_a_refusal_creates_nothing_and_a_missing_answer_may_have(status: int | None, kept_as_lost: bool) -> None:
    ledger = Ledger(new_mark())
    send(ledger, "konnect", "POST", f"{KONNECT}/v3/apis", {"name": "one"}, status=status)
    assert named(ledger) == ([("API", "one", None)] if kept_as_lost else [])


def test_what_was_never_sent_creates_nothing() -> None:
    ledger = Ledger(new_mark())
    watch(
        ledger,
        Request(
            party="konnect",
            base=KONNECT,
            method="POST",
            url=f"{KONNECT}/v3/apis",
            media_type="application/json",
            body=b'{"name": "one"}',
        ),
    )(None)
    assert ledger.pending == []


def test_an_accepted_registration_is_named_whatever_its_body_was() -> None:
    """A check that expected a refusal does not record the client."""
    ledger = Ledger(new_mark())
    answered = watch(
        ledger,
        Request(
            party="curity", base=CURITY, method="POST", url=REGISTER, media_type="application/json", body=b"[not json"
        ),
    )
    answered(answer("curity", "POST", REGISTER, 201, registered("c1")))
    assert named(ledger) == [("client", None, "c1")]


def registered(id: str, token: str = TOKEN) -> dict[str, str]:
    management = {"registration_client_uri": f"{REGISTER}/{id}", "registration_access_token": token}
    return {"client_id": id, "client_secret": f"secret of {id}", **management}


def test_a_run_killed_while_recording_a_client_can_delete_it(tmp_path: Path) -> None:
    """After any last line, the client is known by its id, or as one whose registration was never answered."""
    ledger = Ledger(new_mark())
    with kept(ledger, tmp_path, PROFILE) as path:
        send(ledger, "curity", "POST", REGISTER, {"client_name": "one"}, status=201, content=registered("c1"))
        lines = path.read_bytes().splitlines(keepends=True)
    intent = next(at for at, line in enumerate(lines) if b"intent" in line)
    for end in range(intent + 2, len(lines) + 1):
        path.write_bytes(b"".join(lines[:end]))
        with taken_over(path, PROFILE) as found:
            assert found.pending[0].manage == (f"{REGISTER}/c1", Secret(TOKEN))


def test_the_newest_registration_token_is_the_one_that_counts() -> None:
    ledger = Ledger(new_mark())
    send(ledger, "curity", "POST", REGISTER, {"client_name": "one"}, status=201, content=registered("c1"))
    send(ledger, "curity", "GET", f"{REGISTER}/c1", status=200, content=registered("c1", "the second token"))
    entry = ledger.pending[0]
    assert entry.manage == (f"{REGISTER}/c1", Secret("the second token"))
    send(ledger, "curity", "GET", f"{REGISTER}/c1")
    assert ledger.pending[0].rotating


def test_what_a_check_deletes_is_gone_with_all_its_parts() -> None:
    ledger = Ledger(new_mark())
    applications = f"{PORTAL}/api/v3/applications"
    send(ledger, "portal", "POST", applications, {"name": "one"}, status=201, content={"id": "a1"})
    send(ledger, "portal", "POST", f"{applications}/a1/registrations", {}, status=201, content={"id": "r1"})
    send(ledger, "portal", "DELETE", f"{applications}/a1", status=404)
    assert len(ledger.pending) == 2, "somebody else may have hidden it"
    send(ledger, "portal", "DELETE", f"{applications}/a1", status=204)
    assert ledger.pending == []


def test_no_more_is_created_than_the_profile_allows() -> None:
    ledger = Ledger(new_mark(), most=1)
    applications = f"{PORTAL}/api/v3/applications"
    send(ledger, "portal", "POST", applications, {"name": "one"}, status=201, content={"id": "a1"})
    send(ledger, "portal", "POST", f"{applications}/a1/registrations", {}, status=201, content={"id": "r1"})
    with pytest.raises(NotSeen, match="max_created above 1"):
        send(ledger, "portal", "POST", applications, {"name": "two"})
    assert len(ledger.pending) == 2


@pytest.mark.parametrize("turned_away", [429, None])
def test_a_rejected_request_that_is_sent_again_counts_once(turned_away: int | None) -> None:
    ledger = Ledger(new_mark(), most=1)
    url = f"{KONNECT}/v3/apis"
    answered = watch(
        ledger,
        Request(
            party="konnect",
            base=KONNECT,
            method="POST",
            url=url,
            media_type="application/json",
            body=b'{"name": "one"}',
        ),
    )
    answered(answer("konnect", "POST", url, turned_away) if turned_away else None)
    send(ledger, "konnect", "POST", url, {"name": "one"}, status=201, content={"id": "a1"})
    assert ledger.created == 1


def test_things_are_deleted_in_the_order_that_the_products_need() -> None:
    ledger = Ledger(new_mark())
    for path in (
        "/v2/dcr-providers",
        "/v2/application-auth-strategies",
        "/v3/portals",
        "/v3/apis",
        "/v3/apis/x/implementations",
    ):
        send(ledger, "konnect", "POST", KONNECT + path, {"name": "n"}, status=201, content={"id": "x"})
    send(ledger, "konnect", "PUT", f"{KONNECT}/v3/apis/x/publications/x", {}, status=200)
    send(ledger, "portal", "POST", f"{PORTAL}/api/v3/applications", {"name": "n"}, status=201, content={"id": "a"})
    send(ledger, "portal", "POST", f"{PORTAL}/api/v3/applications/a/registrations", {}, status=201, content={"id": "r"})
    order = [
        "registration",
        "application",
        "publication",
        "implementation",
        "API",
        "portal",
        "auth strategy",
        "DCR provider",
    ]
    assert [entry.kind.name for entry in ledger.pending] == order


# The file


def filled(ledger: Ledger) -> None:
    send(ledger, "konnect", "POST", f"{KONNECT}/v3/apis", {"name": f"{ledger.mark}"}, status=201, content={"id": "a1"})
    send(ledger, "konnect", "POST", f"{KONNECT}/v3/portals", {"name": f"{ledger.mark}"})
    send(ledger, "curity", "POST", REGISTER, {"client_name": f"{ledger.mark}"}, status=201, content=registered("c1"))
    send(ledger, "curity", "POST", REGISTER, {"client_name": f"{ledger.mark}"}, status=400, content={})


def left_in(folder: Path) -> Path:
    """The file of a run that was killed after `filled`."""
    ledger = Ledger(new_mark())
    with kept(ledger, folder, PROFILE) as path:
        filled(ledger)
    return path


def test_what_is_read_back_is_what_was_written(tmp_path: Path) -> None:
    path = left_in(tmp_path)
    with taken_over(path, PROFILE) as ledger:
        found = [(entry.kind.name, entry.name, entry.id) for entry in ledger.pending]
        mark = ledger.mark
        assert found == [("API", mark, "a1"), ("portal", mark, None), ("client", mark, "c1")]
        assert ledger.pending[-1].manage == (f"{REGISTER}/c1", Secret(TOKEN))
        assert ledger.addresses == BASES


def test_only_its_owner_reads_the_file_and_it_has_no_secret(tmp_path: Path) -> None:
    path = left_in(tmp_path / "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    content = path.read_bytes()
    secrets = [TOKEN, "secret of c1", "the registrar's secret", "the token of Konnect", "the developer's password"]
    assert [secret for secret in secrets if secret.encode() in content] == []


def test_a_copy_without_the_profiles_secrets_is_useless(tmp_path: Path) -> None:
    path = left_in(tmp_path)
    with taken_over(path, ANOTHER) as ledger:
        client = ledger.pending[-1]
        assert (client.manage, bool(client.sealed)) == (None, True)


def test_a_ledger_with_nothing_left_is_removed(tmp_path: Path) -> None:
    with kept(Ledger(new_mark()), tmp_path, PROFILE) as path:
        assert path.exists()
    assert list(tmp_path.iterdir()) == []


def stopped(*_: object) -> NoReturn:
    raise KeyboardInterrupt


@pytest.mark.parametrize("place", ["os.fsync", "pathlib.Path.rename", "in the run", "in a sweep"])
def test_a_run_that_is_stopped_leaves_no_ledger_without_entries(place: str, tmp_path: Path, monkeypatch) -> None:
    def run() -> NoReturn:
        with ExitStack() as stack:
            stack.enter_context(kept(Ledger(new_mark()), tmp_path / "runs", PROFILE))
            if place == "in a sweep":
                left = stack.enter_context(taken_over(left_in(tmp_path / "runs"), PROFILE))
                left.entries.clear()
                left.hidden.clear()
            stopped()

    with monkeypatch.context() as patched:
        if "." in place:
            patched.setattr(place, stopped)
        with pytest.raises(KeyboardInterrupt):
            run()
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_run_that_is_stopped_leaves_the_ledger_of_what_it_created(tmp_path: Path) -> None:
    def run() -> NoReturn:
        ledger = Ledger(new_mark())
        with kept(ledger, tmp_path, PROFILE):
            filled(ledger)
            stopped()

    with pytest.raises(KeyboardInterrupt):
        run()
    (path,) = tmp_path.glob("*.jsonl")
    assert len(read(path).pending) == 3


def test_a_ledger_in_use_is_left_alone(tmp_path: Path) -> None:
    ledger = Ledger(new_mark())
    with kept(ledger, tmp_path, PROFILE) as path:
        filled(ledger)
        assert in_use(path)
        with pytest.raises(Busy), taken_over(path, PROFILE):
            pass
        assert len(read(path).pending) == 3, "it may be looked at all the same"
    assert not in_use(path)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]\n[]", b"\xff\xfe", b'{"ledger": 1, "mark": "", "addresses": {}}', b'{"ledger": 2}']
)
def test_a_file_that_is_not_a_ledger_is_reported(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    with pytest.raises(Unreadable, match="first line"):
        read(path)


@given(st.data())
@settings(max_examples=20)  # each makes a key, which is meant to take its time
def test_a_torn_line_does_no_harm(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Wherever the file is cut, its complete lines are read, and it can be continued."""
    path = left_in(tmp_path_factory.mktemp("ledger"))
    lines = path.read_bytes().splitlines(keepends=True)
    whole = data.draw(st.integers(2, len(lines) - 1))  # the first line is empty, the second the ledger's own
    torn = lines[whole][: data.draw(st.integers(0, len(lines[whole]) - 2))]
    path.write_bytes(b"".join(lines[:whole]))
    expected = read(path).pending
    path.write_bytes(b"".join(lines[:whole]) + torn)
    assert read(path).pending == expected
    with taken_over(path, PROFILE) as ledger:
        for entry in list(ledger.entries.values()):
            ledger.gone(entry)
    assert not path.exists()


def test_a_run_killed_while_creating_its_ledger_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dcrproof.core.ledger.file.os.fsync", killed)
    with pytest.raises(KeyboardInterrupt), kept(Ledger(new_mark()), tmp_path, PROFILE):
        pass
    assert ledgers(tmp_path) == []


def test_a_ledger_that_disappears_during_a_sweep_is_not_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "20261124T000000Z-0123abcd.jsonl"
    told = f"gone        {path}: nothing that it named is left"
    assert list(swept(path, PROFILE)) == [(told, False)]
    assert list(listed(path, PROFILE)) == []
    assert list(tmp_path.iterdir()) == []


def test_the_portal_of_a_publication_does_not_become_the_runs() -> None:
    ledger = Ledger(new_mark())
    send(ledger, "konnect", "POST", f"{KONNECT}/v3/apis", {"name": "one"}, status=201, content={"id": "a1"})
    send(ledger, "konnect", "PUT", f"{KONNECT}/v3/apis/a1/publications/p1", {}, status=200)
    assert ledger.ids == {"a1"}


# What Konnect makes for itself


VERIFY = f"{KONNECT}/v2/dcr-providers/p1/verify"


@pytest.mark.parametrize(("status", "told"), [(200, True), (None, True), (502, True), (403, False), (404, False)])
def test_a_verification_is_told_once_by_the_run_and_leaves_no_ledger(
    tmp_path: Path, status: int | None, told: bool
) -> None:
    ledger, target = Ledger(new_mark()), Target(PROFILE)
    target.ledger = ledger
    with kept(ledger, tmp_path, PROFILE):
        send(ledger, "konnect", "POST", VERIFY, status=status, content={"status": "success", "errors": []})
        first, second = clean_up(target, ledger), clean_up(target, ledger)
    assert [CURITY in text and "provider p1" in text and "(owner: Curity admins)" in text for text in first.left] == (
        [True] if told else []
    )
    assert (first.failed, second.left) == ([], [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("left", [[], [f"{CURITY}/register/4f1c", ""]])
def test_a_mock_is_asked_what_it_has_left_of_a_verification(left: list[str]) -> None:
    mock = cast(ControlClient, SimpleNamespace(url="", abandoned=lambda: left))
    ledger = Ledger(new_mark(), {"curity": CURITY})
    target = Target(PROFILE, {"konnect": mock}, ledger=ledger)
    send(ledger, "konnect", "POST", VERIFY, status=200, content={"status": "success", "errors": []})
    assert clean_up(target, ledger).left == [
        f"the client {uri or 'without management'} that mock Konnect registered, and could not delete (owner: Curity admins)"
        for uri in left
    ]


def test_a_verification_of_a_run_that_was_killed_is_told_by_one_sweep(tmp_path: Path) -> None:
    ledger = Ledger(new_mark())
    with kept(ledger, tmp_path, PROFILE) as path:
        send(ledger, "konnect", "POST", VERIFY)
    assert [bad for text, bad in listed(path, PROFILE) if "to verify the DCR provider p1" in text] == [False]
    (told,) = [bad for text, bad in swept(path, PROFILE) if "to verify the DCR provider p1" in text]
    assert not told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("status", "content", "told"),
    [
        (400, {"detail": "Unable to create the DCR application: registration endpoint: no answer"}, True),
        (400, {"detail": "no_such_property is unknown"}, False),
        (403, {"detail": "Maximum number of Applications exceeded"}, False),
    ],
)
def test_a_client_that_konnect_may_have_registered_for_a_refused_application_is_told(
    tmp_path: Path, status: int, content: dict[str, str], told: bool
) -> None:
    ledger = Ledger(new_mark())
    with kept(ledger, tmp_path, PROFILE) as path:
        url = f"{PORTAL}/api/v3/applications"
        send(ledger, "portal", "POST", url, {"name": "one"}, status=status, content=content)
        assert [("an application that it did not create: one" in text) for text in hidden(ledger)] == [True] * told
        assert [text for text, _ in listed(path, PROFILE) if "did not create: one" in text] != [] or not told


@pytest.mark.parametrize(
    ("status", "content", "told"),
    [
        (None, None, True),
        (400, {"detail": "Unable to refresh the secret of the DCR application"}, True),
        (400, {"detail": "The DCR provider does not refresh secrets"}, False),
        (403, {"detail": "Forbidden"}, False),
        (201, {"client_secret": "x"}, False),
    ],
)
def test_a_client_that_konnect_may_have_lost_the_token_of_is_told(
    status: int | None, content: dict[str, str] | None, told: bool
) -> None:
    ledger = Ledger(new_mark(), addresses(PROFILE))
    url = f"{PORTAL}/api/v3/applications"
    send(ledger, "portal", "POST", url, {"name": "one"}, status=201, content={"id": "a1"})
    send(ledger, "portal", "POST", f"{url}/a1/regenerate-secret", status=status, content=content)
    assert [("of an application that is deleted: one" in text) for text in hidden(ledger)] == [True] * told


def test_where_curity_ends_with_the_run_nothing_is_left_of_a_verification() -> None:
    ledger = Ledger(new_mark(), {"konnect": KONNECT})
    send(ledger, "konnect", "POST", VERIFY, status=200, content={})
    assert hidden(ledger) == []


# What was said to be gone


def test_what_is_there_again_is_in_the_ledger_again(tmp_path: Path) -> None:
    """A DELETE was answered 204, and the list still has the thing: a later sweep has to know of it."""
    ledger = Ledger(new_mark())
    with kept(ledger, tmp_path, PROFILE) as path:
        filled(ledger)
        before = {entry.kind.name: entry for entry in ledger.pending if entry.id}
        for entry in before.values():
            ledger.gone(entry)
        assert {entry.kind.name for entry in ledger.dead} == {"API", "client"}
        for entry in before.values():
            ledger.restore(entry)
        assert ledger.dead == []
        assert len({entry.number for entry in ledger.entries.values()}) == 3
    with taken_over(path, PROFILE) as again:
        found = {entry.kind.name: entry for entry in again.pending if entry.id}
    assert found.keys() == before.keys()
    for kind, entry in found.items():
        told = [(one.id, one.name, one.collection, one.manage) for one in (entry, before[kind])]
        assert told[0] == told[1]
        assert entry.number > before[kind].number


@pytest.mark.parametrize("media_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_a_registration_is_known_by_its_media_type(media_type: str) -> None:
    ledger = Ledger(new_mark())
    watch(ledger, Request(party="curity", base=CURITY, method="POST", url=REGISTER, media_type=media_type, body=b"{}"))
    assert named(ledger) == [("client", None, None)]


def test_what_a_party_has_shown_is_no_longer_new(tmp_path: Path) -> None:
    developers, applications = (f"{KONNECT}/v3/portals/p1/{what}" for what in ("developers", "applications"))
    ledger = Ledger(new_mark())
    with kept(ledger, tmp_path, PROFILE) as path:
        for id in ("d1", "d2"):
            send(ledger, "konnect", "POST", developers, {"full_name": id}, status=201, content={"id": id})
        send(ledger, "konnect", "POST", applications, {"name": "one"}, status=201, content={"id": "a1"})
        assert [entry.seen for entry in ledger.pending] == [False, False, False]
        send(ledger, "konnect", "GET", f"{developers}/d1", status=404)
        assert [entry.id for entry in ledger.pending if entry.seen] == []
        send(ledger, "konnect", "GET", f"{developers}/d1", status=200)
        assert [entry.id for entry in read(path).pending if entry.seen] == ["d1"]
        send(ledger, "konnect", "DELETE", f"{developers}/d2", status=204)
        assert {entry.id for entry in read(path).pending if entry.seen} == {"d1", "a1"}, "d2 may have taken it along"


def test_mocks_that_end_with_the_run_have_no_address() -> None:
    profile = replace(
        PROFILE, konnect=KonnectSettings(mocked=Mocked()), portal=PortalSettings(mocked=Mocked("http://127.0.0.1:1"))
    )
    assert set(addresses(profile)) == {"curity", "portal"}


def test_a_sweep_without_a_profile_names_the_addresses_where_something_is_left(tmp_path: Path) -> None:
    with kept(Ledger(new_mark()), tmp_path, PROFILE):
        pass
    ledger = Ledger(new_mark())
    with kept(ledger, tmp_path, PROFILE):
        send(ledger, "konnect", "POST", f"{KONNECT}/v3/portals", {"name": f"dcrproof {ledger.mark}"})
        send(ledger, "curity", "POST", REGISTER, {"client_name": f"dcrproof {ledger.mark}"})
    lines = [line for path in ledgers(tmp_path) for line, _ in listed(path, None)]
    assert [line for line in lines if line.startswith("  at  ")] == [
        f"  at         konnect {KONNECT}",
        f"  at         curity {CURITY}",
    ]
