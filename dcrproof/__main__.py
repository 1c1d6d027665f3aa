"""The command line: `dcrproof COMMAND`. Each command is a module of `dcrproof.commands`."""

import sys
from collections.abc import Sequence
from functools import partial

from dcrproof.commands import (
    ci,
    compare,
    completion,
    diagnose,
    init,
    lint,
    lists,
    load,
    profile,
    report,
    run,
    serve,
    sweep,
)
from dcrproof.commands.output import to_its_end
from dcrproof.commands.parsing import Parser, Usage
from dcrproof.core.checks.results import Exit
from dcrproof.core.http.signals import as_ctrl_c
from dcrproof.core.text import one_line, say

COMMANDS = (
    run,
    diagnose,
    init,
    serve,
    lists,
    lint,
    compare,
    report,
    profile,
    load,
    sweep,
    ci,
    completion,
)  # in the order of --help


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command. Returns its exit code; see `dcrproof.core.checks.results.Exit`."""
    with to_its_end():
        return _performed(arguments)


def _performed(arguments: Sequence[str] | None) -> int:
    typed = list(sys.argv[1:] if arguments is None else arguments)
    options, unknown = command_line().parse_known_args(typed)
    if unknown and not hasattr(options, "others"):
        options.parser.refuse(unknown[0])
    options.typed, options.others = typed, unknown
    try:
        with as_ctrl_c(Exit.INTERRUPTED):
            code: int = options.run(options)
    except Usage as usage:
        say(f"dcrproof {options.command}: {usage}", partial(print, file=sys.stderr))
        return Exit.USAGE
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except OSError as error:  # of a file that was named, such as a name that is too long
        if error.filename is None:
            raise
        text = f"dcrproof {options.command}: {one_line(str(error.filename))}: {error.strerror}"
        say(text, partial(print, file=sys.stderr))
        return Exit.USAGE
    return code


ABOUT = """\
Proves that an application which is registered in a Dev Portal becomes a working OAuth client.

  dcrproof run                                  all checks, against mocks
  dcrproof run --dcr-profile staging.toml       against the parties that a profile describes
  dcrproof diagnose --route URL ...             why a route refuses the credentials of an application
"""
EXITS = """\
Exit codes, of pytest as well: 0 green, 1 a contract is broken, 2 interrupted, 3 internal error, failed
clean-up or leaked secret, 4 bad usage, 5 no checks ran, 6 a party is unreachable and nothing failed.
`dcrproof COMMAND --help` explains a command and its options.
"""


def command_line() -> Parser:
    """The parser of all commands."""
    parser = Parser(prog="dcrproof", description=ABOUT, epilog=EXITS)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    for command in COMMANDS:
        command.add(commands)
    completion.complete(parser, commands.choices)
    return parser


if __name__ == "__main__":
    sys.exit(main())
