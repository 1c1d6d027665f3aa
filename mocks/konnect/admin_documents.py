"""`/v3/apis/ID/documents` (api-builder v3)."""

from dcrproof.mocks.konnect import views
from dcrproof.mocks.konnect.admin_apis import API
from dcrproof.mocks.konnect.http import Rows, created, done, ok, read
from dcrproof.mocks.konnect.listing import STRING, Listing, filtered
from dcrproof.mocks.konnect.state import Konnect
from dcrproof.mocks.konnect.trees import tree
from dcrproof.mocks.messages import Request, Response

DOCUMENTS = API + "/documents"
DOCUMENT = DOCUMENTS + "/{document_id}"

DOCUMENT_LIST = Listing(filters=filtered(STRING, "status"))


def routes(konnect: Konnect) -> Rows:
    documents = konnect.documents

    def list_documents(request: Request, api_id: str) -> Response:
        """All of them: the list has no pages."""
        held = DOCUMENT_LIST.select(request, documents.of(api_id))
        return ok({"data": tree(held, "parent_document_id", lambda one: views.without_content(views.document(one)))})

    def show(_: Request, api_id: str, document_id: str) -> Response:
        return ok(views.document(documents.get(api_id, document_id)))

    def patch(request: Request, api_id: str, document_id: str) -> Response:
        return ok(views.document(documents.patch(api_id, document_id, read(request))))

    return (
        ("POST", DOCUMENTS, lambda r, api_id: created(views.document(documents.create(api_id, read(r))))),
        ("GET", DOCUMENTS, list_documents),
        ("GET", DOCUMENT, show),
        ("PATCH", DOCUMENT, patch),
        ("DELETE", DOCUMENT, lambda _, **names: done(documents.delete, *names.values())),
    )
