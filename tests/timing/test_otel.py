"""Spans as OpenTelemetry sees them."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from opentelemetry import trace as api
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agentrt.errors import UserError
from agentrt.runtime import Runtime
from agentrt.testing import Reply, ScriptedModel
from agentrt.timing import read_trace
from agentrt.timing.otel import OtelHook, otlp

WORKFLOW = {
    "name": "two",
    "nodes": {
        "a": {"kind": "llm", "prompt": "x"},
        "b": {"kind": "llm", "prompt": "x"},
        "sum": {"kind": "tool", "tool": "calculator", "arguments": {"expression": "1 + 1"}},
    },
    "outputs": {"answer": "{{ a }} {{ b }} {{ sum }}"},
}


@pytest.fixture
def seen() -> tuple[TracerProvider, InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, exporter


def test_a_run_is_one_trace_whose_spans_nest_as_ours(seen) -> None:
    provider, exporter = seen
    with Runtime(chat=ScriptedModel(["1", "2"]), hooks=[OtelHook(provider)]) as runtime:
        result = runtime.run(WORKFLOW)
    spans = {span.context.span_id: span for span in exporter.get_finished_spans()}
    assert len(spans) == len(result.trace.spans)
    assert len({span.context.trace_id for span in spans.values()}) == 1
    shape = {(s.name, spans[s.parent.span_id].name if s.parent else None) for s in spans.values()}
    assert ("invoke_workflow two", None) in shape
    assert ("node a", "invoke_workflow two") in shape
    assert ("chat scripted", "node b") in shape
    assert ("execute_tool calculator", "node sum") in shape


def test_a_model_call_carries_the_conventions_attributes(seen, fake_server) -> None:
    provider, exporter = seen
    server = fake_server([Reply("hello", acceptance_length=2.5, ttft_s=0.05, cached_tokens=4)])
    workflow = {"name": "w", "nodes": {"a": WORKFLOW["nodes"]["a"]}, "outputs": {"o": "{{ a }}"}}
    with Runtime(
        base_url=server.base_url, model="m", api_key=server.api_key, hooks=[OtelHook(provider)]
    ) as runtime:
        result = runtime.run(workflow)
    ours = next(span for span in result.trace.spans if span.kind == "llm")
    chat = next(span for span in exporter.get_finished_spans() if span.name == "chat m")
    told = chat.attributes
    assert chat.kind is api.SpanKind.CLIENT
    assert told["gen_ai.operation.name"] == "chat"
    assert told["gen_ai.request.model"] == "m"
    assert told["gen_ai.usage.input_tokens"] == 10
    assert told["gen_ai.usage.cache_read.input_tokens"] == 4
    assert told["gen_ai.response.finish_reasons"] == ("stop",)
    assert told["agentrt.acceptance_length"] == 2.5
    assert told["gen_ai.response.time_to_first_chunk"] == ours.attributes["ttft_s"]
    assert told["agentrt.prefill_s"] == pytest.approx(ours.attributes["ttft_s"], abs=0.001)
    assert "gen_ai.input.messages" not in told
    assert (chat.end_time - chat.start_time) / 1e9 == pytest.approx(ours.duration_s, abs=1e-6)


def test_a_failed_step_is_an_error_there_too(seen) -> None:
    provider, exporter = seen
    with (
        Runtime(chat=ScriptedModel([""]), hooks=[OtelHook(provider)]) as runtime,
        pytest.raises(Exception, match="nothing"),
    ):
        runtime.run({**WORKFLOW, "nodes": {"a": WORKFLOW["nodes"]["a"]}, "outputs": {"o": "{{a}}"}})
    run = next(s for s in exporter.get_finished_spans() if s.name.startswith("invoke_workflow"))
    assert run.status.status_code is api.StatusCode.ERROR
    assert run.attributes["error.type"]


def test_a_run_joins_the_span_that_is_current_where_it_starts(seen) -> None:
    provider, exporter = seen
    with (
        Runtime(chat=ScriptedModel(["1", "2"]), hooks=[OtelHook(provider)]) as runtime,
        provider.get_tracer("app").start_as_current_span("request") as outer,
    ):
        runtime.run(WORKFLOW)
    run = next(s for s in exporter.get_finished_spans() if s.name == "invoke_workflow two")
    assert run.parent.span_id == outer.get_span_context().span_id


class Collector(ThreadingHTTPServer):
    """Takes OTLP over HTTP as a collector does, and keeps what it decoded."""

    def __init__(self, status: int) -> None:
        self.status, self.names, self.paths = status, [], []
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        request = ExportTraceServiceRequest()
        request.ParseFromString(self.rfile.read(int(self.headers["Content-Length"])))
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.server.names += [span.name for span in scope.spans]
        self.server.paths.append(self.path)
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing to the test's output."""


@pytest.fixture
def collector(request) -> Iterator[Collector]:
    server = Collector(getattr(request, "param", 200))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_all_spans_are_sent_by_the_end_of_the_block(collector: Collector) -> None:
    with (
        otlp(f"http://127.0.0.1:{collector.server_port}") as hook,
        Runtime(chat=ScriptedModel(["1", "2"]), hooks=[hook]) as runtime,
    ):
        result = runtime.run(WORKFLOW)
    assert len(collector.names) == len(result.trace.spans)
    assert set(collector.paths) == {"/v1/traces"}


def test_a_trace_file_can_be_sent_later(collector: Collector, tmp_path: Path) -> None:
    with Runtime(chat=ScriptedModel(["1", "2"])) as runtime:
        runtime.run(WORKFLOW, trace_file=tmp_path / "t.jsonl")
    trace = read_trace(tmp_path / "t.jsonl")
    with otlp(f"http://127.0.0.1:{collector.server_port}/v1/traces") as hook:
        hook.replay(trace)
    assert len(collector.names) == len(trace.spans)


@pytest.mark.parametrize("collector", [400], indirect=True)
def test_a_collector_that_refuses_is_told_of(collector: Collector) -> None:
    with (
        pytest.raises(UserError, match="did not take the spans"),
        otlp(f"http://127.0.0.1:{collector.server_port}") as hook,
        Runtime(chat=ScriptedModel(["1", "2"]), hooks=[hook]) as runtime,
    ):
        runtime.run(WORKFLOW)


def test_an_address_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(UserError, match="http or https"), otlp("localhost:4318"):
        pass
