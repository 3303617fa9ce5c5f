"""One run of one side, reduced to what a comparison needs."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

Task = Literal["prose", "JSON", "tool call", "code"]
"""What a model call is asked to write; how well that can be foreseen differs much."""


class Call(BaseModel):
    """One model call. Seconds and tokens; None where the server does not tell."""

    node: str
    task: Task
    prompt_tokens: int | None
    output_tokens: int | None
    ttft_s: float | None
    tpot_s: float | None
    decode_s: float | None
    verify_steps: int | None
    acceptance_histogram: list[int] | None
    text: str


class Sample(BaseModel):
    """One run of one side."""

    side: str
    pair: int
    wall_s: float
    node_s: dict[str, float]
    calls: list[Call]
    outputs: dict[str, Any]

    def decode_s_per_token(self, calls: list[Call] | None = None) -> float | None:
        """Seconds of decode over the tokens after each call's first."""
        chosen = self.calls if calls is None else calls
        tokens = sum(max((call.output_tokens or 0) - 1, 0) for call in chosen)
        seconds = sum(call.decode_s or 0.0 for call in chosen)
        return seconds / tokens if tokens and seconds else None
