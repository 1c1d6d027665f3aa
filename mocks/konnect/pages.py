"""What a portal shows beside its APIs: pages, which are a tree, and snippets (portal-management v3).

Rules
    slug      a page's begins with "/" (recorded)
    parent    is a page of the same portal, and not below the page itself
    deletion  a page takes those below it along (inferred)
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dcrproof.mocks.konnect import schema
from dcrproof.mocks.konnect.fields import check
from dcrproof.mocks.konnect.objects import Page, Snippet
from dcrproof.mocks.konnect.problems import missing_reference, not_found
from dcrproof.mocks.konnect.tables import Body, Stamps, Tables, find, lowered
from dcrproof.mocks.konnect.trees import branch


class Pages:
    """The pages and snippets of all portals."""

    def __init__(self, tables: Tables, stamps: Stamps) -> None:
        self.tables = tables
        self.stamps = stamps

    # --- pages ----------------------------------------------------------------------------------------------------

    def create(self, portal_id: str, body: Body) -> Page:
        portal = find(self.tables.portals, portal_id)
        check(body, schema.PAGE_CREATION)
        members = self._page_members(portal.id, body)
        made = Page(
            **{
                "title": body["slug"],
                "description": None,
                "visibility": portal.default_page_visibility,
                "status": "unpublished",
                "parent_page_id": None,
                **members,
            },
            portal_id=portal.id,
            **self.stamps.new(),
        )
        self.tables.pages[made.id] = made
        return made

    def page(self, portal_id: str, page_id: str) -> Page:
        """A page of that portal. Raises Problem 404."""
        portal = find(self.tables.portals, portal_id)
        held = find(self.tables.pages, page_id)
        if held.portal_id != portal.id:
            raise not_found()
        return held

    def patch(self, portal_id: str, page_id: str, body: Body) -> Page:
        held = self.page(portal_id, page_id)
        check(body, schema.PAGE_UPDATE)
        members = self._page_members(held.portal_id, body)
        if (parent := members.get("parent_page_id")) in {one.id for one in self._branch(held)}:
            raise missing_reference("parent_page_id", f"{parent} is the page itself or below it")
        changed = replace(held, **members, updated_at=self.stamps.now())
        self.tables.pages[held.id] = changed
        return changed

    def delete(self, portal_id: str, page_id: str) -> None:
        for gone in self._branch(self.page(portal_id, page_id)):
            del self.tables.pages[gone.id]

    def _branch(self, page: Page) -> list[Page]:
        return branch(page, self.tables.pages.values(), "parent_page_id")

    def _page_members(self, portal_id: str, body: Body) -> dict[str, Any]:
        members = dict(body)
        if "slug" in body:
            members["slug"] = "/" + body["slug"].removeprefix("/")
        if (parent := lowered(body.get("parent_page_id"))) is not None:
            if parent not in self.tables.pages or self.tables.pages[parent].portal_id != portal_id:
                raise missing_reference("parent_page_id", "Page not found")
            members["parent_page_id"] = parent
        return members

    # --- snippets -------------------------------------------------------------------------------------------------

    def create_snippet(self, portal_id: str, body: Body) -> Snippet:
        portal = find(self.tables.portals, portal_id)
        check(body, schema.SNIPPET_CREATION)
        defaults: Mapping[str, Any] = {
            "title": body["name"],
            "description": None,
            "visibility": portal.default_page_visibility,
            "status": "unpublished",
        }
        made = Snippet(**{**defaults, **body}, portal_id=portal.id, **self.stamps.new())
        self.tables.snippets[made.id] = made
        return made

    def snippet(self, portal_id: str, snippet_id: str) -> Snippet:
        """A snippet of that portal. Raises Problem 404."""
        portal = find(self.tables.portals, portal_id)
        held = find(self.tables.snippets, snippet_id)
        if held.portal_id != portal.id:
            raise not_found()
        return held

    def patch_snippet(self, portal_id: str, snippet_id: str, body: Body) -> Snippet:
        held = self.snippet(portal_id, snippet_id)
        check(body, schema.SNIPPET_UPDATE)
        changed = replace(held, **body, updated_at=self.stamps.now())
        self.tables.snippets[held.id] = changed
        return changed

    def delete_snippet(self, portal_id: str, snippet_id: str) -> None:
        del self.tables.snippets[self.snippet(portal_id, snippet_id).id]
