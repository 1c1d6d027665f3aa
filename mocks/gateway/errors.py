"""Answers that the gateway makes itself, in the two shapes that Kong's documents and its open core show.

| shape | body                                | who                                                        |
| A     | `{"message":"Unauthorized"}`        | the plugins of this mock (openid-connect docs, 1.5 and 2.2) |
| B     | `message` and `request_id`, as JSON, HTML, XML or text | Kong's core (`kong/tools/http.lua`)     |

Which shape a current `openid-connect` uses is unknown: only the member `message` is to be relied on.
"""

from collections.abc import Mapping

from dcrproof.mocks.messages import Request, Response, json_response

_HTML = """\
<!doctype html>
<html>
  <head>
    <meta charset="utf-8">
    <title>Error</title>
  </head>
  <body>
    <h1>Error</h1>
    <p>{message}.</p>
    <p>request_id: {request_id}</p>
  </body>
</html>
"""
_JSON = """\
{{
  "message":"{message}",
  "request_id":"{request_id}"
}}"""
_XML = """\
<?xml version="1.0" encoding="UTF-8"?>
<error>
  <message>{message}</message>
  <requestid>{request_id}</requestid>
</error>
"""
_PLAIN = """\
{message}
request_id: {request_id}
"""

TEMPLATES: Mapping[str, tuple[str, str]] = {
    "application/json": ("application/json; charset=utf-8", _JSON),
    "text/html": ("text/html; charset=utf-8", _HTML),
    "application/xml": ("application/xml; charset=utf-8", _XML),
    "text/plain": ("text/plain; charset=utf-8", _PLAIN),
}
"""Media type -> the `Content-Type` of the answer and its body."""

JSON, PLAIN = "application/json", "text/plain"
RANGES: Mapping[str, str] = {"text/*": PLAIN}
"""The media type that is used for a range; every other range, and every unknown type, is answered with JSON."""


def plugin_error(status: int, message: str) -> Response:
    """Shape A."""
    return json_response(status, {"message": message}, media_type="application/json; charset=utf-8")


def core_error(status: int, message: str, request: Request, request_id: str) -> Response:
    """Shape B, in the media type that `Accept` prefers, else JSON. Core messages hold nothing to be escaped."""
    return _core_error(status, message, preferred_type(request.header("accept") or JSON), request_id)


def nginx_error(status: int, message: str, request: Request, request_id: str) -> Response:
    """Shape B of an error that nginx makes: by `Accept`, else the request's own type, else plain text
    (`kong/error_handlers.lua`; `error_default_type`).
    """
    wanted = request.header("accept") or request.header("content-type") or PLAIN
    return _core_error(status, message, preferred_type(wanted), request_id)


def _core_error(status: int, message: str, media_type: str, request_id: str) -> Response:
    content_type, body = TEMPLATES[media_type]
    text = body.format(message=message, request_id=request_id)
    return Response(status, (("content-type", content_type),), text.encode())


def preferred_type(accept: str) -> str:
    """The media type of `TEMPLATES` for the first range of the highest quality in this `Accept` header."""
    best, best_quality = JSON, 0.0
    for item in accept.split(","):
        media_type, *parameters = (part.strip().lower() for part in item.split(";"))
        quality = next((_quality(one[2:]) for one in parameters if one.startswith("q=")), 1.0)
        if media_type and quality > best_quality:
            best, best_quality = (RANGES.get(media_type, media_type if media_type in TEMPLATES else JSON), quality)
    return best


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
