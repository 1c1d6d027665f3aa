"""How pages are made: escaped by Jinja, kept by nobody, and without any script or style but the playground's own."""

from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import ChainableUndefined, Environment, PackageLoader

from dcrproof.mocks.messages import Pairs, Response
from dcrproof.playground.diagram import NAMES, pictures
from dcrproof.reports.page import shown

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Pairs = (
    ("content-security-policy", POLICY),
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "same-origin"),  # without a referrer a browser would not tell the origin of a form either
)


def page(template: str, status: int = 200, headers: Pairs = (), **context: Any) -> Response:
    """A page of that template. Members that an answer of a party does not have are empty."""
    text = _environment().get_template(template).render(**context)
    return Response(
        status, (("content-type", "text/html; charset=utf-8"), *HEADERS, *headers), text.encode("utf-8", "replace")
    )


def redirect(to: str, headers: Pairs = ()) -> Response:
    """To be read with GET after a form was sent."""
    return Response(303, (("location", to), *HEADERS, *headers))


def style() -> Response:
    """The look of the reports, and what the playground adds."""
    reports = (files("dcrproof.reports") / "templates" / "page.css").read_text("utf-8")
    return _static("text/css", reports + _source("playground.css"))


def script() -> Response:
    return _static("text/javascript", _source("playground.js"))


def _static(kind: str, content: str) -> Response:
    return Response(200, (("content-type", f"{kind}; charset=utf-8"), *HEADERS), content.encode())


def _source(name: str) -> str:
    return (files("dcrproof.playground") / "templates" / name).read_text("utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("dcrproof.playground"),
        autoescape=True,
        undefined=ChainableUndefined,
        finalize=lambda value: "" if value is None else shown(value),  # nothing is empty
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"names": NAMES, "pictures": pictures}
    return environment
