"""`dcrproof lint`: what it finds in kongctl's YAML and in Terraform plans, where, and what it refuses."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator
from plans import DISCOVERY, ID, ISSUER, KONGCTL, plan, resources
from tiers import sample

from dcrproof.__main__ import main
from dcrproof.core.guide import STEPS
from dcrproof.fixtures.catalogue import of_files
from dcrproof.lint.reading import LARGEST
from dcrproof.lint.steps import NOT_SHOWN, OF_CHECK

GREEN, BROKEN, USAGE, NOTHING = 0, 1, 4, 5
SARIF = json.loads(Path(__file__).with_name("sarif-2.1.0.schema.json").read_text())
DOC = Path(__file__).parents[2] / "docs" / "lint.md"
PLANTED = "w7Gq-Zk29-planted-Yx"


@pytest.fixture
def lint(tmp_path, monkeypatch, capsys) -> Callable[..., Any]:
    """Writes the files, and runs `dcrproof lint` in their folder: exit code, what was printed, and what was refused."""
    monkeypatch.chdir(tmp_path)

    def run(files: dict[str, str | bytes], *arguments: str) -> tuple[int, str, str]:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        code = main(["lint", *(arguments or [name for name in files if "/" not in name])])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def checks(lint) -> Callable[..., list[dict[str, Any]]]:
    """The checks of `--json`."""

    def run(files: dict[str, str | bytes], *arguments: str) -> list[dict[str, Any]]:
        code, out, err = lint(files, *(arguments or [name for name in files if "/" not in name]), "--json")
        assert code in {GREEN, BROKEN, NOTHING}, err
        content = json.loads(out)
        assert content["exit"] == code
        return content["checks"]

    return run


def failed(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {check["id"]: check for check in found if check["verdict"] == "failed"}


# Each wrong variant of a setup step


Change = Callable[[dict[str, dict[str, Any]]], Any]


@dataclass(frozen=True)
class Wrong:
    """One way to do a step wrong: what it replaces in the YAML, by what, and what it changes in the resources."""

    step: str
    check: str
    old: str
    new: str
    plan: Change
    options: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    """Other steps that may be wrong."""

    def __str__(self) -> str:
        return f"{self.step} {self.new.strip()[:30]}"


def after(of: str, *path: str) -> Callable[[Any], Change]:
    """Sets a member of what is planned."""

    def to(value: Any) -> Change:
        def change(all: dict[str, dict[str, Any]]) -> None:
            inner = all[of]["change"]["change"]["after"]
            for name in path[:-1]:
                inner = inner[name]
            inner[path[-1]] = value

        return change

    return to


def config(name: str, value: Any) -> Change:
    return after("strategy", "openid_connect", "configs", "openid_connect", name)(value)


def curity(name: str, value: Any) -> Change:
    return after("provider", "curity", name)(value)


def more(**settings: Any) -> Change:
    return config("additional_properties", json.dumps(settings))


def okta(all: dict[str, dict[str, Any]]) -> None:
    planned = all["provider"]["change"]["change"]["after"]
    planned["okta"], planned["curity"] = planned["curity"], None


def key_auth(all: dict[str, dict[str, Any]]) -> None:
    planned = all["strategy"]["change"]["change"]
    planned["after"] = {"openid_connect": None, "key_auth": {"name": "keys", "configs": {"key_auth": {}}}}
    planned["after_unknown"] = {"id": True}


def no_provider(all: dict[str, dict[str, Any]]) -> None:
    del all["strategy"]["change"]["change"]["after_unknown"]["openid_connect"]["dcr_provider_id"]


def no_secret(all: dict[str, dict[str, Any]]) -> None:
    del all["provider"]["change"]["change"]["after_unknown"]["curity"]["dcr_config"]["initial_client_secret"]


def no_publication(all: dict[str, dict[str, Any]]) -> None:
    del all["publication"]


def no_strategy(all: dict[str, dict[str, Any]]) -> None:
    del all["publication"]["written"]["expressions"]["auth_strategy_ids"]


def another(all: dict[str, dict[str, Any]]) -> None:
    keys = resources()["strategy"]
    keys["change"].update(address="konnect_application_auth_strategy.keys", name="keys")
    keys["written"].update(name="keys", expressions={"key_auth": {}})
    key_auth({"strategy": keys})
    all["keys"] = keys
    references = ["konnect_application_auth_strategy.keys.id"]
    all["publication"]["written"]["expressions"]["auth_strategy_ids"] = {"references": references}


def control_plane(all: dict[str, dict[str, Any]]) -> None:
    planned = {"control_plane_reference": {"control_plane": {"id": ID}}, "service_reference": None}
    all["implementation"]["change"]["change"]["after"] = planned


PUBLISHED = KONGCTL[KONGCTL.index("    publications:\n") : KONGCTL.index("    implementations:\n")]
KEYS = """\
  - ref: keys
    name: keys
    strategy_type: key_auth
    configs: {key-auth: {key_names: [apikey]}}
