"""`dcrproof init`: a commented profile, from what a person answers or from options."""

import argparse
import os
import re
import shlex
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from dcrproof.commands import profile
from dcrproof.commands.parsing import OTHERS_SEE_IT, Commands, Usage, asks, gateway_and_path
from dcrproof.core.checks.results import Exit
from dcrproof.core.files import LIKE_OTHERS
from dcrproof.core.secrets.named import given_in_query
from dcrproof.core.text import say

Place = tuple[str | int, ...]
Answers = Mapping[str, Any]
"""The answers so far, by the name of the question; None for one that was left out."""


def always(_: Answers) -> bool:
    return True


def never(_: Answers) -> bool:
    return False


def mode(*names: str) -> Callable[[Answers], bool]:
    """Whether the mode is one of these."""
    return lambda answers: answers["mode"] in names


def given(name: str) -> Callable[[Answers], bool]:
    """Whether that question was answered."""
    return lambda answers: bool(answers.get(name))


def new_api(answers: Answers) -> bool:
    """Whether the run creates the API, so that the profile names no portal and no strategy."""
    return answers["mode"] == "provision" and not answers["api"]


def existing_api(answers: Answers) -> bool:
    return answers["mode"] == "create" or bool(answers.get("api"))


@dataclass(frozen=True)
class Question:
    """One key of the profile. `name` is that of its option, `asked` and `needed` say when it is asked, and has to be answered."""

    name: str
    place: Place
    text: str
    asked: Callable[[Answers], bool] = always
    needed: Callable[[Answers], bool] = always
    variable: str = ""
    """Of a secret: the name of the environment variable that is proposed. The profile never holds the secret itself."""


AT_KONNECT = mode("inspect", "create", "provision")
SIGNS_IN = mode("create", "provision")
QUESTIONS = (
    Question("mode", ("run", "mode"), "Mode: inspect, existing, create or provision"),
    Question(
        "issuer", ("curity", "issuer"), "Issuer of the authorization server", needed=lambda a: a["mode"] != "inspect"
    ),
    Question("registrar-id", ("curity", "registrar", "id"), "Client id of the registrar", SIGNS_IN, never),
    Question(
        "registrar-secret",
        ("curity", "registrar", "secret"),
        "Secret of the registrar",
        given("registrar-id"),
        variable="REGISTRAR_SECRET",
    ),
    Question("admin-url", ("curity", "admin", "url"), "RESTCONF address of Curity", mode("inspect"), never),
    Question("admin-user", ("curity", "admin", "username"), "User who may read over RESTCONF", given("admin-url")),
    Question(
        "admin-password",
        ("curity", "admin", "password"),
        "Password of that user",
        given("admin-url"),
        variable="CURITY_ADMIN_PASSWORD",
    ),
    Question("konnect", ("konnect", "url"), "Address of Konnect's API, of the region", AT_KONNECT, SIGNS_IN),
    Question(
        "konnect-token",
        ("konnect", "token"),
        "Access token of Konnect",
        given("konnect"),
        mode("provision"),
        "KONNECT_TOKEN",
    ),
    Question("api", ("konnect", "api"), "API in Konnect, by name or id", given("konnect"), mode("create")),
    Question("portal-name", ("konnect", "portal"), "Portal in Konnect, by name or id", existing_api, SIGNS_IN),
    Question("strategy", ("konnect", "strategy"), "Auth strategy, by name or id", existing_api, SIGNS_IN),
    Question("control-plane", ("konnect", "control_plane"), "Control plane, by name or id", given("konnect"), new_api),
    Question("service", ("konnect", "service"), "Gateway service that the new API is linked to", new_api),
    Question("portal", ("portal", "url"), "Address of the Dev Portal", SIGNS_IN),
    Question("email", ("portal", "email"), "E-mail of a developer", SIGNS_IN),
    Question("password", ("portal", "password"), "Password of the developer", SIGNS_IN, variable="DEVELOPER_PASSWORD"),
    Question(
        "route", ("gateway", "url"), "URL of the protected route", needed=lambda answers: answers["mode"] != "inspect"
    ),
    Question("client-id", ("application", 0, "client_id"), "Client id of an application", mode("existing")),
    Question(
        "secret",
        ("application", 0, "client_secret"),
        "Secret of the application",
        mode("existing"),
        variable="APPLICATION_SECRET",
    ),
)
ORDER = ("run", "curity", "konnect", "portal", "gateway", "application")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
PATH: Place = ("gateway", "route", 0, "path")


