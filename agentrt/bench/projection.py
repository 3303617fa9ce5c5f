"""What a run would take at other rates of prefill and decode."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from pydantic import BaseModel, ConfigDict, Field

from agentrt.bench.replay import replay
from agentrt.errors import UserError
from agentrt.timing import CATEGORIES, Category, Span, Trace, attribute


class Rates(BaseModel):
    """The rates to project to. What is None stays as it was measured.

    ``decode_speedup`` multiplies the measured decode rate; ``decode`` replaces it, in tokens a
    second; so does ``prefill``, for tokens that were not cached.
    """

    model_config = ConfigDict(frozen=True)

    decode: float | None = Field(default=None, gt=0)
    decode_speedup: float | None = Field(default=None, gt=0)
    prefill: float | None = Field(default=None, gt=0)


class BreakEven(BaseModel):
    """The decode rate beyond which something else takes more of the wall-clock than decode."""

    category: Category
    decode: float = Field(description="tokens a second")


class Projection(BaseModel):
    """A projection of one or more runs of one workflow. Seconds; medians over the runs."""

    workflow: str
    runs: int
    rates: Rates
    measured_s: float
    projected_s: float
    low_s: float | None = Field(description="lowest over the runs; None for a single one")
    high_s: float | None
    speedup: float
    ceiling_s: float = Field(description="the wall-clock if decode took no time at all")
    ceiling_speedup: float
    shares: dict[Category, float] = Field(description="of the measured wall-clock")
    projected_shares: dict[Category, float]
    break_even: list[BreakEven]


def speedup_of(acceptance_length: float, overhead: float) -> float:
    """How many times faster decode is when a verification step yields several tokens.

    ``acceptance_length / (1 + overhead)``: a step yields that many tokens, and costs a plain
    step and ``overhead`` of one for drafting and verifying. It is the ratio of Leviathan,
    Kalman and Matias, "Fast Inference from Transformers via Speculative Decoding"
    (arXiv 2211.17192, theorem 3.8), with the expected yield replaced by the measured one, and
    with one draft pass a step, as DFlash drafts a block in parallel.

    Args:
        acceptance_length: mean tokens a verification step, the bonus token included.
        overhead: cost of drafting and of verifying several tokens, in plain decode steps.
    """
    return acceptance_length / (1 + overhead)


def project(traces: Sequence[Trace], rates: Rates) -> Projection:
    """Replay traces of one workflow at other rates.

    Raises:
        TraceError: a trace holds no finished run.
        UserError: there is no trace, or they are of different workflows.
    """
    if not traces or len({trace.header.workflow for trace in traces}) != 1:
        raise UserError("a projection needs traces of one workflow")
    measured = [trace.run.duration_s for trace in traces]
    projected = [_wall(trace, rates) for trace in traces]
    ceilings = [_wall(trace, Rates(decode=math.inf)) for trace in traces]
    shares = _shares([attribute(trace.spans).seconds for trace in traces], measured)
    after = [_projected_seconds(trace, rates) for trace in traces]
    return Projection(
        workflow=traces[0].header.workflow,
        runs=len(traces),
        rates=rates,
        measured_s=median(measured),
        projected_s=median(projected),
        low_s=min(projected) if len(traces) > 1 else None,
        high_s=max(projected) if len(traces) > 1 else None,
        speedup=median(a / b for a, b in zip(measured, projected, strict=True)),
        ceiling_s=median(ceilings),
        ceiling_speedup=median(a / b for a, b in zip(measured, ceilings, strict=True)),
        shares=shares,
        projected_shares=_shares(after, projected),
        break_even=_break_even(traces),
    )


def _wall(trace: Trace, rates: Rates) -> float:
    return replay(trace.spans, lambda call: call_seconds(call, rates))


def call_seconds(call: Span, rates: Rates) -> float:
    """How long a model call takes at the given rates, in seconds."""
    return call.duration_s + sum(_changes(call, rates).values())


def _changes(call: Span, rates: Rates) -> dict[Category, float]:
    """Seconds that prefill and decode of a call gain or lose."""
    told = call.attributes
    changes: dict[Category, float] = {}
    decode_s = told.get("decode_s") or 0.0
    after_first = max((told.get("output_tokens") or 0) - 1, 0)
    if rates.decode is not None:
        changes["decode"] = after_first / rates.decode - decode_s
    elif rates.decode_speedup is not None:
        changes["decode"] = decode_s / rates.decode_speedup - decode_s
    if rates.prefill is not None:
        new_tokens = (told.get("prompt_tokens") or 0) - (told.get("cached_tokens") or 0)
        prefill_s = (told.get("ttft_s") or 0.0) - (told.get("queue_s") or 0.0)
        changes["prefill"] = new_tokens / rates.prefill - prefill_s
    return changes


def _projected_seconds(trace: Trace, rates: Rates) -> dict[Category, float]:
    """Seconds by category along the path that held the measured run up, at the new rates."""
    found = attribute(trace.spans)
    seconds = dict(found.seconds)
    for call in _calls_on(trace, found.critical_path):
        for category, change in _changes(call, rates).items():
            seconds[category] = max(0.0, seconds[category] + change)
    return seconds


def _calls_on(trace: Trace, path: Sequence[str]) -> list[Span]:
    return [span for span in trace.spans if span.kind == "llm" and span.node in path]


def _shares(
    seconds: Sequence[dict[Category, float]], walls: Sequence[float]
) -> dict[Category, float]:
    return {
        category: median(part[category] / wall for part, wall in zip(seconds, walls, strict=True))
        for category in CATEGORIES
    }


def _break_even(traces: Sequence[Trace]) -> list[BreakEven]:
    """Where decode of the path's tokens takes as long as another category does."""
    rates: dict[Category, list[float]] = {}
    for trace in traces:
        found = attribute(trace.spans)
        calls = _calls_on(trace, found.critical_path)
        tokens = sum(max((call.attributes.get("output_tokens") or 0) - 1, 0) for call in calls)
        for category, spent in found.seconds.items():
            if category != "decode" and spent > 0.001 and tokens:
                rates.setdefault(category, []).append(tokens / spent)
    points = [BreakEven(category=name, decode=median(found)) for name, found in rates.items()]
    return sorted(points, key=lambda point: point.decode)
