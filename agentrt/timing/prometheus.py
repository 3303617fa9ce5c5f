"""Spans as Prometheus metrics, for programs that embed a runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentrt.timing.span import Span
from agentrt.timing.tracer import SpanMoment

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300)
_ACCEPTED = (1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)


class PrometheusHook:
    """A span hook that counts and times runs, nodes, tools and model calls.

    ``agentrt_run_seconds``, ``agentrt_node_seconds`` and ``agentrt_tool_seconds`` are histograms by
    name and status; model calls give ``agentrt_llm_ttft_seconds``, ``agentrt_llm_decode_seconds``,
    ``agentrt_llm_tokens_total`` (by direction) and ``agentrt_llm_acceptance_length``, by model.

    Args:
        registry: where they are registered; prometheus_client's global one by default.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        from prometheus_client import REGISTRY, Counter, Histogram

        into = registry or REGISTRY
        self._durations = {
            kind: Histogram(
                f"agentrt_{kind}_seconds",
                f"Wall-clock of a {kind}, seconds",
                ["name", "status"],
                buckets=_SECONDS,
                registry=into,
            )
            for kind in ("run", "node", "tool")
        }
        self._llm = {
            "ttft_s": Histogram(
                "agentrt_llm_ttft_seconds", "Time to first token, seconds", ["model"],
                buckets=_SECONDS, registry=into,
            ),
            "decode_s": Histogram(
                "agentrt_llm_decode_seconds", "First token to last, seconds", ["model"],
                buckets=_SECONDS, registry=into,
            ),
            "acceptance_length": Histogram(
                "agentrt_llm_acceptance_length", "Mean tokens a verification step", ["model"],
                buckets=_ACCEPTED, registry=into,
            ),
        }  # fmt: skip
        self._tokens = Counter(
            "agentrt_llm_tokens", "Tokens of model calls", ["model", "direction"], registry=into
        )

    def __call__(self, moment: SpanMoment, span: Span) -> None:
        """Be a span hook."""
        if moment == "open":
            return
        if span.kind in self._durations:
            self._durations[span.kind].labels(span.name, span.status).observe(span.duration_s)
        if span.kind == "llm":
            self._call(span)

    def _call(self, span: Span) -> None:
        told, model = span.attributes, str(span.attributes.get("model"))
        for name, metric in self._llm.items():
            if told.get(name) is not None:
                metric.labels(model).observe(told[name])
        for direction, name in (("in", "prompt_tokens"), ("out", "output_tokens")):
            self._tokens.labels(model, direction).inc(told.get(name) or 0)
