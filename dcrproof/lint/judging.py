"""Declared objects held against the guide, with the checks of a run. What is unknown before it is applied is not judged."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from dcrproof.core import rules
from dcrproof.core.checks.expect import demand
from dcrproof.core.checks.outcomes import Failed
from dcrproof.core.checks.results import Result
from dcrproof.core.checks.verdict import Verdict
from dcrproof.core.parties.authorization_server import WELL_KNOWN
from dcrproof.core.secrets.index import Secrets
from dcrproof.core.text import one_line
from dcrproof.fixtures.catalogue import entry_of, of_files
from dcrproof.lint.kongctl import EXISTS
from dcrproof.lint.nodes import Declared, NotKnown, Place, Unknown, plain
from dcrproof.lint.setup import ELSEWHERE, Setup
from dcrproof.lint.steps import OF_CHECK

Rule = Callable[[Any], object]
CONFIG = ("configs", "openid-connect")
USERINFO = re.compile(r"://[^/?#@\s'\"]+@")


@dataclass(frozen=True)
class Finding:
    """What one check says of one object, or of one secret; `place` is that of the value, or of what should hold it."""

    result: Result
    place: Place
    subject: str


def findings(setup: Setup, issuer: str = "", registrar_id: str = "") -> list[Finding]:
    """All that can be said of the objects, in the order of the how-to. `issuer` and `registrar_id` are those of Curity, where
    they are known.
    """
    judge = _Judge(setup, rules.issuer_of(issuer), registrar_id)
    secrets = Secrets()
    for written in setup.secrets:
        secrets.know(written.value)
    for text in setup.hidden:
        secrets.know(text)
    found = [*judge.providers(), *judge.strategies(), *judge.portals(), *judge.publications(), *_secrets(setup)]
    mask = partial(_masked, secrets)
    return [Finding(one.result.masked(mask), one.place, mask(one.subject)) for one in found]


def _masked(secrets: Secrets, text: str) -> str:
    return one_line(USERINFO.sub("://***@", secrets.mask(text)))


def _hold(of: Declared, check: str, rule: Rule, *path: str, looks: bool = False) -> Finding:
    """Holds the member at a path against a rule, which is given its value; one that `looks` by itself is given None.

    Raises BadFile where a setting is far too large.
    """
    node, inner = of.body.find(*path)
    entry, order = entry_of(check)
    assert entry is not None  # noqa: S101 - a test holds that each id is one of the catalogue
    passed = Result.of_check(entry.check, order, Verdict.PASSED)
    try:
        if node is None and of.external:
            raise NotKnown.before(EXISTS)
        value = None if looks else plain(node)
        _require_kind(check, path[-1] if path else "", value)
        rule(value)
    except NotKnown as unknown:
        words = f"{'.'.join(path) or of.kind}: {unknown}"
        result = replace(passed, verdict=Verdict.NOT_SEEN, expected="with a run after it is applied", observed=words)
    except Failed as failed:
        steps = failed.steps or (OF_CHECK[check],)
        result = replace(
            passed,
            verdict=Verdict.FAILED,
            steps=steps,
            candidates=steps,
            expected=failed.expected,
            observed=failed.observed,
            fix=failed.fix,
        )
    else:
        result = passed
    return Finding(result, (node or inner).place, str(of))


KINDS: Mapping[str, type] = {
    **dict.fromkeys(("strategy.claim", "strategy.scopes", "strategy.auth-methods", "strategy.requirements"), list),
    **dict.fromkeys(("strategy.hide-credentials", "portal.open"), bool),
}
"""What the member of a check is, of which Konnect refuses anything else (Application Auth Strategies API v2, Portal Management
API v3)."""


def _require_kind(check: str, name: str, value: Any) -> None:
    """Raises Failed where a member has a value of another kind, whatever it says."""
    kind = KINDS.get(check)
    if value is None or kind is None or isinstance(value, kind):
        return
    words = "as a list, in brackets" if kind is list else "as true or false, without quotation marks"
    demand(holds=False, expected=f"{name} {words}", observed=f"{name} {value!r}", fix=f"write {name} {words}")


def _known(of: Declared, *path: str) -> Any:
    """The value at a path, or None where there is none or it is unknown."""
    try:
        return plain(of.body.find(*path)[0])
    except NotKnown:
        return None


def _link(of: Declared, name: str) -> Any:
    """What a member refers to: an object, `Unknown`, an id or None."""
    node, _ = of.body.find(name)
    return EXISTS if node is None and of.external else node and node.value


UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
Links = Mapping[tuple[str, ...], str]
"""The paths of members that hold ids, with what these are the ids of."""
REQUIRED = frozenset({"api_id", "portal_id"})
PROVIDER: Links = {("dcr_provider_id",): "provider"}
STRATEGIES: Links = {("auth_strategy_ids",): "strategy"}
DEFAULT: Links = {("default_application_auth_strategy_id",): "strategy"}
PUBLISHED: Links = {("portal_id",): "portal", ("api_id",): "api"}
LINKED: Links = {
    ("api_id",): "api",
    ("service", "id"): "gateway service",
    ("service", "control_plane_id"): "control plane",
    ("control_plane", "control_plane_id"): "control plane",
}


def _refer(of: Declared, check: str, links: Links) -> Finding:
    """Holds members against being ids of what they must be; the place is that of the first that is none."""
    wrong = next((path for path, kind in links.items() if _no_id(of, kind, *path)), ())
    return _hold(of, check, lambda _: _require_ids(of, links), *wrong, looks=True)


def _require_ids(of: Declared, links: Links) -> None:
    """Raises Failed where a member holds what is not the id of such an object, by itself or among others."""
    for path, kind in links.items():
        said = _no_id(of, kind, *path)
        demand(
            not said,
            f"{'.'.join(path)} with the id of its {kind}",
            f"{'.'.join(path)} {said}",
            fix=f"refer to the {kind} by its id: !ref REF#id in kongctl's YAML, .id in Terraform",
        )


def _no_id(of: Declared, kind: str, *path: str) -> str:
    """What stands there instead of an id, in words; empty where it may be one, or may be left out."""
    node, _ = of.body.find(*path)
    if node is None or node.value is None:
        return "left out" if path[-1] in REQUIRED and not of.external else ""
    for item in node.items or [node]:
        value = item.value
        if isinstance(value, Unknown) or value in (None, []):
            continue
        if isinstance(value, Declared):
            if value.kind != kind:
                return f"with the id of the {value}"
        elif not isinstance(value, str) or not (UUID.match(value) or ELSEWHERE.match(value)):
            shown = "a list" if item.items else "a mapping" if item.members else repr(value)
            return f"{shown}, which is neither an id nor the ref of its {kind} in these files"
    return ""


def _links(of: Declared) -> list[Any] | Unknown | None:
    """What the strategies of a publication are; None where the member is missing."""
    node, _ = of.body.find("auth_strategy_ids")
    if node is None:
        return EXISTS if of.external else None
    if isinstance(node.value, Unknown):
        return node.value
    return [item.value for item in node.items or [node] if item.value not in (None, [])]


class _Judge:
    """An object of another flow stands beside those of this one: where some are meant for Curity, others are let alone."""

    def __init__(self, setup: Setup, issuer: str, registrar_id: str) -> None:
        self.setup, self.issuer, self.registrar_id = setup, issuer, registrar_id
        providers = setup.of("provider")
        curity = [one for one in providers if _known(one, "provider_type") in (None, "curity") or one.external]
        self.of_curity = dict.fromkeys(curity or providers)
        own = [one for one in setup.of("strategy") if not self._of_another(one)]
        with_provider = [one for one in own if _link(one, "dcr_provider_id")]
        openid = [one for one in own if _known(one, "strategy_type") in (None, "openid_connect")]
        self.meant = dict.fromkeys(with_provider or openid or own)
        """The strategies of the flow, in the order of the files."""

    def _of_another(self, strategy: Declared) -> bool:
        provider = _link(strategy, "dcr_provider_id")
        return isinstance(provider, Declared) and provider.kind == "provider" and provider not in self.of_curity

    def providers(self) -> Iterator[Finding]:
        for one in self.of_curity:
            yield (found := _hold(one, "provider.type", rules.provider_type, "provider_type"))
            if found.result.verdict is Verdict.FAILED:
                continue  # what else is set is not Curity's
            yield _hold(one, "provider.issuer", self._discovery_url, "issuer")
            yield _hold(one, "provider.registrar-id", self._registrar, "dcr_config", "initial_client_id")
            yield _hold(one, "provider.verified", _secret, "dcr_config", "initial_client_secret")

    def _discovery_url(self, value: Any) -> None:
        if self.issuer:
            rules.discovery_url(value, self.issuer)
            return
        rules.written_discovery_url(value)
        raise NotKnown("a discovery URL; --issuer would show whether it is that of this Curity")

    def _registrar(self, value: Any) -> None:
        rules.given(value, "initial_client_id")
        if not self.registrar_id:
            raise NotKnown("an id; --registrar-id would show whether it is that of the registrar")
        rules.registrar(value, self.registrar_id)

    def strategies(self) -> Iterator[Finding]:
        for one in self.meant:
            shape = partial(_openid_connect, one)
            yield (found := _hold(one, "strategy.openid-connect", shape, "strategy_type"))
            if found.result.verdict is Verdict.FAILED:
                continue
            yield _hold(one, "strategy.dcr-provider", partial(_provider, one), "dcr_provider_id")
            yield _hold(one, "strategy.issuer", partial(self._issuer, one), *CONFIG, "issuer")
            yield _hold(one, "strategy.claim", rules.claim, *CONFIG, "credential_claim")
            yield _hold(one, "strategy.auth-methods", rules.auth_methods, *CONFIG, "auth_methods")
            yield _hold(one, "route.basic.cached", rules.no_password, *CONFIG, "auth_methods")
            yield _hold(one, "strategy.scopes", _scopes, *CONFIG, "scopes")
            yield from self._requirements(one)
            yield _hold(one, "strategy.hide-credentials", rules.hide_credentials, *CONFIG, "hide_credentials")

    def _issuer(self, strategy: Declared, value: Any) -> None:
        """The strategy's issuer is that of Curity, or of its provider; without either its form is looked at."""
        if self.issuer:
            rules.strategy_issuer(value, self.issuer)
            return
        of = str(value or "").removesuffix("/").removesuffix(WELL_KNOWN).removesuffix("/")
        rules.written_discovery_url(of and f"{of}{WELL_KNOWN}")
        provider = _link(strategy, "dcr_provider_id")
        of_provider = _known(provider, "issuer") if isinstance(provider, Declared) else None
        try:
            rules.written_discovery_url(of_provider)
        except Failed:
            return  # it is the provider's that is wrong
        try:
            rules.strategy_issuer(value, rules.issuer_of(of_provider))
        except Failed as failed:
            both = ("konnect.strategy.issuer", "konnect.provider.issuer")
            raise Failed(failed.expected, f"{failed.observed}; the provider has another one", steps=both) from None

    def _requirements(self, one: Declared) -> Iterator[Finding]:
        for claim in ("audience", "scopes", "groups", "roles"):
            if one.body.find(*CONFIG, f"{claim}_required")[0] is not None:
                rule = partial(_required, one, claim)
                yield _hold(one, "strategy.requirements", rule, *CONFIG, f"{claim}_required")

    def portals(self) -> Iterator[Finding]:
        """Those that an API is published to with a strategy of the flow, where there is one."""
        used = {link for one in self._with_own() if isinstance(link := _link(one, "portal_id"), Declared)}
        for one in [portal for portal in self.setup.of("portal") if portal in used] or self.setup.of("portal"):
            yield _hold(one, "portal.open", _enabled, "authentication_enabled")

    def publications(self) -> Iterator[Finding]:
        publications, apis = self.setup.of("publication"), self.setup.of("api")
        if not publications and apis and self.meant and self.setup.of("portal"):
            yield _hold(apis[0], "api.published", partial(_unpublished, apis[0]), looks=True)
        own = [one for one in publications if self._is_of_the_flow(one)]
        for one in own if self._with_own() else publications:
            yield _refer(one, "api.published", PUBLISHED)
            rule = partial(self._strategy, one)
            yield _hold(one, "api.strategy", rule, "auth_strategy_ids", looks=True)
        for one in self.setup.of("implementation"):
            yield _refer(one, "api.linked-to-gateway", LINKED)
            yield _hold(one, "api.linked-to-route", partial(_linked, one), "control_plane", looks=True)

    def _with_own(self) -> list[Declared]:
        """The publications with a strategy of the flow."""
        several = [(one, _links(one)) for one in self.setup.of("publication")]
        return [one for one, links in several if isinstance(links, list) and any(map(self._is_meant, links))]

    def _is_meant(self, link: Any) -> bool:
        return isinstance(link, Declared) and link in self.meant

    def _is_of_the_flow(self, publication: Declared) -> bool:
        """Whether it has a strategy of the flow, or none, or what it has is unknown."""
        links = _links(publication)
        return (
            not isinstance(links, list)
            or not links
            or any(self._is_meant(one) or not isinstance(one, Declared) for one in links)
        )

    def _strategy(self, publication: Declared, _: Any) -> None:
        """Without the member the portal's default applies (API Builder API v3, auth_strategy_ids)."""
        links = _links(publication)
        written, _ = publication.body.find("auth_strategy_ids")
        if written is not None and isinstance(written.value, str | Declared):
            said = "auth_strategy_ids as a list, in brackets"
            raise Failed(said, "one strategy that is not in a list, which Konnect refuses", fix=f"write {said}")
        _require_ids(publication, STRATEGIES)
        if links is None:
            portal = _link(publication, "portal_id")
            default: Any = EXISTS
            if isinstance(portal, Declared):
                _require_ids(portal, DEFAULT)
                default = _link(portal, "default_application_auth_strategy_id")
            if isinstance(default, Unknown):
                raise NotKnown(f"the portal's default strategy applies, {default.why}")
            links = [default] if default else []
        if isinstance(links, Unknown):
            raise NotKnown.before(links)
        if any(map(self._is_meant, links)):
            return
        for one in links:
            if isinstance(one, Unknown):
                raise NotKnown.before(one)
            if not isinstance(one, Declared):
                raise NotKnown("the id of a strategy that is not in these files")
        expected = repr(next(iter(self.meant)).name) if self.meant else "for Curity"
        raise rules.publication_strategy(expected, [repr(one.name) for one in links])


