"""URLs as parties name them: relative ones, and host names that are not ASCII (RFC 5890)."""

from urllib.parse import urljoin, urlsplit


def a_label(url: str) -> str:
    """The URL with its host name as DNS and HTTP have it: `xn--...` where it is not ASCII (RFC 5890 2.3.2.1)."""
    if url.isascii():
        return url
    try:
        host = urlsplit(url).hostname or ""
        return url.replace(host, host.encode("idna").decode(), 1)
    except ValueError:  # no host name at all: sending to it says so
        return url


def absolute(base: str, url: str) -> str:
    """A URL that stands in an answer from `base`, as a whole one; what cannot be read stays as it is."""
    try:
        return a_label(urljoin(base, url))
    except ValueError:
        return url
