"""The requests that kongctl sends, as data, and what replays them: kongctl itself is not to be had everywhere.

Read off the source of Kong/kongctl, at the commits that are named below, and off the recordings of its own scenarios
(`test/e2e/scenarios/*/replay`). No code of it is here. What is compared by a plan, and in which order things are read and
made, is what these tables say; the rest of kongctl (its plans as files, its messages) is not replayed.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from json import loads
from pathlib import Path
from typing import Any, Protocol

import yaml

NAMESPACE = "KONGCTL-namespace"
ALL = "page[number]=1&page[size]=100"
Ask = Callable[[str, str, Any], Any]
"""Sends method, path with query, body; returns the JSON of the answer, or None. Raises Missing for 404."""


class Missing(Exception):
    """What was asked for is not there."""


# --- the tables -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kind:
    """One kind of object of an organisation.

    key: in a file. path: of all of them.
    compared: the members that a plan compares, where the file has them.
    sent: what the SDK sends of itself where the file has nothing.
    """

    key: str
    path: str
    compared: tuple[str, ...]
    sent: Mapping[str, Any] = field(default_factory=dict)
    deletion: str = ""


OBSERVABLE = (  # of dcr_config: what a plan can compare, since secrets are never shown
    "initial_client_id",
    "initial_client_audience",
    "use_developer_managed_scopes",
    "dcr_base_url",
    "disable_event_hooks",
    "disable_refresh_secret",
    "allow_multiple_credentials",
)
VISIBILITIES = ("default_api_visibility", "default_page_visibility")
FLAGS = ("authentication_enabled", "rbac_enabled", "auto_approve_developers", "auto_approve_applications")
NOT_APPROVED = {
    **dict.fromkeys(("rbac_enabled", "sipr_enabled", "auto_approve_developers", "auto_approve_applications"), False),
    "notifications_developer_pii_visibility_enabled": False,
}
KINDS = (
    # internal/declarative/planner/dcr_provider_planner.go, 217c45c
    Kind("dcr_providers", "/v2/dcr-providers", ("display_name", "issuer", "dcr_config", "labels")),
    # internal/declarative/planner/auth_strategy_planner.go, 0071d2d
    Kind("application_auth_strategies", "/v2/application-auth-strategies", ("display_name", "configs", "labels")),
    # test/e2e/scenarios/control-plane/apply/replay, 5ced01a
    Kind("control_planes", "/v2/control-planes", ("description", "labels")),
    # internal/declarative/planner/portal_planner.go, 0071d2d; what is sent: test/e2e/scenarios/portal/teams/replay, 73e4a14
    Kind(
        "portals",
        "/v3/portals",
        ("display_name", "description", "default_application_auth_strategy_id", *FLAGS, *VISIBILITIES, "labels"),
        NOT_APPROVED,
        "?force=true",
    ),
    # internal/declarative/planner/api_planner.go, 06b43a6
    Kind("apis", "/v3/apis", ("description", "version", "slug", "attributes", "labels")),
)


@dataclass(frozen=True)
class Child:
    """What is within an object: `key` in the file, `path` below its parent, `name` which member identifies it.

    full: whether its content is read one by one; the list does not show it.
    """

    parent: str
    key: str
    path: str
    name: str
    compared: tuple[str, ...]
    full: bool = False
    sent: Mapping[str, Any] = field(default_factory=dict)
    singleton: str = ""
    """The method that sets it, where there is one of it alone."""


SHOWN = ("title", "content", "visibility", "status", "description")
CHILDREN = (
    # internal/declarative/planner/portal_child_planner.go, 00ec928; test/e2e/scenarios/portal/{pages,teams}/replay
    Child("portals", "pages", "pages", "slug", SHOWN, full=True),
    Child("portals", "snippets", "snippets", "name", SHOWN, full=True),
    Child("portals", "teams", "teams", "name", ("description",), sent={"can_own_applications": False}),
    Child(
        "portals", "customization", "customization", "", ("theme", "layout", "css", "menu", "robots"), singleton="PUT"
    ),
    Child("portals", "auth_settings", "authentication-settings", "", ("basic_auth_enabled",), singleton="PATCH"),
    Child("portals", "email_config", "email-config", "", ("from_name", "reply_to_email"), singleton="POST"),
    Child("portals", "custom_domain", "custom-domain", "", ("enabled",), singleton="POST"),
    # internal/declarative/planner/api_planner.go, 06b43a6
    Child("apis", "versions", "versions", "version", ("spec",), full=True),
    Child("apis", "documents", "documents", "slug", ("title", "status", "content"), full=True),
)
# What a plan with `--mode sync` reads of each portal that is there, in this order: test/e2e/scenarios/portal/teams/replay
# 11 to 19, at commit 73e4a14; with e-mail templates, portal/email-templates/replay 8 to 18, at commit b8a3833.
READ_OF_A_PORTAL = (
    "pages",
    f"snippets?{ALL}",
    "ip-allow-list?page[size]=100",
    "identity-providers",
    "email-config",
    "audit-log-webhook",
    "email-templates",
    f"teams?{ALL}",
    "custom-domain",
)
# What `dump declarative --include-child-resources` reads of one as well:
# internal/cmd/root/verbs/dump/declarative_portal_child_collectors.go, 5772641.
DUMPED_OF_A_PORTAL = (
    *READ_OF_A_PORTAL,
    "authentication-settings",
    "integrations",
    "customization",
    "assets/logo",
    "assets/favicon",
)
# internal/cmd/root/verbs/dump/declarative_control_plane_child_collectors.go, c5269e1; gateway services are shown by `get`.
DUMPED_OF_A_CONTROL_PLANE = ("dp-client-certificates", "core-entities/services")
# Commands about developers of a portal and their applications, in the order of test/e2e/scenarios/portal/applications,
# 00b40e2; what each sends: internal/cmd/root/products/konnect/portal/{developers,teams,team_roles,applications,
# applications_delete,application_registrations,application_registrations_delete}.go. What is in braces is a member of the
# one object of that list.
FEW = "page[number]=1&page[size]=10"
IN_PORTAL = "/v3/portals/{portals.id}"
ITS_DEVELOPERS = f"{IN_PORTAL}/developers"
ITS_TEAM = f"{IN_PORTAL}/teams/{{teams.id}}"
ITS_APPLICATIONS = f"{IN_PORTAL}/applications"
ITS_REGISTRATIONS = f"{IN_PORTAL}/application-registrations"
ITS_REGISTRATION = f"{ITS_APPLICATIONS}/{{applications.id}}/registrations/{{application-registrations.id}}"
OF_DEVELOPERS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "get portal developers EMAIL": (
        ("GET", f"/v3/portals?{FEW}"),
        ("GET", f"{ITS_DEVELOPERS}?{FEW}"),
        ("GET", f"{ITS_DEVELOPERS}/{{developers.id}}"),
    ),
    "create portal-team-developer": (("GET", f"{IN_PORTAL}/teams?{FEW}"), ("POST", f"{ITS_TEAM}/developers")),
    "get portal developers teams --team-id": (("GET", f"{ITS_TEAM}/developers?{FEW}"),),
    "get portal applications": (("GET", f"{ITS_APPLICATIONS}?{FEW}"),),
    "get portal applications NAME": (("GET", f"{ITS_APPLICATIONS}/{{applications.id}}"),),
    "get portal team roles": (("GET", f"{ITS_TEAM}/assigned-roles?{FEW}"),),
    "get portal application-registrations --application-name": (
        ("GET", f"{ITS_REGISTRATIONS}?{FEW}&filter[application_name][eq]={{applications.name}}"),
    ),
    "get portal application-registrations --developer-id": (
        ("GET", f"{ITS_REGISTRATIONS}?{FEW}&filter[developer_id][eq]={{developers.id}}"),
    ),
    "get portal application-registrations --status": (
        ("GET", f"{ITS_REGISTRATIONS}?{FEW}&filter[status][eq]=approved"),
    ),
    "get portal application-registrations ID": (("GET", ITS_REGISTRATION),),
    "delete portal application-registrations ID": (
        ("GET", f"{ITS_REGISTRATIONS}?{FEW}"),
        ("DELETE", ITS_REGISTRATION),
    ),
    "delete portal applications NAME": (
        ("GET", f"{ITS_APPLICATIONS}?{FEW}"),
        ("DELETE", f"{ITS_APPLICATIONS}/{{applications.id}}"),
    ),
}
TEMPLATES, CERTIFICATES = "email_templates", "data_plane_certificates"
BELONGS = frozenset({"ref", "kongctl", "_external", TEMPLATES, CERTIFICATES, *(child.key for child in CHILDREN)})
OF_AN_API = ("publications", "implementations")


# --- files ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ref:
    """`!ref REF#FIELD`: a member of what the file calls REF."""

    to: str
    field: str


class Loader(yaml.SafeLoader):
    folder = Path()


def _ref(_: Loader, node: yaml.ScalarNode) -> Ref:
    to, _, member = node.value.partition("#")
    return Ref(to, member or "id")


Loader.add_constructor("!ref", _ref)
Loader.add_constructor("!env", lambda _, node: os.environ[node.value])
Loader.add_constructor("!secret", lambda loader, node: loader.construct_mapping(node)["source"])
Loader.add_constructor("!file", lambda loader, node: (loader.folder / node.value).read_text("utf-8"))


def read(*files: Path) -> dict[str, list[dict[str, Any]]]:
    """What the files hold, by kind. Labels have the namespace of their file."""
    found: dict[str, list[dict[str, Any]]] = {kind.key: [] for kind in KINDS}
    for file in files:
        loader = Loader(file.read_text("utf-8"))
        loader.folder = file.parent
        held = loader.get_single_data()
        namespace = held.pop("_defaults", {}).get("kongctl", {}).get("namespace", "default")
        for key, items in held.items():
            for item in items:
                labels = {NAMESPACE: namespace, **item.get("labels", {})}
                found[key].append(item if "_external" in item else {**item, "labels": labels})
    return found


# --- the replay -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """One line of a plan: CREATE, UPDATE or DELETE, of what, and which members of it."""

    action: str
    what: str
    members: tuple[str, ...] = ()


def equal(now: Any, wanted: Any) -> bool:
    """Whether the members that are wanted are so now. Issuers with and without a last "/" are the same."""
    if isinstance(wanted, Mapping):
        observable = {key: value for key, value in wanted.items() if key in (now or {}) or key not in {*SECRETS}}
        return isinstance(now, Mapping) and all(equal(now.get(key), value) for key, value in observable.items())
    if isinstance(wanted, str) and isinstance(now, str):
        return now.rstrip("/") == wanted.rstrip("/") or same_content(now, wanted)
    return bool(now == wanted)


SECRETS = ("initial_client_secret", "dcr_token", "api_key")


def same_content(now: str, wanted: str) -> bool:
    """Konnect serializes JSON again."""
    try:
        return bool(loads(now) == loads(wanted))
    except ValueError:
        return False


class Tool(Protocol):
    """What a person does with kongctl."""

    def plan(self, *files: Path, mode: str = "apply") -> list[str]: ...
    def apply(self, *files: Path) -> None: ...


class Replay:
    """Sends what kongctl sends. `plan` says what would change, `apply` and `sync` change it."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.ids: dict[str, str] = {}
        """By `ref`: what the last plan found, and what was made since."""

    # Commands

    def plan(self, *files: Path, mode: str = "apply") -> list[str]:
        return [
            f"{one.action} {one.what} {' '.join(one.members)}".rstrip() for one in self._run(read(*files), mode, False)
        ]

    def apply(self, *files: Path) -> None:
        list(self._run(read(*files), "apply", True))

    def sync(self, *files: Path) -> None:
        list(self._run(read(*files), "sync", True))

    def delete(self, *files: Path) -> None:
        """Objects of the file that are there; what is in them goes along."""
        wanted = read(*files)
        for kind in reversed(KINDS):
            names = {item["name"] for item in wanted[kind.key] if "_external" not in item}
            for held in self._listed(kind):
                if held["name"] in names:
                    self.ask("DELETE", f"{kind.path}/{held['id']}{kind.deletion}", None)

    def adopt(self, key: str, name: str, namespace: str) -> None:
        """internal/cmd/root/products/konnect/adopt/dcr_provider.go, 243dcaf; the others alike."""
        kind = next(one for one in KINDS if one.key == key)
        held = next(one for one in self._listed(kind) if one["name"] == name)
        assert NAMESPACE not in held["labels"], "it is adopted already"
        labels = {**held["labels"], NAMESPACE: namespace}
        self.ask("PATCH", f"{kind.path}/{held['id']}", {"labels": labels})

    def get(self, key: str, name: str) -> Any:
        """One by its name, then by its id."""
        kind = next(one for one in KINDS if one.key == key)
        page = self.ask("GET", f"{kind.path}?page[number]=1&page[size]=10", None)
        found = next(one for one in page["data"] if one["name"] == name)
        return self.ask("GET", f"{kind.path}/{found['id']}", None)

    def of_developers(self, ones: dict[str, Any], command: str) -> Any:
        """The last answer to a command of OF_DEVELOPERS. `ones` holds the one object of each list, and is filled."""

        def member(found: re.Match[str]) -> str:
            return str(ones[found["list"]][found["member"]])

        answer = None
        for method, template in OF_DEVELOPERS[command]:
            body = {"id": ones["developers"]["id"]} if method == "POST" else None
            answer = self.ask(method, re.sub(r"\{(?P<list>[a-z-]+)\.(?P<member>\w+)\}", member, template), body)
            if answer and len(answer.get("data", ())) == 1:
                ones[template.partition("?")[0].rpartition("/")[2]] = answer["data"][0]
        return answer

    def dump(self) -> dict[str, list[Any]]:
        """Everything, with what is in portals and APIs."""
        everything = {kind.key: self._listed(kind) for kind in KINDS}
        for portal in everything["portals"]:
            for path in DUMPED_OF_A_PORTAL:
                self._read(f"/v3/portals/{portal['id']}/{path}")
        for api in everything["apis"]:
            for child in CHILDREN:
                if child.parent == "apis":
                    self._of_parent(child, f"/v3/apis/{api['id']}")
            self._publications(api["id"])
            self._implementations(api["id"])
        for plane in everything["control_planes"]:
            for path in DUMPED_OF_A_CONTROL_PLANE:
                self.ask("GET", f"/v2/control-planes/{plane['id']}/{path}", None)
        return everything

    # What is read

    def _read(self, path: str) -> Any:
        try:
            return self.ask("GET", path, None)
        except Missing:
            return None

    def _listed(self, kind: Kind) -> list[Any]:
        held: list[Any] = self.ask("GET", f"{kind.path}?{ALL}", None)["data"]
        return held

    def _publications(self, api_id: str) -> dict[str, Any]:
        page = self.ask("GET", f"/v3/api-publications?filter[api_id][eq]={api_id}&{ALL}", None)
        return {one["portal_id"]: one for one in page["data"]}

    def _implementations(self, api_id: str) -> dict[Any, Any]:
        page = self.ask("GET", f"/v3/api-implementations?filter[api_id][eq]={api_id}&{ALL}", None)
        services = [one for one in page["data"] if "service" in one]
        return {(one["service"]["control_plane_id"], one["service"]["id"]): one for one in services}

    def _of_parent(self, child: Child, parent: str) -> dict[str, Any]:
        """By its name: what is there, with its content."""
        paged = f"?{ALL}" if child.path in {"snippets", "teams", "versions"} else ""
        flat = list(_flat(self.ask("GET", f"{parent}/{child.path}{paged}", None)["data"]))
        if child.full:
            flat = [self.ask("GET", f"{parent}/{child.path}/{one['id']}", None) for one in flat]
        return {one[child.name].lstrip("/"): one for one in flat}

    # What is changed

    def _run(self, wanted: Mapping[str, list[dict[str, Any]]], mode: str, change: bool) -> Iterator[Change]:
        namespaces = {item["labels"][NAMESPACE] for items in wanted.values() for item in items if "labels" in item}
        now = {kind.key: {one["name"]: one for one in self._listed(kind)} for kind in KINDS}
        for kind in KINDS:
            managed = {name: one for name, one in now[kind.key].items() if one["labels"].get(NAMESPACE) in namespaces}
            for item in wanted[kind.key]:
                yield from self._item(kind, item, now[kind.key] if "_external" in item else managed, mode, change)
        if mode == "sync":
            yield from self._left_over(wanted, now, namespaces, change)

    def _left_over(
        self, wanted: Mapping[str, list[dict[str, Any]]], now: Any, namespaces: set[str], change: bool
    ) -> Iterator[Change]:
        for kind in reversed(KINDS):
            names = {item.get("name") for item in wanted[kind.key]}
            for name, held in now[kind.key].items():
                if held["labels"].get(NAMESPACE) in namespaces and name not in names:
                    yield Change("DELETE", f"{kind.key} {name}")
                    if change:
                        self.ask("DELETE", f"{kind.path}/{held['id']}{kind.deletion}", None)

    def _item(
        self, kind: Kind, item: dict[str, Any], managed: Mapping[str, Any], mode: str, change: bool
    ) -> Iterator[Change]:
        ref = item["ref"]
        if external := item.get("_external"):
            yield from self._external(kind, item, managed[external["selector"]["matchFields"]["name"]])
            return
        members = self._resolved({key: value for key, value in item.items() if key not in {*BELONGS, *OF_AN_API}})
        held = managed.get(item["name"])
        if held is None:
            yield Change("CREATE", f"{kind.key} {item['name']}")
            if change:
                held = self.ask("POST", kind.path, {**kind.sent, **members})
        else:
            different = {name: members[name] for name in kind.compared if _differs(name, held, members)}
            if "labels" in different and kind.key != "control_planes":
                different["labels"] = {**dict.fromkeys(held["labels"]), **members["labels"]}  # null takes one away
            if different:
                yield Change("UPDATE", f"{kind.key} {item['name']}", tuple(sorted(different)))
                if change:
                    self.ask("PATCH", f"{kind.path}/{held['id']}", {**different, **_named(kind, item)})
        self.ids[ref] = held["id"] if held else ""
        yield from self._within(kind, item, f"{kind.path}/{self.ids[ref]}" if held else "", mode, change)

    def _external(self, kind: Kind, item: dict[str, Any], held: Any) -> Iterator[Change]:
        """What is found by its name, and neither made nor changed."""
        self.ids[item["ref"]] = held["id"]
        if services := item.get("gateway_services"):
            page = self.ask("GET", f"{kind.path}/{held['id']}/core-entities/services", None)
            by_name = {one["name"]: one["id"] for one in page["data"]}
            for service in services:
                self.ids[service["ref"]] = by_name[service["_external"]["selector"]["matchFields"]["name"]]
        yield from ()

    def _within(self, kind: Kind, item: dict[str, Any], parent: str, mode: str, change: bool) -> Iterator[Change]:
        """`parent` is "" in a plan for what is not there yet."""
        if parent and mode == "sync" and kind.key == "portals":
            for path in READ_OF_A_PORTAL:
                self._read(f"{parent}/{path}")
        for child in (one for one in CHILDREN if one.parent == kind.key and one.key in item):
            act = self._singleton if child.singleton else self._list
            yield from act(child, item[child.key], parent, mode, change)
        if kind.key == "portals":
            yield from self._email_templates(item.get(TEMPLATES, {}), parent, mode, change)
        if kind.key == "control_planes":
            yield from self._certificates(item.get(CERTIFICATES, ()), parent, mode, change)
        if kind.key == "apis":
            yield from self._publish(item.get("publications", ()), parent, mode, change)
            yield from self._link(item.get("implementations", ()), parent, mode, change)

    def _singleton(self, child: Child, item: dict[str, Any], parent: str, mode: str, change: bool) -> Iterator[Change]:
        del mode
        members = self._resolved({key: value for key, value in item.items() if key not in BELONGS})
        held = self._read(f"{parent}/{child.path}") if parent else None
        if held is None or any(_differs(name, held, members) for name in child.compared):
            yield Change("UPDATE", child.key)
            if change:
                method = "PATCH" if held is not None and child.singleton == "POST" else child.singleton
                self.ask(method, f"{parent}/{child.path}", members)

    def _list(
        self, child: Child, items: Iterable[dict[str, Any]], parent: str, mode: str, change: bool
    ) -> Iterator[Change]:
        now = self._of_parent(child, parent) if parent else {}
        names = set()
        for item in items:
            members = self._resolved({key: value for key, value in item.items() if key not in BELONGS})
            name = members[child.name].lstrip("/")
            names.add(name)
            held = now.get(name)
            if held is None:
                yield Change("CREATE", f"{child.key} {name}")
                if change:
                    held = self.ask("POST", f"{parent}/{child.path}", {**child.sent, **members})
            else:
                different = {key: members[key] for key in child.compared if _differs(key, held, members)}
                if different:
                    yield Change("UPDATE", f"{child.key} {name}", tuple(sorted(different)))
                    if change:
                        self.ask("PATCH", f"{parent}/{child.path}/{held['id']}", different)
            self.ids[item["ref"]] = held["id"] if held else ""
        for name in sorted(now.keys() - names) if mode == "sync" else ():
            yield Change("DELETE", f"{child.key} {name}")
            if change:
                self.ask("DELETE", f"{parent}/{child.path}/{now[name]['id']}", None)

    def _email_templates(self, items: Mapping[str, Any], parent: str, mode: str, change: bool) -> Iterator[Change]:
        """By their names; each is read by itself before it is compared (portal/email-templates/replay 15 to 17)."""
        place = f"{parent}/email-templates"
        listed = self.ask("GET", place, None)["data"] if parent and (items or mode == "sync") else ()
        now = {one["name"]: self.ask("GET", f"{place}/{one['name']}", None) for one in listed}
        for name, members in items.items():
            if name not in now or not equal(now[name], members):
                yield Change("UPDATE" if name in now else "CREATE", f"{TEMPLATES} {name}")
                if change:
                    self.ask("PATCH", f"{place}/{name}", members)
        for name in sorted(now.keys() - items.keys()) if mode == "sync" else ():
            yield Change("DELETE", f"{TEMPLATES} {name}")
            if change:
                self.ask("DELETE", f"{place}/{name}", None)

    def _certificates(
        self, items: Iterable[Mapping[str, Any]], parent: str, mode: str, change: bool
    ) -> Iterator[Change]:
        """By what they are (internal/declarative/planner/control_plane_data_plane_certificate_planner.go, 05f0432)."""
        place = f"{parent}/dp-client-certificates"
        listed = self.ask("GET", place, None)["items"] if parent and (items or mode == "sync") else ()
        now = {one["cert"]: one["id"] for one in listed}
        for item in items:
            if item["cert"] not in now:
                yield Change("CREATE", f"{CERTIFICATES} {item['ref']}")
                if change:
                    self.ask("POST", place, {"cert": item["cert"]})
        for cert in sorted(now.keys() - {item["cert"] for item in items}) if mode == "sync" else ():
            yield Change("DELETE", CERTIFICATES)
            if change:
                self.ask("DELETE", f"{place}/{now[cert]}", None)

    def _publish(self, items: Iterable[dict[str, Any]], parent: str, mode: str, change: bool) -> Iterator[Change]:
        """A publication has no id: it is that of a portal. An update is a GET, and a PUT of the whole."""
        now = self._publications(parent.rpartition("/")[2]) if parent and (items or mode == "sync") else {}
        portals = set()
        for item in items:
            members = self._resolved({key: value for key, value in item.items() if key != "ref"})
            portal = members.pop("portal_id")
            portals.add(portal)
            held = now.get(portal)
            wanted = {"auto_approve_registrations": False, **members}
            different = tuple(sorted(key for key, value in wanted.items() if held and not equal(held.get(key), value)))
            if held is None or different:
                yield Change("UPDATE" if held else "CREATE", f"publications {item['ref']}", different)
                if change:
                    place = f"{parent}/publications/{portal}"
                    kept = _publication(self.ask("GET", place, None)) if held else {}
                    self.ask("PUT", place, {**kept, **members})
        for portal in sorted(now.keys() - portals) if mode == "sync" else ():
            yield Change("DELETE", "publications")
            if change:
                self.ask("DELETE", f"{parent}/publications/{portal}", None)

    def _link(self, items: Iterable[dict[str, Any]], parent: str, mode: str, change: bool) -> Iterator[Change]:
        now = self._implementations(parent.rpartition("/")[2]) if parent and (items or mode == "sync") else {}
        services = set()
        for item in items:
            service = self._resolved(item["service"])
            key = service["control_plane_id"], service["id"]
            services.add(key)
            if key not in now:
                yield Change("CREATE", f"implementations {item['ref']}")
                if change:
                    self.ask("POST", f"{parent}/implementations", {"service": service})
        for key in sorted(now.keys() - services) if mode == "sync" else ():
            yield Change("DELETE", "implementations")
            if change:
                self.ask("DELETE", f"{parent}/implementations/{now[key]['id']}", None)

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, Ref):
            return self.ids[value.to]
        if isinstance(value, Mapping):
            return {key: self._resolved(inner) for key, inner in value.items()}
        return [self._resolved(one) for one in value] if isinstance(value, list) else value


