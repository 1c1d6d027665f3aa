"""How a portal looks, mails, signs people in, ...: settings that change nothing in the flow (portal-management v3).

SETTINGS are those of which a portal has one: some are there from the start, others are made first. ENTRIES are lists.
What they hold is kept and shown; that is all. A custom domain stays pending, and nothing is mailed or logged.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from dcrproof.mocks.konnect.fields import Field, body, check, needed, text
from dcrproof.mocks.konnect.objects import PortalEntry
from dcrproof.mocks.konnect.problems import conflict, invalid, not_found
from dcrproof.mocks.konnect.schema import BOOLEAN, VISIBILITY
from dcrproof.mocks.konnect.tables import Body, Stamps, Tables, find

Members = Mapping[str, Any]

# --- bodies -----------------------------------------------------------------------------------------------------------

TEXT = text()
TEXTS = Field("array", items=TEXT)
NULLABLE = text(nullable=True)

MENU_ITEM = body(
    {"path": needed(text(512)), "title": needed(TEXT), "visibility": needed(VISIBILITY), "external": needed(BOOLEAN)}
)
MENU_ITEMS = Field("array", items=MENU_ITEM)
FOOTER = Field("array", items=body({"title": needed(text(512)), "items": needed(MENU_ITEMS)}))
COLOR = text(pattern=re.compile(r"^#([a-fA-F0-9]{6}|[a-fA-F0-9]{3})\Z"))
RENDERER = (
    "try_it_ui try_it_insomnia infinite_scroll show_schemas hide_internal hide_deprecated allow_custom_server_urls"
)
CUSTOMIZATION = body(
    {
        "theme": body(
            {"name": TEXT, "mode": text(choices=("light", "dark", "system")), "colors": body({"primary": COLOR})}
        ),
        "layout": TEXT,
        "css": NULLABLE,
        "menu": body({"main": MENU_ITEMS, "footer_sections": FOOTER, "footer_bottom": MENU_ITEMS}),
        "spec_renderer": body(dict.fromkeys(RENDERER.split(), BOOLEAN)),
        "robots": NULLABLE,
    }
)
CLAIM_MAPPINGS = body(dict.fromkeys(("name", "email", "groups"), TEXT))
SIGN_IN = "basic_auth_enabled oidc_auth_enabled saml_auth_enabled oidc_team_mapping_enabled idp_mapping_enabled konnect_mapping_enabled"
AUTHENTICATION = body(
    {
        **dict.fromkeys(SIGN_IN.split(), BOOLEAN),
        **dict.fromkeys(("oidc_issuer", "oidc_client_id", "oidc_client_secret"), TEXT),
        "oidc_scopes": TEXTS,
        "oidc_claim_mappings": CLAIM_MAPPINGS,
    }
)
MAIL_ADDRESS = text(format="email", nullable=True)
EMAIL = body(
    {"domain_name": NULLABLE, "from_name": NULLABLE, "from_email": MAIL_ADDRESS, "reply_to_email": MAIL_ADDRESS}
)
WEBHOOK = body({"enabled": BOOLEAN, "audit_log_destination_id": text(format="uuid")})
IMAGE = body(
    {
        "data": needed(
            text(
                pattern=re.compile(
                    r"^data:image/(png|jpeg|gif|svg\+xml|x-icon|ico|icon|vnd\.microsoft\.icon)(;base64)?,[A-Za-z0-9+/]*={0,2}\Z"
                )
            )
        )
    },
    nullable=True,  # null takes the image away
)
HUNDRED = text(100, nullable=True)
FLAG = Field("boolean", nullable=True)
# integration: its type, the member of its settings that it must have, the others
INTEGRATION: Mapping[str, tuple[str, tuple[str, Field], Mapping[str, Field]]] = {
    "google_tag_manager": (
        "tracking",
        ("id", text(20, 5, pattern=re.compile(r"GTM-[A-Za-z0-9]+\Z"))),
        {
            **dict.fromkeys(("l", "preview", "data_layer", "env_name", "auth_referrer_policy"), HUNDRED),
            **dict.fromkeys(("cookies_win", "debug", "npa"), FLAG),
        },
    ),
    "google_analytics_4": ("analytics", ("id", text(20, 5, pattern=re.compile(r"G-[A-Za-z0-9-]+\Z"))), {"l": HUNDRED}),
    "equal_web": (
        "accessibility",
        ("site_key", text(32, 32, pattern=re.compile(r"[A-Za-z0-9]+\Z"))),
        {"widget_config": body({}, open=True)},
    ),
}


def integrations(*, whole: bool) -> Field:
    """A PUT has each one whole, a PATCH a part of it (UpdatePortalIntegrations)."""

    def one(kind: str, key: tuple[str, Field], others: Mapping[str, Field]) -> Field:
        name, field = key
        data = body({name: replace(field, required=whole), **others})
        members = {"enabled": BOOLEAN, "type": text(choices=(kind,)), "config_data": data}
        return body({name: replace(field, required=whole) for name, field in members.items()}, nullable=True)

    return body({name: one(*described) for name, described in INTEGRATION.items()})


CERTIFICATE = {"custom_certificate": TEXT, "custom_private_key": TEXT, "skip_ca_check": BOOLEAN}
DOMAIN_UPDATE = body({"enabled": BOOLEAN, "ssl": body(CERTIFICATE)})


def domain_creation(method: str, certificate: Mapping[str, Field]) -> Field:
    ssl = body({"domain_verification_method": needed(text(choices=(method,))), **certificate})
    return body({"hostname": needed(text(format="host")), "enabled": needed(BOOLEAN), "ssl": needed(ssl)})


OWN_CERTIFICATE = "custom_certificate"
DOMAIN_CREATION = domain_creation("http", {})
DOMAIN_WITH_CERTIFICATE = domain_creation(
    OWN_CERTIFICATE,
    {"custom_certificate": needed(TEXT), "custom_private_key": needed(TEXT), "skip_ca_check": BOOLEAN},
)
ADDRESSES = Field("array", least=1, most=25, items=TEXT, unique=True)
PROVIDER_CONFIG = body(
    {
        **dict.fromkeys(("client_id", "client_secret", "idp_metadata_xml"), TEXT),
        **dict.fromkeys(("issuer_url", "idp_metadata_url"), text(format="uri")),
        "scopes": TEXTS,
        "claim_mappings": CLAIM_MAPPINGS,
    }
)

# --- views ------------------------------------------------------------------------------------------------------------


def as_it_is(held: Members) -> Members:
    return held


def authentication(held: Members) -> Members:
    """The client's secret is never shown, and the rest of it only once there is an issuer."""
    view = {name: value for name, value in held.items() if not name.startswith("oidc_") or name in SIGN_IN.split()}
    if "oidc_issuer" not in held:
        return view
    given = {name: held[f"oidc_{name}"] for name in ("issuer", "client_id", "claim_mappings") if f"oidc_{name}" in held}
    return {**view, "oidc_config": {"client_id": "", **given, "scopes": held.get("oidc_scopes", list(SCOPES))}}


