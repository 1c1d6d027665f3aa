"""The service behind the gateway: it echoes each request."""

from dcrproof.mocks.messages import Request, Response, json_response


def handle(request: Request) -> Response:
    """200 with `method`, `path` (as sent, without the query), `query`, `headers` (an object with lower-case names;
    repeated headers joined with ", ") and `body` (text; octets that are not UTF-8 are replaced).
    """
    headers: dict[str, str] = {}
    for name, value in request.headers:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return json_response(
        200,
        {
            "method": request.method,
            "path": request.raw_path or request.path,
            "query": request.query,
            "headers": headers,
            "body": request.body.decode("utf-8", "replace"),
        },
    )
