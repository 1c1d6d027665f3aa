"""Errors as Konnect words them: `application/problem+json`, with `invalid_parameters` for bad requests.

Titles, details and reasons are those of the examples in Kong's OpenAPI documents (portal-management v3, dev-portal v3,
api-builder v3); where no example exists the comment says "inferred".
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

Invalid: TypeAlias = dict[str, Any]


class Problem(Exception):
    """What a caller did wrong, or what is not there. `invalid` is shown as `invalid_parameters`."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        *,
        invalid: Iterable[Invalid] = (),
        type_: str | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.detail = detail
        self.invalid = list(invalid)
        self.type = type_
        self.headers = headers

    def body(self, instance: str) -> Mapping[str, Any]:
        content: dict[str, Any] = {
            "status": self.status,
            "title": self.title,
            "instance": instance,
            "detail": self.detail,
        }
        if self.type is not None:
            content["type"] = self.type
        if self.invalid:
            content["invalid_parameters"] = self.invalid
        return content


def invalid_parameters(invalid: Iterable[Invalid]) -> Problem:
    return Problem(400, "Invalid Request", "Invalid Parameters", invalid=invalid)


def missing_reference(field: str, reason: str) -> Problem:
    """A body names something that does not exist, or that does not fit."""
    return invalid_parameters([{"field": field, "rule": "missing_reference", "reason": reason, "source": "body"}])


def invalid(field: str, reason: str, source: str = "body") -> Problem:
    """A value of the right form that a rule of the product refuses."""
    return invalid_parameters([{"field": field, "rule": "invalid", "reason": reason, "source": source}])


def unreadable_body() -> Problem:
    # The text is that of the portal-management example "request format is invalid"; that it serves every endpoint is
    # inferred.
    reason = "request format is invalid"
    return Problem(400, "Bad Request", "Could not parse request body", invalid=[{"field": "body", "reason": reason}])


def unauthorized() -> Problem:
    return Problem(401, "Unauthorized", "Unauthorized")


def forbidden(detail: str = "You do not have permission to perform this action") -> Problem:
    return Problem(403, "Forbidden", detail)


def not_found(detail: str = "Not Found") -> Problem:
    return Problem(404, "Not Found", detail)


def method_not_allowed(allowed: Iterable[str]) -> Problem:
    # Inferred: no document says what a known path answers to another method.
    return Problem(405, "Method Not Allowed", "Method Not Allowed", headers=(("allow", ", ".join(sorted(allowed))),))


def conflict(detail: str) -> Problem:
    return Problem(409, "Conflict", detail)


def gone(detail: str) -> Problem:
    return Problem(410, "Gone", detail)


def unsupported_media_type() -> Problem:
    # Documented for the API builder (api-builder v3); that the other endpoints answer alike is inferred.
    detail = "This API only supports requests with `Content-Type: application/json`"
    return Problem(415, "Unsupported Media Type", detail)
