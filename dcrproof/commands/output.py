"""How lists are printed, and what holds for the output of all commands."""

import errno
import io
import sys
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from dcrproof.core.checks.results import Exit
from dcrproof.core.text import say


class _Lasting(io.FileIO):
    failed = ""
    """Why something could not be written, apart from a reader that has ended."""

    def write(self, octets: Any) -> int:
        try:
            return super().write(octets)
        except OSError as error:
            if error.errno != errno.EPIPE:
                self.failed = error.strerror or str(error)
            return len(octets)


@contextmanager
def to_its_end() -> Iterator[None]:
    """Lets the block go on where its output cannot be written: it may have something to delete.

    The end of a reader, as of `dcrproof run | head`, changes neither what a command does nor its exit code. For anything
    else, such as a full disk, exits with 3 when the block has ended.
    """
    files: list[_Lasting] = []

    def judge() -> None:
        if why := next((file.failed for file in files if file.failed), ""):
            say(f"dcrproof: the output cannot be written: {why}", partial(print, file=sys.stderr))
            sys.exit(Exit.INTERNAL_ERROR)

    with ExitStack() as stack:
        stack.callback(judge)
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if stream is None or stream is not getattr(sys, f"__{name}__"):
                continue  # closed, or somebody's own, as in a test
            files.append(_Lasting(stream.fileno(), "w", closefd=False))
            settings = {"line_buffering": stream.line_buffering, "write_through": stream.write_through}
            made = io.TextIOWrapper(io.BufferedWriter(files[-1]), stream.encoding, stream.errors, **settings)
            setattr(sys, name, made)
            stack.callback(setattr, sys, name, stream)
            stack.callback(made.flush)
        yield


def fields(*named: tuple[str, str]) -> None:
    """Prints each pair of a name and a text that is not empty, folded."""
    for name, text in named:
        if text:
            say(
                textwrap.fill(
                    text,
                    110,
                    initial_indent=f"  {name:<8} ",
                    subsequent_indent=" " * 11,
                    break_long_words=False,
                    break_on_hyphens=False,
                )
            )
