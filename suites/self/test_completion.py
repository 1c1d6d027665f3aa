"""What a shell completes on the command line of dcrproof."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiers import full, needed

from dcrproof.commands.completion import SHELLS

TYPED = {
    "a command": ("dcrproof swe", {"sweep "}),
    "an option": ("dcrproof serve --und", {"--undo "}),
    "an option of pytest": ("dcrproof run --dcr-pl", {"--dcr-plan "}),
    "the id of a check": ("dcrproof checks token.is-j", {"token.is-jwt "}),
    "the id of a step": ("dcrproof steps curity.token-issuer.j", {"curity.token-issuer.jwt "}),
    "a check of an option": ("dcrproof run --dcr-check token.is-j", {"token.is-jwt "}),
    "a step of an option": ("dcrproof serve --undo curity.token-issuer.j", {"curity.token-issuer.jwt "}),
    "a file": ("dcrproof run --dcr-profile stag", {"staging.toml "}),
    "nothing alike": ("dcrproof no-such", set()),
}
ASK = """
eval "$(dcrproof completion bash)"
COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9 COMP_KEY=9
read -ra COMP_WORDS <<< "$1"
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
complete -p dcrproof
"$(complete -p dcrproof | sed 's/.*-F \\([^ ]*\\) .*/\\1/')" dcrproof "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
printf '[%s]\\n' "${COMPREPLY[@]}"
"""
"""Bash with what `dcrproof completion` prints, asked as Tab asks it."""


def run(*command: str, cwd: Path) -> str:
    """What that command prints on both streams; `dcrproof` is the one of this Python."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, "PATH": path}, text=True, check=False, timeout=120, **streams
    ).stdout


@pytest.mark.parametrize(
    ("typed", "completed"),
    [pytest.param(*one, id=name, marks=() if "check of" in name else full) for name, one in TYPED.items()],
)
def test_bash_completes(typed, completed, tmp_path):
    (tmp_path / "staging.toml").touch()
    printed = run("bash", "-c", ASK, "bash", typed, cwd=tmp_path)
    found = {line[1:-1] for line in printed.splitlines() if line.startswith("[")} - {""}
    assert found == completed, printed


@pytest.mark.parametrize("shell", [shell for shell in SHELLS if shell != "bash"])
def test_another_shell_reads_it(shell, tmp_path):
    code = run("dcrproof", "completion", shell, cwd=tmp_path)
    assert "_ARGCOMPLETE" in code
    assert "dcrproof" in code


@needed("zsh", "zsh")
def test_zsh_knows_the_command(tmp_path):
    script = 'autoload -Uz compinit && compinit -u; eval "$(dcrproof completion zsh)"; print ${_comps[dcrproof]}'
    assert run("zsh", "-fc", script, cwd=tmp_path).strip() == "_python_argcomplete"


@needed("fish", "fish")
def test_fish_completes(tmp_path):
    script = "dcrproof completion fish | source; complete --do-complete 'dcrproof swe'"
    assert run("fish", "-c", script, cwd=tmp_path).split()[:1] == ["sweep"]
