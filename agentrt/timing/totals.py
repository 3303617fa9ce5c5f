"""Totals over the model calls of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from agentrt.timing.span import Span


class Clocks(BaseModel):
    """Prefill and decode by our clock and by the server's, over the calls where it told. Seconds.

    Ours see the network and the stream's parsing as well, so they are a little longer.
    """

    prefill_s: float
    server_prefill_s: float
    decode_s: float
    server_decode_s: float

    @property
    def disagreement(self) -> float:
        """How far the two sums lie apart, as a share of the server's."""
        server = self.server_prefill_s + self.server_decode_s
        return abs(self.prefill_s + self.decode_s - server) / server if server else 0.0


class LLMTotals(BaseModel):
    """All model calls of a run together. Times in seconds; None where no server told."""

    calls: int
    prompt_tokens: int
    output_tokens: int
    decode_s: float
    decode_tokens_per_s: float | None
    acceptance_length: float | None
    clocks: Clocks | None


def llm_totals(spans: Sequence[Span]) -> LLMTotals:
    """Totals over the ``llm`` spans.

    Tokens per second count the tokens after each call's first one, over the time between first
    and last. Acceptance length is weighted by verification steps: the tokens of all calls that
    speculated, over the steps that they took.
    """
    calls = [span.attributes for span in spans if span.kind == "llm"]
    output = sum(call.get("output_tokens") or 0 for call in calls)
    decode_s = sum(call.get("decode_s") or 0.0 for call in calls)
    after_first = sum(max((call.get("output_tokens") or 0) - 1, 0) for call in calls)
    told = [
        (call["output_tokens"], call["acceptance_length"])
        for call in calls
        if call.get("acceptance_length") and call.get("output_tokens")
    ]
    steps = sum(tokens / length for tokens, length in told)
    return LLMTotals(
        calls=len(calls),
        prompt_tokens=sum(call.get("prompt_tokens") or 0 for call in calls),
        output_tokens=output,
        decode_s=decode_s,
        decode_tokens_per_s=after_first / decode_s if decode_s else None,
        acceptance_length=sum(tokens for tokens, _ in told) / steps if steps else None,
        clocks=_clocks(calls),
    )


def stalls(spans: Sequence[Span]) -> list[Span]:
    """The model calls that stood still in the middle of an answer, as grammars can make them do.

    A stall is a gap of over half a second that is ten times the call's mean time between tokens.
    """
    return [
        span
        for span in spans
        if (gap := span.attributes.get("longest_gap_s") or 0.0) > 0.5
        and gap > 10 * (span.attributes.get("tpot_s") or 0.0)
    ]


def _clocks(calls: Sequence[dict[str, Any]]) -> Clocks | None:
    told = [
        call
        for call in calls
        if call.get("server_prefill_s") is not None and call.get("server_decode_s") is not None
    ]
    if not told:
        return None
    return Clocks(
        prefill_s=sum(call["ttft_s"] - (call["queue_s"] or 0.0) for call in told),
        server_prefill_s=sum(call["server_prefill_s"] for call in told),
        decode_s=sum(call["decode_s"] for call in told),
        server_decode_s=sum(call["server_decode_s"] for call in told),
    )
