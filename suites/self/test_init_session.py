"""From nothing to green in a terminal: the session in docs/init.cast, typed again into mocks that run.

`DCRPROOF_REWRITE=1 pytest suites/self/test_init_session.py --full` records it again, for `asciinema play docs/init.cast`.
"""

import json
import os
import re
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pexpect
from tiers import full

DOCS = Path(__file__).parents[2] / "docs"
RECORDING, PAGE = DOCS / "init.cast", DOCS / "install.md"
SHOWN = re.compile(r"(?<=```text\n)\$ dcrproof init\n.*?(?=```)", re.DOTALL)
"""The part of the page that has the session."""
MINUTE = 300
"""How many keys a person who types five a second hits in a minute."""


@dataclass
class Recording:
    """A terminal as asciicast v2: what pexpect reads from it and types into it."""

    began: float = field(default_factory=time.monotonic)
    events: list[tuple[float, str, str]] = field(default_factory=list)

    def write(self, text: str) -> None:
        self.add("o", text)

    def flush(self) -> None:
        pass

    def add(self, kind: str, text: str) -> None:
        self.events.append((round(time.monotonic() - self.began, 3), kind, text))

    @property
    def typed(self) -> list[str]:
        return [text for _, kind, text in self.events if kind == "i"]

    def save(self, path: Path) -> None:
        header = {"version": 2, "width": 120, "height": 40, "title": "dcrproof init"}
        path.write_text("".join(json.dumps(line) + "\n" for line in (header, *self.events)), "utf-8")

    @property
    def shown(self) -> str:
        printed = "".join(text for _, kind, text in self.events if kind == "o")
        return "".join(f"{line.rstrip()}\n" for line in printed.splitlines())

    @classmethod
    def of(cls, path: Path) -> "Recording":
        _, *events = map(json.loads, path.read_text("utf-8").splitlines())
        return cls(events=[tuple(event) for event in events])


def answers(described: dict, secrets: Path) -> dict[str, str]:
    """What is answered to each question, of mocks that `dcrproof serve` describes so."""
    return {
        "Mode": "create",
        "Issuer of the authorization server": described["curity"]["issuer"],
        "Client id of the registrar": "",
        "Address of Konnect's API": described["konnect"]["url"],
        "Access token of Konnect": str(secrets / "konnect-token"),
        "API in Konnect": "accounts",
        "Portal in Konnect": "developers",
        "Auth strategy": "curity-dcr",
        "Control plane": "",
        "Address of the Dev Portal": described["portal"]["url"],
        "E-mail of a developer": described["portal"]["email"],
        "Password of the developer": str(secrets / "developer-password"),
        "URL of the protected route": described["gateway"]["route"],
    }


def perform(recording: Recording, folder: Path, command: list[str], answered: dict[str, str]) -> int:
    """Runs `dcrproof` with these arguments in a terminal, and answers its questions. Returns its exit code."""
    recording.add("o", f"$ {' '.join(['dcrproof', *command])}\r\n")
    terminal = pexpect.spawn(
        sys.executable,
        ["-m", "dcrproof", *command],
        cwd=folder,
        env={**os.environ, "TERM": "xterm", "PYTEST_ADDOPTS": ""},
        dimensions=(40, 120),
        encoding="utf-8",
        timeout=120,
    )
    terminal.logfile_read = recording
    for question, answer in answered.items():
        terminal.expect_exact(question)
        terminal.expect_exact(": ")
        recording.add("i", f"{answer}\r")
        terminal.sendline(answer)
    terminal.expect(pexpect.EOF)
    terminal.close()
    return int(terminal.exitstatus or 0)


@full
def test_init_leads_to_green(mocks, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (tmp_path / "secrets").symlink_to(mocks.folder)
    answered = answers(dict(mocks.described), Path("../secrets"))
    recording = Recording()
    assert perform(recording, folder, ["init"], answered) == 0, recording.events
    assert perform(recording, folder, ["run", "--smoke", "-q", "--dcr-profile", "profile.toml"], {}) == 0, (
        recording.events
    )
    printed = recording.shown
    assert "verdict    green" in printed
    assert not [secret for secret in mocks.secrets if secret in printed + (folder / "profile.toml").read_text("utf-8")]
    if os.environ.get("DCRPROOF_REWRITE"):
        recording.save(RECORDING)
        page = PAGE.read_text("utf-8")
        PAGE.write_text(SHOWN.sub(recording.shown.partition("$ dcrproof run")[0].replace("\\", r"\\"), page), "utf-8")
    recorded = Recording.of(RECORDING)
    assert len(recorded.typed) == len(answered)
    assert len("".join(recorded.typed)) < MINUTE
    assert [question for question in answered if question in recorded.shown] == list(answered)
    assert "verdict    green" in recorded.shown


def test_the_page_shows_the_recorded_session():
    shown = SHOWN.search(PAGE.read_text("utf-8"))
    assert shown
    assert shown[0] == Recording.of(RECORDING).shown.partition("$ dcrproof run")[0]
