"""`dcrproof lint`: files that set Konnect up, held against the guide before they are applied."""

import argparse
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcrproof import __version__
from dcrproof.commands.parsing import Commands, Usage
from dcrproof.core.checks.results import exit_code, headline
from dcrproof.core.checks.verdict import Verdict
from dcrproof.core.text import say

if TYPE_CHECKING:
    from dcrproof.lint.judging import Finding

SCHEMA = 1


def add(commands: Commands) -> None:
    lint = commands.add_parser(
        "lint",
        help="hold kongctl's YAML or a Terraform plan against the guide, before it is applied",
        description="Reads files that set Konnect up: kongctl's YAML, or a Terraform plan in JSON (`terraform show -json PLAN`).\n"
        "Says which setup steps they do wrong, with file, line and column. Nothing is sent over the network, and what is\n"
        "unknown before the files are applied is not judged.",
        epilog="Exit codes: 0 nothing is wrong, 1 a setup step is wrong, 4 a file cannot be read, 5 nothing to judge.",
    )
    lint.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="a file or a folder; name all that belong together"
    )
    lint.add_argument("--issuer", default="", metavar="URL", help="the issuer of Curity, or its discovery URL")
    lint.add_argument("--registrar-id", default="", metavar="ID", help="the client that may register there")
    formats = lint.add_mutually_exclusive_group()
    formats.add_argument("--json", action="store_true", help="print a JSON object")
    formats.add_argument("--sarif", action="store_true", help="print SARIF 2.1.0, for code scanning")
    formats.add_argument("--github", action="store_true", help="print annotations of GitHub Actions")
    lint.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from dcrproof.core.profile.reading import wrong
    from dcrproof.lint.files import read
    from dcrproof.lint.judging import findings
    from dcrproof.lint.nodes import BadFile

    if options.issuer and (bad := wrong(("curity", "issuer"), options.issuer, Path())):
        raise Usage(f"--issuer: {bad}")
    try:
        setup, others = read(options.files)
        found = findings(setup, options.issuer, options.registrar_id)
    except BadFile as bad:
        raise Usage(str(bad)) from None
    code = exit_code([one.result for one in found])
    content = _content(found, code, others, _command(options))
    if options.json:
        fixes = {step["id"]: step["fix"] for step in content["steps"]}
        for check in content["checks"]:  # beside the check, since a reader of one finding has no steps at hand
            check["fix"] = check["fix"] or "; or ".join(fixes[id] for id in check["candidates"])
        say(json.dumps(content, indent=2))
    elif options.sarif:
        from dcrproof.reports.sarif import results_sarif

        say(results_sarif({**content, "mode": "lint", "started": None, "ended": None, "notes": []}))
    elif options.github:
        _annotate(content)
    else:
        _tell(content)
    return code


def _command(options: argparse.Namespace) -> str:
    curity = (("--issuer", options.issuer), ("--registrar-id", options.registrar_id))
    given = [word for name, value in curity if value for word in (name, value)]
    return shlex.join(["dcrproof", "lint", *map(str, options.files), *given])


def _content(found: "Sequence[Finding]", code: int, others: Sequence[str], command: str) -> dict[str, Any]:
    """The findings as run.json has checks, each with its place and its object."""
    from dcrproof.core import guide
    from dcrproof.fixtures.session.verdicts import owners
    from dcrproof.lint.steps import FIXES

    results = [one.result for one in found]
    steps = [step for id in dict.fromkeys(id for one in results for id in one.candidates) if (step := guide.step(id))]
    return {
        "schema": SCHEMA,
        "version": __version__,
        "exit": code,
        "headline": headline(results, code),
        "command": command,
        "checks": [
            {
                **{name: value for name, value in one.result.data().items() if name not in {"order", "seconds"}},
                "red": one.result.red,
                "owners": list(owners(one.result)),
                "again": command if one.result.verdict is Verdict.FAILED else "",
                "exchanges": [],
                "file": one.place.file,
                "line": one.place.line,
                "column": one.place.column,
                "object": one.subject,
            }
            for one in found
        ],
        "steps": [{**step.brief, "fix": FIXES.get(step.id, step.fix)} for step in steps],
        "exchanges": [],
        "not_read": list(others),
    }


def _tell(content: Mapping[str, Any]) -> None:
    from dcrproof.reports.diagnosis import plain

    for check in content["checks"]:
        place = f"{check['file']}:{check['line']}:{check['column']}"
        if check["verdict"] == Verdict.FAILED:
            say(f"{place}: {check['object']}\n{plain(content, check)}\n")
    unknown = [check for check in content["checks"] if check["verdict"] == Verdict.NOT_SEEN]
    for check in unknown:
        place = f"{check['file']}:{check['line']}:{check['column']}"
        say(f"{place}: {check['object']}: not seen {check['id']}: {check['observed']}")
    if content["not_read"]:
        say(f"neither kongctl's nor Terraform's, and not read: {', '.join(content['not_read'])}")
    say(content["headline"])


def _annotate(content: Mapping[str, Any]) -> None:
    from dcrproof.core.text import visible
    from dcrproof.fixtures.session.job import annotation
    from dcrproof.reports.diagnosis import claim, diagnosis

    for check in content["checks"]:
        if check["verdict"] == Verdict.FAILED:
            text = "\n".join(f"{row.label}: {row.text}" for row in diagnosis(content, check))
            where = {"file": check["file"], "line": check["line"], "col": check["column"]}
            command = "error" if check["red"] else "warning"
            print(annotation(command, text, **where, title=claim(check)))
    say(visible(content["headline"]))
