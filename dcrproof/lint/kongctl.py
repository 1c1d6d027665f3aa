"""kongctl's declarative YAML: its tags, templates and references, and children that stand alone or in their parent.

Sources: github.com/Kong/kongctl, docs/declarative.md, docs/declarative-resource-reference.md, docs/declarative-yaml-tags.md.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from dcrproof.core.text import near, one_line
from dcrproof.lint.nodes import BadFile, Declared, Node, Unknown
from dcrproof.lint.reading import documents, text_of
from dcrproof.lint.setup import Setup, secrets_in

ROOTS = {
    "dcr_providers": "provider",
    "application_auth_strategies": "strategy",
    "portals": "portal",
    "apis": "api",
    "api_publications": "publication",
    "api_implementations": "implementation",
}
"""The lists of a document that are read, with the kind of their items, in an order in which each refers to earlier ones."""
CHILDREN = {"publications": "publication", "implementations": "implementation"}
"""Lists within an API."""
OTHERS = (
    "_defaults",
    "_templates",
    "control_planes",
    "catalog_services",
    "event_gateways",
    "organization",
    "ai_gateways",
)
"""Members of a document by which it is known as kongctl's, beside the lists and what begins like one of them."""

FIELDS: Mapping[str, tuple[str, ...]] = {
    "provider": ("provider_type", "issuer", "dcr_config"),
    "strategy": ("strategy_type", "configs", "dcr_provider_id"),
    "portal": ("authentication_enabled", "default_application_auth_strategy_id"),
    "api": (),
    "publication": ("api_id", "portal_id", "auth_strategy_ids"),
    "implementation": ("api_id", "service", "control_plane"),
}
"""What is read of each kind: other members may load large files."""
OTHER_NAMES = {
    "api": "api_id",
    "portal": "portal_id",
    "default_application_auth_strategy": "default_application_auth_strategy_id",
    "openid_connect": "openid-connect",
    "key_auth": "key-auth",
}
"""Other names of members, with those of Konnect's API."""
IDS = frozenset({"dcr_provider_id", "default_application_auth_strategy_id", "api_id", "portal_id", "auth_strategy_ids"})
"""Members that hold the id of another object, or a list of ids."""
OF_GATEWAY = frozenset({"service", "control_plane"})
"""Mappings of ids, of objects that are not read."""
MOST_MERGED = 20_000
TAGS = ("!env", "!external", "!file", "!lookup", "!ref", "!secret")
EXISTS = Unknown("it exists in Konnect already, and these files do not say more of it")


def is_kongctl(root: Node) -> bool:
    """Whether a document is one of kongctl's, by the names of its members."""
    return any(name in ROOTS or name in OTHERS or name.startswith(("portal_", "api_")) for name in root.members)


def read(roots: Iterable[Node], base: Path, setup: Setup) -> set[Path]:
    """Adds what the documents declare, and returns the files that they name. Raises BadFile.

    `base` is the folder of the command: `!file` stays in it, or in the folder of its file.
    """
    all = _Documents(list(roots), base)
    all.into(setup)
    return all.named


