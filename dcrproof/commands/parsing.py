"""How arguments are parsed, and refused."""

import argparse
import re
import sys
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias
from urllib.parse import urlsplit

from dcrproof import __version__
from dcrproof.core.checks.results import Exit
from dcrproof.core.text import meant, say

if TYPE_CHECKING:
    from dcrproof.core.profile.model import Profile


class Usage(Exception):
    """The command has an invalid option or file; the text says why, and what to do."""


CHOICE = re.compile(r"argument (?:COMMAND|ACTION): invalid choice: '(.*)' \(choose from (.*)\)", re.DOTALL)

OTHERS_SEE_IT = "other people on this machine see the arguments of a command, and a shell keeps them"


class Parser(argparse.ArgumentParser):
    """Exits with 4 for bad usage, as pytest does, and names what a mistyped command or option was meant to be."""

    def __init__(self, **keywords: Any) -> None:
        self.options: list[str] = []
        self.actions: list[argparse.Action] = []
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **keywords)
        self.set_defaults(parser=self)
        self.add_argument("--version", action="version", version=f"dcrproof {__version__}", help=argparse.SUPPRESS)

    def add_argument(self, *names: Any, **keywords: Any) -> argparse.Action:
        self.options += [name for name in names if name.startswith("--")]
        self.actions.append(super().add_argument(*names, **keywords))
        return self.actions[-1]

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuses an empty value of an option: "" is what a shell makes of a variable that is not set."""
        for before, word in pairwise(["", *(args or ())]):
            name = word.removesuffix("=") if word.endswith("=") else "" if word else before
            option = self._option_string_actions.get(name)
            if option is not None and option.nargs is None:
                self.error(f"argument {name}: expected a value, found an empty text")
        return super().parse_known_args(args, namespace)

    def refuse(self, argument: str) -> None:
        """Exits with what was probably meant instead of that argument. The value of an option may be a secret."""
        name = argument.partition("=")[0] if argument.startswith("-") else argument
        hint = meant(name, self.options) if name.startswith("-") else ""
        self.error(f"unknown argument {name}; {hint or f'{self.prog} --help lists them'}")

    def error(self, message: str) -> NoReturn:
        if found := CHOICE.match(message):
            known = re.findall(r"[\w-]+", found[2])
            one_of_them = f"expected one of {', '.join(known)}"
            message = f"no command {found[1]}; {meant(found[1], known) or one_of_them}"
        (self.print_help if message.endswith("required: COMMAND") else self.print_usage)(sys.stderr)
        say(f"{self.prog}: {message}", partial(print, file=sys.stderr))
        self.exit(Exit.USAGE)


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"  # noqa: SLF001 - argparse has no public name


def profile_of(path: Path) -> "Profile":
    """The profile of that file. Raises Usage with everything that is wrong with it."""
    from dcrproof.core.profile.reading import ProfileError, read

    try:
        return read(path)
    except ProfileError as error:
        raise Usage(str(error)) from None


def secret_of_file(option: str, path: Path) -> str:
    """The secret in the file of that option. Raises Usage where there is none."""
    from dcrproof.core.files import no_secret, secret_in

    try:
        found = secret_in(path)
    except (OSError, ValueError) as error:
        raise Usage(f"{option}: {no_secret(str(path), Path(), error)}") from None
    if not found:
        raise Usage(f"{option}: {path}: empty")
    return found


def gateway_and_path(route: str) -> tuple[str, str]:
    """The address of a gateway, and the path of a route; a text that is no URL is the address."""
    try:
        parts = urlsplit(route)
    except ValueError:
        return route, "/"
    if not parts.scheme or not parts.netloc:
        return route, "/"
    return f"{parts.scheme}://{parts.netloc}", parts._replace(scheme="", netloc="", fragment="").geturl() or "/"


def asks() -> bool:
    """Whether a person can answer: standard input is a terminal, and not closed."""
    return sys.stdin is not None and sys.stdin.isatty()
