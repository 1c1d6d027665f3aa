"""A Terraform plan in JSON, as `terraform show -json` prints it, with the resources of the provider Kong/konnect.

An id that is made when the plan is applied is not in it; which object it belongs to is read off the references in the
plan's configuration. Sources: developer.hashicorp.com/terraform/internals/json-format, and docs/resources/ of
github.com/Kong/terraform-provider-konnect.
"""

import re
from collections.abc import Iterator, Mapping

from dcrproof.lint.nodes import BadFile, Declared, Node, Unknown
from dcrproof.lint.reading import documents
from dcrproof.lint.setup import Setup, secrets_in

KINDS = {
    "konnect_dcr_provider": "provider",
    "konnect_application_auth_strategy": "strategy",
    "konnect_portal": "portal",
    "konnect_api": "api",
    "konnect_api_publication": "publication",
    "konnect_api_implementation": "implementation",
}
"""In an order in which each refers to earlier ones."""
PROVIDERS = {"azure_ad": "azureAd", "kong_identity": "kongIdentity"}
"""The members of a provider whose names are not the type in Konnect's API."""
IDS = {
    "dcr_provider_id": "konnect_dcr_provider",
    "default_application_auth_strategy_id": "konnect_application_auth_strategy",
    "auth_strategy_ids": "konnect_application_auth_strategy",
    "portal_id": "konnect_portal",
    "api_id": "konnect_api",
}
"""Members that hold an id, or a list of them, and what they are the ids of."""
OWN = frozenset({"active", "created_at", "display_name", "id", "issuer", "name", "updated_at"})
"""Members of a provider or a strategy beside the one for its type."""
LISTS = frozenset({"auth_strategy_ids"})
"""Those that hold a list."""
AFTER_APPLY = Unknown("known after apply")
VERSIONS = re.compile(r"[01](?:\.\d+)*\Z")
INDEX = re.compile(r"\[(?:\"(?:[^\"\\]|\\.)*\"|\d+)\]")
REFERENCE = re.compile(rf"(?P<type>\w+)\.(?P<name>[\w-]+)(?P<index>{INDEX.pattern})?")
OWN_INDEX = frozenset({"each.key", "each.value", "count.index"})
"""References of an expression that takes the instance of its own index."""
FROM_ELSEWHERE = ("data.", "each.value", "local.", "module.", "var.")
"""How references begin whose values are not looked up."""
MODULE = re.compile(r"module\.([\w-]+)")

Key = tuple[tuple[str, ...], str, str]
"""The modules around a resource, its type and its name."""
Made = dict[Key, dict[str, Declared]]
"""The objects of a resource by their addresses: with `count` or `for_each`, or within such a module, there are several."""


def is_plan(root: Node) -> bool:
    return "format_version" in root.members and ("resource_changes" in root.members or "planned_values" in root.members)


def is_state(root: Node) -> bool:
    return "format_version" in root.members and "values" in root.members


def read(root: Node, setup: Setup) -> None:
    """Adds what the plan will make. Raises BadFile."""
    _refuse_aliases(root)
    version = root.members["format_version"]
    if not VERSIONS.match(str(version.value)):
        raise BadFile(version.place, "format_version of a later Terraform; 0 and 1 with any minor version are read")
    configuration = root.members.get("configuration")
    if configuration is not None:
        setup.secrets += secrets_in(configuration)
    literal = {one.name for one in setup.secrets}
    expressions = dict(_expressions(configuration)) if configuration is not None else {}
    changes = root.members.get("resource_changes")
    resources = [_Resource(change, expressions) for change in (changes.items if changes else ())]
    made: Made = {}
    for type, kind in KINDS.items():
        for resource in resources:
            if resource.key[1] == type and resource.after is not None:
                setup.hidden += resource.sensitive
                setup.secrets += [one for one in secrets_in(resource.after, by_plan=True) if one.name not in literal]
                declared = Declared(
                    kind, resource.address, Node(resource.body(made), resource.after.place), ids=resource.ids
                )
                made.setdefault(resource.key, {})[resource.address] = declared
                setup.add(declared)


