"""Files that are read whole: none is waited for, and none is larger than it can be."""

import errno
import os
import stat
from pathlib import Path

LARGEST = 10_000_000


def content(path: Path, largest: int = LARGEST) -> bytes:
    """What a file holds. Raises OSError, also for what is not a regular file, such as a pipe, and for one that is larger."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "not a regular file")
        octets = file.read(largest + 1)
    if len(octets) > largest:
        raise OSError(errno.EFBIG, f"more than {largest:,} bytes")
    return octets