class _Documents:
    def __init__(self, roots: list[Node], base: Path) -> None:
        self.base = base.resolve()
        self.templates: dict[str, Node] = {}
        self.named: set[Path] = set()
        """The files that `!file` names."""
        self.files: dict[Path, Node] = {}
        """Those that are loaded, parsed."""
        self.refs: set[str] = set()
        self.raw: dict[str, Node] = {}
        """The objects by their ref, as they are written."""
        self.made: dict[str, Declared] = {}
        self.done: dict[Node, Node] = {}
        """Nodes without their tags; each node is a key by itself."""
        self.under_way: list[object] = []
        """What is being resolved: files, templates, references."""
        self.roots = roots
        self.merged = 0
        self.found: list[tuple[str, Node, Node | None]] = []
        """Kind, object and parent."""

    def into(self, setup: Setup) -> None:
        for root in self.roots:
            self._survey(root)
            setup.secrets += secrets_in(root)
            for name, template in self._member(root, "_templates").items():
                self.templates[name] = template
        for root in self.roots:
            for name, kind in ROOTS.items():
                for item in self._list(root, name):
                    self._collect(kind, item, None)
        for kind in FIELDS:  # what others refer to comes first
            for of, raw, parent in self.found:
                if of == kind:
                    setup.add(self._declared(kind, raw, parent))

    def _survey(self, root: Node) -> None:
        """Looks at every node once: tags, the files that they name, and refs."""
        seen: set[int] = set()
        left = [root]
        while left:
            node = left.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            if node.tag and node.tag not in TAGS:
                raise BadFile(node.place, f"unknown tag {one_line(node.tag, 40)}; {near(node.tag, TAGS)}")
            if node.tag == "!file":
                self._path(node)
            if node.tag == "!ref" and not isinstance(node.value, str):
                raise BadFile(node.place, "!ref needs the ref of a resource")
            ref = node.members.get("ref")
            if ref is not None and isinstance(ref.value, str):
                self.refs.add(ref.value)
            left += [*node.items, *node.members.values()]

    def _member(self, root: Node, name: str) -> Mapping[str, Node]:
        found = root.members.get(name)
        return found.members if found else {}

    def _list(self, node: Node, name: str) -> Iterator[Node]:
        """The items of a member, opened: a list, or each of its items, may be loaded from a file."""
        listed = node.members.get(name)
        if listed is None or listed.value is None:
            return
        listed = self._opened(listed)
        if not isinstance(listed.value, list):
            raise BadFile(listed.place, f"{name} is not a list")
        for item in listed.items:
            opened = self._opened(item)
            if not isinstance(opened.value, dict):
                raise BadFile(opened.place, f"an item of {name} is not a mapping")
            yield opened

    def _collect(self, kind: str, raw: Node, parent: Node | None) -> None:
        ref = raw.members.get("ref")
        if ref is not None and isinstance(ref.value, str):
            if ref.value in self.raw:
                raise BadFile(ref.place, f"the same ref as at {self.raw[ref.value].place}")
            self.refs.add(ref.value)
            self.raw[ref.value] = raw
        self.found.append((kind, raw, parent))
        for name, of in CHILDREN.items() if kind == "api" else ():
            for item in self._list(raw, name):
                self._collect(of, item, raw)

    def _declared(self, kind: str, raw: Node, parent: Node | None) -> Declared:
        body: dict[str, Node] = {}
        for name, member in raw.members.items():
            called = OTHER_NAMES.get(name, name)
            if called in FIELDS[kind]:
                body[called] = self._ids(member) if called in IDS else self._resolved(member)
            if called in OF_GATEWAY and (opened := self._opened(member)).members:
                body[called] = Node({part: self._id(id) for part, id in opened.members.items()}, opened.place)
        if parent is not None:
            body["api_id"] = Node(self.made.get(_ref(parent), EXISTS), parent.place)
        configs = body.get("configs")
        if configs is not None and isinstance(configs.value, dict):
            named = {OTHER_NAMES.get(name, name): member for name, member in configs.members.items()}
            body["configs"] = Node(named, configs.place)
        named_by = raw.members.get("name") or raw.members.get("ref")
        name = named_by.value if named_by and isinstance(named_by.value, str) and not named_by.tag else "without a name"
        made = Declared(kind, one_line(name, 100), Node(body, raw.place), external="_external" in raw.members)
        if _ref(raw):
            self.made[_ref(raw)] = made
        return made

    def _ids(self, node: Node) -> Node:
        """A member that holds an id, or a list of ids: the objects, as far as the files have them."""
        opened = node if node.tag == "!ref" else self._opened(node)
        if isinstance(opened.value, list):
            return Node([self._id(item, read=True) for item in opened.items], opened.place)
        return self._id(opened, read=True)

    def _id(self, node: Node, *, read: bool = False) -> Node:
        """`read`: it is the id of what is read. Of that, what is not made yet is of a kind that has no id here; and a name or
        another member is no id. Both stay texts.
        """

        def object_of(ref: str) -> Declared | Unknown | None:
            elsewhere = not read and ref in self.refs and ref not in self.raw
            return self.made.get(ref) or (EXISTS if elsewhere else None)

        if node.tag == "!ref":
            ref, _, member = str(node.value).partition("#")
            self._known(ref, node)
            found = object_of(ref) if member in {"", "id"} else None
            return Node(found or f"!ref {node.value}", node.place)
        opened = self._resolved(node)
        found = object_of(opened.value) if isinstance(opened.value, str) else None
        return Node(found, opened.place) if found else opened

    def _known(self, ref: str, node: Node) -> None:
        if ref not in self.refs:
            why = near(ref, self.refs) or "name all files that kongctl gets"
            raise BadFile(node.place, f"!ref of a resource that is not in these files; {why}")

    def _resolved(self, node: Node) -> Node:
        """The node without tags. What aliases share is resolved once."""
        if node not in self.done:
            opened = self._opened(node)
            if isinstance(opened.value, dict):
                opened = Node({name: self._resolved(one) for name, one in opened.members.items()}, opened.place)
            elif isinstance(opened.value, list):
                opened = Node([self._resolved(one) for one in opened.items], opened.place)
            self.done[node] = opened
        return self.done[node]

    def _opened(self, node: Node) -> Node:
        """The node without its own tag, and with what it extends; tags within stay."""
        if node.tag == "!file":
            return self._loaded(node)
        if node.tag == "!ref":
            return self._referred(node)
        if node.tag == "!env":
            var = node.members.get("var", node).value
            name = var.partition("#")[0].strip() if isinstance(var, str) else ""
            if not name:
                raise BadFile(node.place, "!env needs the name of an environment variable")
            return Node(Unknown(f"!env {one_line(name, 100)}"), node.place)
        if node.tag == "!secret":
            return Node(Unknown("!secret"), node.place)
        if node.tag:
            return Node(EXISTS, node.place)
        extends = node.members.get("_extends")
        if extends is None:
            return node
        name = str(extends.value)
        with _Once(self.under_way, ("template", name), extends, "templates extend one another in a circle"):
            if name not in self.templates:
                raise BadFile(extends.place, f"no template of that name; {near(name, self.templates)}")
            template = self._opened(self.templates[name])
        own = Node({n: one for n, one in node.members.items() if n != "_extends"}, node.place)
        return self._merged(template, own)

    def _merged(self, base: Node, own: Node) -> Node:
        """Mappings are merged member by member; anything else of `own` replaces that of `base`."""
        self.merged += 1
        if self.merged > MOST_MERGED:
            raise BadFile(own.place, f"templates merge more than {MOST_MERGED:,} mappings")
        found = dict(base.members)
        for name, member in own.members.items():
            both = name in found and isinstance(found[name].value, dict) and isinstance(member.value, dict)
            tagged = member.tag or (both and found[name].tag)
            found[name] = self._merged(found[name], member) if both and not tagged else member
        return Node(found, own.place)

    def _referred(self, node: Node) -> Node:
        """What `!ref REF#MEMBER` stands for where it is not an id."""
        ref, _, path = str(node.value).partition("#")
        self._known(ref, node)
        if path in {"", "id"} or ref not in self.raw:
            return Node(Unknown(f"!ref {one_line(str(node.value), 100)}"), node.place)
        with _Once(self.under_way, ("ref", node.value), node, "!ref that refers to itself, directly or not"):
            inner, _ = self._resolved(self._walked(self.raw[ref], path, node)).find()
        return inner or node

    def _loaded(self, node: Node) -> Node:
        path, extract = self._path(node)
        with _Once(self.under_way, ("file", path, extract), node, "!file that loads itself, directly or not"):
            root = self._parsed(path, node)
            return self._opened(self._walked(root, extract, node) if extract else root)

    def _parsed(self, path: Path, node: Node) -> Node:
        """The content of a file that `node` names: of YAML and JSON the values, of others the text."""
        if path not in self.files:
            name = _shown(path)
            text = text_of(path, name)
            if path.suffix.lower() in {".yaml", ".yml", ".json"}:
                found = documents(text, name)
                self.files[path] = found[0] if found else Node(None, node.place)
                self._survey(self.files[path])
            else:
                self.files[path] = Node(text, node.place)
        return self.files[path]

    def _path(self, node: Node) -> tuple[Path, str]:
        """The file that `!file` names, and the path within it. Raises BadFile where there is none."""
        written, extract = node.members.get("path"), node.members.get("extract")
        if isinstance(node.value, str):
            name, _, inner = node.value.partition("#")
        else:
            name = str(written.value) if written else ""
            inner = str(extract.value) if extract else ""
        if not name:
            raise BadFile(node.place, "!file needs the path of a file")
        folder = Path(node.place.file).resolve().parent
        try:
            path = (folder / name).resolve()
            inside = any(path.is_relative_to(one) for one in (folder, self.base))
            exists = path.is_file()
        except (OSError, ValueError):
            inside, exists = True, False
        if Path(name).is_absolute() or not inside:
            raise BadFile(node.place, "!file with a path that leaves the folder of the files")
        if not exists:
            raise BadFile(node.place, f"!file: there is no file {one_line(name, 200)}")
        self.named.add(path)
        return path, inner

    def _walked(self, node: Node, path: str, at: Node) -> Node:
        for part in path.split("."):
            node = self._opened(node)
            if isinstance(node.value, Unknown):
                return node
            if part in node.members:
                node = node.members[part]
            elif part.isascii() and part.isdigit() and len(part) < 9 and int(part) < len(node.items):
                node = node.items[int(part)]
            else:
                raise BadFile(at.place, f"nothing at {one_line(path, 100)}")
        return node


class _Once:
    """Raises BadFile where what is entered is being resolved already."""

    def __init__(self, under_way: list[object], what: object, node: Node, why: str) -> None:
        self.under_way, self.what, self.node, self.why = under_way, what, node, why

    def __enter__(self) -> None:
        if self.what in self.under_way:
            raise BadFile(self.node.place, self.why)
        self.under_way.append(self.what)

    def __exit__(self, *_: object) -> None:
        self.under_way.pop()


def _ref(raw: Node) -> str:
    ref = raw.members.get("ref")
    return ref.value if ref is not None and isinstance(ref.value, str) and not ref.tag else ""


def _shown(path: Path) -> str:
    """The path as the user would write it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