def domain(held: Members) -> Members:
    shown = {name: held["ssl"][name] for name in ("domain_verification_method", "skip_ca_check") if name in held["ssl"]}
    return {**held, "ssl": {**shown, "verification_status": "pending"}, "cname_status": "pending"}


def without_secret(held: Members) -> Members:
    """A client secret is write-only."""
    return {**held, "config": {name: value for name, value in held["config"].items() if name != "client_secret"}}


# --- which there are --------------------------------------------------------------------------------------------------

SCOPES = ("email", "openid", "profile")
ONE_PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
)


@dataclass(frozen=True)
class Setting:
    """Settings at `/v3/portals/ID/PATH`.

    bodies: method, and what its body may hold; PATCH keeps what it leaves out, PUT does not.
    initial: what they are from the start; None where a POST makes them, and until then they are not found.
    name: as errors call it.
    deletable: whether DELETE takes them back to the start.
    stamped: whether they have times, and an id; a custom domain has no id.
    first: what the first PATCH changes, where it makes them.
    """

    bodies: Mapping[str, Field]
    initial: Members | None = None
    name: str = ""
    deletable: bool = False
    view: Callable[[Members], Members] = as_it_is
    stamped: tuple[str, ...] = ()
    first: Members | None = None


MADE_AT, CHANGED_AT = "created_at", "updated_at"

EMAIL_TEMPLATES = "email-templates"
DEVELOPER = (
    "portal_display_name",
    "portal_domain",
    "developer_email",
    "developer_fullname",
    "dev_portal_reply_to",
    "developer_status",
)
APPLICATION = ("application_name",)
# name: variables, default subject, title, body and label of the button. Those of reset-password and
# app-registration-approved are recorded (portal/email-templates 4, 5), the others inferred.
TEMPLATES: Mapping[str, tuple[tuple[str, ...], tuple[str, str, str, str]]] = {
    **{
        name: (variables, (name.replace("-", " ").capitalize(),) * 4)
        for variables, names in (
            (APPLICATION, "app-registration-rejected app-registration-revoked api-key-expiring-soon api-key-expired"),
            (DEVELOPER, "confirm-email-address account-access-approved account-access-rejected account-access-revoked"),
            (DEVELOPER, "developer-invitation"),
        )
        for name in names.split()
    },
    "reset-password": (
        DEVELOPER,
        (
            *("Reset your Developer Portal password",) * 2,
            "We received a request to reset your password. If you did not make this request, please ignore this email.",
            "Reset your password",
        ),
    ),
    "app-registration-approved": (
        APPLICATION,
        (
            "Application Registration Approved",
            "App registration approved",
            (
                "Your request to register application {{application_name}} with {{api_name}} {{api_version}} has been "
                "approved.\n\nCheck out the [API specs]({{api_documentation_url}}) to access the API.\n    "
            ),
            "View API docs",
        ),
    ),
}
TEMPLATE_PARTS = ("subject", "title", "body", "button_label")
TEMPLATE = body(
    {
        "content": body(
            {
                **dict.fromkeys(("subject", "title"), text(1024, nullable=True)),
                "body": text(4096, nullable=True),
                "button_label": text(128, nullable=True),
            },
            nullable=True,
        ),
        "enabled": BOOLEAN,
    }
)


