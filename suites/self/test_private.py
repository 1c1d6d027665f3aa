"""The undocumented names of pytest, pluggy and execnet that dcrproof uses: all in one module, and all still there."""

import re
from importlib.metadata import version
from io import StringIO
from pathlib import Path

import pytest

from dcrproof import fixtures
from dcrproof.fixtures.session import private

pytest_plugins = "pytester"

PRIVATE = re.compile(r"\bimport _pytest|\bfrom _pytest|(?<!\bself)(?<!\bcls)\._[a-z]\w*")


def released(distribution: str) -> str:
    return f"{distribution} {version(distribution)} has changed what `fixtures/session/private.py` depends on"


@pytest.fixture
def config(pytester: pytest.Pytester) -> pytest.Config:
    config = pytester.parseconfigure("-p", "no:cacheprovider")
    config.get_terminal_writer()  # a failure here is one of this test's own
    return config


def test_all_that_pytest_prints_can_be_changed(config):
    terminal, writer = config.pluginmanager.get_plugin("terminalreporter"), config.get_terminal_writer()
    writer._file = printed = StringIO()
    private.change_output(config, str.upper)
    terminal.write("a")
    terminal.section("b")
    terminal.write_line("c", red=True)
    writer.write_raw("d", flush=True)
    assert [text for text in "ABCD" if text not in printed.getvalue()] == [], released("pytest")
    assert "b" not in printed.getvalue(), released("pytest")
    config._ensure_unconfigure()
    writer.line("afterwards")
    assert "afterwards" in printed.getvalue()


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
