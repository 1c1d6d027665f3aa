"""The undocumented names of pytest, pluggy and execnet that dcrproof uses: all in one module, and all still there."""

import os
import re
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from dcrproof import fixtures
from dcrproof.fixtures.session import private

pytest_plugins = "pytester"

PRIVATE = re.compile(r"\bimport _pytest|\bfrom _pytest|(?<!\bself)(?<!\bcls)\._(?!replace\b)[a-z]\w*")


def released(distribution: str) -> str:
    return f"{distribution} {version(distribution)} has changed what `fixtures/session/private.py` depends on"


@pytest.fixture
def config(pytester: pytest.Pytester) -> pytest.Config:
    config = pytester.parseconfigure("-p", "no:cacheprovider")
    config.get_terminal_writer()  # a failure here is one of this test's own
    return config


@pytest.mark.parametrize("method", ["fd", "sys", "tee-sys", "no"])
def test_the_descriptors_that_lead_to_the_terminal_are_found(pytester, method):
    config = pytester.parseconfigure("-p", "no:cacheprovider", f"--capture={method}")
    manager = config.pluginmanager.get_plugin("capturemanager")
    terminal = [os.fstat(number).st_ino for number in (1, 2)]
    manager.resume_global_capture()
    os.write(1, b"by a descriptor\n")
    sys.stdout.write("by a stream\n")
    found = [os.fstat(number).st_ino for number in private.terminal_descriptors(config)]
    manager.suspend_global_capture()
    assert found == terminal, released("pytest")
    shown = {"fd": "by a descriptor\nby a stream\n", "no": ""}.get(method, "by a stream\n")
    assert private.captured(config) == (shown, ""), released("pytest")
    assert private.captured(config) == ("", "")
    config._ensure_unconfigure()
    assert private.captured(config) == ("", "")
    assert private.terminal_descriptors(config) == [1, 2], released("pytest")


def test_the_writer_of_the_trace_is_found_and_put_back(config):
    written: list[str] = []
    config.trace.root.setwriter(written.append)
    private.change_trace(config, str.upper)
    config.trace("a line")
    assert "A LINE" in written[0], released("pluggy")
    config._ensure_unconfigure()
    config.trace("a line")
    assert "a line" in written[1]


def test_an_exception_shows_another_text_wherever_it_is_converted():
    with pytest.raises(ValueError, match="secret") as raised:
        raise ValueError("secret")
    representation = raised.getrepr()
    private.show_as(representation, "masked\nlines")
    assert str(representation) == "masked\nlines", released("pytest")


def test_the_process_of_a_worker_is_found():
    execnet = pytest.importorskip("execnet")
    group = execnet.Group()
    try:
        gateway = group.makegateway("popen")
        node = type("Node", (), {"gateway": gateway})
        pid = gateway.remote_exec("import os; channel.send(os.getpid())").receive()
        process = private.worker_process(node)
        assert process is not None, released("execnet")
        assert process.pid == pid, released("execnet")
    finally:
        group.terminate(timeout=5)


def test_no_other_module_uses_such_a_name():
    files = [path for path in Path(fixtures.__file__).parent.rglob("*.py") if path.name != "private.py"]
    assert files
    found = [f"{path.name}: {text}" for path in files for text in PRIVATE.findall(path.read_text("utf-8"))]
    assert found == []
