"""Writes docs/standards.md from dcrproof/core/standards/*.toml.

    python docs/make_standards.py

A row says one thing that a standard demands: `section`, `level`, `says` (in our words), and either `checks` (which show
it) or `none` (a name of reasons.toml: why none does).
"""

from pathlib import Path

from dcrproof.core.standards import Demand, counted, standards

PAGE = Path(__file__).parent / "standards.md"
HEAD = """\
# What the standards demand, and what shows it

Made by `docs/make_standards.py` from the rows in `dcrproof/core/standards/`; a test compares the two, and the rows with the
references of the checks. `dcrproof checks --coverage` prints the same.

Each demand is in our own words; the section has the exact ones. Where Curity is documented to do otherwise, the check
records it as *observed* or is not applicable there, and [behaviours.md](behaviours.md) has the row.
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD, f"{counted()}.\n"]
    for standard in standards():
        head = "| section | level | demand | shown by |\n| --- | --- | --- | --- |"
        parts.append(f"## {standard.name}: {standard.title}\n\n{head}")
        parts.append("\n".join(map(_line, standard.demands)) + "\n")
    return "\n".join(parts)


def _line(demand: Demand) -> str:
    shown = ", ".join(f"`{check}`" for check in demand.checks)
    why = f"**gap**: {demand.reason}" if demand.gap else f"none: {demand.reason}"
    return f"| {demand.section} | {demand.level} | {demand.says} | {shown or why} |"


if __name__ == "__main__":
    PAGE.write_text(page())
