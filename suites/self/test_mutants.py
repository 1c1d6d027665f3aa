"""Every check can fail, and a set-up step that is left undone is named: the checks against targets with one thing wrong."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from performing import SUITES, UNDONE, Case, environment

from dcrproof.core import guide
from dcrproof.core.checks.check import Level
from dcrproof.fixtures.catalogue import entries
from dcrproof.mocks import steps
from dcrproof.mocks.mutants import MUTANTS

STEP = "step:"
BLIND = "blind:"
TURNS_RED: Mapping[str, str] = {
    "configuration.readable": "curity.knows-no-admin",
    "configuration.base-url": "step:curity.base-url.public",
    "configuration.metadata": "step:curity.metadata.exposed",
    "configuration.token-issuer.jwt": "step:curity.token-issuer.jwt",
    "configuration.token-issuer.signing-key": "curity.names-a-key-that-it-has-not",
    "configuration.token-issuer.userinfo": "step:curity.token-issuer.userinfo",
    "configuration.token-issuer.userinfo-keys": "step:curity.token-issuer.userinfo-keys",
    "configuration.profile.capability": "curity.has-no-client-credentials",
    "configuration.client.created": "step:curity.client.created",
    "configuration.client.capability": "step:curity.client.capability",
    "configuration.client.authentication-method": "step:curity.client.authentication-method",
    "configuration.dcr.enabled": "step:curity.dcr.enabled",
    "configuration.dcr.nodes": "step:curity.dcr.nodes",
    "configuration.dcr.non-templatized": "step:curity.dcr.non-templatized",
    "configuration.dcr.authentication": "step:curity.dcr.authenticate-client-by",
    "configuration.dcr.capabilities": "step:curity.dcr.capabilities",
    "configuration.dcr.client-authentication": "step:curity.dcr.client-authentication",
    "configuration.dcr.data-source": "curity.has-no-data-source-for-clients",
    "configuration.dcr.client-management": "step:curity.dcr.client-management",
    "discovery.served": "blind:curity.metadata.exposed",
    "discovery.issuer": "blind:curity.base-url.public",
    "discovery.endpoints": "curity.names-no-keys",
    "discovery.same-host": "curity.registers-at-another-host",
    "discovery.registration-endpoint": "blind:curity.dcr.enabled",
    "keys.served": "curity.serves-no-keys",
    "keys.public": "curity.publishes-private-keys",
    "registrar.authenticates": "step:curity.client.secret",
    "registrar.gets-dcr-scope": "blind:curity.dcr.authenticate-client-by",
    "registrar.wrong-secret": "curity.accepts-any-secret",
    "registration.every-node": "blind:curity.dcr.nodes=some-nodes",
    "registration.created": "step:curity.dcr.data-source",
    "registration.grants": "curity.registers-clients-without-grants",
    "registration.managed": "blind:curity.dcr.client-management",
    "registration.without-token": "curity.registers-without-token",
    "registration.unscoped-token": "curity.registers-with-any-token",
    "registration.initial-token-once": "curity.reuses-initial-tokens",
    "registration.filtered": "curity.refuses-grants-that-are-not-allowed",
    "registration.read": "curity.shows-no-registration",
    "registration.read-rotates": "curity.keeps-secrets",
    "registration.update": "curity.updates-no-registration",
    "registration.update-rotates": "curity.keeps-registration-tokens",
    "registration.new-secret": "curity.shows-a-secret-that-it-does-not-take",
    "registration.old-secret": "curity.takes-old-secrets",
    "registration.old-token": "curity.takes-any-registration-token",
    "registration.delete": "curity.deletes-no-registration",
    "registration.deleted-client": "curity.keeps-deleted-clients",
    "token.granted": "curity.grants-nothing-to-registered-clients",
    "token.answer": "curity.spells-bearer-with-a-capital",
    "token.is-jwt": "blind:curity.token-issuer.jwt",
    "token.verifies": "curity.signs-with-an-unpublished-key",
    "token.names-client": "blind:curity.token-issuer.jwt=wrapped",
    "token.header": "curity.types-its-tokens",
    "konnect.authenticated": "konnect.refuses-its-own-token",
    "konnect.region": "step:konnect.account.region",
    "portal.found": "konnect.has-no-such-portal",
    "api.found": "konnect.has-no-such-api",
    "strategy.found": "konnect.has-no-such-strategy",
    "strategy.openid-connect": "step:konnect.strategy.auth-type",
    "strategy.dcr-provider": "step:konnect.strategy.dcr-provider",
    "provider.type": "step:konnect.provider.type",
    "provider.issuer": "step:konnect.provider.issuer",
    "provider.registrar-id": "step:konnect.provider.initial-client-id",
    "provider.secret-hidden": "konnect.shows-provider-secrets",
    "provider.verified": "step:konnect.provider.initial-client-secret",
    "provider.active": "konnect.calls-no-provider-active",
    "strategy.issuer": "step:konnect.strategy.issuer",
    "strategy.claim": "step:konnect.strategy.claim",
    "strategy.auth-methods": "step:konnect.strategy.auth-methods",
    "strategy.no-password": "konnect.takes-passwords",
    "strategy.scopes": "step:konnect.strategy.scopes",
    "strategy.requirements": "step:konnect.strategy.requirements",
    "strategy.hide-credentials": "step:konnect.strategy.hide-credentials",
    "api.published": "step:konnect.publication.api",
    "api.strategy": "step:konnect.publication.strategy",
    "strategy.active": "konnect.calls-no-strategy-active",
    "api.linked-to-gateway": "step:konnect.implementation.linked",
    "api.linked-to-route": "step:konnect.implementation.linked=another-service",
    "api.synced": "konnect.cannot-push",
    "api.plugin": "konnect.forgets-the-plugin",
    "nodes.connected": "konnect.sees-no-node",
    "nodes.version": "step:gateway.data-plane.version",
    "nodes.in-sync": "gateway.one-node-takes-no-configuration",
    "provision.provider": "konnect.makes-no-provider",
    "provision.provider-secret": "konnect.shows-provider-secrets",
    "provision.provider-idle": "konnect.calls-every-provider-active",
    "provision.strategy": "konnect.forgets-the-provider-of-a-strategy",
    "provision.portal": "konnect.makes-no-portal",
    "provision.api": "konnect.makes-no-version",
    "provision.implementation": "konnect.links-nothing",
    "provision.publication": "konnect.publishes-nothing",
    "provision.unknown-property": "konnect.ignores-unknown-properties",
    "portal.open": "step:konnect.portal.user-authentication",
    "developer.signs-in": "step:konnect.developer.approved",
    "developer.wrong-password": "portal.takes-any-password",
    "portal.no-session": "portal.needs-no-session",
    "api.offered": "portal.hides-public-apis",
    "application.created": "portal.keeps-the-secret",
    "application.dcr-strategy": "portal.calls-credentials-self-managed",
    "application.secret-once": "portal.shows-the-secret-again",
    "application.admin-view": "konnect.shows-admins-another-client-id",
    "application.registered": "portal.registers-for-no-api",
    "application.approved": "step:konnect.registration.approved",
    "application.decided": "step:konnect.role.api-registration-approver",
    "application.registered-twice": "portal.registers-twice",
    "client.registered-by-konnect": "konnect.registers-every-client-twice",
    "client.known": "portal.shows-another-secret",
    "client.wrong-secret": "curity.accepts-any-secret",
    "gateway.answers": "gateway.has-no-route",
    "gateway.clock": "step:gateway.data-plane.clock",
    "route.no-credentials": "gateway.enforces-nothing",
    "gateway.reads-tokens": "step:gateway.data-plane.keys",
    "route.basic.accepted": "gateway.takes-no-basic",
    "route.basic.wrong-secret": "gateway.caches-by-client-id-alone",
    "route.basic.after-wrong-secret": "gateway.locks-out-after-a-wrong-secret",
    "route.basic.foreign-client": "gateway.lets-every-client-through",
    "route.basic.crossed-secret": "gateway.caches-by-client-id-alone",
    "route.basic.given": "gateway.opens-when-curity-refuses",
    "route.others": "gateway.leaves-a-path-open",
    "route.basic.literal": "gateway.takes-plain-basic",
    "route.basic.malformed": "gateway.fails-on-broken-basic",
    "route.basic.near-miss": "gateway.trims-credentials",
    "route.basic.unknown-client": "gateway.opens-when-curity-refuses",
    "route.basic.spelling": "gateway.takes-every-spelling-of-basic",
    "route.basic.proxy-header": "gateway.reads-proxy-authorization",
    "route.basic.cached": "gateway.caches-no-token",
    "route.bearer.accepted": "gateway.takes-no-bearer",
    "route.bearer.headers": "gateway.reads-authorization-alone",
    "route.bearer.no-scheme": "gateway.takes-tokens-without-a-scheme",
    "route.bearer.before-basic": "gateway.falls-back-to-basic",
    "route.bearer.own-key": "gateway.trusts-keys-in-tokens",
    "route.bearer.tampered": "gateway.verifies-no-signature",
    "route.bearer.changed-claims": "gateway.verifies-no-signature",
    "route.bearer.foreign-key": "gateway.trusts-the-key-id",
    "route.bearer.unknown-kid": "gateway.trusts-unknown-key-ids",
    "route.bearer.unsigned": "gateway.takes-unsigned-tokens",
    "route.bearer.hs-confused": "gateway.takes-the-public-key-for-a-secret",
    "route.bearer.expired": "gateway.takes-expired-tokens",
    "route.bearer.opaque": "gateway.opens-for-opaque-tokens",
    "route.bearer.rotated-key": "gateway.never-looks-for-new-keys",
    "route.session.issued": "gateway.sets-no-session",
    "route.session.cookie": "gateway.shows-the-session-to-scripts",
    "route.session.accepted": "gateway.opens-no-session",
    "route.session.tampered": "gateway.opens-broken-sessions",
    "route.session.before-basic": "gateway.looks-for-basic-first",
    "route.session.broken-beside-basic": "gateway.passes-over-broken-sessions",
    "route.session.other-node": "gateway.shares-session-secrets",
    "route.session.revoked": "gateway.asks-no-session-for-a-registration",
    "route.head": "gateway.lets-head-through",
    "route.unmatched": "gateway.hides-that-no-route-matched",
    "route.headers": "gateway.hides-its-latency",
    "route.header-too-large": "gateway.fails-on-large-headers",
    "route.upstream-down": "gateway.blames-the-caller-for-the-upstream",
    "route.rejected": "gateway.asks-for-no-registration",
    "route.unregistered": "gateway.asks-for-no-registration",
    "route.pending": "konnect.pushes-pending-registrations",
    "upstream.bearer": "gateway.sends-no-token-upstream",
    "upstream.no-secret": "gateway.sends-credentials-upstream",
    "upstream.forged-identity": "gateway.lets-forged-identities-through",
    "upstream.forwarded": "gateway.lets-forwarding-headers-through",
    "upstream.same-token": "gateway.sends-an-old-token-upstream",
    "upstream.session-bearer": "gateway.sends-sessions-without-token",
    "claims.verify": "gateway.sends-a-broken-token-upstream",
    "claims.iss": "curity.issues-under-another-name",
    "claims.sub": "gateway.sends-its-own-token-upstream",
    "claims.aud": "curity.leaves-out-aud",
    "claims.times": "curity.post-dates-tokens",
    "claims.jti": "curity.repeats-jti",
    "claims.scope": "curity.grants-more-than-asked",
    "claims.purpose": "curity.leaves-out-purpose",
    "life.secret.regenerated": "konnect.keeps-nothing-to-manage-clients",
    "life.secret.new": "portal.announces-another-secret",
    "life.secret.old": "curity.takes-old-secrets",
    "life.secret.cached": "gateway.caches-no-token",
    "life.secret.expired": "curity.takes-old-secrets",
    "life.rename.done": "portal.ignores-new-names",
    "life.rename.keeps-secret": "konnect.renames-clients",
    "life.revoked.route": "gateway.one-node-asks-for-no-registration",
    "life.revoked.client": "konnect.deletes-clients-of-revoked-registrations",
    "life.approved-again": "konnect.revokes-for-ever",
    "life.unregistered": "gateway.asks-for-no-registration",
    "life.deleted.portal": "portal.keeps-deleted-applications",
    "life.deleted.client": "konnect.leaves-clients-behind",
    "life.deleted.route": "gateway.remembers-deleted-applications",
    "metadata.cache-lifetime": "curity.lets-nobody-keep-metadata",
    "metadata.registration-scopes": "curity.shows-registration-scopes",
    "keys.identified": "curity.numbers-its-keys",
    "keys.members": "curity.publishes-no-thumbprints",
    "keys.rotated": "curity.withdraws-old-keys",
    "grant.by-post": "curity.takes-no-secret-in-the-form",
    "grant.encoded-basic": "curity.decodes-no-basic",
    "grant.two-methods": "curity.takes-two-methods",
    "grant.unknown-client": "curity.challenges-nobody",
    "grant.other-grant": "curity.knows-no-grant-types",
    "grant.no-grant-type": "curity.assumes-a-grant-type",
    "grant.by-get": "curity.grants-by-get",
    "grant.scope-unknown": "curity.grants-any-scope",
    "grant.scope-filtered": "curity.grants-any-scope",
    "grant.no-dcr-scope": "curity.lets-every-client-register",
    "grant.answer-kept-by-nobody": "curity.lets-tokens-be-stored",
    "grant.no-refresh-token": "curity.refreshes-client-credentials",
    "grant.lifetime": "curity.forgets-lifetimes",
    "registered.members": "curity.tells-no-methods",
    "registered.management-members": "curity.tells-no-lifetime-of-registration-tokens",
    "registered.not-stored": "curity.lets-secrets-be-stored",
    "registered.own-id": "curity.lets-clients-choose-their-id",
    "registered.method-replaced": "curity.refuses-methods-that-are-not-allowed",
    "registered.all-scopes": "curity.gives-no-scope-unasked",
    "registered.unknown-scope": "curity.registers-any-scope",
    "registered.nothing-unasked": "curity.registers-everybody-for-client-credentials",
    "registered.foreign-page": "curity.looks-at-no-page",
    "registered.bad-redirect": "curity.looks-at-no-redirect",
    "registered.broken-body": "curity.fails-on-broken-metadata",
    "registered.undescribed-errors": "curity.describes-errors",
    "registered.expired-token": "curity.takes-expired-tokens",
    "managed.read-back": "curity.shows-less-than-was-granted",
    "managed.update-names-client": "curity.updates-whatever-is-named",
    "managed.update-server-members": "curity.takes-what-it-sets-itself",
    "managed.other-clients-token": "curity.takes-any-registration-token",
    "managed.no-token": "curity.takes-any-registration-token",
    "managed.after-delete": "curity.keeps-deleted-clients",
    "introspection.needs-capability": "curity.lets-everybody-introspect",
    "revocation.answer": "curity.refuses-to-revoke-unknown-tokens",
    "revocation.effect": "curity.revokes-nothing",
    "revocation.other-client": "curity.revokes-for-any-client",
    "userinfo.needs-user": "curity.takes-clients-for-users",
    "userinfo.no-token": "curity.informs-everybody",
    "bridge.client": "konnect.asks-no-bridge-for-clients",
    "bridge.halted": "konnect.goes-on-without-its-bridge",
    "bridge.hooks": "konnect.tells-no-bridge",
    "bridge.new-secret": "konnect.renews-secrets-that-it-may-not",
    "bridge.deleted": "konnect.deletes-nothing-at-the-bridge",
    "admin.wrong-token": "konnect.admits-any-token",
    "admin.problem-form": "konnect.answers-errors-in-plain-json",
    "admin.unknown-filter": "konnect.ignores-unknown-filters",
    "admin.bad-page": "konnect.takes-any-page",
    "admin.sorted": "konnect.sorts-nothing",
    "admin.unknown-sort": "konnect.sorts-by-anything",
    "admin.page-size": "konnect.has-large-pages",
    "admin.unique-name": "konnect.names-portals-alike",
    "admin.labels": "konnect.replaces-all-labels",
    "admin.provider-changed": "konnect.forgets-what-a-change-leaves-out",
    "admin.provider-type": "konnect.ignores-another-provider-type",
    "admin.linked-twice": "konnect.links-again",
    "admin.registration": "konnect.registers-again",
    "admin.credentials": "konnect.shows-secrets-among-credentials",
    "admin.strategy-replaced": "konnect.answers-a-replaced-strategy-with-200",
    "admin.strategy-type": "konnect.ignores-another-strategy-type",
    "admin.strategy-in-use": "konnect.deletes-strategies-in-use",
    "admin.provider-in-use": "konnect.refuses-to-see-providers-in-use",
    "admin.application": "konnect.shows-secrets-to-admins",
    "admin.client-id": "konnect.lets-admins-choose-client-ids",
    "admin.developer-deleted": "konnect.keeps-applications-of-deleted-developers",
    "developer.missing-field": "portal.calls-missing-passwords-wrong",
    "developer.cookie": "portal.shows-its-session-to-scripts",
    "developer.unknown-address": "portal.tells-who-is-not-known",
    "developer.signs-out": "portal.keeps-sessions",
    "portal.problem-form": "portal.answers-errors-in-plain-json",
    "application.unknown-property": "portal.ignores-unknown-properties",
    "application.same-name": "portal.makes-two-applications-of-a-name",
    "application.of-another": "portal.shows-applications-of-others",
    "application.strategy-fixed": "portal.ignores-another-strategy",
    "application.other-strategy": "portal.registers-for-any-strategy",
    "application.granted-scopes": "portal.tells-granted-scopes",
    "application.one-credential": "portal.makes-second-credentials",
    "application.of-api": "portal.lists-every-application",
    "application.default-strategy": "portal.picks-any-strategy",
    "application.paged": "portal.repeats-a-page",
    "application.provider-down": "portal.makes-applications-without-client",
    "plugin.own-route": "gateway.serves-the-first-service-alone",
    "plugin.other-strategy": "gateway.knows-applications-by-client-id-alone",
    "plugin.invalid-setting": "konnect.tells-of-no-failed-push",
    "plugin.methods.listed": "gateway.takes-basic-always",
    "plugin.bearer.places": "gateway.reads-credentials-everywhere",
    "plugin.bearer.cookie": "gateway.reads-tokens-in-every-cookie",
    "plugin.body.credentials": "gateway.reads-credentials-everywhere",
    "plugin.body.null": "gateway.is-3-8-1-1",
    "plugin.hide-credentials": "gateway.is-3-13-0-10",
    "plugin.required.scopes": "gateway.takes-any-word-of-a-requirement",
    "plugin.required.audience": "gateway.requires-nothing",
    "plugin.required.groups": "gateway.requires-nothing",
    "plugin.claims-forbidden": "gateway.forbids-nothing",
    "plugin.issuers-allowed": "gateway.knows-one-issuer",
    "plugin.claim.missing": "gateway.lets-every-client-through",
    "plugin.messages": "gateway.says-it-in-its-own-words",
    "plugin.display-errors": "gateway.shows-credentials-in-errors",
    "plugin.error-code": "gateway.always-names-the-error",
    "plugin.preflight": "gateway.lets-preflight-through",
    "plugin.code-flow": "gateway.sends-nobody-to-sign-in",
    "plugin.redirects": "gateway.is-3-9-0-0",
    "plugin.upstream.token-header": "gateway.sends-tokens-in-authorization-alone",
    "plugin.upstream.claims": "gateway.maps-no-claims",
    "plugin.upstream.cleared": "gateway.lets-mapped-headers-through",
    "plugin.session.disabled": "gateway.always-sets-a-session",
    "plugin.session.off": "gateway.always-sets-a-session",
    "plugin.session.secret": "gateway.has-one-secret-for-all-sessions",
    "plugin.session.audience": "gateway.knows-one-audience-of-sessions",
    "plugin.session.forbidden": "gateway.takes-no-cookie-back",
    "plugin.session.attributes": "gateway.marks-every-cookie-alike",
    "plugin.session.limits": "gateway.ends-no-session",
    "plugin.session.reverify": "gateway.never-verifies-a-session-again",
    "issuer.request.scope": "gateway.asks-for-no-scope",
    "issuer.request.members": "gateway.is-3-14-0-6",
    "issuer.request.authentication": "gateway.always-sends-basic",
    "issuer.request.encoding": "gateway.encodes-no-secret",
    "issuer.request.extras": "gateway.adds-nothing-to-token-requests",
    "issuer.answer.refusal": "gateway.opens-when-curity-refuses",
    "issuer.answer.unusable": "gateway.opens-when-curity-refuses",
    "issuer.answer.none": "gateway.opens-when-curity-refuses",
    "issuer.cache.lifetime": "gateway.keeps-tokens-for-an-hour",
    "issuer.cache.limit": "gateway.knows-no-limit-of-its-cache",
    "issuer.cache.over-on-arrival": "gateway.is-3-14-0-7",
    "issuer.cache.off": "gateway.always-keeps-tokens",
    "issuer.cache.deleted-client": "gateway.caches-no-token",
    "issuer.cache.password": "gateway.always-keeps-tokens",
    "issuer.cache.secret": "gateway.caches-by-client-id-alone",
    "issuer.cache.scopes": "gateway.is-3-8-1-1",
    "issuer.cache.nodes": "gateway.shares-tokens-between-nodes",
    "issuer.cache.outage": "gateway.caches-no-token",
    "issuer.cache.parallel": "gateway.refuses-while-it-fetches",
    "issuer.discovery.recovers": "gateway.is-3-12-0-0",
    "issuer.discovery.first-call": "gateway.discovers-at-each-call",
    "issuer.discovery.overrides": "gateway.asks-at-discovered-endpoints-alone",
    "issuer.tls": "gateway.verifies-no-certificate",
    "issuer.introspection.opaque": "gateway.takes-every-known-token-for-active",
    "issuer.introspection.settings": "gateway.introspects-in-one-way",
    "issuer.introspection.cached": "gateway.keeps-no-answers",
    "issuer.introspection.revoked": "gateway.introspects-no-jwt",
    "issuer.introspection.phantom": "gateway.asks-for-json-alone",
    "issuer.userinfo": "gateway.lets-every-client-through",
    "issuer.session.split": "gateway.sets-sessions-in-one-cookie",
    "issuer.session.expired": "gateway.takes-no-cookie-back",
    "plain.genuine": "gateway.runs-konnects-plugin-alone",
    "plain.consumer": "gateway.maps-no-consumer",
    "plain.consumer-by": "gateway.compares-consumers-to-the-letter",
    "plain.anonymous": "gateway.knows-nobody-anonymous",
    "plain.beside-managed": "gateway.runs-one-plugin-of-a-service",
    "second-api.both-open": "gateway.knows-one-api-of-an-application",
    "second-api.one-revoked": "gateway.takes-any-registration-of-an-application",
    "second-api.without-strategy": "konnect.never-takes-a-strategy-away",
    "service.unknown-name": "gateway.answers-every-failing-upstream-alike",
    "service.late": "gateway.answers-every-failing-upstream-alike",
    "service.refused-connection": "gateway.answers-every-failing-upstream-alike",
    "service.disabled": "gateway.serves-disabled-services",
    "issuer.token.leeway": "gateway.forgives-a-minute",
    "issuer.token.exp-as-text": "gateway.takes-exp-as-text-for-never",
    "issuer.token.without-exp": "gateway.takes-endless-tokens",
    "issuer.token.without-kid": "gateway.tries-every-key",
    "issuer.token.critical": "gateway.understands-everything",
    "issuer.token.iss-exact": "gateway.compares-issuers-loosely",
    "issuer.token.iss-allowed": "gateway.takes-every-allowed-issuer",
    "issuer.token.audience": "gateway.requires-nothing",
    "issuer.token.id-token": "gateway.refuses-id-tokens",
    "issuer.token.subject": "gateway.lets-every-client-through",
    "issuer.token.other-tenant": "gateway.knows-applications-by-client-id-alone",
    "issuer.token.nested-claim": "gateway.is-3-14-0-0",
    "issuer.token.access-token-first": "gateway.is-3-14-0-6",
    "issuer.token.algorithms": "gateway.knows-two-algorithms",
    "issuer.token.eddsa": "gateway.takes-eddsa",
    "issuer.token.unverified-claims": "gateway.always-verifies-claims",
    "issuer.token.claim-paths": "gateway.looks-for-requirements-at-the-usual-place",
    "issuer.token.user": "gateway.asks-not-when-a-user-signed-in",
    "issuer.token.groups": "gateway.tells-no-groups",
    "issuer.keys.own-key": "gateway.trusts-keys-in-tokens",
    "issuer.keys.burst": "gateway.looks-for-keys-each-time",
    "issuer.keys.rotation": "gateway.looks-for-keys-each-time",
    "issuer.keys.same-kid": "gateway.discovers-at-each-call",
    "issuer.keys.extra": "gateway.trusts-no-extra-keys",
}
"""Check to the mutant, or after `step:` to the set-up step left undone, that turns it red; after `blind:` to a step
left undone in a run that may not read Curity's configuration, which would name it before.
"""


def against(check: str) -> Case:
    """The run of that check against what turns it red."""
    target = TURNS_RED.get(check, "")
    if target.startswith(STEP):
        return Case(check, undo=target.removeprefix(STEP))
    if target.startswith(BLIND):
        return Case(check, undo=target.removeprefix(BLIND), blind=True)
    return Case(check, target)


CHECKS = [entry.check for entry in entries()]


# The tests


@pytest.mark.parametrize("case", [pytest.param(against(check.id), id=check.id) for check in CHECKS])
def test_check_turns_red_on_its_mutant(case, ended):
    assert case.mutant or case.undo, f"TURNS_RED has nothing that turns {case.checks} red"
    run = ended[case]
    found = next((check for check in run.checks if check["id"] == case.checks), None)
    assert found is not None, run.printed
    assert found["verdict"] == "failed", f"{found}\n{run.printed}"
    assert found["expected"]
    assert found["observed"]


@pytest.mark.parametrize("case", [pytest.param(against(check.id), id=check.id) for check in CHECKS])
def test_what_a_red_check_stands_on_is_green(case, ended):
    others = {id: verdict for id, verdict in ended[case].verdicts.items() if id != case.checks}
    if ended[case] and case.blind:
        others = {id: verdict for id, verdict in others.items() if not id.startswith("configuration.")}
    assert set(others.values()) <= {"passed"}, others


@pytest.mark.parametrize(
    "case", [pytest.param(against(check.id), id=check.id) for check in CHECKS if check.level is Level.SHOULD]
)
def test_check_that_only_advises_leaves_the_run_green(case, ended):
    assert ended[case].exit == 0


@pytest.mark.parametrize("case", [pytest.param(Case(), id="nothing")])
def test_with_nothing_broken_every_check_passes(case, ended):
    run = ended[case]
    assert run.exit == 0, run.printed
    assert list(run.verdicts) == [check.id for check in CHECKS]
    assert set(run.verdicts.values()) == {"passed"}, run.printed


def test_every_check_has_something_that_turns_it_red():
    assert list(TURNS_RED) == [check.id for check in CHECKS]


def test_every_mutant_turns_a_check_red():
    assert set(MUTANTS) == {target for target in TURNS_RED.values() if not target.startswith((STEP, BLIND))}


WAY = "curity.instance.reachable"
LIKE: Mapping[str, tuple[str, ...]] = {
    # whoever cannot verify a certificate and whoever cannot get there see the same: nothing
    "curity.instance.certificate": (WAY,),
    "gateway.data-plane.trust": (WAY,),
}
"""Steps that no probe of a run with all access tells from others, each with those others."""
BLIND_LIKE: Mapping[str, tuple[str, ...]] = {
    "curity.client.created": ("curity.client.authentication-method", "curity.client.secret"),
    "curity.client.authentication-method": ("curity.client.created", "curity.client.secret"),
    "curity.client.secret": ("curity.client.created", "curity.client.authentication-method"),
    "curity.dcr.enabled": ("curity.dcr.nodes", "curity.metadata.exposed"),
    "curity.dcr.nodes": ("curity.dcr.enabled", "curity.metadata.exposed"),
    "curity.dcr.authenticate-client-by": ("curity.dcr.non-templatized",),
    "curity.dcr.non-templatized": ("curity.dcr.authenticate-client-by",),
    "curity.dcr.capabilities": ("curity.dcr.non-templatized",),
    **LIKE,
}
"""The same for a run that may not read Curity's configuration; some of their variants are told apart all the same."""
ALONE_WHEN_BLIND = ("curity.dcr.nodes=some-nodes", "curity.dcr.authenticate-client-by=no-authentication")

