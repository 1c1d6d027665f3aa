"""What `dcrproof run` and `dcrproof diagnose` refuse of the options of pytest."""

from collections.abc import Generator

import pytest

from dcrproof.core.text import one_line

IN_PLACE_OF_A_RUN = {
    "dcr_plan": "--dcr-plan",
    "collectonly": "--collect-only",
    "setupplan": "--setup-plan",
    "setuponly": "--setup-only",
    "showfixtures": "--fixtures",
    "show_fixtures_per_test": "--fixtures-per-test",
    "markers": "--markers",
    "cacheshow": "--cache-show",
}
"""Options with which pytest runs nothing, by the names of their values."""


class OptionsAlone:
    """A plugin that refuses tests of somebody's own: this command runs the checks."""

    def __init__(self, command: str) -> None:
        self.command = command

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_load_initial_conftests(self, parser: pytest.Parser, args: list[str]) -> Generator[None]:
        """Refuses an option that nobody knows by its name alone: its value may be a secret, and pytest repeats it."""
        yield
        for argument in parser.parse_known_and_unknown_args(args)[1]:
            if argument.startswith("-"):
                name = argument.partition("=")[0]
                raise pytest.UsageError(
                    f"unknown option {one_line(name, 100)}; dcrproof {self.command} --help lists them"
                )

    def pytest_configure(self, config: pytest.Config) -> None:
        if self.command == "diagnose":
            for name, option in IN_PLACE_OF_A_RUN.items():
                if getattr(config.option, name, None):
                    raise pytest.UsageError(f"{option}: nothing would be diagnosed; `dcrproof run` takes it")
        if named := config.option.file_or_dir[1:]:
            if self.command == "diagnose":  # what stands there may be the secret
                raise pytest.UsageError("dcrproof diagnose takes options alone; --dcr-check ID selects checks")
            raise pytest.UsageError(
                f"{named[0]}: dcrproof run takes options alone; `pytest {named[0]}` runs tests of your own, "
                "and --dcr-check ID selects checks"
            )
