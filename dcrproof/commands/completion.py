"""`dcrproof completion`: what a shell needs to complete the command line, with argcomplete."""

import argparse
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from dcrproof.commands.parsing import Commands, Parser
from dcrproof.core.checks.results import Exit
from dcrproof.core.text import say

SHELLS = ("bash", "zsh", "fish")


def add(commands: Commands) -> None:
    completion = commands.add_parser(
        "completion",
        help="print what bash, zsh or fish completes the command line with",
        description="Prints the code by which a shell completes commands, options, files, and the ids of steps and checks:\n\n"
        '  bash   eval "$(dcrproof completion bash)"       in ~/.bashrc\n'
        '  zsh    eval "$(dcrproof completion zsh)"        in ~/.zshrc, after compinit\n'
        "  fish   dcrproof completion fish | source        in ~/.config/fish/config.fish",
        epilog="Exit codes: 0 done, 4 bad usage.",
    )
    completion.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))
    completion.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from argcomplete.shell_integration import shellcode

    say(shellcode(["dcrproof"], shell=options.shell))
    return Exit.GREEN


def complete(parser: Parser, commands: Mapping[str, Parser]) -> None:
    """Answers a shell that completes, and ends the process; returns at once where none does."""
    if "_ARGCOMPLETE" not in os.environ:
        return
    import argcomplete

    from dcrproof.fixtures.options import pytest_addoption

    for name in TAKE_OPTIONS_OF_PYTEST:
        pytest_addoption(_Options(commands[name]))  # type: ignore[arg-type] # all that it uses of pytest's parser
    for command in commands.values():
        for action in command.actions:
            if action.metavar in IDS:
                action.completer = IDS[action.metavar]  # type: ignore[attr-defined] # argcomplete's way to say it
    argcomplete.autocomplete(parser)


class _Options:
    """Adds options of pytest to a command that takes them."""

    def __init__(self, command: Parser) -> None:
        self.addoption = command.add_argument

    def getgroup(self, *_: str) -> "_Options":
        return self


def _steps(**_: Any) -> Iterable[str]:
    from dcrproof.core.guide import STEPS

    return [step.id for step in STEPS if step.undo]


def _checks(**_: Any) -> Iterable[str]:
    from dcrproof.fixtures.catalogue import entries

    return [entry.check.id for entry in entries()]


def _ids(**given: Any) -> Iterable[str]:
    from dcrproof.core.guide import STEPS

    return _checks() if given["parsed_args"].command == "checks" else [step.id for step in STEPS]


IDS: Mapping[Any, Callable[..., Iterable[str]]] = {"ID": _ids, "ID-OR-PREFIX": _checks, "STEP[=VARIANT]": _steps}
"""What completes arguments that are ids, by how --help shows their values."""
TAKE_OPTIONS_OF_PYTEST = ("run", "diagnose")