def _openid_connect(strategy: Declared, kind: Any) -> None:
    """Judges the type and that there are settings of it; the settings themselves may be unknown."""
    node, _ = strategy.body.find(*CONFIG)
    rules.openid_connect({"strategy_type": kind, "configs": {"openid-connect": {} if node is not None else None}})


def _provider(strategy: Declared, value: Any) -> None:
    rules.has_provider(value)
    if isinstance(value, str) and ELSEWHERE.match(value):
        raise NotKnown("a placeholder, which another program replaces")
    _require_ids(strategy, PROVIDER)


def _secret(value: Any) -> None:
    rules.given(value, "initial_client_secret")
    raise NotKnown("only Konnect can try it")


def _linked(implementation: Declared, _: Any) -> None:
    control_plane = _link(implementation, "control_plane")
    if isinstance(control_plane, Unknown):
        raise NotKnown.before(control_plane)
    rules.linked_to_service(control_plane)
    raise NotKnown("which gateway service has the route that callers use is not in these files")


def _scopes(value: Any) -> None:
    demand(value is not None, "scopes, which may be empty", "no scopes, which Konnect refuses", fix="write scopes: []")
    rules.scopes(value)
    if value:
        raise NotKnown("whether Curity grants these scopes to registered clients")


def _required(strategy: Declared, claim: str, value: Any) -> None:
    usual = {"audience": ["aud"], "scopes": ["scope"]}.get(claim, [claim])
    if value and _known(strategy, *CONFIG, f"{claim}_claim") not in (None, usual):
        raise NotKnown("it is looked for in a claim of its own")
    asked = _known(strategy, *CONFIG, "scopes")
    rules.required(claim, value, asked if isinstance(asked, list) and asked else ["openid"])


def _enabled(value: Any) -> None:
    """Left out, it is on (Portal Management API v3)."""
    rules.authentication_enabled(True if value is None else value)


def _unpublished(api: Declared, _: Any) -> None:
    raise Failed(f"the API {api.name!r} published to the portal", "no publication in these files")


def _secrets(setup: Setup) -> Iterator[Finding]:
    for entry in of_files():
        for written in setup.secrets:
            if entry.test(by_plan=written.by_plan):
                result = replace(
                    Result.of_check(entry.check, (100, 0), Verdict.FAILED),
                    expected=OF_PLAN[0] if written.by_plan else OF_AUTHOR[0],
                    observed=f"{written.name} is a text in this file",
                    fix=OF_PLAN[1] if written.by_plan else OF_AUTHOR[1],
                )
                yield Finding(result, written.place, written.name)


OF_AUTHOR = (
    "!secret {source: !env NAME} in kongctl's YAML, or a sensitive variable in Terraform",
    "take it out of the file, and replace the secret itself: whoever has read the file knows it",
)
OF_PLAN = (
    "a plan in which the secret is not known yet, or one that nobody keeps",
    "delete the plan in JSON after this, and do not keep it among the artifacts of CI",
)
"""Expected, and the fix."""
