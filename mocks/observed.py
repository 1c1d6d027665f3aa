"""What live parties were observed to do, as switches of the mocks: the file that `--observed` takes.

    [gateway]
    version = "3.14.0.8"
    date = 2026-11-24
    literal_basic = true

    [gateway.forms]                        for readers only: the mocks ignore them
    "route.basic.wrong-secret" = "403"

A table for each party. `version` and `date` say what was observed and when; every other key is a switch of that party's
mock, which keeps its default where the file does not set it.
"""

import errno
import stat
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from dcrproof.mocks.curity.switches import DEFAULT_SWITCHES
from dcrproof.mocks.curity.switches import Switches as CuritySwitches
from dcrproof.mocks.gateway.switches import STRICT
from dcrproof.mocks.gateway.switches import Switches as GatewaySwitches
from dcrproof.mocks.konnect.switches import DEFAULT_SWITCHES as KONNECT_DEFAULTS
from dcrproof.mocks.konnect.switches import Switches as KonnectSwitches
from dcrproof.mocks.names import meant

SWITCHES: Mapping[str, Any] = MappingProxyType(
    {"curity": CuritySwitches, "konnect": KonnectSwitches, "gateway": GatewaySwitches}
)
"""The switches of each party that has any."""
LARGEST = 1_000_000
"""Bytes of a file of observations."""
PARTIES = ("curity", "konnect", "portal", "gateway")
ABOUT: Mapping[str, tuple[type, str]] = MappingProxyType(
    {"version": (str, "a text"), "date": (date, "a date, such as 2026-11-24"), "forms": (dict, "a table of texts")}
)
"""Keys of a table that are not switches: their type, and its description."""


class BadObservations(Exception):
    """What is wrong with a file of observations: one line for each problem, with its place in the file."""

    def __init__(self, source: str, problems: list[str]) -> None:
        super().__init__("\n".join([f"{source}: {len(problems)} problem(s)", *(f"  {line}" for line in problems)]))


@dataclass(frozen=True)
class Observed:
    """The switches of all mocks."""

    curity: CuritySwitches = DEFAULT_SWITCHES
    konnect: KonnectSwitches = KONNECT_DEFAULTS
    gateway: GatewaySwitches = STRICT

    @property
    def turned(self) -> frozenset[tuple[str, str]]:
        """The switches that differ from their defaults, by party and name."""
        return frozenset(
            (party, field.name)
            for party in SWITCHES
            for field in fields(SWITCHES[party])
            if getattr(getattr(self, party), field.name) != field.default
        )


NOTHING_OBSERVED = Observed()
"""Every switch at its default."""


def read(path: Path) -> Observed:
    """The switches of a file. Raises BadObservations with everything that is wrong with it."""
    try:
        content = tomllib.loads(_text(path))
    except OSError as error:
        raise BadObservations(str(path), [f"cannot be read: {error.strerror}"]) from None
    except UnicodeError:
        raise BadObservations(str(path), ["is not UTF-8 text"]) from None
    except (ValueError, RecursionError) as error:
        # as well what the parser does not catch: a number too long, a nesting too deep
        raise BadObservations(str(path), [f"is not TOML: {error}"]) from None
    problems = [problem for party, table in content.items() for problem in _problems(party, table)]
    if problems:
        raise BadObservations(str(path), problems)
    return Observed(
        **{
            party: switches(**{name: value for name, value in content.get(party, {}).items() if name not in ABOUT})
            for party, switches in SWITCHES.items()
        }
    )


def _text(path: Path) -> str:
    """What a file holds. Raises OSError, also for what would be waited for, such as a pipe, or has no end."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    if status.st_size > LARGEST:
        raise OSError(errno.EFBIG, f"more than {LARGEST:,} bytes")
    return path.read_text("utf-8")


def _problems(party: str, table: Any) -> Iterator[str]:
    if party not in PARTIES:
        yield f"[{party}]: unknown party; one of {', '.join(PARTIES)}"
        return
    if not isinstance(table, dict):
        yield f"{party}: expected a table, [{party}]"
        return
    allowed = _allowed(party)
    for name, value in table.items():
        place = f"[{party}] {name}"
        if name in ABOUT:
            kind, words = ABOUT[name]
            if not isinstance(value, kind):
                yield f"{place}: expected {words}, found {value!r}"
        elif name not in allowed:
            yield f"{place}: no switch of mock {party}; {meant(name, allowed) or f'it has {_named(allowed)}'}"
        elif not any(value is choice or (isinstance(choice, str) and value == choice) for choice in allowed[name]):
            yield f"{place}: expected {' or '.join(map(_toml, allowed[name]))}, found {_toml(value)}"


def _allowed(party: str) -> dict[str, tuple[Any, ...]]:
    """The values that each switch of a party may have."""
    switches = SWITCHES.get(party)
    if switches is None:
        return {}
    types = get_type_hints(switches)
    return {
        field.name: get_args(types[field.name]) if get_origin(types[field.name]) is Literal else (False, True)
        for field in fields(switches)
    }


def _named(allowed: Mapping[str, Any]) -> str:
    return ", ".join(allowed) or "none"


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else repr(value)
