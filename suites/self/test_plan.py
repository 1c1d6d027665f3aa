"""What a live run says before its first write, and what no run sends."""

import re
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import pytest
from tiers import full

from dcrproof.core.checks.outcomes import InternalError, NotSeen
from dcrproof.core.http.exchange import Request
from dcrproof.core.ledger.guard import NOTHING, refuse
from dcrproof.core.ledger.kinds import BY_NAME, CLIENT
from dcrproof.core.ledger.ledger import Ledger, new_mark
from dcrproof.core.ledger.watch import creates
from dcrproof.core.party import Party
from dcrproof.core.profile.model import Mode
from dcrproof.core.profile.reading import read
from dcrproof.fixtures.catalogue import entries
from dcrproof.fixtures.session.plan import plan

OTHERS = "/v3/apis/9b6a7f4e-0000-4000-8000-00000000beef"


def sent(party: Party, method: str, path: str, **more: Any) -> Request:
    return Request(party=party, base="", method=method, url=path, **more)


def asked_for(exchanges: list[dict]) -> dict[str, Counter[str]]:
    """Check to what it asked to be created, from the exchanges of a run."""
    found: dict[str, Counter[str]] = {}
    ledger = Ledger(new_mark())
    for one in exchanges:
        headers = dict(one["request"]["headers"])
        body = (one["request"]["body"] or "").encode()
        path = urlsplit(one["url"]).path
        media_type = headers.get("content-type", "")
        kind = creates(ledger, sent(one["party"], one["method"], path, media_type=media_type, body=body))
        own = one["party"] == "konnect" and one["method"] == "PUT" and "/publications/" in path
        if kind is not None or own:
            name = kind.name if kind else "publication"
            found.setdefault(one["check"], Counter())[name] += 1
    return found


@full
def test_the_plan_knows_what_each_check_creates(plain) -> None:
    assert plain.code == 0, plain.output
    found = asked_for(plain.report["exchanges"])
    declared = {entry.check.id: entry.check.creates for entry in entries() if entry.check.creates}
    assert {id: dict(kinds) for id, kinds in found.items()} == declared


def test_each_kind_that_a_check_creates_is_one_of_the_ledger() -> None:
    kinds = {kind for entry in entries() for kind in (*entry.check.creates, *entry.check.creates_on_failure)}
    assert kinds <= BY_NAME.keys()


def test_the_plan_is_printed_and_nothing_is_sent(run_checks, mocks) -> None:
    live = mocks.changed("planned", lambda text: "\n".join(line for line in text.splitlines() if "mocked" not in line))
    before = len(mocks.served.worlds.current.calls)
    ran = run_checks("--dcr-plan", "--dcr-check=application.created", profile=live)
    assert ran.code == 0, ran.output
    assert len(mocks.served.worlds.current.calls) == before
    assert not ran.report
    lines = [line.removeprefix("plan: ") for line in ran.output.splitlines() if line.startswith("plan: ")]
    described = mocks.described
    assert lines == [
        "mode provision, hostile checks allowed",
        f"curity live, {described['curity']['issuer']}: 1 client (owner: Curity admins)",
        f"konnect live, {described['konnect']['url']}: nothing is created",
        f"portal live, {described['portal']['url']}: 1 application (owner: Konnect admins)",
        f"gateway live, {described['gateway']['url']}: nothing is created",
        "at most 2 objects in all, each with the mark of the run in its name, all deleted at the end",
        "Konnect registers a client at the authorization server for each application, and deletes it",
        "to diagnose a wrong step up to 6 more: 4 clients, 1 DCR provider, 1 application",
        "probes: 26 checks; hostile among them: none",
        "probes: Konnect is asked to verify the provider, for which it may register and delete a client",
    ], ran.output


def test_the_numbers_of_the_plan_add_up(mocks) -> None:
    live = mocks.changed("whole", lambda text: "\n".join(line for line in text.splitlines() if "mocked" not in line))
    lines = list(plan(read(live), [entry.check.id for entry in entries()]))
    listed = [re.findall(r"(\d+) ([a-zA-Z ]+?)(?=, | \(owner|$)", line) for line in lines if " live, " in line]
    counted = Counter({name: int(number) for items in listed for number, name in items})
    registrations = counted.pop("registrations")
    assert f"at most {counted.total()} objects in all" in " ".join(lines)
    assert f"beside them {registrations} registrations of these applications" in " ".join(lines)


def test_a_live_run_prints_its_plan_before_it_writes(run_checks, mocks) -> None:
    live = mocks.changed("planned", lambda text: "\n".join(line for line in text.splitlines() if "mocked" not in line))
    ran = run_checks("--dcr-check=registration.created", profile=live)
    assert ran.code == 0, ran.output
    assert ran.output.index("plan: mode provision") < ran.output.index("=== dcrproof ===")


def test_a_plan_above_the_cap_says_so(run_checks, mocks) -> None:
    def capped(text: str) -> str:
        text = "\n".join(line for line in text.splitlines() if "mocked" not in line)
        return text.replace("max_created = 1000", "max_created = 1")

    ran = run_checks("--dcr-plan", profile=mocks.changed("capped", capped))
    assert "more than [run] max_created = 1, so some checks will not be seen" in ran.output


