"""How this party refuses."""


class OAuthRefusal(Exception):
    """A request that is refused. `error` is the code of RFC 6749 5.2, RFC 6750 3.1 or RFC 7591 3.2.2.

    `description` is for people, and is sent only where the profile exposes detailed error messages.
    """

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description


class CommitRejected(ValueError):
    """A configuration that the admin service does not commit, and why."""