def add(commands: Commands) -> None:
    init = commands.add_parser(
        "init",
        allow_abbrev=False,
        help="write a profile, by asking",
        description="Asks for what a mode needs, and writes a profile with comments. What an option says is not asked. A secret is\n"
        "never written: the profile names the environment variable or the file that holds it. Then checks the profile.",
        epilog="Exit codes: 0 written, no problems; 2 interrupted, nothing written; 4 bad usage, or problems.",
    )
    init.add_argument(
        "--output", type=Path, default=Path("profile.toml"), metavar="FILE", help="the profile (default: %(default)s)"
    )
    init.add_argument("--force", action="store_true", help="overwrite it")
    for question in QUESTIONS:
        if not question.variable:
            key = str(question.place[-1])
            value = "URL" if key in {"url", "issuer"} else key.removeprefix("client_").upper()
            init.add_argument(f"--{question.name}", metavar=value, help=question.text)
            continue
        init.add_argument(f"--{question.name}-env", metavar="NAME", help=f"{question.text}: an environment variable")
        init.add_argument(f"--{question.name}-file", metavar="FILE", help=f"{question.text}: a file")
        init.add_argument(
            f"--{question.name}",
            nargs="?",
            const="",
            dest=f"bare_{question.name}".replace("-", "_"),
            help=argparse.SUPPRESS,
        )
    init.add_argument("--openid", action="store_true", help="the authorization server is not Curity")
    init.add_argument("--plain-http", action="store_true", help="the route is called over http://")
    init.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    output: Path = options.output
    if os.path.isdir(output):  # noqa: PTH112 - as in _is_file
        raise Usage(f"--output {output}: it is a folder")
    if os.path.exists(output) and not options.force:  # noqa: PTH110 - as in _is_file
        raise Usage(f"--output {output}: it exists; --force overwrites it")
    if not os.path.isdir(output.parent):  # noqa: PTH112 - as in _is_file
        raise Usage(f"--output {output}: there is no folder {output.parent}")
    try:
        answers = _answers(options)
    except (KeyboardInterrupt, EOFError):
        say("\ndcrproof init: nothing was written", partial(print, file=sys.stderr))
        return Exit.INTERRUPTED
    _write(output, text(answers, openid=options.openid, plain_http=options.plain_http))
    say(f"{output}: written")
    code = profile.check(output, ids=False)
    name = shlex.quote(str(output))
    say(f"which checks: dcrproof profile check {name}")
    say(f"to run them:  dcrproof run --dcr-profile {name}")
    return code


def _answers(options: argparse.Namespace) -> dict[str, Any]:
    """What the options say, and where there is a terminal what a person answers. Raises Usage."""
    values = Values(options.output.parent, options.plain_http)
    answers: dict[str, Any] = {}
    missing: list[str] = []
    for question in QUESTIONS:
        found = values.of_option(question, vars(options))
        if not answers.get("mode") and answers:
            break  # nothing else can be said
        if not question.asked(answers):
            if found is not None:
                raise Usage(
                    f"--{question.name}: not used in mode {answers['mode']} with the other options: leave it out"
                )
        elif found is None and asks():
            found = values.asked(question, needed=question.needed(answers))
        elif found is None and question.needed(answers):
            missing.append(f"--{question.name}{'-env NAME' if question.variable else ''}")
        answers[question.name] = found
    if missing:
        raise Usage(f"missing: {', '.join(missing)}; on a terminal, dcrproof init asks for them")
    return answers