def email_template(name: str) -> Setting:
    variables, defaults = TEMPLATES[name]

    def view(held: Members) -> Members:
        content = held.get("content")
        return {
            "name": name,
            "label": name.replace("-", " ").title(),
            "variables": list(variables),
            "default_content": dict(zip(TEMPLATE_PARTS, defaults, strict=True)),
            **held,
            **({"content": dict.fromkeys(TEMPLATE_PARTS) | content} if content else {}),
        }

    return Setting(
        {"PATCH": TEMPLATE},
        name="email template",
        deletable=True,
        view=view,
        stamped=(MADE_AT, CHANGED_AT),
        first={"enabled": True},
    )


SETTINGS: Mapping[str, Setting] = {
    "customization": Setting({"PUT": CUSTOMIZATION, "PATCH": CUSTOMIZATION}, {}),
    "integrations": Setting({"PUT": integrations(whole=True), "PATCH": integrations(whole=False)}, {}),
    "authentication-settings": Setting(
        {"PATCH": AUTHENTICATION},
        {**dict.fromkeys(SIGN_IN.split(), False), "basic_auth_enabled": True},
        view=authentication,
    ),
    # The destination is "" until it is set (recorded).
    "audit-log-webhook": Setting(
        {"PATCH": WEBHOOK},
        {"enabled": False, "audit_log_destination_id": "", "include_principal_name": False},
        deletable=True,
    ),
    "assets/logo": Setting({"PUT": IMAGE}, {"data": ONE_PIXEL}),
    "assets/favicon": Setting({"PUT": IMAGE}, {"data": ONE_PIXEL}),
    "email-config": Setting(
        {"POST": EMAIL, "PATCH": EMAIL},
        name="Portal email config",
        deletable=True,
        stamped=("id", MADE_AT, CHANGED_AT),
        view=lambda held: {**dict.fromkeys(("from_name", "from_email", "reply_to_email")), **held},
    ),
    **{f"{EMAIL_TEMPLATES}/{name}": email_template(name) for name in TEMPLATES},
    "custom-domain": Setting(
        {"POST": DOMAIN_CREATION, "PATCH": DOMAIN_UPDATE},
        name="custom domain",
        deletable=True,
        stamped=(MADE_AT, CHANGED_AT),
        view=domain,
    ),
}


@dataclass(frozen=True)
class Entries:
    """A list of settings at `/v3/portals/ID/PATH`; the bodies as above."""

    bodies: Mapping[str, Field]
    defaults: Members
    view: Callable[[Members], Members] = as_it_is
    with_times: bool = False


ENTRIES: Mapping[str, Entries] = {
    "ip-allow-list": Entries(
        {
            "POST": body({"allowed_ips": needed(ADDRESSES)}),
            "PUT": body({"allowed_ips": needed(ADDRESSES)}),
            "PATCH": body({"allowed_ips": needed(ADDRESSES)}),
        },
        {},
    ),
    "identity-providers": Entries(
        {
            "POST": body(
                {
                    "type": needed(text(choices=("oidc", "saml"))),
                    "enabled": BOOLEAN,
                    "config": needed(PROVIDER_CONFIG),
                }
            ),
            "PATCH": body({"enabled": BOOLEAN, "config": PROVIDER_CONFIG}),
        },
        {"enabled": False},
        without_secret,
        with_times=True,
    ),
}


def creation(path: str, body: Any) -> Field:
    """What the body of a POST may hold: a custom domain with a certificate has more."""
    ssl = body.get("ssl") if path == "custom-domain" and isinstance(body, dict) else None
    own = isinstance(ssl, dict) and ssl.get("domain_verification_method") == OWN_CERTIFICATE
    return DOMAIN_WITH_CERTIFICATE if own else SETTINGS[path].bodies["POST"]