portals:
"""
OF_PROVIDER = f"issuer: {DISCOVERY}"
OF_STRATEGY = f'issuer: "{DISCOVERY}"'
METHODS = "[client_credentials, bearer, session]"
ISSUERS = {
    "not the discovery URL": ISSUER,
    "another endpoint": DISCOVERY.replace("oauth-anonymous", "oauth-token"),
    "the domain alone": "https://curity.example.com",
    "no URL": "curity.example.com",
    "twice": DISCOVERY + DISCOVERY[len(ISSUER) :],
    "a blank": f"'{DISCOVERY} '",
}
ELSEWHERE = DISCOVERY.replace("curity.", "another.")
OPTIONS = ("--issuer", ISSUER, "--registrar-id", "konnect-dcr")

WRONG = (
    Wrong("konnect.provider.type", "provider.type", "provider_type: curity", "provider_type: okta", okta),
    *(
        Wrong("konnect.provider.issuer", "provider.issuer", OF_PROVIDER, f"issuer: {url}", curity("issuer", url))
        for url in ISSUERS.values()
    ),
    Wrong("konnect.provider.issuer", "provider.issuer", OF_PROVIDER, "labels: {}", curity("issuer", None)),
    Wrong(
        "konnect.provider.issuer",
        "provider.issuer",
        OF_PROVIDER,
        f"issuer: {ELSEWHERE}",
        curity("issuer", ELSEWHERE),
        OPTIONS,
    ),
    Wrong(
        "konnect.provider.initial-client-id",
        "provider.registrar-id",
        "initial_client_id: konnect-dcr",
        "initial_client_id: another-client",
        curity("dcr_config", {"initial_client_id": "another-client"}),
        OPTIONS,
    ),
    Wrong(
        "konnect.provider.initial-client-id",
        "provider.registrar-id",
        "initial_client_id: konnect-dcr",
        "initial_client_id: ''",
        curity("dcr_config", {}),
    ),
    Wrong(
        "konnect.provider.initial-client-secret",
        "provider.verified",
        "initial_client_secret: !secret {source: !env CURITY_SECRET}",
        "initial_client_secret: ''",
        no_secret,
    ),
    Wrong(
        "konnect.strategy.auth-type",
        "strategy.openid-connect",
        "strategy_type: openid_connect",
        "strategy_type: key_auth",
        key_auth,
    ),
    *(
        Wrong(
            "konnect.strategy.dcr-provider",
            "strategy.dcr-provider",
            "dcr_provider_id: !ref curity-dcr",
            new,
            no_provider,
        )
        for new in ("dcr_provider_id: null", "labels: {}")
    ),
    *(
        Wrong("konnect.strategy.issuer", "strategy.issuer", OF_STRATEGY, f"issuer: {url}", config("issuer", url))
        for name, url in ISSUERS.items()
        if name != "not the discovery URL"  # the plugin takes the issuer as well
    ),
    Wrong("konnect.strategy.issuer", "strategy.issuer", OF_STRATEGY, "labels: {}", config("issuer", None)),
    Wrong(
        "konnect.strategy.issuer",
        "strategy.issuer",
        OF_STRATEGY,
        f"issuer: {ELSEWHERE}",
        config("issuer", ELSEWHERE),
        others=("konnect.provider.issuer",),
    ),
    Wrong(
        "konnect.strategy.issuer",
        "strategy.issuer",
        OF_STRATEGY,
        f"issuer: {ELSEWHERE}",
        config("issuer", ELSEWHERE),
        OPTIONS,
    ),
    *(
        Wrong(
            "konnect.strategy.claim",
            "strategy.claim",
            "credential_claim: [sub]",
            f"credential_claim: {json.dumps(claim)}",
            config("credential_claim", claim),
        )
        for claim in ([], ["client_id"], ["azp"], ["sub", "id"], "sub")
    ),
    *(
        Wrong(
            "konnect.strategy.scopes",
            "strategy.scopes",
            "scopes: []",
            f"scopes: {json.dumps(scopes)}",
            config("scopes", scopes),
        )
        for scopes in (["openid"], ["accounts:read", "openid"], ["dcr"])
    ),
    *(
        Wrong(
            "konnect.strategy.auth-methods",
            "strategy.auth-methods",
            METHODS,
            json.dumps(methods),
            config("auth_methods", methods),
        )
        for methods in (["bearer", "session"], ["client_credentials", "session"], ["client_credentials", "bearer"], [])
    ),
    Wrong(
        "konnect.strategy.auth-methods",
        "route.basic.cached",
        METHODS,
        "[client_credentials, bearer, session, password]",
        config("auth_methods", ["client_credentials", "bearer", "session", "password"]),
    ),
    Wrong(
        "konnect.strategy.hide-credentials",
        "strategy.hide-credentials",
        "scopes: []",
        "scopes: []\n        hide_credentials: false",
        more(hide_credentials=False),
    ),
    *(
        Wrong(
            "konnect.strategy.requirements",
            "strategy.requirements",
            "scopes: []",
            f"scopes: []\n        {claim}_required: [accounts]",
            more(**{f"{claim}_required": ["accounts"]}),
        )
        for claim in ("audience", "scopes", "groups", "roles")
    ),
    Wrong(
        "konnect.portal.user-authentication",
        "portal.open",
        "authentication_enabled: true",
        "authentication_enabled: false",
        after("portal", "authentication_enabled")(value=False),
    ),
    Wrong("konnect.publication.api", "api.published", PUBLISHED, "", no_publication),
    *(
        Wrong(
            "konnect.publication.strategy",
            "api.strategy",
            "auth_strategy_ids: [!ref curity-strategy#id]",
            new,
            no_strategy,
        )
        for new in ("auto_approve_registrations: true", "auth_strategy_ids: []", "auth_strategy_ids: null")
    ),
    Wrong(
        "konnect.publication.strategy",
        "api.strategy",
        "auth_strategy_ids: [!ref curity-strategy#id]",
        "auth_strategy_ids: [!ref keys#id]",
        another,
    ),
    Wrong(
        "konnect.implementation.linked",
        "api.linked-to-route",
        f'service: {{id: "{ID}", control_plane_id: "{ID}"}}',
        f'control_plane: {{control_plane_id: "{ID}"}}',
        control_plane,
    ),
)


def yaml_with(wrong: Wrong) -> str:
    assert wrong.old in KONGCTL
    text = KONGCTL.replace(wrong.old, wrong.new)
    return text.replace("portals:\n", KEYS) if "keys#id" in wrong.new else text


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_each_wrong_step_is_found_in_yaml_at_its_line(checks, wrong):
    found = failed(checks({"setup.yaml": yaml_with(wrong)}, "setup.yaml", *wrong.options))
    assert list(found) == [wrong.check]
    check = found[wrong.check]
    assert check["candidates"] == [wrong.step, *wrong.others]
    assert check["expected"]
    assert check["observed"]
    assert check["fix"]
    assert check["owners"] == ["Konnect admins"]
    line = (tmp_line := yaml_with(wrong).splitlines())[check["line"] - 1]
    assert tmp_line[check["line"] - 1][check["column"] - 1].strip(), "it points at a value"
    if wrong.new and "labels" not in wrong.new and "auto_approve" not in wrong.new:
        assert wrong.new.splitlines()[-1].strip() in line


@pytest.mark.parametrize("wrong", WRONG, ids=str)
@pytest.mark.parametrize("indent", [None, 2])
def test_each_wrong_step_is_found_in_a_plan(checks, wrong, indent):
    several = resources()
    wrong.plan(several)
    text = json.dumps(plan(several.values()), indent=indent)
    found = failed(checks({"plan.json": text}, "plan.json", *wrong.options))
    assert list(found) == [wrong.check]
    assert found[wrong.check]["candidates"] == [wrong.step, *wrong.others]
    assert text.splitlines()[found[wrong.check]["line"] - 1][found[wrong.check]["column"] - 1].strip()


OF_SERVICE = f'{{id: "{ID}", control_plane_id: "{ID}"}}'
GATEWAY = "control_planes: [{ref: plane, name: plane, gateway_services: [{ref: svc, name: svc}]}]\n"
# check, what is replaced, by what; what stands there is no id of what it must be
NO_IDS = (
    *(
        ("strategy.dcr-provider", "!ref curity-dcr", new)
        for new in ("!ref curity-dcr#name", "!ref portal#id", "!ref plane", "Curity DCR", "12", "{id: curity-dcr}")
    ),
    *(
        ("api.strategy", "[!ref curity-strategy#id]", new)
        for new in ("[!ref curity-strategy#name]", "[!ref curity-dcr#id]", "[!ref curity-strategy, Curity]")
    ),
    *(
        ("api.published", "portal_id: !ref portal#id", new)
        for new in ("portal_id: !ref portal#name", "portal_id: !ref curity-dcr", "portal_id: My Portal", "labels: {}")
    ),
    *(
        ("api.linked-to-gateway", OF_SERVICE, new)
        for new in (
            "{id: !ref svc#name, control_plane_id: !ref plane}",
            "{id: !ref svc, control_plane_id: planes}",
            "{id: accounts-in-Kong, control_plane_id: !ref plane}",
            "{id: !ref portal, control_plane_id: !ref plane}",
        )
    ),
    ("api.linked-to-route", f"service: {OF_SERVICE}", "control_plane: {control_plane_id: !ref plane}"),
)


@pytest.mark.parametrize(("check", "old", "new"), NO_IDS)
def test_what_is_no_id_of_what_it_must_be_is_found(checks, check, old, new):
    text = KONGCTL.replace(old, new) + GATEWAY
    assert text != KONGCTL + GATEWAY
    found = failed(checks({"setup.yaml": text}))
    assert list(found) == [check]
    if new not in {"labels: {}", "12"}:
        line = text.splitlines()[found[check]["line"] - 1]
        assert new.strip("[]") in line


IDS = {
    "of the gateway": (OF_SERVICE, "{id: !ref svc#id, control_plane_id: !ref plane}"),
    "of the gateway by its ref alone": (OF_SERVICE, "{id: svc, control_plane_id: plane}"),
    "of a provider elsewhere": ("!ref curity-dcr", ID),
    "of a provider in a variable": ("!ref curity-dcr", "!env PROVIDER_ID"),
    "of a provider in a placeholder": ("!ref curity-dcr", "${PROVIDER_ID}"),
}


@pytest.mark.parametrize("name", IDS)
def test_what_may_be_an_id_is_not_judged(checks, name):
    assert failed(checks({"setup.yaml": KONGCTL.replace(*IDS[name]) + GATEWAY})) == {}


def test_a_name_in_place_of_an_id_is_found_in_a_plan(checks):
    """`dcr_provider_id = konnect_dcr_provider.this.name`"""
    several = resources()
    after("strategy", "openid_connect", "dcr_provider_id")("Curity")(several)
    no_provider(several)
    assert list(failed(checks({"plan.json": json.dumps(plan(several.values()))}))) == ["strategy.dcr-provider"]


def test_a_fix_does_not_delete_what_is_not_there_yet(lint):
    for old, new in (("provider_type: curity", "provider_type: okta"), ("type: openid_connect", "type: key_auth")):
        _, out, _ = lint({"setup.yaml": KONGCTL.replace(old, new)})
        assert out.count("  fix ") == 1
        assert "in the file; a" in out


def test_each_setup_step_in_konnect_is_shown_or_has_a_reason():
    of_konnect = [step.id for step in STEPS if step.party == "konnect"]
    assert sorted({*OF_CHECK.values(), *NOT_SHOWN}) == sorted(of_konnect)
    assert not set(OF_CHECK.values()) & set(NOT_SHOWN)
    assert {wrong.step for wrong in WRONG} == set(OF_CHECK.values())


def test_the_documentation_lists_what_is_shown_and_what_is_not():
    text = DOC.read_text()
    for check, step in OF_CHECK.items():
        assert f"`{check}`" in text
        assert f"`{step}`" in text
    for entry in of_files():
        assert f"`{entry.check.id}`" in text
    for reason in set(NOT_SHOWN.values()):
        assert reason in " ".join(text.split())


# What is right, and what is unknown


TEMPLATES = KONGCTL.replace(
    "dcr_providers:\n",
    "_templates:\n  curity:\n    provider_type: curity\n    dcr_config: {initial_client_id: konnect-dcr}\ndcr_providers:\n",
).replace("    provider_type: curity\n    issuer", "    _extends: curity\n    issuer")
FLAT = KONGCTL[: KONGCTL.index("    publications:\n")] + (
    "api_publications:\n  - {ref: pub, api: accounts, portal: portal, auth_strategy_ids: [curity-strategy]}\n"
)
DEFAULT = KONGCTL.replace("        auth_strategy_ids: [!ref curity-strategy#id]\n", "").replace(
    "    authentication_enabled: true", "    default_application_auth_strategy_id: !ref curity-strategy"
)
ANCHORS = KONGCTL.replace(OF_PROVIDER, f"issuer: &issuer {DISCOVERY}").replace(OF_STRATEGY, "issuer: *issuer")
OTHERS = (
    KONGCTL.replace("portals:\n", KEYS)
    .replace(
        "apis:\n",
        "apis:\n  - ref: other\n    name: Other\n    publications:\n"
        "      - {ref: o, portal_id: !ref portal, auth_strategy_ids: [!ref keys]}\n",
    )
    .replace(
        "dcr_providers:\n",
        "dcr_providers:\n  - {ref: okta, name: okta, provider_type: okta, issuer: 'https://o.example.com/default'}\n",
    )
)
LOADED = KONGCTL.replace(OF_PROVIDER, "issuer: !file values.yaml#curity.0.issuer").replace(
    OF_STRATEGY, "issuer: !file {path: values.yaml, extract: curity.0.issuer}"
)
HALVES = KONGCTL.partition("portals:\n")

RIGHT: dict[str, dict[str, str]] = {
    "nested": {"setup.yaml": KONGCTL},
    "flat": {"setup.yaml": FLAT},
    "templates": {"setup.yaml": TEMPLATES},
    "anchors": {"setup.yaml": ANCHORS},
    "default strategy of the portal": {"setup.yaml": DEFAULT},
    "other objects beside": {"setup.yaml": OTHERS},
    "loaded values": {"setup.yaml": LOADED, "values.yaml": f"curity: [{{issuer: '{DISCOVERY}'}}]"},
    "loaded object": {
        "setup.yaml": KONGCTL.replace("  - ref: portal\n", "  - !file parts/portal.yaml\n  - ref: unused\n"),
        "parts/portal.yaml": "ref: portal\nname: Portal\n",
    },
    "two files": {"one.yaml": HALVES[0], "two.yml": HALVES[1] + HALVES[2]},
    "two documents": {"setup.yaml": f"{HALVES[0]}---\n{HALVES[1]}{HALVES[2]}"},
    "a reference to a member": {"setup.yaml": KONGCTL.replace(OF_STRATEGY, "issuer: !ref curity-dcr#issuer")},
    "an issuer without its well-known path": {"setup.yaml": KONGCTL.replace(OF_STRATEGY, f"issuer: {ISSUER}")},
    "a scope that it asks for": {
        "setup.yaml": KONGCTL.replace("scopes: []", "scopes: [a]\n        scopes_required: [a]")
    },
    "a plan": {"plan.json": json.dumps(plan(resources().values()))},
    "a byte order mark": {"setup.yaml": f"\ufeff{KONGCTL}"},
    "Windows line ends": {"setup.yaml": KONGCTL.replace("\n", "\r\n")},
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_file_finds_nothing(checks, name):
    files = {file: text for file, text in RIGHT[name].items() if file != "values.yaml"}
    Path("values.yaml").write_text(RIGHT[name].get("values.yaml", ""))
    found = checks(files)
    assert failed(found) == {}
    assert {check["verdict"] for check in found} == {"passed", "not seen"}


def test_a_folder_is_read_with_its_folders_and_what_is_neither_is_named(lint):
    files = {
        "kong/one.yaml": HALVES[0],
        "kong/more/two.yaml": HALVES[1] + HALVES[2],
        "kong/api.yaml": "openapi: 3.0.3\n",
    }
    code, out, _ = lint(files, "kong")
    assert code == GREEN
    assert "kong/api.yaml" in out


def test_the_example_for_kongctl_is_right(capsys):
    """That it can be applied, test_kongctl.py shows with kongctl itself."""
    assert main(["lint", str(DOC.parents[1] / "examples" / "kongctl")]) == GREEN
    assert "green - 12 passed, 5 not seen" in capsys.readouterr().out


def test_what_a_file_loads_is_not_said_to_be_unread(lint):
    text = KONGCTL.replace(OF_PROVIDER, "issuer: !file parts/values.yaml#issuer")
    code, out, err = lint({"kong/setup.yaml": text, "kong/parts/values.yaml": f"issuer: {DISCOVERY}"}, "kong")
    assert (code, err) == (GREEN, "")
    assert "not read" not in out


def in_a_module(all: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The plan with its resources in a module, each once for each key."""
    content = plan(all.values())
    for change in content["resource_changes"]:
        change.update(module_address='module.portal["a.b"]', index="x")
        change["address"] = f'module.portal["a.b"].{change["address"]}["x"]'
    root = content["configuration"]["root_module"]
    content["configuration"]["root_module"] = {"module_calls": {"portal": {"module": root}}}
    return content