SEEN = [pytest.param(Case(undo=undo, brief="=" in undo), id=undo) for undo in UNDONE]
IN_THE_CONFIGURATION_ALONE = {
    undo: check
    for check, wrong in {
        "configuration.token-issuer.userinfo": "curity.token-issuer.userinfo",
        "configuration.token-issuer.userinfo-keys": "curity.token-issuer.userinfo-keys",
        "configuration.dcr.data-source": "curity.dcr.data-source=in-memory",
    }.items()
    for undo in UNDONE
    if wrong in (undo, undo.partition("=")[0])
}
"""What no request shows, with the check that reads it."""
UNSEEN = [
    pytest.param(Case(undo=undo, blind=True, brief=True), id=f"blind-{undo}")
    for undo in UNDONE
    if undo.startswith("curity.") and undo not in IN_THE_CONFIGURATION_ALONE and not undo.startswith("curity.instance.")
]
"""Without a look at Curity's configuration: all of its steps but those that show nowhere else, or never there."""


@pytest.mark.parametrize("case", SEEN + UNSEEN)
def test_step_left_undone_is_named_first_and_alone(case, ended):
    step, run = case.undo.partition("=")[0], ended[case]
    assert run.exit == 1, run.printed
    first = next(check for check in run.failed if check["level"] == "MUST")
    others = () if case.blind and case.undo in ALONE_WHEN_BLIND else (BLIND_LIKE if case.blind else LIKE).get(step, ())
    assert set(first["candidates"]) == {step, *others}, first
    assert bool(first["decides"]) == bool(others), first
    assert [check["id"] for check in run.failed if step not in check["candidates"]] == []
    rest = {check["verdict"] for check in run.checks if not (case.blind and check["stage"] == "configuration")}
    rest -= {"failed"}
    assert rest <= {"passed", "blocked", *(["not applicable"] if case.generation == "classic" else [])}, run.printed


