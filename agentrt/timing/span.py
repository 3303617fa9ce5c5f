"""What was timed: a span, and the phases inside it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SpanKind = Literal[
    "run", "node", "llm", "tool", "retrieval", "embed", "query", "orchestration", "person"
]
"""``embed`` and ``query`` are parts of a ``retrieval``; ``orchestration`` is our own code, and
``person`` the wait for somebody's answer."""

Category = Literal["queue", "prefill", "decode", "tool", "retrieval", "orchestration", "person"]
"""What a second of a run can have been spent on."""

SpanStatus = Literal["open", "ok", "error", "cancelled", "waiting"]
"""``waiting``: left because a person must answer first."""


class Phase(BaseModel):
    """A stretch of a span that one category claims. Times in seconds since the run began."""

    model_config = ConfigDict(frozen=True)

    category: Category
    start_s: float
    end_s: float


class Span(BaseModel):
    """One timed piece of a run. Times in seconds since the run began, on a monotonic clock.

    Attributes of an ``llm`` span (None where the server does not tell): ``prompt_tokens``,
    ``cached_tokens``, ``output_tokens``, ``ttft_s``, ``first_piece_s``, ``queue_s``,
    ``decode_s``, ``tpot_s``,
    ``server_queue_s``, ``server_prefill_s`` and ``server_decode_s`` (by the server's own clock),
    ``longest_gap_s`` (between two pieces of the answer), ``constrained`` (whether a schema held the
    output), ``acceptance_length``, ``acceptance_rate``, ``verify_steps``,
    ``accepted_draft_tokens``, ``model``, ``finish_reason``.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    parent: str | None
    kind: SpanKind
    name: str
    node: str | None = Field(description="the workflow node this happened in")
    start_s: float
    end_s: float | None = None
    status: SpanStatus = "open"
    error: str | None = None
    attributes: dict[str, Any] = Field(default_factory=dict)
    phases: tuple[Phase, ...] = ()

    @property
    def duration_s(self) -> float:
        """Seconds from start to end; 0.0 while the span is open."""
        return 0.0 if self.end_s is None else self.end_s - self.start_s