def _differs(name: str, held: Mapping[str, Any], members: Mapping[str, Any]) -> bool:
    """Whether the file has that member, and otherwise than it is. Labels are compared as a whole."""
    if name not in members:
        return False
    return bool(held[name] != members[name]) if name == "labels" else not equal(held.get(name), members[name])


def _named(kind: Kind, item: Mapping[str, Any]) -> dict[str, Any]:
    """Control planes are updated with their name (recorded)."""
    return {"name": item["name"]} if kind.key == "control_planes" else {}


def _publication(held: Mapping[str, Any]) -> dict[str, Any]:
    return {key: held[key] for key in ("visibility", "auth_strategy_ids", "auto_approve_registrations")}


def _flat(items: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for item in items:
        yield item
        yield from _flat(item.get("children", ()))


def deck(ask: Ask, control_plane_id: str, file: Path) -> None:
    """The services and routes of a file of decK. Its own requests are not replayed: these make the same."""
    text = re.sub(r'\$\{\{ env "(\w+)" \}\}', lambda name: os.environ[name[1]], file.read_text("utf-8"))
    core = f"/v2/control-planes/{control_plane_id}/core-entities"
    for service in yaml.safe_load(text)["services"]:
        routes = service.pop("routes", ())
        made = ask("POST", f"{core}/services", service)
        for route in routes:
            ask("POST", f"{core}/services/{made['id']}/routes", route)


# --- the program itself -----------------------------------------------------------------------------------------------


class Binary:
    """kongctl, where it is on PATH."""

    def __init__(self, url: str, token: str) -> None:
        self.arguments = ["--base-url", url]
        self.environment = {**os.environ, "KONGCTL_DEFAULT_KONNECT_PAT": token}

    def plan(self, *files: Path, mode: str = "apply") -> list[str]:
        changes = loads(self._run("plan", files, "--mode", mode))["changes"]
        return [f"{one['action']} {one['resource_type']} {one['resource_ref']}" for one in changes]

    def apply(self, *files: Path) -> None:
        self._run("apply", files, "--auto-approve")

    def _run(self, command: str, files: Iterable[Path], *more: str) -> str:
        named = [argument for file in files for argument in ("-f", str(file))]
        done = subprocess.run(
            ["kongctl", command, *named, *more, *self.arguments],
            env={**self.environment, **os.environ},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        return done.stdout


def tool(url: str, token: str, ask: Ask) -> Tool:
    return Binary(url, token) if shutil.which("kongctl") else Replay(ask)