class PortalSettings:
    """The settings of all portals. Members are what the API was sent; `created_at` and `updated_at` are seconds."""

    def __init__(self, tables: Tables, stamps: Stamps) -> None:
        self.tables = tables
        self.stamps = stamps

    def get(self, portal_id: str, path: str) -> Members:
        """Raises Problem 404."""
        held = self._held(portal_id, path)
        if held is None:
            raise not_found(f"{SETTINGS[path].name} not found")
        return held

    def _held(self, portal_id: str, path: str) -> Members | None:
        portal = find(self.tables.portals, portal_id)
        return self.tables.portal_settings.get((portal.id, path), SETTINGS[path].initial)

    def create(self, portal_id: str, path: str, body: Body) -> Members:
        setting = SETTINGS[path]
        check(body, creation(path, body))
        if self._held(portal_id, path) is not None:
            taken = f"{setting.name} already exists"  # 409 is documented for the e-mail alone
            raise conflict(taken) if path == "email-config" else invalid("hostname", taken)
        return self._put(portal_id, path, {**body, **self._stamped(setting)})

    def _stamped(self, setting: Setting) -> Members:
        stamps = self.stamps.new()
        return {name: stamps[name] for name in setting.stamped}

    def replace(self, portal_id: str, path: str, body: Body | None) -> Members:
        self.get(portal_id, path)
        field = SETTINGS[path].bodies["PUT"]
        if body is None and field.nullable:
            return self._put(portal_id, path, SETTINGS[path].initial or {})
        check(body, field)
        return self._put(portal_id, path, body or {})

    def patch(self, portal_id: str, path: str, body: Body) -> Members:
        """Members that are objects are replaced as a whole (inferred), but for a certificate and an integration."""
        setting = SETTINGS[path]
        if setting.first is not None and self._held(portal_id, path) is None:
            check(body, setting.bodies["PATCH"])
            return self._put(portal_id, path, {**setting.first, **body, **self._stamped(setting)})
        held = self.get(portal_id, path)
        check(body, setting.bodies["PATCH"])
        members = {**body, "ssl": {**held["ssl"], **body["ssl"]}} if "ssl" in body else body
        if path == "integrations":
            members = {name: {**(held.get(name) or {}), **one} if one else one for name, one in body.items()}
            check({**held, **members}, SETTINGS[path].bodies["PUT"])  # what is not there yet is given whole (inferred)
        now = {CHANGED_AT: self.stamps.now()} if CHANGED_AT in held else {}
        return self._put(portal_id, path, {**held, **members, **now})

    def _put(self, portal_id: str, path: str, members: Members) -> Members:
        portal = find(self.tables.portals, portal_id)
        self.tables.portal_settings[portal.id, path] = dict(members)
        # Recorded for the customization, inferred for the rest.
        self.tables.portals[portal.id] = replace(portal, updated_at=self.stamps.now())
        return members

    def delete(self, portal_id: str, path: str) -> None:
        self.get(portal_id, path)
        self.tables.portal_settings.pop((find(self.tables.portals, portal_id).id, path), None)

    def templates(self, portal_id: str) -> list[str]:
        """The paths of those e-mail templates that have been changed, the last one first (recorded)."""
        changed = (path for path in SETTINGS if path.startswith(f"{EMAIL_TEMPLATES}/"))
        held = {path: found for path in changed if (found := self._held(portal_id, path))}
        return sorted(held, key=lambda path: -held[path][MADE_AT])

    # --- lists ----------------------------------------------------------------------------------------------------

    def entries(self, portal_id: str, kind: str) -> list[PortalEntry]:
        portal = find(self.tables.portals, portal_id)
        return [
            held for held in self.tables.portal_entries.values() if (held.portal_id, held.kind) == (portal.id, kind)
        ]

    def entry(self, portal_id: str, kind: str, entry_id: str) -> PortalEntry:
        """Raises Problem 404."""
        return find({held.id: held for held in self.entries(portal_id, kind)}, entry_id)

    def add(self, portal_id: str, kind: str, body: Body) -> PortalEntry:
        portal = find(self.tables.portals, portal_id)
        entries = ENTRIES[kind]
        check(body, entries.bodies["POST"])
        made = PortalEntry(portal_id=portal.id, kind=kind, members={**entries.defaults, **body}, **self.stamps.new())
        self.tables.portal_entries[made.id] = made
        return made

    def change(self, portal_id: str, kind: str, entry_id: str, body: Body, method: str) -> PortalEntry:
        held = self.entry(portal_id, kind, entry_id)
        check(body, ENTRIES[kind].bodies[method])
        changed = replace(held, members={**held.members, **body}, updated_at=self.stamps.now())
        self.tables.portal_entries[held.id] = changed
        return changed

    def remove(self, portal_id: str, kind: str, entry_id: str) -> None:
        del self.tables.portal_entries[self.entry(portal_id, kind, entry_id).id]
