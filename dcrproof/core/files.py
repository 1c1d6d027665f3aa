"""Files that are read whole: none is waited for, and none is larger than it can be."""

import errno
import os
import re
import stat
from pathlib import Path

LARGEST = 10_000_000
LARGEST_RECORD = 200_000_000
"""Of a file that a run has written: a whole run writes a few million bytes."""


def content(path: Path, largest: int = LARGEST) -> bytes:
    """What a file holds. Raises OSError, also for what is not a regular file, such as a pipe, and for one that is larger."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        status = os.fstat(file.fileno())
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        # some have no size, as those of /proc
        octets = b"" if status.st_size > largest else file.read(largest + 1)
    if max(status.st_size, len(octets)) > largest:
        raise OSError(errno.EFBIG, f"more than {largest:,} bytes")
    return octets


def secret_in(path: Path) -> str:
    """The secret in a file, as editors and shells write one: without a byte order mark and the end of the line.

    Raises OSError, and UnicodeError for what is not UTF-8.
    """
    return content(path).decode("utf-8-sig").removesuffix("\n").removesuffix("\r")


def no_secret(name: str, folder: Path, error: OSError | ValueError) -> str:
    """Why there is no secret in the file of that name, relative to that folder.

    The name is not repeated where neither a file has it nor a folder is named in it: it may be the secret itself.
    """
    inside = os.path.dirname(name)  # noqa: PTH120 - of any text: pathlib raises for one that is too long
    path = os.path.join(folder, name)  # noqa: PTH118 - as above
    if os.path.lexists(path) or (inside.strip("/.") and os.path.isdir(os.path.join(folder, inside))):  # noqa: PTH112, PTH118 - as above
        return f"{path}: {getattr(error, 'strerror', None) or 'not UTF-8 text'}"
    return "no file of that name"


LIKE_OTHERS = re.compile(r"(?=.{3,40}\Z)(?:[A-Z]+|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)")
"""How environment variables are named; a secret that is typed by mistake does not look so."""
