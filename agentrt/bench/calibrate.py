"""Measuring a server's rates: prefill by length, decode steps by context and batch, acceptance.

Servers are measured in turn, probe by probe, by vLLM's own per-request clock.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median
from typing import Any

import httpx

from agentrt.bench.calibration import (
    Calibration,
    Line,
    ServerRates,
    fit,
)
from agentrt.bench.evidence import cores, machine, versions
from agentrt.bench.probes import Probe, own_probes, recorded_probes
from agentrt.bench.sides import Side, in_turn
from agentrt.errors import ServingError
from agentrt.serving import Server, serve
from agentrt.timing import Trace

_PREFILL = (64, 256, 1024, 2048)
_CONTEXTS = (64, 1024, 2048)
_BATCHES = (2, 4)
_OUTPUT = 40
_ROUNDS = 5
# Prompts take longer than the rest: they are asked in so many of the rounds.
_ASKED = 3
# Token ids that any vocabulary of use has, away from its special ones.
_IDS = range(1000, 20_000)

Say = Callable[[str], None]
Points = dict[str, list[tuple[float, float]]]


@dataclass(frozen=True)
class _Told:
    """What a server said of one request. Seconds by its own clock."""

    prefill_s: float
    decode_s: float
    output_tokens: int
    accepted: int

    @property
    def after_first(self) -> int:
        """Tokens that were decoded: all but the first."""
        return max(1, self.output_tokens - 1)

    @property
    def steps(self) -> int:
        """Decode steps that they took."""
        return max(1, self.after_first - self.accepted)


@dataclass
class _Measured:
    """What one server showed: lines' points, and each round's answers to the prompts."""

    points: Points = field(default_factory=dict)
    asked: list[list[tuple[Probe, _Told]]] = field(default_factory=list)


def calibrate(
    profile: str,
    sides: Sequence[Side],
    *,
    traces: Sequence[Trace] = (),
    on_progress: Say | None = None,
) -> Calibration:
    """Start the sides' servers, measure them in turn, and fit their rates.

    Args:
        traces: runs recorded with their texts, whose prompts are asked again on each side, since
            what drafts are worth depends on them. Prompts of the package's own by default.

    Raises:
        UserError: a trace holds no texts.
        ServingError: a server did not start, or does not tell its own times.
    """
    say = on_progress or (lambda _: None)
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    probes = [probe for trace in traces for probe in recorded_probes(trace)] or own_probes()
    with ExitStack() as stack:
        servers = {
            side.label: stack.enter_context(serve(side.profile, on_progress=on_progress))
            for side in sides
        }
        measured = asyncio.run(_measure(servers, probes, say))
    return Calibration(
        profile=profile,
        started_at=started_at,
        machine=machine(),
        cores=cores(),
        versions=versions(),
        sides={
            side.label: _rates(side.profile.told_speculation, measured[side.label])
            for side in sides
        },
    )


async def _measure(
    servers: dict[str, Server], probes: Sequence[Probe], say: Say
) -> dict[str, _Measured]:
    """Rounds in turn, after one that is not counted: the first of anything takes longer."""
    found = {label: _Measured() for label in servers}
    labels = list(servers)
    async with httpx.AsyncClient(timeout=300) as client:
        for turn in range(_ROUNDS + 1):
            say(f"calibrating, round {turn} of {_ROUNDS}" if turn else "calibrating, warm-up")
            for label in in_turn(labels, turn):
                into = found[label] if turn else _Measured()
                await _round(client, servers[label], turn, into.points)
                if turn <= _ASKED:
                    into.asked.append([(p, await _chat(client, servers[label], p)) for p in probes])
    return found


async def _round(client: httpx.AsyncClient, server: Server, turn: int, into: Points) -> None:
    for tokens in _PREFILL:
        told = await _complete(client, server, _random_ids(tokens, turn), 2)
        into.setdefault("prefill", []).append((tokens, told.prefill_s))
    for context in _CONTEXTS:
        told = await _complete(client, server, _repeating_ids(context, turn), _OUTPUT)
        into.setdefault("step", []).append((context + _OUTPUT / 2, told.decode_s / told.steps))
    for batch in _BATCHES:
        calls = [
            _complete(client, server, _repeating_ids(64, 100 * turn + batch + n), _OUTPUT)
            for n in range(batch)
        ]
        each = [told.decode_s / told.steps for told in await asyncio.gather(*calls)]
        into.setdefault("batch", []).append((batch, median(each)))


def _random_ids(tokens: int, seed: int) -> list[int]:
    """A prompt that no cache knows."""
    draw = random.Random(f"{tokens}/{seed}")  # noqa: S311 - not for secrets
    return draw.choices(_IDS, k=tokens)


def _repeating_ids(tokens: int, seed: int) -> list[int]:
    """A prompt that repeats itself, so that n-gram speculation finds something to propose."""
    cycle = _random_ids(16, seed)
    return (cycle * (tokens // 16 + 1))[:tokens]


async def _complete(
    client: httpx.AsyncClient, server: Server, prompt: list[int], tokens: int
) -> _Told:
    body = {"prompt": prompt, "max_tokens": tokens, "temperature": 0, "ignore_eos": True}
    return await _ask(client, server, "completions", body)


async def _chat(client: httpx.AsyncClient, server: Server, probe: Probe) -> _Told:
    return await _ask(client, server, "chat/completions", probe.body)


async def _ask(client: httpx.AsyncClient, server: Server, path: str, body: dict[str, Any]) -> _Told:
    headers = {"Authorization": f"Bearer {server.api_key}"}
    request = {"model": server.model, **body}
    answer = await client.post(f"{server.base_url}/{path}", json=request, headers=headers)
    if answer.is_error:
        raise ServingError(f"{server.profile}: the server refused a probe: {answer.text[:300]}")
    told = answer.json()
    metrics = told.get("metrics") or {}
    if metrics.get("generation_time_ms") is None:
        raise ServingError(
            f"{server.profile}: the server does not tell its own times; "
            "serve it with the flag enable-per-request-metrics: true"
        )
    spec = metrics.get("speculative_decoding") or {}
    return _Told(
        prefill_s=metrics["time_to_first_token_ms"] / 1000,
        decode_s=metrics["generation_time_ms"] / 1000,
        output_tokens=told["usage"]["completion_tokens"],
        accepted=spec.get("num_accepted_draft_tokens") or 0,
    )


def _rates(speculation: dict[str, Any] | None, measured: _Measured) -> ServerRates:
    points = measured.points
    step = _fit_medians(points["step"])
    alone = step.at(64 + _OUTPUT / 2)
    batch = {n: median(s for b, s in points["batch"] if b == n) / alone for n in _BATCHES}
    all_asked = [pair for asked in measured.asked for pair in asked]
    kinds = sorted({probe.kind for probe, _ in all_asked})
    return ServerRates(
        speculation=speculation,
        prefill=_fit_medians(points["prefill"]),
        step=step,
        batch={1: 1.0} | batch,
        acceptance={kind: _yield([t for p, t in all_asked if p.kind == kind]) for kind in kinds},
        nodes=_by_node(measured.asked),
        points=points,
    )


def _fit_medians(points: list[tuple[float, float]]) -> Line:
    """A line through the median at each length: one hiccup must not tilt it."""
    lengths = sorted({tokens for tokens, _ in points})
    return fit([(n, median(s for tokens, s in points if tokens == n)) for n in lengths])


def _yield(calls: Sequence[_Told]) -> float:
    """Tokens a step over all calls: all their tokens over all their steps."""
    return sum(told.after_first for told in calls) / sum(told.steps for told in calls)


def _by_node(rounds: Sequence[Sequence[tuple[Probe, _Told]]]) -> dict[str, dict[str, float]]:
    """Decode seconds a token of each recorded node over all its calls, the median of the rounds."""
    found: dict[str, dict[str, float]] = {}
    for workflow, node in sorted({(p.workflow, p.node) for p, _ in rounds[0] if p.node}):
        each = []
        for asked in rounds:
            calls = [told for p, told in asked if (p.workflow, p.node) == (workflow, node)]
            each.append(sum(t.decode_s for t in calls) / sum(t.after_first for t in calls))
        found.setdefault(workflow, {})[node] = median(each)
    return found