def applied(all: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The plan of what is there already: all ids are known."""
    ids = {name: f"{number}{ID[1:]}" for number, name in enumerate(all)}
    for name, one in all.items():
        one["change"]["change"]["actions"] = ["no-op"]
        one["change"]["change"]["after"]["id"] = ids[name]
        one["change"]["change"]["after_unknown"] = {}
    after("strategy", "openid_connect", "dcr_provider_id")(ids["provider"])(all)
    after("provider", "curity", "dcr_config")({"initial_client_id": "konnect-dcr"})(all)
    after("implementation", "api_id")(ids["api"])(all)
    members = {"api_id": ids["api"], "portal_id": ids["portal"], "auth_strategy_ids": [ids["strategy"]]}
    all["publication"]["change"]["change"]["after"].update(members)
    return plan(all.values())


@pytest.mark.parametrize("build", [in_a_module, applied])
@pytest.mark.parametrize("wrong", [None, no_strategy, config("scopes", ["openid"])])
def test_plans_with_modules_and_with_known_ids(checks, build, wrong):
    several = resources()
    if wrong and not (build is applied and wrong is no_strategy):
        wrong(several)
    content = build(several)
    if build is applied and wrong is no_strategy:
        content["resource_changes"][4]["change"]["after"]["auth_strategy_ids"] = None
    found = failed(checks({"plan.json": json.dumps(content)}))
    found.pop("provider.verified", None)  # a provider that is there already shows no secret
    assert list(found) == ([] if wrong is None else ["api.strategy" if wrong is no_strategy else "strategy.scopes"])


def test_what_is_deleted_and_data_are_not_judged(checks):
    several = resources()
    gone = resources()["strategy"]
    config("scopes", ["openid"])({"strategy": gone})
    gone["change"]["change"].update(actions=["delete"], before=gone["change"]["change"]["after"], after=None)
    data = resources()["portal"]
    data["change"].update(mode="data")
    after("portal", "authentication_enabled")(value=False)({"portal": data})
    assert failed(checks({"plan.json": json.dumps(plan([*several.values(), gone, data]))})) == {}


def test_what_curity_is_called_is_judged_where_it_is_given(checks):
    found = {check["id"]: check["verdict"] for check in checks({"setup.yaml": KONGCTL}, "setup.yaml", *OPTIONS)}
    assert found["provider.issuer"] == found["provider.registrar-id"] == "passed"
    found = {check["id"]: check["verdict"] for check in checks({"setup.yaml": KONGCTL})}
    assert found["provider.issuer"] == found["provider.registrar-id"] == "not seen"


UNKNOWN = {
    "provider.type": ("provider_type: curity", "provider_type: {}"),
    "provider.issuer": (OF_PROVIDER, "issuer: {}"),
    "provider.registrar-id": ("initial_client_id: konnect-dcr", "initial_client_id: {}"),
    "provider.verified": ("!secret {source: !env CURITY_SECRET}", "{}"),
    "strategy.openid-connect": ("strategy_type: openid_connect", "strategy_type: {}"),
    "strategy.dcr-provider": ("dcr_provider_id: !ref curity-dcr", "dcr_provider_id: {}"),
    "strategy.issuer": (OF_STRATEGY, "issuer: {}"),
    "strategy.claim": ("[sub]", "[{}]"),
    "strategy.auth-methods": (METHODS, "{}"),
    "strategy.scopes": ("scopes: []", "scopes: {}"),
    "strategy.requirements": ("scopes: []", "scopes: []\n        audience_required: {}"),
    "strategy.hide-credentials": ("scopes: []", "scopes: []\n        hide_credentials: {}"),
    "portal.open": ("authentication_enabled: true", "authentication_enabled: {}"),
    "api.strategy": ("[!ref curity-strategy#id]", "[{}]"),
    "api.linked-to-route": (f'service: {{id: "{ID}", control_plane_id: "{ID}"}}', "control_plane: {}"),
}


TAGS = ("!env VALUE", "!env {var: VALUE, extract: a}", "!external name:x", "!ref control#id")
OF_IDS = {"strategy.dcr-provider", "api.strategy"}
"""What a control plane can be no value of."""


@pytest.mark.parametrize(
    ("check", "tag"), [(check, tag) for check in UNKNOWN for tag in TAGS if tag != TAGS[-1] or check not in OF_IDS]
)
def test_what_is_unknown_before_it_is_applied_is_said_to_be_and_not_judged(checks, monkeypatch, check, tag):
    monkeypatch.setenv("VALUE", PLANTED)
    old, new = UNKNOWN[check]
    assert old in KONGCTL
    text = KONGCTL.replace(old, new.replace("{}", tag)) + "control_planes: [{ref: control, name: control}]\n"
    found = checks({"setup.yaml": text})
    assert failed(found) == {}
    said = next(one for one in found if one["id"] == check)
    assert said["verdict"] == "not seen"
    assert "unknown before it is applied" in said["observed"] or tag.startswith("!ref")


def test_what_is_known_after_apply_is_not_judged(checks):
    several = resources()
    planned = several["strategy"]["change"]["change"]
    del planned["after"]["openid_connect"]["configs"]
    planned["after_unknown"]["openid_connect"]["configs"] = True
    found = checks({"plan.json": json.dumps(plan(several.values()))})
    assert failed(found) == {}
    unknown = [check["id"] for check in found if "known after apply" in check["observed"]]
    assert {"strategy.issuer", "strategy.claim", "strategy.scopes", "strategy.auth-methods"} <= set(unknown)


def test_a_resource_that_is_known_after_apply_as_a_whole_is_not_judged(checks):
    several = resources()
    for name, member in (("provider", "curity"), ("strategy", "openid_connect")):
        planned = several[name]["change"]["change"]
        planned["after"] = {}
        planned["after_unknown"] = {"id": True, "name": True, member: True}
    found = checks({"plan.json": json.dumps(plan(several.values()))})
    assert failed(found) == {}
    assert {check["id"] for check in found if "known after apply" in check["observed"]} >= {
        "provider.issuer",
        "strategy.claim",
    }


def test_an_object_that_exists_already_is_not_judged(checks):
    there = "  - ref: curity-strategy\n    _external: {selector: {matchFields: {name: Curity}}}\nportals:\n"
    begin, end = KONGCTL.index("  - ref: curity-strategy"), KONGCTL.index("portals:\n")
    found = checks({"setup.yaml": KONGCTL[:begin] + there + KONGCTL[end + len("portals:\n") :]})
    assert failed(found) == {}
    assert [check["verdict"] for check in found if check["id"] == "api.strategy"] == ["passed"]


def test_files_without_what_the_guide_sets_are_no_pass(lint):
    code, out, _ = lint({"setup.yaml": "control_planes: [{ref: c, name: c}]\n"})
    assert code == NOTHING
    assert "no checks ran; this is not a pass" in out


# Secrets


def literal(all: dict[str, dict[str, Any]]) -> None:
    curity("dcr_config", {"initial_client_id": "konnect-dcr", "initial_client_secret": PLANTED})(all)
    constant = {"constant_value": {"dcr_config": {"initial_client_secret": PLANTED}}}
    all["provider"]["written"]["expressions"]["curity"] = constant


def from_a_variable(all: dict[str, dict[str, Any]]) -> None:
    no_secret(all)
    curity("dcr_config", {"initial_client_id": "konnect-dcr", "initial_client_secret": PLANTED})(all)


def plan_with(change: Change) -> str:
    several = resources()
    change(several)
    return json.dumps(plan(several.values()))


SECRETS = {
    "kongctl": ("files.secret.hidden", KONGCTL.replace("!secret {source: !env CURITY_SECRET}", PLANTED), BROKEN),
    "a secret that is a name, too": (
        "files.secret.hidden",
        KONGCTL.replace("!secret {source: !env CURITY_SECRET}", PLANTED).replace(
            "name: curity-dcr", f"name: {PLANTED}"
        ),
        BROKEN,
    ),
    "another kind of secret": (
        "files.secret.hidden",
        KONGCTL.replace("    name: My Portal", f"    name: x\n    config: {{client_secret: [{PLANTED}]}}"),
        BROKEN,
    ),
    "a secret that stands elsewhere, too": (
        "files.secret.hidden",
        KONGCTL.replace("!secret {source: !env CURITY_SECRET}", PLANTED).replace("[sub]", f"[{PLANTED}]"),
        BROKEN,
    ),
    "terraform's configuration": ("files.secret.hidden", plan_with(literal), BROKEN),
    "terraform's plan": ("files.secret.not-in-plan", plan_with(from_a_variable), GREEN),
}


FORMATS = ("", "--json", "--sarif", "--github")


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("format", FORMATS)
def test_a_secret_in_plain_text_is_found_and_never_printed(lint, name, format):
    check, text, exit = SECRETS[name]
    code, out, err = lint({"setup.json": text}, "setup.json", *filter(None, [format]))
    assert code == exit
    assert check in out
    assert PLANTED not in out + err


@pytest.mark.parametrize("sensitive", [True, {"curity": {"dcr_config": {"initial_client_id": True}}}])
def test_what_a_plan_marks_as_sensitive_is_not_printed(lint, sensitive):
    several = resources()
    curity("dcr_config", {"initial_client_id": PLANTED})(several)
    no_secret(several)
    several["provider"]["change"]["change"]["after_sensitive"] = sensitive
    for format in FORMATS:
        text = json.dumps(plan(several.values()))
        code, out, _ = lint({"plan.json": text}, "plan.json", *OPTIONS, *filter(None, [format]))
        assert code == BROKEN
        assert "provider.registrar-id" in out
        assert PLANTED not in out


def test_credentials_in_an_address_are_not_printed(lint):
    text = KONGCTL.replace(OF_PROVIDER, "issuer: https://user:w7GqZk29@curity.example.com/nothing")
    code, out, _ = lint({"setup.yaml": text})
    assert code == BROKEN
    assert "w7GqZk29" not in out


# Formats


def test_sarif_validates_and_points_at_the_value(lint):
    code, out, _ = lint({"my setup.yaml": yaml_with(WRONG[0])}, "my setup.yaml", "--sarif")
    assert code == BROKEN
    log = json.loads(out)
    Draft4Validator(SARIF).validate(log)
    (run,) = log["runs"]
    (result,) = run["results"]
    assert (result["ruleId"], result["level"]) == ("provider.type", "error")
    where = result["locations"][0]["physicalLocation"]
    line = KONGCTL.splitlines().index("    provider_type: curity") + 1
    assert where == {"artifactLocation": {"uri": "my%20setup.yaml"}, "region": {"startLine": line, "startColumn": 20}}
    assert "set the type to curity" in result["message"]["text"]


def test_sarif_of_a_right_file_validates(lint):
    code, out, _ = lint({"setup.yaml": KONGCTL}, "setup.yaml", "--sarif")
    assert code == GREEN
    Draft4Validator(SARIF).validate(json.loads(out))


def test_annotations_name_file_line_and_column(lint):
    code, out, _ = lint({"setup.yaml": yaml_with(WRONG[0])}, "setup.yaml", "--github")
    assert code == BROKEN
    line = KONGCTL.splitlines().index("    provider_type: curity") + 1
    assert out.startswith(f"::error file=setup.yaml,line={line},col=20,title=FAILED provider.type%3A")
    assert out.count("::error") == 1


def test_text_begins_with_the_place_and_has_the_fix(lint):
    code, out, _ = lint({"setup.yaml": yaml_with(WRONG[0])})
    line = KONGCTL.splitlines().index("    provider_type: curity") + 1
    assert code == BROKEN
    assert f"setup.yaml:{line}:20: provider 'curity-dcr'\nFAILED provider.type" in out
    assert "owner: Konnect admins" in out
    assert "konnect.provider.type" in out
    assert out.rstrip().splitlines()[-1].startswith("failed: provider.type (konnect.provider.type)")


# What is refused


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
REFUSED: dict[str, tuple[str | bytes, str]] = {
    "an unknown tag": (KONGCTL.replace("!secret", "!sekret"), "unknown tag !sekret; did you mean '!secret'?"),
    "a tag of another language": (KONGCTL.replace("!secret", "!!python/object:os.system"), "unknown tag"),
    "a missing file": (KONGCTL.replace("curity-dcr\n", "!file nothing.txt\n", 1), "there is no file nothing.txt"),
    "a missing file of no interest": (f"{KONGCTL}catalog_services: [!file x.md]", "there is no file x.md"),
    "an absolute path": (KONGCTL.replace("name: My Portal", "name: !file /etc/hostname"), "leaves the folder"),
    "a path outside": (
        KONGCTL.replace("name: My Portal", "name: !file ../../../../../etc/hostname"),
        "leaves the folder",
    ),
    "nothing at the path within": (
        KONGCTL.replace(OF_PROVIDER, "issuer: !file setup.yaml#nothing.here"),
        "nothing at nothing.here",
    ),
    "a file that loads itself": (
        KONGCTL.replace(OF_PROVIDER, "issuer: !file setup.yaml#dcr_providers.0.issuer"),
        "loads itself",
    ),
    "a reference to nothing": (KONGCTL.replace("!ref portal#id", "!ref portla#id"), "did you mean 'portal'?"),
    "a circle of references": (
        KONGCTL.replace(OF_PROVIDER, "issuer: !ref curity-strategy#configs.openid_connect.issuer").replace(
            OF_STRATEGY, "issuer: !ref curity-dcr#issuer"
        ),
        "refers to itself",
    ),
    "a reference to itself": (KONGCTL.replace(OF_PROVIDER, "issuer: !ref curity-dcr#issuer"), "refers to itself"),
    "a circle of templates": (
        f"_templates: {{a: {{_extends: b}}, b: {{_extends: a}}}}\n{KONGCTL}".replace(OF_PROVIDER, "_extends: a"),
        "circle",
    ),
    "no such template": (KONGCTL.replace(OF_PROVIDER, "_extends: curtiy"), "no template"),
    "two objects with a ref": (
        KONGCTL.replace("ref: portal\n", "ref: curity-dcr\n"),
        "the same ref as at setup.yaml:3:5",
    ),
    "a list that is none": (KONGCTL.replace("portals:\n  - ref", "portals:\n    ref"), "portals is not a list"),
    "an object that is none": (KONGCTL.replace("  - ref: portal\n", "  - portal\n  - ref: portal\n"), "not a mapping"),
    "two members with a name": (KONGCTL.replace("scopes: []", "scopes: []\n        scopes: []"), "the same name"),
    "no YAML": (KONGCTL.replace("[sub]", "[sub"), "setup.yaml:"),
    "not UTF-8": (KONGCTL.replace("My Portal", "Pórtal").encode("latin-1"), "setup.yaml:25:1: not UTF-8"),
    "UTF-16": (KONGCTL.encode("utf-16"), "not UTF-8"),
    "control characters": (KONGCTL.replace("My Portal", "\x00"), "control characters"),
    "aliases of aliases": (f"{BOMB}{KONGCTL}".replace("[sub]", "*i"), "more than 10,000 values"),
    "aliases of aliases in templates": (
        "_templates:\n  m0: &m0 {a: {b: 1}}\n"
        + "".join(f"  m{n}: &m{n} {{a: *m{n - 1}, b: *m{n - 1}}}\n" for n in range(1, 40))
        + KONGCTL.replace(OF_PROVIDER, "dcr_config: {_extends: m39, a: *m38, b: *m38}\n    x: 1").replace(
            "    dcr_config:\n      initial_client_id", "    y:\n      initial_client_id"
        ),
        "templates merge more than 20,000 mappings",
    ),
    "an alias in a plan": ("format_version: &a [x]\nresource_changes: *a\n", "an alias in a Terraform plan"),
    "an alias of itself": (KONGCTL.replace("[sub]", "&x [*x]"), "alias"),
    "deep lists": (KONGCTL.replace("[sub]", "[" * 500 + "]" * 500), "nested deeper than 100 levels"),
    "deeper lists": (KONGCTL.replace("[sub]", "[" * 50_000), "nest"),
    "deep mappings": (
        KONGCTL.replace("[sub]", "\n" + "".join(" " * n + "a:\n" for n in range(9, 300))),
        "nested deeper",
    ),
    "too large": (b"#" * (LARGEST + 1), "the limit is 16,777,216"),
    "empty": ("", "the file is empty"),
    "another YAML": ("openapi: 3.0.3\n", "neither kongctl's YAML nor a Terraform plan"),
    "a list": ("[1, 2]", "neither kongctl's YAML nor a Terraform plan"),
    "a Terraform state": ('{"format_version": "1.0", "values": {}}', "prints a plan"),
    "!ref of a list": (KONGCTL.replace("!ref portal#id", "!ref [portal]"), "!ref needs"),
    "a template that is no name": (KONGCTL.replace(OF_PROVIDER, "_extends: [a]"), "no template"),
    "!env of a list": (KONGCTL.replace(OF_PROVIDER, "issuer: !env [a]"), "!env needs"),
    "!env of nothing": (KONGCTL.replace(OF_PROVIDER, "issuer: !env"), "!env needs"),
    "!file of nothing": (KONGCTL.replace(OF_PROVIDER, "issuer: !file"), "!file needs"),
    "a merge key without a mapping": (KONGCTL.replace(OF_PROVIDER, "<<: 5"), "a merge key (<<) needs a mapping"),
    "a plan of a later Terraform": (
        json.dumps({**plan(resources().values()), "format_version": "2.0"}),
        "format_version of a later Terraform",
    ),
    "settings that are no JSON": (
        plan_with(config("additional_properties", "{]")),
        "additional_properties is not JSON",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_file_is_refused_in_words(lint, name):
    text, words = REFUSED[name]
    code, out, err = lint({"setup.yaml": text})
    assert (code, out) == (USAGE, "")
    assert err.startswith("dcrproof lint: setup.yaml")
    assert words in err
    assert "Traceback" not in err


@pytest.mark.parametrize("path", ["nothing.yaml", "empty", "pipe", "a\x00b"])
def test_what_is_no_file_is_refused_in_words(lint, tmp_path, path):
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe")
    code, out, err = lint({}, path)
    assert (code, out) == (USAGE, "")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(KONGCTL + "x:\n" + "  - {a: b}\n" * 5_000, id="many values"),
        pytest.param(
            KONGCTL.replace(
                "portals:\n", "portals:\n" + "".join(f"  - {{ref: p{n}, name: x}}\n" for n in range(2_000))
            ),
            id="many objects",
        ),
        pytest.param(
            "m: &m {" + ", ".join(f"k{n}: 1" for n in range(2_000)) + "}\nx:\n" + "  - <<: *m\n" * 400 + KONGCTL,
            id="merges",
        ),
        pytest.param(KONGCTL.replace("My Portal", "://" * 100_000), id="long text"),
        pytest.param(f"{BOMB}{KONGCTL}".replace("[!ref curity-strategy#id]", "*i"), id="aliases of aliases among ids"),
    ],
)
def test_a_large_file_takes_time_in_proportion(lint, text):
    code, _, err = lint({"setup.yaml": text})
    assert code in {GREEN, BROKEN}, err


@pytest.mark.parametrize(
    "value", sample(["{}", "[[[5]]]", "'\u202e'", "[]", "5", "{a: {b: c}}", "null", "''", "true"], of=3)
)
def test_other_values_than_expected_are_judged_and_never_a_traceback(lint, value):
    for old, new in UNKNOWN.values():
        code, _, err = lint({"setup.yaml": KONGCTL.replace(old, new.replace("{}", value))})
        assert code in {GREEN, BROKEN}, (new, err)


OF_ANOTHER_KIND = {
    "strategy.claim": ("credential_claim: [sub]", "credential_claim: sub"),
    "strategy.scopes": ("scopes: []", "scopes: accounts:read"),
    "strategy.auth-methods": (METHODS, "client_credentials bearer session"),
    "strategy.requirements": ("scopes: []", "scopes: []\n        audience_required: orders"),
    "strategy.hide-credentials": ("scopes: []", 'scopes: []\n        hide_credentials: "true"'),
    "portal.open": ("authentication_enabled: true", 'authentication_enabled: "true"'),
    "api.strategy": ("[!ref curity-strategy#id]", "!ref curity-strategy#id"),
}


@pytest.mark.parametrize(("check", "change"), OF_ANOTHER_KIND.items(), ids=list(OF_ANOTHER_KIND))
def test_a_right_value_of_another_kind_is_said_to_be_that(check, change, checks):
    found = failed(checks({"setup.yaml": KONGCTL.replace(*change)}))
    assert list(found) == [check]
    assert " as " in found[check]["fix"]
    assert found[check]["expected"] in found[check]["fix"]


@pytest.mark.parametrize("scopes", ["scopes: null", "labels: {}"])
def test_scopes_may_be_empty_and_not_be_missing(scopes, checks):
    assert list(failed(checks({"setup.yaml": KONGCTL.replace("scopes: []", scopes)}))) == ["strategy.scopes"]


STRATEGIES, PROVIDERS = "konnect_application_auth_strategy", "konnect_dcr_provider"


def instances(all: dict[str, dict[str, Any]], what: str, *keys: str, **others: Change) -> None:
    """A resource with `for_each`: one instance for each key, changed as `others` says."""
    first = all.pop(what)
    for key in keys:
        one = json.loads(json.dumps(first))
        index = f"[{json.dumps(key)}]"
        one["change"].update(address=first["change"]["address"] + index, index=key)
        if key in others:
            others[key]({what: one})
        all[f"{what}{index}"] = one


def refer(all: dict[str, dict[str, Any]], what: str, member: str, *references: str) -> None:
    all[what]["written"]["expressions"][member] = {"references": [*references]}


REFERRED = {
    # the references of the publication's strategies, and whether one of them is the one for Curity; None: unknown
    "by its key": ((f'{STRATEGIES}.this["oidc"].id', f'{STRATEGIES}.this["oidc"]', f"{STRATEGIES}.this"), True),
    "another by its key": (
        (f'{STRATEGIES}.this["keys"].id', f'{STRATEGIES}.this["keys"]', f"{STRATEGIES}.this"),
        False,
    ),
    "both": ((f'{STRATEGIES}.this["keys"].id', f'{STRATEGIES}.this["oidc"].id', f"{STRATEGIES}.this"), True),
    "any": ((f"{STRATEGIES}.this",), None),
    "one by a variable": ((f"{STRATEGIES}.this", "var.key"), None),
    "another, and one from elsewhere": ((f'{STRATEGIES}.this["keys"].id', "var.more"), None),
    "from elsewhere": (("module.strategies.id",), None),
}


@pytest.mark.parametrize("unknown", [True, [True, True]], ids=["the list", "its items"])
@pytest.mark.parametrize(("references", "right"), REFERRED.values(), ids=list(REFERRED))
def test_a_reference_to_one_of_several_instances_is_followed_to_that_one(references, right, unknown, checks):
    all = resources()
    instances(all, "strategy", "keys", "oidc", keys=key_auth)
    refer(all, "publication", "auth_strategy_ids", *references)
    change = all["publication"]["change"]["change"]
    change["after_unknown"]["auth_strategy_ids"] = unknown
    if unknown is not True:
        change["after"]["auth_strategy_ids"] = [None, None]
    found = {check["id"]: check["verdict"] for check in checks({"plan.json": json.dumps(plan(all.values()))})}
    assert found["api.strategy"] == {True: "passed", False: "failed", None: "not seen"}[right]


@pytest.mark.parametrize(
    "references",
    [(f'{PROVIDERS}.this["curity"].id', f"{PROVIDERS}.this"), (f"{PROVIDERS}.this", "each.key")],
    ids=["by its key", "by the own key"],
)
def test_a_strategy_of_the_second_provider_is_judged(references, checks):
    all = resources()
    config("credential_claim", ["client_id"])(all)
    instances(all, "provider", "another", "curity", another=okta)
    refer(all, "strategy", "openid_connect", *references)
    instances(all, "strategy", "curity")
    assert "strategy.claim" in failed(checks({"plan.json": json.dumps(plan(all.values()))}))
