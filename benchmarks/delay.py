"""How much of a live run is spent waiting for the network: the mocks are live parties that take 100 ms for each call.

    pip install -e '.[test]' && python benchmarks/delay.py [arguments of pytest, such as -m smoke]

A run without workers sends one request at a time, so its calls, and those that the parties make to each other while it
waits, add up. The first figure is the duration of the run divided by the sum of their delays: what exceeds 1 is spent in
pytest, in the run, in the mocks, and in pauses. The run with two workers should be shorter. No test asserts these figures.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from dcrproof.mocks.profile import write_profile
from dcrproof.mocks.serve import serving

ROOT = Path(__file__).parent.parent
DELAY = 0.1
PARTIES = ("curity", "konnect", "portal", "gateway", "upstream")


def timed(*arguments: str) -> tuple[float, int, str]:
    """The duration of a run in seconds, the number of calls to its parties, and its last line of output."""
    with tempfile.TemporaryDirectory() as folder, serving(seed=1) as served:
        profile = write_profile(Path(folder), served)
        lines = [line for line in profile.read_text().splitlines(keepends=True) if not line.startswith("mocked")]
        text = "".join(lines).replace("[run]\n", "[run]\nparallel = true\n")
        # each worker sees what the other changes on the way to the data planes
        profile.write_text(text.replace('propagation = "0s"', 'propagation = "10s"'))
        with httpx.Client(base_url=served.description["control"], trust_env=False) as control:
            for party in PARTIES:
                fault = {"party": party, "times": 1_000_000, "delay": DELAY}
                control.post("/faults", json=fault).raise_for_status()
            command = [sys.executable, "-m", "pytest", "-q", f"--dcr-profile={profile}", f"--dcr-report={folder}/out"]
            ledger = f"--dcr-ledger={folder}/ledgers"
            started = time.perf_counter()
            done = subprocess.run([*command, ledger, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
            seconds = time.perf_counter() - started
            calls = control.get("/calls").json()
        exit_code = json.loads((Path(folder) / "out" / "latest" / "run.json").read_text())["exit"]
        assert exit_code == 0, done.stdout
        return seconds, len(calls), done.stdout.strip().splitlines()[-1]


def main() -> None:
    alone, calls, ended = timed(*sys.argv[1:])
    print(
        f"one process      {alone:6.1f} s for {calls} calls of {DELAY:g} s: {alone / (calls * DELAY):.2f} of their sum"
    )
    print(f"                 {ended}")
    together, calls, ended = timed("-n2", *sys.argv[1:])
    print(f"two workers (-n2) {together:5.1f} s, {together / alone:.2f} of one process; {calls} calls")
    print(f"                 {ended}")


if __name__ == "__main__":
    main()