def _refuse_aliases(root: Node) -> None:
    """Raises BadFile for what JSON does not have: a value that stands at two places."""
    seen: set[int] = set()
    left = [root]
    while left:
        node = left.pop()
        if id(node) in seen:
            raise BadFile(node.place, "an alias in a Terraform plan, which is JSON")
        seen.add(id(node))
        left += [*node.items, *node.members.values()]


def _expressions(configuration: Node) -> Iterator[tuple[Key, Mapping[str, Node]]]:
    """What the configuration says of each resource, from the outermost module inwards."""
    left: list[tuple[tuple[str, ...], Node | None]] = [((), configuration.members.get("root_module"))]
    while left:
        around, module = left.pop()
        if module is None:
            continue
        for resource in _items(module, "resources"):
            type, name = (_text(resource, member) for member in ("type", "name"))
            _, inner = resource.find("expressions")
            yield (around, type, name), inner.members if "expressions" in resource.members else {}
        calls = module.members.get("module_calls")
        for name, call in (calls.members if calls else {}).items():
            left.append(((*around, name), call.members.get("module")))


class _Resource:
    def __init__(self, change: Node, expressions: Mapping[Key, Mapping[str, Node]]) -> None:
        modules = tuple(MODULE.findall(INDEX.sub("", _text(change, "module_address"))))
        self.key: Key = (modules, _text(change, "type"), _text(change, "name"))
        self.address = _text(change, "address") or ".".join(self.key[1:])
        self.index = self.address.rpartition(f"{self.key[1]}.{self.key[2]}")[2]
        self.written = expressions.get(self.key)
        after, _ = change.find("change", "after")
        unknown, _ = change.find("change", "after_unknown")
        self.after: Node | None = None
        if after is not None and isinstance(after.value, dict) and _text(change, "mode") != "data":
            self.after = _with_unknown(after, unknown)
        hidden, _ = change.find("change", "after_sensitive")
        self.sensitive = list(_sensitive(self.after, hidden)) if self.after and hidden else []
        id = self.after.members.get("id") if self.after else None
        self.ids = frozenset({id.value} if id and isinstance(id.value, str) else ())

    def body(self, made: Made) -> dict[str, Node]:
        """The members as Konnect's API has them."""
        assert self.after is not None  # noqa: S101 - the caller has looked
        members = {
            name: one
            for name, one in self.after.members.items()
            if one.value is not AFTER_APPLY or self.written is None or name in self.written
        }
        body = members
        kinds = (
            (name, one) for name, one in members.items() if isinstance(one.value, dict | Unknown) and name not in OWN
        )
        chosen = next(kinds, None)
        if self.key[1] == "konnect_dcr_provider" and chosen:
            name, inner = chosen
            unknown = dict.fromkeys(("issuer", "dcr_config"), inner) if isinstance(inner.value, Unknown) else {}
            body = {**unknown, **inner.members, "provider_type": Node(PROVIDERS.get(name, name), inner.place)}
        elif self.key[1] == "konnect_application_auth_strategy" and chosen:
            body = _strategy(*chosen)
        elif self.key[1] == "konnect_api_implementation":
            body = {"api_id": members["api_id"]} if "api_id" in members else {}
            for name in ("service", "control_plane"):
                found, _ = self.after.find(f"{name}_reference", name)
                if found is not None:
                    body[name] = found
        return {name: self._linked(name, one, made) if name in IDS else one for name, one in body.items()}

    def _linked(self, name: str, node: Node, made: Made) -> Node:
        """An id, or a list of ids, with the objects that they belong to as far as the plan shows it."""
        if isinstance(node.value, list):
            linked = [self._linked(name, item, made) for item in node.items]
            return Node([inner for one in linked for inner in one.items or [one]], node.place)
        if isinstance(node.value, str):
            of = (one for key, several in made.items() if key[1] == IDS[name] for one in several.values())
            return Node(next((one for one in of if node.value in one.ids), node.value), node.place)
        if node.value is not AFTER_APPLY:
            return node
        referred = self._referred(name, made)
        if name in LISTS:
            return Node([Node(one, node.place) for one in referred], node.place)
        return Node(referred[0] if len(referred) == 1 else AFTER_APPLY, node.place)

    def _referred(self, name: str, made: Made) -> list[Declared | Unknown]:
        """What that member's expression may refer to: objects of its type, and `AFTER_APPLY` for anything else."""
        texts = list(self._references(name))
        around = self.address.removesuffix(self.index).removesuffix(".".join(self.key[1:]))
        indexed = {found["name"] for text in texts if (found := REFERENCE.match(text)) and found["index"]}
        objects: dict[Declared | Unknown, None] = {}
        for text in texts:
            found = REFERENCE.match(text)
            if name in LISTS and text.startswith(FROM_ELSEWHERE):
                objects[AFTER_APPLY] = None
            if not found or found["type"] != IDS[name] or (not found["index"] and found["name"] in indexed):
                continue
            instances = made.get((self.key[0], found["type"], found["name"]), {})
            address = f"{around}{found['type']}.{found['name']}"
            own = self.index if OWN_INDEX.intersection(texts) else ""
            of = {one for at, one in instances.items() if INDEX.sub("", at.removeprefix(address)) == ""}
            one = instances.get(address + (found["index"] or own)) or (of.pop() if len(of) == 1 else AFTER_APPLY)
            objects[one] = None
        return list(objects) or [AFTER_APPLY]

    def _references(self, name: str) -> Iterator[str]:
        """The references of that member's expression; of one within a block, those of the block."""
        written = self.written or {}
        left = [written[name]] if name in written else list(written.values())
        while left:
            node = left.pop()
            if isinstance(node.value, str):
                yield node.value
            left += reversed([*node.items, *node.members.values()])


