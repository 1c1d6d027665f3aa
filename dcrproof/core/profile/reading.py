"""Reads a profile from its TOML file.

Everything that is wrong with a profile is reported at once, each problem with its place in the file, before anything
is sent. A value is repeated in a problem, unless it is where a secret belongs, or is an address that may hold one.
"""

import copy
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ArgsKwargs, ErrorDetails

from dcrproof.core.files import content
from dcrproof.core.profile.combinations import problems
from dcrproof.core.profile.model import Profile
from dcrproof.core.profile.values import Surroundings, found
from dcrproof.core.secrets.secret import Secret
from dcrproof.core.text import meant, one_line

PROFILE = TypeAdapter(Profile)


class ProfileError(Exception):
    """What is wrong with a profile: one line for each problem, with its place in the file."""

    def __init__(self, source: str, problems: list[str]) -> None:
        super().__init__("\n".join([f"{source}: {len(problems)} problem(s)", *(f"  {line}" for line in problems)]))
        self.problems = problems


def read(path: Path, environment: Mapping[str, str] | None = None) -> Profile:
    """The profile in that file. Raises ProfileError with everything that is wrong with it."""
    source = str(path)
    content = _content(path)
    if not isinstance(content.get("application", []), list):
        content["application"] = [content["application"]]
    surroundings = Surroundings(path.parent, os.environ if environment is None else environment)
    profile, errors = _validated(source, content, surroundings)
    found = [_problem(error, content) for error in errors]
    if all(error["loc"] != ("run", "mode") for error in errors):
        found += problems(profile, content)
    if found:
        raise ProfileError(source, found)
    return profile


def wrong(place: tuple[str | int, ...], value: Any, folder: Path) -> str:
    """What is wrong with one value of a profile in that folder, such as at ("curity", "issuer"); "" if nothing is.

    What else a profile needs, and what depends on several keys, is not looked at.
    """
    content = value
    for part in reversed(place):
        content = {part: content} if isinstance(part, str) else [content]
    _, errors = _validated("", content, Surroundings(folder, os.environ))
    found = [_problem(error, content) for error in errors if error["loc"][: len(place)] == place]
    return "; ".join(line.partition(": ")[2] for line in found)


QUOTES = 'a text stands in straight quotation marks ("..."), not in curly ones and not without'
NOT_TOML: Mapping[str, str] = {
    "Invalid value": QUOTES,
    "Expected '=' after": "after a key comes =",
    "Invalid initial character for a key part": "a key, of letters, digits, _ and -, or a table in brackets",
    "Invalid statement": "a line begins with a key, of letters, digits, _ and -, or is a table in brackets",
    "Unclosed array": "a [ that is not closed",
    "Unclosed inline table": "a { that is not closed on its line, or a comma that is missing in it",
    "Expected newline or end of document": "something behind the value: a # before a comment is missing, or one mark is too many",
    'Expected "\'"': "a text that is not closed",
    "Expected ']": "a table stands in brackets, [name] or [[name]]",
    "Unterminated string": "a text that is not closed",
    "Illegal character": "a text that is not closed on its line, or has a character that cannot be seen",
    "Unescaped": r"a backslash is written twice in \"...\", or the text stands in '...'",
    "Cannot declare": "a table that is there twice",
    "Cannot overwrite": "a key that is there twice",
    "Duplicate inline table key": "a key that is there twice",
}
"""What is wrong, in words, by how the message of `tomllib` begins."""


