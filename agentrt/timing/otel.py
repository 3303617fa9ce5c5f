"""Spans as OpenTelemetry spans, named by the GenAI semantic conventions.

Conventions: https://opentelemetry.io/docs/specs/semconv/gen-ai/ (their names may still change;
those of opentelemetry-semantic-conventions are used). Texts are sent only where the trace holds
them, that is with ``record_text``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from agentrt.errors import UserError
from agentrt.timing.span import Span
from agentrt.timing.trace import Trace
from agentrt.timing.tracer import SpanMoment

if TYPE_CHECKING:
    from opentelemetry import trace as api
    from opentelemetry.sdk.trace import TracerProvider

_OPERATIONS = {
    "run": "invoke_workflow",
    "llm": "chat",
    "tool": "execute_tool",
    "retrieval": "retrieval",
    "embed": "embeddings",
}
# Our attribute, and what the conventions call it.
_NAMES = {
    "model": "gen_ai.request.model",
    "prompt_tokens": "gen_ai.usage.input_tokens",
    "cached_tokens": "gen_ai.usage.cache_read.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "first_piece_s": "gen_ai.response.time_to_first_chunk",
    "query": "gen_ai.retrieval.query.text",
    "messages": "gen_ai.input.messages",
    "text": "gen_ai.output.messages",
    "arguments": "gen_ai.tool.call.arguments",
    "result": "gen_ai.tool.call.result",
}


class OtelHook:
    """A span hook that hands each span to an OpenTelemetry tracer provider as it closes.

    A run becomes a trace of its own, or part of the span that is current where the run was started.
    One hook serves any number of runs at once.

    Args:
        provider: the program's own; the global one by default.
    """

    def __init__(self, provider: TracerProvider | None = None) -> None:
        from opentelemetry import trace

        self._tracer = trace.get_tracer("agentrt", tracer_provider=provider)
        self._open: dict[str, api.Span] = {}
        self._origin_ns: dict[str, int] = {}

    def __call__(self, moment: SpanMoment, span: Span) -> None:
        """Be a span hook."""
        if span.kind == "run" and moment == "open":
            began = time.time_ns() - round(span.start_s * 1e9)
            self._origin_ns.setdefault(_run(span), began)
        if moment == "open":
            self._open[span.id] = self._start(span)
            return
        started = self._open.pop(span.id, None) or self._start(span)
        _describe(started, span)
        started.end(end_time=self._at(span, span.start_s + span.duration_s))
        if span.kind == "run":
            del self._origin_ns[_run(span)]

    def replay(self, trace: Trace) -> None:
        """Hand over a finished run, at the times at which it ran."""
        began = datetime.fromisoformat(trace.header.started_at).timestamp()
        self._origin_ns[_run(trace.run)] = round(began * 1e9)
        for span in sorted(trace.spans, key=lambda span: (span.start_s, -span.duration_s)):
            self("open", span)
        for span in trace.spans:
            self("close", span)

    def _start(self, span: Span) -> api.Span:
        from opentelemetry import trace

        parent = self._open.get(span.parent or "")
        return self._tracer.start_span(
            _name(span),
            context=trace.set_span_in_context(parent) if parent else None,
            kind=trace.SpanKind.CLIENT if span.kind == "llm" else trace.SpanKind.INTERNAL,
            start_time=self._at(span, span.start_s),
        )

    def _at(self, span: Span, seconds: float) -> int:
        return self._origin_ns[_run(span)] + round(seconds * 1e9)


@contextmanager
def otlp(endpoint: str) -> Iterator[OtelHook]:
    """A hook that sends spans by OTLP over HTTP; what is left is sent at the end of the block.

    Args:
        endpoint: a collector's address, such as ``http://127.0.0.1:4318``; ``/v1/traces`` is added
            where it has no path.

    Raises:
        UserError: the address is no HTTP address, or at the end: the collector did not take it all.
    """
    from urllib.parse import urlsplit

    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    address = urlsplit(endpoint)
    if address.scheme not in ("http", "https") or not address.netloc:
        raise UserError(f"{endpoint}: an OTLP endpoint is an http or https address")
    if address.path in ("", "/"):
        address = address._replace(path="/v1/traces")
    exporter = _counting(OTLPSpanExporter)(endpoint=address.geturl(), timeout=10)
    provider = TracerProvider(resource=Resource.create({"service.name": "agentrt"}))
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=65_536))
    try:
        yield OtelHook(provider)
    finally:
        provider.shutdown()
    if exporter.lost:
        raise UserError(f"{endpoint}: the collector did not take the spans (is it running?)")


def _counting(exporter: type[Any]) -> type[Any]:
    """The exporter, with a count of the batches that it lost: it only logs them itself."""

    class Counting(exporter):  # type: ignore[misc]
        lost = 0

        def export(self, spans: Any) -> Any:
            from opentelemetry.sdk.trace.export import SpanExportResult

            result = super().export(spans)
            self.lost += result is not SpanExportResult.SUCCESS
            return result

    return Counting


def _run(span: Span) -> str:
    return span.id.rpartition("-")[0]


def _name(span: Span) -> str:
    operation = _OPERATIONS.get(span.kind)
    target = span.attributes.get("model", span.name) if span.kind == "llm" else span.name
    return f"{operation} {target}" if operation else f"{span.kind} {span.name}"


def _describe(target: api.Span, span: Span) -> None:
    from opentelemetry.trace import Status, StatusCode

    target.set_attribute("agentrt.kind", span.kind)
    if span.node is not None:
        target.set_attribute("agentrt.node", span.node)
    for name, value in _convention(span).items():
        target.set_attribute(name, value)
    for phase in span.phases:
        name = f"agentrt.{phase.category}_s"
        seconds = phase.end_s - phase.start_s
        target.set_attribute(name, getattr(target, "attributes", {}).get(name, 0.0) + seconds)
    if span.status == "ok":
        target.set_status(Status(StatusCode.OK))
    elif span.status == "error":
        target.set_attribute("error.type", (span.error or "error").partition(":")[0])
        target.set_status(Status(StatusCode.ERROR, span.error))


def _convention(span: Span) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if span.kind in _OPERATIONS:
        found["gen_ai.operation.name"] = _OPERATIONS[span.kind]
    if span.kind == "run":
        found["gen_ai.workflow.name"] = span.name
    if span.kind == "tool":
        found["gen_ai.tool.name"] = span.name
    if span.kind == "llm":
        found["gen_ai.provider.name"] = "vllm"
    for key, value in span.attributes.items():
        if value is None:
            continue
        if key == "finish_reason":
            found["gen_ai.response.finish_reasons"] = [value]
        elif key == "text":
            found[_NAMES[key]] = json.dumps([{"role": "assistant", "content": value}])
        else:
            plain = isinstance(value, str | int | float | bool)
            found[_NAMES.get(key, f"agentrt.{key}")] = (
                value if plain else json.dumps(value, default=str)
            )
    return found