NOWHERE_ELSE = [
    pytest.param(Case(check, undo=undo, blind=True), id=undo) for undo, check in IN_THE_CONFIGURATION_ALONE.items()
]


@pytest.mark.parametrize("case", NOWHERE_ELSE)
def test_what_the_configuration_alone_shows_is_not_seen_without_it_and_never_passed(case, ended):
    (found,) = [check for check in ended[case].checks if check["id"] == case.checks]
    assert found["verdict"] == "not seen"
    assert found["expected"] == "with [curity.admin] url, username and password"
    assert ended[case].exit == 5, "no check ran: that is no pass"


def test_guide_and_mocks_know_the_same_steps():
    told = {step.id: step.variants for step in guide.STEPS if step.undo}
    assert told == {step: steps.variants(step)[1:] for step in steps.STEPS}


@pytest.mark.parametrize(
    "check", ["registration.initial-token-once", "route.basic.wrong-secret", "route.bearer.unsigned"]
)
def test_mutant_is_red_on_the_command_line(check, tmp_path):
    mutant = TURNS_RED[check]
    (tmp_path / "broken.py").write_text(
        "from dcrproof.mocks.mutants import MUTANTS\n\n\n"
        f"def pytest_dcr_mutant():\n    return MUTANTS[{mutant!r}].apply\n"
    )
    done = command("-p", "broken", f"--dcr-check={check}", report=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"FAILED {check}: " in done.stdout


def test_step_left_undone_is_named_on_the_command_line(tmp_path):
    done = command("--dcr-undo=curity.token-issuer.jwt", "--dcr-check=token", report=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAILED token.is-jwt: " in done.stdout
    assert "  step       curity.token-issuer.jwt" in done.stdout


def test_step_is_named_alone_where_its_own_check_is_not_in_the_run(tmp_path):
    done = command("-m", "smoke", "--dcr-undo=curity.client.created", report=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAILED registrar.authenticates: " in done.stdout
    assert "verdict    failed: registrar.authenticates (curity.client.created)" in done.stdout
    assert "  step       curity.client.created" in done.stdout


def command(*options: str, report: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "dcrproof",
            "-p",
            "no:cacheprovider",
            f"--dcr-report={report}",
            *options,
        ],
        cwd=SUITES.parent,
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
    )
