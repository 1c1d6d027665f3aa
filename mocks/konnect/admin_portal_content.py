"""What a portal shows and how it is set up, `/v3/portals/ID/...` (portal-management v3)."""

from collections.abc import Callable, Mapping
from typing import Any

from dcrproof.mocks.konnect import views
from dcrproof.mocks.konnect.admin_portals import PORTAL
from dcrproof.mocks.konnect.http import Rows, created, done, ok, read
from dcrproof.mocks.konnect.listing import EQUAL, STRING, UUIDS, Listing, after, dated, filtered, named
from dcrproof.mocks.konnect.objects import PortalEntry
from dcrproof.mocks.konnect.portal_settings import EMAIL_TEMPLATES, ENTRIES, SETTINGS, Members, Setting
from dcrproof.mocks.konnect.problems import not_found
from dcrproof.mocks.konnect.state import Konnect
from dcrproof.mocks.konnect.tables import find
from dcrproof.mocks.konnect.trees import tree
from dcrproof.mocks.messages import Handler, Request, Response, json_response

PAGES = PORTAL + "/pages"
PAGE = PAGES + "/{page_id}"
SNIPPETS = PORTAL + "/snippets"
SNIPPET = SNIPPETS + "/{snippet_id}"

PAGE_LIST = Listing(
    filters={
        **filtered(UUIDS, "id"),
        **filtered(STRING, "slug", "title", "visibility"),
        **dated("created_at", "updated_at"),
    },
    sorts=named("created_at", "updated_at", "slug", "title", "visibility"),
)
SNIPPET_LIST = Listing(
    filters={
        **filtered(UUIDS, "id"),
        **filtered(STRING, "name", "title", "visibility"),
        **dated("created_at", "updated_at"),
    },
    sorts=named("created_at", "updated_at", "name", "title", "visibility"),
)
ENTRY_LIST = Listing(filters={"type": (EQUAL, lambda held: held.members.get("type"))})


def routes(konnect: Konnect) -> Rows:
    single = (path for path in SETTINGS if not path.startswith(EMAIL_TEMPLATES))
    settings = (row for path in single for row in _setting(konnect, path))
    entries = (row for path in ENTRIES for row in _entries(konnect, path))
    return (*_pages(konnect), *_snippets(konnect), *settings, *_templates(konnect), *entries)


def _pages(konnect: Konnect) -> Rows:
    def listed(held: Any) -> dict[str, Any]:
        return views.without_content(views.page(held))

    def list_pages(request: Request, portal_id: str) -> Response:
        portal = find(konnect.tables.portals, portal_id)
        held = [page for page in konnect.tables.pages.values() if page.portal_id == portal.id]
        return ok({"data": tree(PAGE_LIST.select(request, held), "parent_page_id", listed)})

    def create(request: Request, portal_id: str) -> Response:
        return created(views.created_page(konnect.pages.create(portal_id, read(request))))

    def show(_: Request, portal_id: str, page_id: str) -> Response:
        return ok(views.page(konnect.pages.page(portal_id, page_id)))

    def patch(request: Request, portal_id: str, page_id: str) -> Response:
        return ok(views.page(konnect.pages.patch(portal_id, page_id, read(request))))

    return (
        ("POST", PAGES, create),
        ("GET", PAGES, list_pages),
        ("GET", PAGE, show),
        ("PATCH", PAGE, patch),
        ("DELETE", PAGE, lambda _, **names: done(konnect.pages.delete, *names.values())),
    )


def _snippets(konnect: Konnect) -> Rows:
    def listed(held: Any) -> dict[str, Any]:
        return views.without_content(views.snippet(held))

    def list_snippets(request: Request, portal_id: str) -> Response:
        portal = find(konnect.tables.portals, portal_id)
        held = [one for one in konnect.tables.snippets.values() if one.portal_id == portal.id]
        return ok(SNIPPET_LIST.page(request, held, listed))

    def create(request: Request, portal_id: str) -> Response:
        return created(views.snippet(konnect.pages.create_snippet(portal_id, read(request))))

    def show(_: Request, portal_id: str, snippet_id: str) -> Response:
        return ok(views.snippet(konnect.pages.snippet(portal_id, snippet_id)))

    def patch(request: Request, portal_id: str, snippet_id: str) -> Response:
        return ok(views.snippet(konnect.pages.patch_snippet(portal_id, snippet_id, read(request))))

    return (
        ("POST", SNIPPETS, create),
        ("GET", SNIPPETS, list_snippets),
        ("GET", SNIPPET, show),
        ("PATCH", SNIPPET, patch),
        ("DELETE", SNIPPET, lambda _, **names: done(konnect.pages.delete_snippet, *names.values())),
    )


