"""What a run would take at other rates of prefill and decode."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from pydantic import BaseModel, ConfigDict, Field

from agentrt.bench.calibration import Transfer
from agentrt.bench.replay import Replay
from agentrt.errors import UserError
from agentrt.timing import CATEGORIES, Breakdown, Category, Span, Trace, attribute


class Rates(BaseModel):
    """The rates to project to. What is None stays as it was measured.

    ``decode_speedup`` multiplies the measured decode rate; ``decode`` replaces it, in tokens a
    second; so does ``prefill``, for tokens that were not cached.
    """

    model_config = ConfigDict(frozen=True)

    decode: float | None = Field(default=None, gt=0)
    decode_speedup: float | None = Field(default=None, gt=0)
    prefill: float | None = Field(default=None, gt=0)

    @property
    def label(self) -> str:
        """The rates in words."""
        named = []
        if self.decode is not None:
            named.append(f"decode at {self.decode:g} tok/s")
        if self.decode_speedup is not None:
            named.append(f"decode {self.decode_speedup:.2f}x as fast")
        if self.prefill is not None:
            named.append(f"prefill at {self.prefill:g} tok/s")
        return ", ".join(named) or "as measured"

    def changes(self, call: Span) -> dict[Category, float]:
        """Seconds that prefill and decode of a call gain or lose."""
        told = call.attributes
        changes: dict[Category, float] = {}
        decode_s = told.get("decode_s") or 0.0
        after_first = max((told.get("output_tokens") or 0) - 1, 0)
        if self.decode is not None:
            changes["decode"] = after_first / self.decode - decode_s
        elif self.decode_speedup is not None:
            changes["decode"] = decode_s / self.decode_speedup - decode_s
        if self.prefill is not None:
            new_tokens = (told.get("prompt_tokens") or 0) - (told.get("cached_tokens") or 0)
            prefill_s = (told.get("ttft_s") or 0.0) - (told.get("queue_s") or 0.0)
            changes["prefill"] = new_tokens / self.prefill - prefill_s
        return changes


class BreakEven(BaseModel):
    """The decode rate beyond which something else takes more of the wall-clock than decode."""

    category: Category
    decode: float = Field(description="tokens a second")


class Projection(BaseModel):
    """A projection of one or more runs of one workflow. Seconds; medians over the runs."""

    workflow: str
    runs: int
    label: str = Field(description="what was projected to, in words")
    rates: Rates | None = Field(description="None for a transfer between calibrated servers")
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


def project(traces: Sequence[Trace], rates: Rates | Transfer) -> Projection:
    """Replay traces of one workflow at other rates.

    Raises:
        TraceError: a trace holds no finished run.
        UserError: there is no trace, or they are of different workflows.
    """
    return Projector(traces).at(rates)


class Projector:
    """Traces of one workflow, taken apart once so that they can be projected to many rates.

    Raises:
        TraceError: a trace holds no finished run.
        UserError: there is no trace, or they are of different workflows.
    """

    def __init__(self, traces: Sequence[Trace]) -> None:
        if not traces or len({trace.header.workflow for trace in traces}) != 1:
            raise UserError("a projection needs traces of one workflow")
        self.workflow = traces[0].header.workflow
        self._runs = [_Run.of(trace) for trace in traces]
        self._measured = [run.measured_s for run in self._runs]
        self._ceilings = [run.wall(Rates(decode=math.inf)) for run in self._runs]
        self._shares = _shares([run.found.seconds for run in self._runs], self._measured)
        self.break_even = _break_even(self._runs)

    def at(self, rates: Rates | Transfer) -> Projection:
        """The projection to ``rates``."""
        measured, ceilings = self._measured, self._ceilings
        projected = [run.wall(rates) for run in self._runs]
        return Projection(
            workflow=self.workflow,
            runs=len(self._runs),
            label=rates.label,
            rates=rates if isinstance(rates, Rates) else None,
            measured_s=median(measured),
            projected_s=median(projected),
            low_s=min(projected) if len(projected) > 1 else None,
            high_s=max(projected) if len(projected) > 1 else None,
            speedup=median(a / b for a, b in zip(measured, projected, strict=True)),
            ceiling_s=median(ceilings),
            ceiling_speedup=median(a / b for a, b in zip(measured, ceilings, strict=True)),
            shares=self._shares,
            projected_shares=_shares([run.seconds(rates) for run in self._runs], projected),
            break_even=self.break_even,
        )


@dataclass(frozen=True)
class _Run:
    """One trace: its wall-clock, its parts, and the model calls that held it up."""

    measured_s: float
    found: Breakdown
    calls: list[Span]
    replay: Replay

    @classmethod
    def of(cls, trace: Trace) -> _Run:
        found = attribute(trace.spans)
        path = set(found.critical_path)
        calls = [span for span in trace.spans if span.kind == "llm" and span.node in path]
        return cls(trace.run.duration_s, found, calls, Replay.of(trace.spans))

    def wall(self, rates: Rates | Transfer) -> float:
        return self.replay.wall(lambda call: call_seconds(call, rates))

    def seconds(self, rates: Rates | Transfer) -> dict[Category, float]:
        """Seconds by category along the path that held the measured run up, at the new rates."""
        seconds = dict(self.found.seconds)
        for call in self.calls:
            for category, change in rates.changes(call).items():
                seconds[category] = max(0.0, seconds[category] + change)
        return seconds


def call_seconds(call: Span, rates: Rates | Transfer) -> float:
    """How long a model call takes at the given rates, in seconds."""
    return call.duration_s + sum(rates.changes(call).values())


def _shares(
    seconds: Sequence[dict[Category, float]], walls: Sequence[float]
) -> dict[Category, float]:
    return {
        category: median(part[category] / wall for part, wall in zip(seconds, walls, strict=True))
        for category in CATEGORIES
    }


def _break_even(runs: Sequence[_Run]) -> list[BreakEven]:
    """Where decode of the path's tokens takes as long as another category of some weight does."""
    rates: dict[Category, list[float]] = {}
    for run in runs:
        tokens = sum(max((call.attributes.get("output_tokens") or 0) - 1, 0) for call in run.calls)
        for category, spent in run.found.seconds.items():
            if category != "decode" and spent > 0.01 * run.measured_s and tokens:
                rates.setdefault(category, []).append(tokens / spent)
    points = [BreakEven(category=name, decode=median(found)) for name, found in rates.items()]
    return sorted(points, key=lambda point: point.decode)
