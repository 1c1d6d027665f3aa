"""The documents of APIs, which are a tree (api-builder v3).

Rules
    slug      of the title by default, and once among the documents of an API (the status is documented, 409)
    title     the first heading of the content by default (inferred)
    parent    is a document of the same API, and not below the document itself
    deletion  a document takes those below it along (inferred)
"""

import re
from dataclasses import replace
from typing import Any

from dcrproof.mocks.konnect import schema
from dcrproof.mocks.konnect.fields import check
from dcrproof.mocks.konnect.objects import ApiDocument
from dcrproof.mocks.konnect.problems import conflict, missing_reference, not_found
from dcrproof.mocks.konnect.tables import Body, Stamps, Tables, find, lowered
from dcrproof.mocks.konnect.trees import branch


def heading(content: str) -> str:
    found = re.search(r"^#{1,6}[ \t]+(\S.{0,250})", content, re.MULTILINE)
    return found.group(1).rstrip() if found else "Untitled"


def slug_of_title(title: str) -> str:
    return re.sub(r"[^a-z0-9_]+", "-", title.lower()).strip("-") or "document"


class ApiDocuments:
    """The documents of all APIs."""

    def __init__(self, tables: Tables, stamps: Stamps) -> None:
        self.tables = tables
        self.stamps = stamps

    def create(self, api_id: str, body: Body) -> ApiDocument:
        api = find(self.tables.apis, api_id)
        check(body, schema.DOCUMENT_CREATION)
        title = body.get("title", heading(body["content"]))
        defaults = {"slug": slug_of_title(title), "status": "unpublished", "parent_document_id": None}
        members = {**defaults, "title": title, **self._members(api.id, body)}
        self._require_free_slug(api.id, members["slug"], None)
        made = ApiDocument(**members, api_id=api.id, **self.stamps.new())
        self.tables.api_documents[made.id] = made
        return made

    def get(self, api_id: str, document_id: str) -> ApiDocument:
        """A document of that API. Raises Problem 404."""
        api = find(self.tables.apis, api_id)
        held = find(self.tables.api_documents, document_id)
        if held.api_id != api.id:
            raise not_found()
        return held

    def patch(self, api_id: str, document_id: str, body: Body) -> ApiDocument:
        held = self.get(api_id, document_id)
        check(body, schema.DOCUMENT_UPDATE)
        members = self._members(held.api_id, body)
        if (parent := members.get("parent_document_id")) in {one.id for one in self._branch(held)}:
            raise missing_reference("parent_document_id", f"{parent} is the document itself or below it")
        self._require_free_slug(held.api_id, members.get("slug"), held)
        changed = replace(held, **members, updated_at=self.stamps.now())
        self.tables.api_documents[held.id] = changed
        return changed

    def delete(self, api_id: str, document_id: str) -> None:
        for gone in self._branch(self.get(api_id, document_id)):
            del self.tables.api_documents[gone.id]

    def of(self, api_id: str) -> list[ApiDocument]:
        api = find(self.tables.apis, api_id)
        return [held for held in self.tables.api_documents.values() if held.api_id == api.id]

    def _branch(self, document: ApiDocument) -> list[ApiDocument]:
        return branch(document, self.tables.api_documents.values(), "parent_document_id")

    def _members(self, api_id: str, body: Body) -> dict[str, Any]:
        members = dict(body)
        if (parent := lowered(body.get("parent_document_id"))) is not None:
            if parent not in self.tables.api_documents or self.tables.api_documents[parent].api_id != api_id:
                raise missing_reference("parent_document_id", "Document not found")
            members["parent_document_id"] = parent
        return members

    def _require_free_slug(self, api_id: str, slug: str | None, own: ApiDocument | None) -> None:
        if any(held.slug == slug and held is not own for held in self.of(api_id)):
            raise conflict(f"A document with the slug {slug} already exists for this API")