@dataclass(frozen=True)
class Values:
    """Makes values of answers. `folder` is that of the profile, to which the files in it are relative."""

    folder: Path
    plain_http: bool

    def of_option(self, question: Question, options: Mapping[str, Any]) -> Any:
        """The value that the options have; None where they have none. Raises Usage for one that is wrong."""
        name = question.name.replace("-", "_")
        if not question.variable:
            return self._option(question.name, options[name], partial(self._plain, question))
        if options[f"bare_{name}"] is not None:
            raise Usage(
                f"--{question.name}: {OTHERS_SEE_IT}; a profile names where the secret is: "
                f"--{question.name}-env NAME or --{question.name}-file FILE"
            )
        return self._option(
            f"{question.name}-env", options[f"{name}_env"], partial(self._variable, question)
        ) or self._option(f"{question.name}-file", options[f"{name}_file"], partial(self._file, question))

    @staticmethod
    def _option(name: str, answer: str | None, valued: Callable[[str], Any]) -> Any:
        try:
            return None if answer is None else valued(answer)
        except ValueError as wrong:
            raise Usage(f"--{name}: {wrong}") from None

    def asked(self, question: Question, *, needed: bool) -> Any:
        """What a person answers, who is asked again as long as it is wrong; None for nothing."""
        proposed = question.variable if needed else ""
        hint = ", an environment variable or a file" if question.variable else ""
        hint += f" [{proposed}]" if proposed else "" if needed else " (Enter: none)"
        while True:
            try:
                answer = input(f"{question.text}{hint}: ").strip() or proposed
                if not answer and not needed:
                    return None
                if not question.variable:
                    return self._plain(question, answer)
                is_file = not NAME.fullmatch(answer) or (answer not in os.environ and _is_file(answer))
                return (self._file if is_file else self._variable)(question, answer)
            except ValueError as wrong:
                say(f"  {wrong}")

    def _plain(self, question: Question, answer: str) -> Any:
        """The value of an answer that is no secret: of a route its gateway and its path. Raises ValueError."""
        if question.name != "route":
            return self._right(question.place, answer)
        from dcrproof.core.profile.values import is_plain

        url, path = gateway_and_path(answer)
        if any(given_in_query(path.partition("?")[2])):
            raise ValueError("its query holds a secret by its name, and a profile is written without: leave that out")
        if is_plain(self._right(question.place, url)) and not self.plain_http:
            raise ValueError("expected https://; for a gateway without TLS, use --plain-http")
        return url, self._right(PATH, path)

    def _variable(self, question: Question, name: str) -> Any:
        """An environment variable. A name that is not set is not repeated: it may be the secret itself. Raises ValueError."""
        if name in os.environ:
            return self._right(question.place, {"env": name})
        if name != question.variable and not LIKE_OTHERS.fullmatch(name):
            raise ValueError(
                f"no environment variable of that name is set: set it, or give a name such as {question.variable}"
            )
        return {"env": name}

    def _file(self, question: Question, path: str) -> Any:
        """A file. A name that no file has is not repeated: it may be the secret itself. Raises ValueError."""
        if not _is_file(path):
            raise ValueError(
                "no file of that name, and no name of an environment variable: the secret itself is not typed"
            )
        return self._right(question.place, {"file": os.path.relpath(path, self.folder)})

    def _right(self, place: Place, value: Any) -> Any:
        """That value of a profile. Raises ValueError where it is wrong by itself."""
        from dcrproof.core.profile.reading import wrong

        if found := wrong(place, value, self.folder):
            raise ValueError(found)
        return value


def _is_file(path: str) -> bool:
    return os.path.isfile(path)  # noqa: PTH113 - of any text: pathlib raises for one that is too long


def text(answers: Answers, *, openid: bool, plain_http: bool) -> str:
    """The profile, each key with what it means."""
    from dcrproof.core.profile.schema import json_schema

    placed: dict[Place, Any] = {}
    for question in QUESTIONS:
        value = answers[question.name]
        if value is not None and question.name == "route":
            placed |= {question.place: value[0], PATH: value[1]}
        elif value is not None:
            placed[question.place] = value
    if openid and answers["issuer"]:
        placed["curity", "kind"] = "openid"
    if plain_http and answers["route"]:
        placed["gateway", "plain_http"] = True
    schema = json_schema()
    tables: dict[Place, list[Place]] = {}
    for place in placed:
        tables.setdefault(place[:-1], []).append(place)
    lines = [
        "# A profile of dcrproof; docs/profile.md has all keys. Secrets are where it says, and never in this file."
    ]
    for table in sorted(tables, key=lambda table: (ORDER.index(table[0]), len(table))):
        name = ".".join(str(part) for part in table if part != 0)
        heading = f"[[{name}]]" if table == PATH[:-1] else f"[{name}]"
        lines += ["", f"{heading:<40}  # {_described(schema, table)}"]
        for place in tables[table]:
            lines.append(f"{f'{place[-1]} = {_toml(placed[place])}':<40}  # {_described(schema, place)}")
    return "\n".join(lines) + "\n"


def _described(schema: Mapping[str, Any], place: Place) -> str:
    """What the JSON Schema of profiles says of a table or a key."""
    about = ""
    for part in place:
        schema = next((one for one in schema.get("anyOf", ()) if "properties" in one), schema)
        schema = schema.get("items", schema) if part == 0 else schema["properties"][part]
        about = schema.get("description") or about
    return about


def _toml(value: Any) -> str:
    import tomli_w

    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_toml(one)}' for key, one in value.items())} }}"
    return tomli_w.dumps({"x": value}).removeprefix("x = ").strip()


def _write(path: Path, content: str) -> None:
    """Writes the file as a whole, or not at all. Raises Usage where that is impossible."""
    partly = path.with_name(f".{path.name}.partly")
    try:
        partly.write_text(content, "utf-8")
        partly.replace(path)
    except BaseException as error:
        with suppress(OSError):
            partly.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise Usage(f"--output {path}: {error.strerror}") from None
        raise
