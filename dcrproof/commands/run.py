"""`dcrproof run`: the checks, as `pytest` runs them in a checkout, from any folder."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dcrproof.commands.parsing import Commands

if TYPE_CHECKING:
    from dcrproof.fixtures.session.rerun import Typed

PACKAGE = Path(__file__).parents[1]
SETTINGS = Path(__file__).with_name("pytest.ini")
PLUGINS = ("dcrproof", "xdist")
"""The plugins of others in the same environment change what a run does, such as its order."""


def add(commands: Commands) -> None:
    run = commands.add_parser(
        "run",
        allow_abbrev=False,
        usage="dcrproof run [--smoke | --contract] [OPTION OF PYTEST ...]",
        help="run the checks: against mocks, or against the parties of a profile",
        description="Runs the checks with pytest, from any folder: all against mocks, or with --dcr-profile against the parties\n"
        "that it describes. Takes every option of pytest. Settings, conftests and plugins of the folder and of other\n"
        "projects have no effect; `-p NAME` loads a plugin.\n\n"
        "  --dcr-profile FILE          the parties; without a profile all are mocked\n"
        "  --dcr-plan                  print what a live run would create and send, then stop\n"
        "  --dcr-check ID-OR-PREFIX    only these checks, and those that they depend on\n"
        "  --dcr-undo STEP[=VARIANT]   leave a setup step of the mocks undone\n"
        "  --dcr-baseline FILE         known failures\n"
        "  --dcr-report DIR            the folder for reports (default: reports/out)\n"
        "  -n NUMBER                   workers, with pytest-xdist\n\n"
        "`pytest --help` lists the others.",
        epilog="Exit codes: those of a run (dcrproof --help).",
    )
    which = run.add_mutually_exclusive_group()
    which.add_argument(
        "--smoke", action="store_const", const="smoke", dest="marked", help="the short run before a release"
    )
    which.add_argument(
        "--contract", action="store_const", const="contract", dest="marked", help="the checks against live tenants"
    )
    run.set_defaults(run=perform, others=None)


def perform(options: argparse.Namespace) -> int:
    from dcrproof.fixtures.session.rerun import Typed

    marked = ["-m", options.marked] if options.marked else []
    return run_pytest(Typed("run", options.typed[1:]), [*marked, *options.others])


def run_pytest(typed: "Typed", arguments: Sequence[str], *plugins: object) -> int:
    """Runs the installed checks with these options of pytest. Returns the exit code."""
    from importlib.metadata import entry_points

    import pytest

    from dcrproof.commands.options_alone import OptionsAlone

    os.environ["PYTHONSAFEPATH"] = "1"  # a worker imports no `random.py` of the folder
    suites = (PACKAGE / "suites").resolve()
    installed = {one.name for one in entry_points(group="pytest11")}
    settings = ["-c", str(SETTINGS), f"--rootdir={Path.cwd()}", f"--confcutdir={suites}"]
    # by name as well, for where PYTEST_DISABLE_PLUGIN_AUTOLOAD is set
    settings += [f"-p{name}" for name in PLUGINS if name in installed]
    settings += [f"-pno:{name}" for name in sorted(installed.difference(PLUGINS))]
    return int(
        pytest.main([*settings, str(suites), *arguments], plugins=[typed, OptionsAlone(typed.command), *plugins])
    )
