"""Performs a page of the documentation as its reader would: its files are written, its commands typed into one shell.

In a fence `console` each line that begins with `$ ` is a command; the lines below it are what it prints, in which a line
`...` stands for any lines. A fence with `title="NAME"` is the file of that name. Everything else is for reading only.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

TITLE = re.compile(r'title="([^"]+)"')
END = "--- the end of the command"
VARYING = (
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "ID"),
    (r"\beyJ[\w-]+\.[\w-]+\.[\w-]+", "JWT"),
    (r"\b[\w-]{20,}\b", "TOKEN"),
    (r"[0-9]+([.:][0-9]+)*", "0"),
    (r"\s+", " "),
)
"""What differs from run to run, and what stands for it."""


@dataclass
class Command:
    """A command of a page, what it should print, and the number of its line in the page."""

    text: str
    printed: list[str]
    line: int


@dataclass(frozen=True)
class File:
    name: str
    content: str


def parts(page: str) -> Iterator[Command | File]:
    """The commands and files of a page, in their order."""
    for token in MarkdownIt().parse(page):
        if token.type != "fence":
            continue
        if title := TITLE.search(token.info):
            yield File(title[1], token.content)
        elif token.info == "console":
            assert token.map is not None
            yield from _commands(token.content, token.map[0] + 2)


def _commands(content: str, first: int) -> Iterator[Command]:
    command = None
    for number, line in enumerate(content.splitlines(), first):
        if line.startswith("$ "):
            if command:
                yield command
            command = Command(line[2:], [], number)
        elif command and command.text.endswith("\\") and not command.printed:
            command.text += "\n" + line
        else:
            assert command, f"line {number}: an output without a command"
            command.printed.append(line)
    if command:
        yield command


def perform(page: str, folder: Path) -> list[tuple[Command, list[str]]]:
    """Performs a page in that folder; returns its commands, each with the lines that it printed."""
    script = ["exec 2>&1"]
    commands = []
    for part in parts(page):
        if isinstance(part, File):
            script.append(f"cat > {part.name} <<'END OF THE FILE'\n{part.content}END OF THE FILE")
        else:
            commands.append(part)
            script.append(f"{part.text}\n__=$?; echo '{END}'; (exit $__)")
    script.append("kill $(jobs -p) 2>/dev/null; wait")
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder / "home"),
        "COLUMNS": "120",
        "LANG": "C.UTF-8",
    }
    typed = folder / "home" / "typed.sh"
    typed.parent.mkdir()
    typed.write_text("\n".join(script), "utf-8")
    shell = subprocess.run(
        ["bash", typed],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    printed = shell.stdout.split(f"{END}\n")
    assert len(printed) == len(commands) + 1, f"the shell has ended: {shell.stdout[-2000:]}{shell.stderr}"
    return [(command, lines.splitlines()) for command, lines in zip(commands, printed, strict=False)]


def renewed(page: str, performed: list[tuple[Command, list[str]]]) -> str:
    """The page with what its commands have printed now, except where it shows a part of that alone (`...`)."""
    lines = page.split("\n")
    for command, printed in reversed(performed):
        if "..." not in command.printed:
            first = command.line + command.text.count("\n")  # lines are counted from 1: the first one below the command
            lines[first : first + len(command.printed)] = [line.rstrip() for line in printed]
    return "\n".join(lines)


def same(expected: list[str], printed: list[str]) -> bool:
    """Whether a command has printed what the page shows, but for what differs from run to run."""
    wanted, found = [_plain(line) for line in expected], [_plain(line) for line in printed]
    if "..." not in wanted:
        return wanted == found
    first, last = wanted.index("..."), len(wanted) - wanted[::-1].index("...") - 1
    tail = wanted[last + 1 :]
    if found[:first] != wanted[:first] or (tail and found[-len(tail) :] != tail):
        return False
    rest = iter(found[first : len(found) - len(tail)])
    return all(line in rest for line in wanted[first:last] if line != "...")


def _plain(line: str) -> str:
    for pattern, name in VARYING:
        line = re.sub(pattern, name, line)
    return line.strip()