def _content(path: Path) -> dict[str, Any]:
    """The tables of that file. Raises ProfileError where it cannot be read."""
    source = str(path)
    try:
        return tomllib.loads(content(path).decode("utf-8-sig"))
    except OSError as error:
        raise ProfileError(source, [f"cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise ProfileError(source, ["cannot be read: not UTF-8 text"]) from None
    except (ValueError, RecursionError) as error:
        # TOMLDecodeError, and what the parser does not catch: a number too long, a nesting too deep. Its message may
        # quote the line, and the line may hold a secret in the wrong place
        place = re.search(r"\(at .*\)\Z", str(error))
        wrong = next((words for begins, words in NOT_TOML.items() if str(error).startswith(begins)), "")
        told = f"not TOML {place[0] if place else ''}".rstrip()
        raise ProfileError(source, [f"{told}: {wrong}" if wrong else told]) from None


def _validated(source: str, content: dict[str, Any], surroundings: Surroundings) -> tuple[Profile, list[ErrorDetails]]:
    """The profile without what is wrong, and what is wrong."""
    rest = copy.deepcopy(content)
    first: list[ErrorDetails] = []
    while True:
        try:
            # given by position: `source` is not a key of the file
            return PROFILE.validate_python(ArgsKwargs((source,), rest), context=surroundings), first
        except ValidationError as error:
            found = error.errors(include_url=False)
            first = first or found
            places = {one["loc"][:-1] if one["type"] == "missing" else one["loc"] for one in found}
        # backwards: entries of a list keep their numbers, and a key is removed before its table
        for place in sorted(places, reverse=True):
            _remove(rest, place)


def _remove(content: Any, place: tuple[int | str, ...]) -> None:
    for part in place[:-1]:
        content = content[part]
    del content[place[-1]]


EXPECTED = {"dataclass_type": "a table", "tuple_type": "[[gateway.route]] tables"}
"""Type of an error of pydantic to what is expected; the types in `values` have texts of their own."""


def _problem(error: ErrorDetails, content: Mapping[str, Any]) -> str:
    """An error of pydantic as a line: place and text."""
    type_, place, context = error["type"], error["loc"], error.get("ctx", {})
    what = found(error["input"], secret=_holds_secret(place))
    if type_ == "missing":
        text = "missing"
    elif type_ in {"unexpected_keyword_argument", "multiple_argument_values"}:
        known = list(_keys(place[:-1]))
        near = meant(str(place[-1]), known)
        text = f"unknown {'key' if place[1:] else 'table'}; {near}{' ' if near else ''}known are {', '.join(known)}"
    elif type_ == "value_error":
        text = str(context["error"])
        _, _, value = what.partition(", ")
        text = f"{text}, found {value}" if value and "found " not in text and "cannot read" not in text else text
    else:
        choices = context.get("expected", "").replace("'", "").replace(" or ", ", ")
        expected = error["msg"] if type_ == "expected" else f"expected {EXPECTED.get(type_) or f'one of {choices}'}"
        text = expected if what in expected else f"{expected}, found {what}"
        if choices and (near := meant(str(error["input"]), choices.split(", "))):
            text = f"{text}; {near}"
    return one_line(f"{_shown(place, content)}: {text}")


def _holds_secret(place: tuple[int | str, ...]) -> bool:
    """Whether the value there is a secret, or may hold one: a header can."""
    type_: Any = Profile
    for name in place:
        if isinstance(name, str) and (table := _table(type_)):
            type_ = dict(_typed(table)).get(name)
    return "headers" in place or Secret in _parts(type_)


def _parts(type_: Any) -> Iterator[Any]:
    """An annotation, and all of what it is made of."""
    yield type_
    for part in get_args(type_):
        yield from _parts(part)


def _shown(place: tuple[int | str, ...], content: Mapping[str, Any]) -> str:
    """A place in the file in words."""
    if place[0] == "application" and len(content["application"]) == 1:
        place = ("application", *place[2:])
    elif not place[1:]:
        return f"[{place[0]}]"
    return "".join(f" {part + 1}" if isinstance(part, int) else f".{part}" for part in place)[1:]


def _keys(place: Iterable[int | str]) -> Iterator[str]:
    """The keys of the table at that place."""
    table: Any = Profile
    for name in place:
        if isinstance(name, str):
            table = _table(dict(_typed(table))[name])
    return (key for key, _ in _typed(table) if key != "source")


def _typed(table: Any) -> Iterator[tuple[str, Any]]:
    own_first = sorted(fields(table), key=lambda field: bool(field.kw_only))
    return ((field.metadata.get("alias", field.name), field.type) for field in own_first)


def _table(type_: Any) -> Any:
    """The dataclass in an annotation; None where there is none."""
    return type_ if is_dataclass(type_) else next(filter(None, map(_table, get_args(type_))), None)
