"""Totals over the model calls of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from agentrt.timing.span import Span


class Clocks(BaseModel):
    """What calls took by our clock and by the server's, over the calls where it told. Seconds.

    Ours runs from sending to the last piece. The server's is its queue, prefill and decode: it
    leaves out the network, and the wait until an engine that is busy with other requests takes
    notice of this one.
    """

    calls_s: float
    server_calls_s: float

    @property
    def disagreement(self) -> float:
        """How far the two sums lie apart, as a share of the server's."""
        server = self.server_calls_s
        return abs(self.calls_s - server) / server if server else 0.0


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
    and last. Acceptance length is weighted by verification steps: what all calls had accepted and
    a bonus token a step, over their steps. Steps without a draft are none of them.
    """
    calls = [span.attributes for span in spans if span.kind == "llm"]
    output = sum(call.get("output_tokens") or 0 for call in calls)
    decode_s = sum(call.get("decode_s") or 0.0 for call in calls)
    after_first = sum(max((call.get("output_tokens") or 0) - 1, 0) for call in calls)
    steps = sum(call.get("verify_steps") or 0 for call in calls)
    accepted = sum(call.get("accepted_draft_tokens") or 0 for call in calls)
    return LLMTotals(
        calls=len(calls),
        prompt_tokens=sum(call.get("prompt_tokens") or 0 for call in calls),
        output_tokens=output,
        decode_s=decode_s,
        decode_tokens_per_s=after_first / decode_s if decode_s else None,
        acceptance_length=1 + accepted / steps if steps else None,
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
        calls_s=sum(call["ttft_s"] + call["decode_s"] for call in told),
        server_calls_s=sum(
            (call.get("server_queue_s") or 0.0) + call["server_prefill_s"] + call["server_decode_s"]
            for call in told
        ),
    )
