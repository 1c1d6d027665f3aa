"""The data of RESTCONF as XML: the same tree, encoded by RFC 7950 rather than RFC 7951.

A name's module is its namespace, an `empty` leaf an empty element, a list as many elements as it has entries.
"""

from collections.abc import Iterable
from typing import Any
from xml.sax.saxutils import escape, quoteattr

MEDIA_TYPE = "application/yang-data+xml"

# github.com/curityio/mcp-authorization-secured-api, idsvr/curity-config.xml; RFC 8040 8
NAMESPACES = {
    "base": "https://curity.se/ns/conf/base",
    "profile-oauth": "https://curity.se/ns/conf/profile/oauth",
    "jdbc": "https://curity.se/ns/ext-conf/jdbc",
    "ietf-restconf": "urn:ietf:params:xml:ns:yang:ietf-restconf",
}


def document(name: str, value: Any) -> bytes | None:
    """The element of that name (`module:name`) with that value; None for a list that is not of one entry, since a
    document has one root (RFC 8040 4.3).
    """
    elements = list(_elements(name, value, None))
    return elements[0].encode() if len(elements) == 1 else None


def _elements(name: str, value: Any, parent: str | None) -> Iterable[str]:
    module, colon, local = name.rpartition(":")
    module = module if colon else parent or ""
    declared = "" if module == parent else f" xmlns={quoteattr(NAMESPACES[module])}"
    entries = value if isinstance(value, list) else [value]
    for entry in entries:
        identity, content = _content(local, entry, module)
        yield f"<{local}{declared}{identity}>{content}</{local}>" if content else f"<{local}{declared}{identity}/>"


def _content(local: str, entry: Any, module: str) -> tuple[str, str]:
    """The attributes and the content of one element."""
    if isinstance(entry, dict):
        children = (child for name, value in entry.items() for child in _elements(name, value, module))
        return "", "".join(children)
    if entry is None:
        return "", ""
    if isinstance(entry, bool):
        return "", str(entry).lower()
    text = str(entry)
    prefix, colon, identity = text.partition(":")
    if local == "type" and colon and prefix in NAMESPACES:
        return f" xmlns:as={quoteattr(NAMESPACES[prefix])}", f"as:{escape(identity)}"
    return "", escape(text)