@pytest.mark.parametrize(("mode", "kinds"), [("inspect", []), ("existing", []), ("create", ["client", "application"])])
def test_the_plan_of_a_mode_has_what_the_mode_may(run_checks, mocks, mode: str, kinds: list[str]) -> None:
    def lesser(text: str) -> str:
        text = "\n".join(line for line in text.splitlines() if "mocked" not in line)
        text = text.replace('mode = "provision"', f'mode = "{mode}"')
        return text + '\n[application]\nclient_id = "x"\nclient_secret = { file = "registrar-secret" }\n'

    ran = run_checks("--dcr-plan", profile=mocks.changed(f"plan-{mode}", lesser))
    assert ran.code == 0, ran.output
    assert ("objects in all" in ran.output) is bool(kinds)
    assert all(f"{kind}s" in ran.output for kind in kinds)
    assert "DCR provider" not in ran.output
    assert ("asked to verify" in ran.output) is (mode == "create")


def test_a_test_of_your_own_has_a_plan_as_well(run_checks, mocks, tmp_path) -> None:
    (tmp_path / "test_mine.py").write_text(
        "def test_mine(_dcr_portal_application):\n    assert _dcr_portal_application\n", "utf-8"
    )
    live = mocks.changed("mine", lambda text: "\n".join(line for line in text.splitlines() if "mocked" not in line))
    before = len(mocks.served.worlds.current.calls)
    ran = run_checks("--dcr-plan", str(tmp_path / "test_mine.py"), profile=live)
    assert ran.code == 0, ran.output
    assert len(mocks.served.worlds.current.calls) == before
    assert f"portal live, {mocks.described['portal']['url']}: 1 application, 1 registration (owner:" in ran.output
    assert "other tests: what they create is not in this plan" in ran.output


@full
def test_workers_share_out_what_may_be_created(run_checks, as_live) -> None:
    with as_live("parallel = true") as mocks:
        text = mocks.profile.read_text("utf-8")
        mocks.profile.write_text(text.replace("max_created = 1000", "max_created = 4"), "utf-8")
        ran = run_checks("-n2", "--dcr-check=registration", profile=mocks.profile)
        calls = mocks.served.worlds.current.calls
    registered = [call for call in calls if call["path"].endswith("/oauth-registration") and call["status"] == 201]
    assert 0 < len(registered) <= 4
    assert "[run] max_created above 2" in ran.output, ran.output


# What no run sends


@pytest.mark.parametrize(
    ("mode", "party", "method"),
    [
        ("inspect", "konnect", "POST"),
        ("inspect", "curity", "POST"),
        ("inspect", "portal", "POST"),
        ("inspect", "gateway", "GET"),
    ],
)
def test_mode_inspect_sends_nothing_but_reads(mode: str, party: str, method: str) -> None:
    with pytest.raises(NotSeen, match='mode = "existing"'):
        refuse(Ledger(new_mark()), Mode(mode), sent(party, method, "/anything"), None)


@pytest.mark.parametrize(
    ("mode", "kind", "wanted"),
    [
        ("existing", "client", "create"),
        ("existing", "application", "create"),
        ("create", "API", "provision"),
        ("create", "DCR provider", "provision"),
    ],
)
def test_no_mode_creates_more_than_it_says(mode: str, kind: str, wanted: str) -> None:
    with pytest.raises(NotSeen, match=f'mode = "{wanted}"'):
        refuse(Ledger(new_mark()), Mode(mode), sent("konnect", "POST", "/anything"), BY_NAME[kind])
    refuse(Ledger(new_mark()), Mode(wanted), sent("konnect", "POST", "/anything"), BY_NAME[kind])


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
def test_what_the_run_has_not_made_is_not_changed(method: str) -> None:
    ledger = Ledger(new_mark())
    with pytest.raises(InternalError, match="it was not sent"):
        refuse(ledger, Mode.PROVISION, sent("konnect", method, OTHERS), None)
    refuse(ledger, Mode.PROVISION, sent("konnect", method, f"/v3/apis/{NOTHING}"), None)
    ledger.ids.add(OTHERS.rpartition("/")[2])
    refuse(ledger, Mode.PROVISION, sent("konnect", method, OTHERS), None)


@pytest.mark.parametrize("what", ["regenerate-secret", "credentials", "registrations"])
def test_nothing_is_made_of_another_persons_application(what: str) -> None:
    ledger, path = Ledger(new_mark()), f"/api/v3/applications/somebodys/{what}"
    kind = creates(ledger, sent("portal", "POST", path))
    with pytest.raises(InternalError, match="it was not sent"):
        refuse(ledger, Mode.PROVISION, sent("portal", "POST", path), kind)
    ledger.ids.add("somebodys")
    refuse(ledger, Mode.PROVISION, sent("portal", "POST", path), kind)


def test_nobody_signs_up_in_mode_existing() -> None:
    with pytest.raises(NotSeen, match='mode = "create"'):
        refuse(Ledger(new_mark()), Mode.EXISTING, sent("portal", "POST", "/api/v3/developer"), None)
    refuse(Ledger(new_mark()), Mode.EXISTING, sent("portal", "POST", "/api/v3/developer/authenticate"), None)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_client_that_the_run_has_not_made_is_not_even_read(method: str) -> None:
    """At Curity a read of a registration makes its secret void."""
    ledger = Ledger(new_mark())
    number = ledger.intend(CLIENT, "https://curity.example", "/registration", None)
    ledger.made(ledger.entries[number], "ours")
    refuse(ledger, Mode.PROVISION, sent("curity", method, "/registration/ours"), None)
    with pytest.raises(InternalError, match="it was not sent"):
        refuse(ledger, Mode.PROVISION, sent("curity", method, "/registration/theirs"), None)
