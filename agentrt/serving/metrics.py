"""A running server's own counters, from vLLM's ``/metrics``."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from agentrt.serving.registry import Server

_COUNTERS = {
    "output_tokens": "vllm:generation_tokens_total",
    "verify_steps": "vllm:spec_decode_num_drafts_total",
    "accepted": "vllm:spec_decode_num_accepted_tokens_total",
    "running": "vllm:num_requests_running",
    "requests_s": "vllm:e2e_request_latency_seconds_sum",
}


@dataclass(frozen=True)
class Counters:
    """What a server has done since it started; ``running`` is how many requests it serves now.

    ``requests_s`` are the seconds that all requests took, from arrival to the last token.
    """

    output_tokens: float
    verify_steps: float
    accepted: float
    running: float
    requests_s: float

    def acceptance_length(self, before: Counters) -> float | None:
        """Mean tokens a verification step since ``before``, the bonus token included."""
        steps = self.verify_steps - before.verify_steps
        return 1 + (self.accepted - before.accepted) / steps if steps > 0 else None


def read_counters(server: Server, timeout_s: float = 2.0) -> Counters | None:
    """The counters now; None where the server does not answer."""
    from prometheus_client.parser import text_string_to_metric_families

    address = server.base_url.removesuffix("/v1") + "/metrics"
    headers = {"Authorization": f"Bearer {server.api_key}"}
    try:
        answer = httpx.get(address, headers=headers, timeout=timeout_s)
        answer.raise_for_status()
    except httpx.HTTPError:
        return None
    sums = dict.fromkeys(_COUNTERS.values(), 0.0)
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            if sample.name in sums:
                sums[sample.name] += sample.value
    return Counters(**{field: sums[name] for field, name in _COUNTERS.items()})
