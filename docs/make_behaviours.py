"""Writes docs/behaviours.md from the rows in docs/behaviours/*.toml.

    python docs/make_behaviours.py

A row says one thing that a product does: `id`, `does` (in our words), `source`, `evidence`, `held` (the switch or the
state of the mock that holds it), and either `checks` (which show it) or `reason` (why none can).
"""

import tomllib
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
TITLES = {"curity": "Curity Identity Server", "konnect": "Konnect and the Dev Portal", "gateway": "Kong Gateway"}
HEAD = """\
# What the products do, and what shows it

Made by `docs/make_behaviours.py` from the rows in `docs/behaviours/`; a test compares the two, and fails for a row that
has neither a check nor a reason.
"""


def rows(party: str) -> list[dict[str, Any]]:
    """The rows of one party, in the order of their file."""
    found: list[dict[str, Any]] = tomllib.loads((DOCS / "behaviours" / f"{party}.toml").read_text())["behaviour"]
    return found


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for party, title in TITLES.items():
        parts.append(
            f"## {title}\n\n| row | what it does | evidence | held by | shown by | source |\n| --- | --- | --- | --- | --- | --- |"
        )
        parts.append("\n".join(_line(row) for row in rows(party)) + "\n")
    return "\n".join(parts)


def _line(row: dict[str, Any]) -> str:
    shown = ", ".join(f"`{check}`" for check in row.get("checks", [])) or f"no check: {row['reason']}"
    cells = (f"`{row['id']}`", row["does"], row["evidence"], row["held"], shown, row["source"])
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


if __name__ == "__main__":
    (DOCS / "behaviours.md").write_text(page())