def _shown(setting: Setting, held: Members) -> Members:
    times = {name: views.time(held[name]) for name in ("created_at", "updated_at") if name in held}
    return {**setting.view(held), **times}


def _templates(konnect: Konnect) -> Rows:
    state, place = konnect.settings, f"{PORTAL}/{EMAIL_TEMPLATES}"
    one = place + "/{name}"

    def path_of(name: str) -> str:
        if (path := f"{EMAIL_TEMPLATES}/{name}") not in SETTINGS:
            raise not_found()
        return path

    def shown(portal_id: str, path: str) -> Members:
        return _shown(SETTINGS[path], state.get(portal_id, path))

    def patch(request: Request, portal_id: str, name: str) -> Response:
        state.patch(portal_id, path_of(name), read(request))
        return ok(shown(portal_id, path_of(name)))

    def listed(_: Request, portal_id: str) -> Response:
        """Without pages: the operation has no parameters."""
        return ok({"data": [shown(portal_id, path) for path in state.templates(portal_id)]})

    return (
        ("GET", place, listed),
        ("GET", one, lambda _, portal_id, name: ok(shown(portal_id, path_of(name)))),
        ("PATCH", one, patch),
        ("DELETE", one, lambda _, portal_id, name: done(state.delete, portal_id, path_of(name))),
    )


def _setting(konnect: Konnect, path: str) -> Rows:
    setting, place, state = SETTINGS[path], f"{PORTAL}/{path}", konnect.settings

    def view(held: Members) -> Members:
        return _shown(setting, held)

    def changing(change: Callable[..., Any], answer: Callable[..., Response]) -> Handler:
        return lambda request, portal_id: answer(view(change(portal_id, path, read(request))))

    handlers: Mapping[str, Handler] = {
        "POST": changing(state.create, created),
        "PUT": changing(state.replace, ok),
        "PATCH": changing(state.patch, ok),
    }
    deletion = (("DELETE", place, lambda _, portal_id: done(state.delete, portal_id, path)),)
    return (
        ("GET", place, lambda _, portal_id: ok(view(state.get(portal_id, path)))),
        *((method, place, handlers[method]) for method in setting.bodies),
        *(deletion if setting.deletable else ()),
    )


def _entries(konnect: Konnect, path: str) -> Rows:
    entries, state = ENTRIES[path], konnect.settings
    place = f"{PORTAL}/{path}"
    one = place + "/{entry_id}"

    def view(held: PortalEntry) -> dict[str, Any]:
        return {"id": held.id, **entries.view(held.members), **(views.times(held) if entries.with_times else {})}

    def list_entries(request: Request, portal_id: str) -> Response:
        """A bare list, or one with a cursor (both recorded)."""
        held = ENTRY_LIST.select(request, state.entries(portal_id, path))
        if path == "identity-providers":
            return json_response(200, [view(entry) for entry in held])
        page, more = after(request, held)
        meta = {"next": more.get("next"), "previous": None, "size": len(page)}
        return ok({"data": [view(entry) for entry in page], "meta": meta})

    def changing(method: str) -> Handler:
        return lambda request, portal_id, entry_id: ok(
            view(state.change(portal_id, path, entry_id, read(request), method))
        )

    return (
        ("GET", place, list_entries),
        ("POST", place, lambda r, portal_id: created(view(state.add(portal_id, path, read(r))))),
        ("GET", one, lambda _, portal_id, entry_id: ok(view(state.entry(portal_id, path, entry_id)))),
        *((method, one, changing(method)) for method in entries.bodies if method != "POST"),
        ("DELETE", one, lambda _, portal_id, entry_id: done(state.remove, portal_id, path, entry_id)),
    )
