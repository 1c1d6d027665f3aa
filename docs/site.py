"""A hook of MkDocs (mkdocs.yml): adds the pages that are made from data, and the first screen of the README as home.

mkdocs build --strict
"""

import argparse
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import dcrproof
from dcrproof.__main__ import command_line
from dcrproof.core.checks.check import stage_title
from dcrproof.core.guide import STEPS
from dcrproof.fixtures import listing

ROOT = Path(__file__).parents[1]
PACKAGE = Path(dcrproof.__file__).parent
REPOSITORY = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["urls"]["Repository"]
SCHEMAS = {
    "profile-schema": ("The profile's schema", "core/profile/profile.schema.json"),
    "run-schema": ("run.json's schema", "reports/run.schema.json"),
}
CONTROL = "mocks/control.openapi.json"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages and the schemas that no file of docs/ holds."""
    pages: dict[str, Callable[[], str]] = {
        "index.md": home,
        "reference/command-line.md": commands,
        "reference/checks.md": checks,
        "reference/steps.md": steps,
        "reference/control.md": control,
        **{f"reference/{name}.md": lambda name=name: schema(*SCHEMAS[name]) for name in SCHEMAS},
    }
    for path, content in pages.items():
        files.append(File.generated(config, path, content=content()))
    for path in (*(path for _, path in SCHEMAS.values()), CONTROL):
        files.append(
            File.generated(config, f"reference/{Path(path).name}", content=(PACKAGE / path).read_text("utf-8"))
        )
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lets links to files outside docs/ lead to the repository, and draws diagrams: the theme would load Mermaid from a site."""
    del config, files
    source = page.file.src_uri
    depth = source.count("/")

    def outside(found: re.Match[str]) -> str:
        target = f"{REPOSITORY}/blob/main/{found[2]}" if found[1].count("../") == depth + 1 else f"{found[1]}{found[2]}"
        return f"]({target})"

    linked = re.sub(r"\]\(((?:\.\./)+)([^)\s]+)\)", outside, markdown)
    return re.sub(r"^```mermaid\n(.*?)^```$", lambda found: diagram(found[1]), linked, flags=re.DOTALL | re.MULTILINE)


LANE, ROW, HEAD = 122, 44, 44
"""Of a diagram, in pixels."""


