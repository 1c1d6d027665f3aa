"""`--dcr-otlp`: the run as one trace at a collector, which changes no verdict; what it says, and what it never says."""

import gzip
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import forks
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from recorded import made_up, run
from test_reports import HOSTILE, without_commands
from tiers import full

from dcrproof.core.tracing import span_id, trace_id
from dcrproof.fixtures.session import otlp
from dcrproof.reports.run_json import run_json
from dcrproof.reports.trace import traced

ONE = "--dcr-check=token.is-jwt"
CLIENT, OK, ERROR = 3, 1, 2
"""Of the protocol: the kind of a span, and codes of its status."""


@dataclass
class Collector:
    """A collector for OTLP over HTTP on the loopback address. `spans` are those that it got, in their order."""

    port: int
    status: int = 200
    asked: list[str] = field(default_factory=list)
    spans: list[Any] = field(default_factory=list)
    resources: list[dict[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def take(self, path: str, body: bytes) -> None:
        self.asked.append(path)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resources.append({one.key: one.value.string_value for one in resource.resource.attributes})
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]


@contextmanager
def collecting(status: int = 200, hold: threading.Event | None = None) -> Iterator[Collector]:
    """A collector until the block ends; it answers with that status, when `hold` is set if there is one."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            zipped = self.headers.get("content-encoding") == "gzip"
            collector.take(self.path, gzip.decompress(body) if zipped else body)
            if hold:
                hold.wait(30)
            self.send_response(collector.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector = Collector(server.server_port, status)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()


def attributes(span: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}


def test_a_run_is_one_trace_of_its_stages_checks_and_exchanges(tmp_path):
    with collecting() as collector:
        found = run(tmp_path, ONE, "--dcr-undo=curity.token-issuer.jwt", f"--dcr-otlp={collector.url}")
    report, spans = found.report, {span.span_id: span for span in collector.spans}
    assert set(collector.asked) == {"/v1/traces"}
    assert collector.resources[0]["service.name"] == "dcrproof"
    (id,) = {span.trace_id.hex() for span in collector.spans}
    assert f"trace      {id}, sent to {collector.url}/v1/traces" in found.output
    (root,) = (span for span in collector.spans if not span.parent_span_id)
    assert (root.status.code, root.status.message) == (ERROR, report["headline"])
    assert all(span.parent_span_id in spans for span in collector.spans if span is not root)
    sent = {attributes(span)["dcrproof.exchange"]: span for span in collector.spans if span.kind == CLIENT}
    assert set(sent) == {exchange["number"] for exchange in report["exchanges"]}
    for exchange in report["exchanges"]:
        said, within = attributes(sent[exchange["number"]]), spans[sent[exchange["number"]].parent_span_id]
        assert said["http.request.method"] == exchange["method"]
        assert said["http.response.status_code"] == exchange["status"]
        assert said["url.full"] == exchange["url"]
        assert (said["server.address"], said["server.port"]) == (
            "127.0.0.1",
            int(exchange["url"].split(":")[2].split("/")[0]),
        )
        assert within.name == (exchange["check"] or "dcrproof run")
        assert within.start_time_unix_nano <= sent[exchange["number"]].start_time_unix_nano
    checks = {
        span.name: span for span in collector.spans if "dcrproof.verdict" in attributes(span) and span is not root
    }
    assert set(checks) == {check["id"] for check in report["checks"]}
    failed = next(check for check in report["checks"] if check["verdict"] == "failed")
    assert (checks[failed["id"]].status.code, checks[failed["id"]].status.message) == (ERROR, failed["observed"])
    assert attributes(checks[failed["id"]])["dcrproof.owner"] == failed["owner"]
    assert {span.status.code for name, span in checks.items() if name in passed(report)} == {OK}


def passed(report) -> set[str]:
    return {check["id"] for check in report["checks"] if check["verdict"] == "passed"}


@pytest.mark.parametrize("kind", ["refused", "down", "another"])
def test_a_collector_that_does_not_take_it_changes_no_verdict_and_is_said(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(otlp, "SECONDS", 0.3)
    content = run_json(made_up(3, 3))
    with collecting(status=400 if kind == "refused" else 200) as collector:
        url = {"down": "http://127.0.0.1:1/", "another": "https://127.0.0.1:1/"}.get(kind, collector.url)
        said = otlp.export(content, trace_id("key"), url)
    assert said
    assert "\n" not in said


def test_a_collector_that_never_ends_its_answer_holds_no_run(monkeypatch):
    monkeypatch.setattr(otlp, "LONGEST", 0.3)
    ended = threading.Event()
    with collecting(hold=ended) as collector:
        said = otlp.export(run_json(made_up(3, 3)), trace_id("key"), collector.url)
        ended.set()
    assert said == "it took longer than 0 seconds"


@full
@pytest.mark.parametrize("port", [1, None])
def test_a_run_ends_as_it_would_without_a_collector(tmp_path, port):
    with collecting(status=500) as collector:
        found = run(tmp_path, ONE, f"--dcr-otlp=http://127.0.0.1:{port or collector.port}")
    assert (found.code, found.report["exit"]) == (0, 0)
    assert "trace      not sent: " in found.output
    assert "Traceback" not in found.output


def test_a_run_of_mocks_stays_on_this_machine_also_with_its_trace(tmp_path):
    found = run(tmp_path, ONE, "--dcr-otlp=http://collector.example:4318")
    assert found.code == 0
    assert re.search("^trace      not sent: .*all parties are mocked", found.output, re.MULTILINE)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--dcr-otlp=localhost:4318"], "--dcr-otlp: expected the address of a collector for OTLP over HTTP"),
        (["--dcr-otlp=ftp://localhost"], "--dcr-otlp: expected the address"),
        (["--dcr-otlp=http://user:word@localhost:4318"], "OTEL_EXPORTER_OTLP_HEADERS"),
        (["--dcr-otlp="], "--dcr-otlp: expected a value, found an empty text"),
        (["--dcr-otlp=http://[::1"], "--dcr-otlp: expected the address"),
        (["--dcr-traceparent"], "--dcr-traceparent needs --dcr-otlp URL"),
    ],
)
def test_what_is_no_address_is_bad_usage(tmp_path, given, said):
    code, printed = forks.command_line(f"--dcr-report={tmp_path}", ONE, *given)
    assert code == 4
    assert said in printed


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(otlp, "find_spec", lambda _: None)
    with pytest.raises(otlp.BadAddress, match=r"pip install 'dcrproof\[otlp\]'"):
        otlp.address("http://localhost:4318")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:4318", "http://localhost:4318/v1/traces"),
        ("http://localhost:4318/", "http://localhost:4318/v1/traces"),
        ("https://otlp.example.com/otlp/v1/traces", "https://otlp.example.com/otlp/v1/traces"),
    ],
)
def test_the_path_for_traces_is_added_where_there_is_none(url, expected):
    assert otlp.address(url) == expected


# The header


def headers(report) -> Counter:
    return Counter(
        value for one in report["exchanges"] for name, value in one["request"]["headers"] if name == "traceparent"
    )


def test_parties_are_told_the_trace_only_where_the_option_says_so(left, tmp_path):
    assert not headers(left("green").report)
    with collecting() as collector:
        report = run(tmp_path, ONE, f"--dcr-otlp={collector.url}", "--dcr-traceparent").report
    (id,) = {span.trace_id.hex() for span in collector.spans}
    assert headers(report) == Counter(f"00-{id}-{span_id(id, one['number'])}-01" for one in report["exchanges"])
    assert {span.span_id.hex() for span in collector.spans if span.kind == CLIENT} == {
        value.split("-")[2] for value in headers(report)
    }


@full
def test_workers_are_part_of_the_same_trace(tmp_path):
    with collecting() as collector:
        report = run(tmp_path, "--dcr-check=token", f"--dcr-otlp={collector.url}", "--dcr-traceparent", "-n2").report
    (id,) = {span.trace_id.hex() for span in collector.spans}
    assert {value.split("-")[1] for value in headers(report)} == {id}


# Texts


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_from_a_party_is_text(text):
    spans = list(traced(run_json(made_up(9, 9, text)), trace_id("key")))
    assert len({span.id for span in spans}) == len(spans)
    for span in spans:
        assert without_commands(span.name + span.why + "".join(map(str, span.attributes.values())))


@pytest.mark.parametrize(("status", "type_"), [(None, "_OTHER"), (200, None), (302, None), (401, "401"), (503, "503")])
def test_the_type_of_an_error_is_one_of_few(status, type_):
    """Semantic conventions for HTTP clients: low cardinality. The words of the error are in the status of the span."""
    run = run_json(made_up(3, 3))
    run["exchanges"][0] |= {"status": status, "error": None if status else "connection to 10.0.0.7:4711 refused"}
    (span,) = (one for one in traced(run, trace_id("key")) if one.attributes.get("dcrproof.exchange") == 1)
    assert span.attributes.get("error.type") == type_
    assert ("refused" in span.why) is (status is None)


def test_the_id_of_a_trace_tells_nothing_of_the_key():
    assert len(trace_id("a key")) == 32
    assert trace_id("a key") != trace_id("another")