def _strategy(name: str, inner: Node) -> dict[str, Node]:
    """A strategy of the member that is set; `additional_properties` are further settings of the plugin, as JSON in a text."""
    config, _ = inner.find("configs", name)
    unknown = {"dcr_provider_id": inner} if isinstance(inner.value, Unknown) else {}
    body = {"strategy_type": Node(name, inner.place), **unknown, **inner.members}
    if config is None:
        return body
    settings = dict(config.members)
    more = settings.pop("additional_properties", None)
    if more is not None and isinstance(more.value, str):
        try:
            parsed = documents(more.value, str(more.place))
        except BadFile:
            raise BadFile(more.place, "additional_properties is not JSON") from None
        settings |= {key: Node(one.value, more.place) for root in parsed for key, one in root.members.items()}
    called = name.replace("_", "-")
    found = Node(config.value if isinstance(config.value, Unknown) else settings, config.place)
    return {**body, "configs": Node({called: found}, config.place)}


def _with_unknown(after: Node, unknown: Node | None) -> Node:
    """What is planned, with `AFTER_APPLY` where that is not known yet."""
    if unknown is None or unknown.value is False:
        return after
    if unknown.value is True:
        return Node(AFTER_APPLY, after.place)
    if after.value is None:
        return after
    if isinstance(after.value, list):
        both = [*unknown.items, *[None] * len(after.items)]
        return Node([_with_unknown(one, both[number]) for number, one in enumerate(after.items)], after.place)
    members = {name: _with_unknown(one, unknown.members.get(name)) for name, one in after.members.items()}
    for name, one in unknown.members.items():
        if name not in members and one.value is True:
            members[name] = Node(AFTER_APPLY, after.place)
    return Node(members or after.value, after.place)


def _sensitive(after: Node, marked: Node) -> Iterator[str]:
    """The texts that are marked as sensitive: `marked` has the shape of `after`, with true where all below it is."""
    left: list[tuple[Node, Node | None]] = [(after, marked)]
    while left:
        node, mark = left.pop()
        if mark is None or not mark.value:
            continue
        whole = mark.value is True
        if isinstance(node.value, str) and whole:
            yield node.value
        left += [(one, mark if whole else mark.members.get(name)) for name, one in node.members.items()]
        marks = [mark] * len(node.items) if whole else mark.items
        left += zip(node.items, marks, strict=False)


def _items(node: Node, name: str) -> list[Node]:
    found = node.members.get(name)
    return found.items if found else []


def _text(node: Node, name: str) -> str:
    found = node.members.get(name)
    return found.value if found and isinstance(found.value, str) else ""
