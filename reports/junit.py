"""`junit.xml`: the run as GitHub, GitLab and Jenkins show tests.

A test case is a check, its class the stage, its suite the stage in words. The schemas of Ant and of Jenkins' xUnit plugin
allow properties only in suites, and other files are ignored: a check's are in its suite, named `ID.step` and so on.
"""

from collections.abc import Iterator
from itertools import groupby
from xml.etree import ElementTree as ET

from dcrproof.core.checks.check import stage_title
from dcrproof.core.text import one_line, visible
from dcrproof.reports.diagnosis import Check, Run, plain

NAME = "dcrproof"


def junit_xml(run: Run) -> str:
    root = ET.Element("testsuites", name=NAME)
    for stage, checks in groupby(run["checks"], key=lambda check: check["stage"]):
        suite = _suite(root, run, stage_title(stage))
        properties = ET.SubElement(suite, "properties")
        for check in checks:
            for name, value in _properties(check):
                ET.SubElement(properties, "property", name=f"{check['id']}.{name}", value=visible(value))
            _case(suite, run, check)
        _count(suite)
    if problems := list(_of_the_run(run)):
        suite = _suite(root, run, "The run itself")
        ET.SubElement(suite, "properties")
        case = ET.SubElement(suite, "testcase", name="run", classname=NAME, time=_time(run["seconds"]))
        _say(case, "error", run["verdict"], problems[0], "\n".join(problems))
        _count(suite)
    suites = root.findall("testsuite")
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    root.set("time", _time(run["seconds"]))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def _suite(root: ET.Element, run: Run, name: str) -> ET.Element:
    started = (run["started"] or "1970-01-01T00:00:00.000Z")[:19]  # Ant's schema allows neither fractions nor a zone
    return ET.SubElement(
        root, "testsuite", name=name, timestamp=started, hostname="localhost", id=str(len(root)), package=NAME
    )


def _properties(check: Check) -> Iterator[tuple[str, str]]:
    for step in check["steps"]:
        yield "step", step
    for reference in check["references"]:
        yield "reference", reference
    yield "level", check["level"]
    yield "evidence", check["evidence_level"]
    yield "verdict", check["verdict"]


def _case(suite: ET.Element, run: Run, check: Check) -> None:
    case = ET.SubElement(
        suite, "testcase", name=check["id"], classname=f"{NAME}.{check['stage']}", time=_time(check["seconds"])
    )
    verdict, message = check["verdict"], check["observed"] or check["expected"]
    if verdict == "error":
        _say(case, "error", verdict, message, plain(run, check))
    elif check["red"]:
        if verdict == "blocked":
            message = f"blocked by {check['blocked_by']}: {message}"
        elif check["candidates"]:
            message = f"{message} (expected {check['expected']}; step: {' or '.join(check['candidates'])})"
        _say(case, "failure", verdict, message, plain(run, check))
    elif verdict not in {"passed", "observed"}:
        word = f"{verdict}, known: {check['known']}" if check["known"] else verdict
        word = f"SHOULD, {word}" if verdict == "failed" and not check["known"] else word
        _say(case, "skipped", verdict, f"{word}: {message}", "")


def _of_the_run(run: Run) -> Iterator[str]:
    """The problems of the run as a whole, which no check shows."""
    if run["exit"] not in {0, 1, 6}:
        reached = {check["id"] for check in run["checks"]}
        missing = [id for id in run["selected"] if id not in reached]
        yield f"{run['headline']}" + (f"; not reached: {len(missing)} of {len(run['selected'])}" if missing else "")
    for note in run["notes"]:
        if note["kind"] != "left behind":
            yield f"{note['kind']}: {note['text']}"


def _say(case: ET.Element, kind: str, type: str, message: str, text: str) -> None:
    element = ET.SubElement(case, kind, message=one_line(message), type=type)
    element.text = visible(text) or None


def _count(suite: ET.Element) -> None:
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for name, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(sum(case.find(kind) is not None for case in cases)))
    suite.set("time", _time(sum(float(case.get("time", "0")) for case in cases)))
    ET.SubElement(suite, "system-out")
    ET.SubElement(suite, "system-err")


def _time(seconds: float) -> str:
    return f"{seconds:.3f}"