def diagram(text: str) -> str:
    """A sequence diagram of Mermaid as SVG: the participants, and the messages between them, each with one or two lines.

    Raises ValueError for a line of another kind.
    """
    lanes: dict[str, str] = {}
    rows: list[tuple[str, ...]] = []
    for line in map(str.strip, text.splitlines()):
        if named := re.fullmatch(r"participant (\w+) as (.+)", line):
            lanes[named[1]] = named[2]
        elif sent := re.fullmatch(r"(\w+)(-?)->>(\w+): (.+)", line):
            rows.append(sent.groups())
        elif line.partition(" ")[0] not in {"sequenceDiagram", "box", "end"}:
            raise ValueError(f"a diagram has a line that is not drawn: {line}")
    middle = {name: LANE * number + LANE // 2 for number, name in enumerate(lanes)}
    width, height = LANE * len(lanes), HEAD + ROW * len(rows) + 10
    parts = [f'<line x1="{x}" y1="{HEAD - 10}" x2="{x}" y2="{height}" />' for x in middle.values()]
    for name, label in lanes.items():  # in two lines: what it is, and where
        for y, words in zip((12, 27), label.split(": "), strict=False):
            parts.append(f'<text class="head" x="{middle[name]}" y="{y}">{escape(words)}</text>')
    for number, (sender, dashed, receiver, label) in enumerate(rows, 1):
        y, x, to = HEAD + ROW * number, middle[sender], middle[receiver]
        kind, tip = ("dashed" if dashed else "solid"), (-8 if to > x else 8)
        parts.append(f'<path class="{kind}" d="M{x} {y}H{to}" /><path class="tip" d="M{to} {y}l{tip} -4v8z" />')
        for line_number, words in enumerate(reversed(label.split("<br/>"))):
            parts.append(f'<text x="{(x + to) / 2:g}" y="{y - 6 - 14 * line_number}">{escape(words)}</text>')
    picture = f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">'
    title = "<title>The messages between the parts, one below the other</title>"
    return f'<div class="sequence" tabindex="0" role="region" aria-label="Sequence diagram">{picture}{title}{"".join(parts)}</svg></div>'


def home() -> str:
    """The README as far as its first screen goes: its links are made from docs/."""
    readme = (ROOT / "README.md").read_text("utf-8").partition("\n## Test your own tenant")[0]
    return re.sub(r"\]\(docs/", "](", readme)


def commands() -> str:
    """What --help says of each command."""
    parser = command_line()
    parts = ["# Command line", *_help(parser)]
    return "\n".join(parts)


def _help(parser: argparse.ArgumentParser, level: int = 2) -> Iterator[str]:
    yield f"\n{'#' * level} `{parser.prog}`\n\n```text\n{parser.format_help()}```"
    for action in parser._actions:  # noqa: SLF001 - argparse has no public way to the parsers of commands
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - as above
            for command in dict.fromkeys(action.choices.values()):
                yield from _help(command, level + 1)


def checks() -> str:
    """Each check, by stage."""
    about = (
        "# Checks\n\nAs `dcrproof checks` lists them; `dcrproof checks ID` says all about one. A red MUST makes the run "
        "red, a SHOULD does not. [Evidence and truth](../evidence.md) explains the column *evidence*."
    )
    parts = [about]
    for stage, entries in groupby(listing.checks(listing.Filter()), lambda entry: entry.check.stage):
        rows = [
            (
                f'<span id="{check.id}"></span>`{check.id}`',
                check.title,
                check.level,
                check.evidence,
                ", ".join(f"[`{step}`](steps.md#{step})" for step in check.steps),
                "; ".join(check.references),
            )
            for check in (entry.check for entry in entries)
        ]
        parts += [
            f"\n## {stage_title(stage)}\n",
            *_table(("id", "what it claims", "level", "evidence", "setup steps", "sources"), rows),
        ]
    return "\n".join(parts)


def steps() -> str:
    """Each setup step, by party."""
    parts = ["# Setup steps\n\nAs `dcrproof steps` lists them; `dcrproof steps ID` says all about one."]
    for party in listing.PARTIES:
        parts.append(f"\n## {party}\n")
        for step in (step for step in STEPS if step.party == party):
            told = {**dict(listing.step_fields(step)), **dict(listing.step_text(step))}
            parts.append(f"\n### `{step.id}` {{ #{step.id} }}\n")
            parts += [f"- **{name}**: {text}" for name, text in told.items() if text]
    return "\n".join(parts)


def control() -> str:
    """The calls of the control interface, from its OpenAPI document."""
    document = json.loads((PACKAGE / CONTROL).read_text("utf-8"))
    about = (
        f"# The control interface\n\n{document['info']['description']}\n\nAs an OpenAPI document: "
        f"[{Path(CONTROL).name}]({Path(CONTROL).name}), and `GET /openapi.json` of the interface itself."
    )
    parts = [about]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            parts.append(
                f"\n## `{method.upper()} {path}`\n\n{operation['summary']}. {operation.get('description', '')}\n"
            )
            rows = [(f"`{one['name']}`", one["description"]) for one in operation.get("parameters", ())]
            parts += _table(("parameter", ""), rows) if rows else ()
            for title, content in _examples(operation):
                parts.append(f"\n{title}\n\n```json\n{json.dumps(content, indent=2)}\n```")
    return "\n".join(parts)


def _examples(operation: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    messages = [("Body:", operation.get("requestBody", {}))]
    messages += [(f"Answer {status}:", answer) for status, answer in operation["responses"].items()]
    for title, message in messages:
        content = message.get("content", {}).get("application/json", {})
        if "example" in content:
            yield title, content["example"]


def schema(title: str, path: str) -> str:
    """The members of a JSON Schema."""
    name = Path(path).name
    content = json.loads((PACKAGE / path).read_text("utf-8"))
    rows = list(_members(content, content.get("$defs", {}), ""))
    table = _table(("member", "type", "", "default"), rows)
    return "\n".join([f"# {title}\n\n{content['description']} As JSON Schema: [{name}]({name}).\n", *table])


def _members(part: Mapping[str, Any], shared: Mapping[str, Any], above: str) -> Iterator[tuple[str, str, str, str]]:
    for name, member in part.get("properties", {}).items():
        told = {**_resolved(member, shared), **{key: value for key, value in member.items() if key != "$ref"}}
        kind = told.get(
            "enum", told.get("type", [alternative.get("type", "object") for alternative in told.get("anyOf", ())])
        )
        kinds = " or ".join(dict.fromkeys(map(str, kind if isinstance(kind, list) else [kind])))
        default = json.dumps(told["default"]) if "default" in told else ""
        yield f"`{above}{name}`", kinds, told.get("description", ""), f"`{default}`" if default else ""
        inner = _resolved(told.get("items", told), shared)
        yield from _members(inner, shared, f"{above}{name}{'[]' if 'items' in told else ''}.")


def _resolved(part: Mapping[str, Any], shared: Mapping[str, Any]) -> Mapping[str, Any]:
    named = part.get("$ref", "").rpartition("/")[2]
    found: Mapping[str, Any] = shared.get(named, part)
    return found


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", "&#124;").replace("\n", " ") for cell in line) + " |" for line in lines]
