"""The image: linted, its scripts run as a container runs them, and the application of its compose file works with them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import check_jsonschema
import pytest
import yaml
from forks import ROOT
from jsonschema.validators import validator_for
from test_serve import free_ports
from tiers import full

BIN = Path(sys.executable).parent
SCRIPTS = [ROOT / "ci" / "image" / name for name in ("dcrproof-serve", "dcrproof-healthy")]
EXAMPLE = ROOT / "examples" / "application"
COMPOSE = yaml.safe_load((EXAMPLE / "compose.yaml").read_text("utf-8"))


def ended(*command, **more) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, **more)


def test_hadolint_finds_nothing():
    found = ended(BIN / "hadolint", "Containerfile", cwd=ROOT)
    assert (found.returncode, found.stdout) == (0, "")


def test_shellcheck_finds_nothing():
    found = ended(BIN / "shellcheck", *SCRIPTS)
    assert (found.returncode, found.stdout) == (0, "")


def test_the_compose_file_is_valid():
    path = Path(check_jsonschema.__file__).parent / "builtin_schemas" / "vendor" / "compose-spec.json"
    rules = json.loads(path.read_text("utf-8"))
    assert [error.message for error in validator_for(rules)(rules).iter_errors(COMPOSE)] == []


def test_what_the_image_needs_is_sent_to_its_build():
    """Docker reads this name alone; Podman and buildah read it where there is no other."""
    kept = (ROOT / ".dockerignore").read_text().splitlines()
    assert kept[0] == "*"
    copied = {
        "LICENSE",
        "README.md",
        "pyproject.toml",
        "dcrproof",
        "fixtures",
        "mocks",
        "reports",
        "suites",
        "ci/image",
    }
    assert {line[1:] for line in kept if line.startswith("!")} == copied


@pytest.fixture
def container(tmp_path):
    """What a container has in its environment, on free ports of this machine in place of those from 8100 upwards."""
    with free_ports(8) as first:
        ports = str(first)
    path = f"{BIN}:{ROOT / 'ci' / 'image'}:{os.environ['PATH']}"
    here = {"PATH": path, "TMPDIR": str(tmp_path), "DCRPROOF_HOST": "127.0.0.1", "DCRPROOF_PORT": ports}
    return {**os.environ, **COMPOSE["services"]["mocks"]["environment"], **here, "DCRPROOF_PUBLIC_HOST": "localhost"}


def test_the_application_of_the_compose_file_works_with_the_mocks_of_the_image(container):
    told = dict(COMPOSE["services"]["application"]["environment"])
    for name in ("PORTAL_URL", "ROUTE_URL"):
        port = re.search(r"mocks\.test:81(\d\d)", told[name])
        told[name] = told[name].replace(port[0], f"localhost:{int(container['DCRPROOF_PORT']) + int(port[1])}")
    with subprocess.Popen(["dcrproof-serve"], env=container, stdout=subprocess.PIPE, text=True) as mocks:
        try:
            assert json.loads(mocks.stdout.readline())["gateway"]["route"] == told["ROUTE_URL"]
            assert ended("dcrproof-healthy", env=container).returncode == 0
            program = ended(sys.executable, EXAMPLE / "application.py", env={**container, **told})
            assert (program.returncode, program.stdout) == (0, f"{told['ROUTE_URL']} answers 200\n"), program.stderr
        finally:
            mocks.terminate()
        assert mocks.wait(20) == 0
    assert ended("dcrproof-healthy", env=container).returncode != 0


@full
def test_the_tests_of_the_application_are_green(tmp_path):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--dcr-report={tmp_path}", EXAMPLE]
    found = ended(*command, cwd=tmp_path)
    assert "2 passed" in found.stdout, found.stdout
