"""Measuring a server's rates: prefill by length, decode steps by context and batch, acceptance.

Servers are measured in turn, probe by probe, by vLLM's own per-request clock.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from statistics import median
from typing import Any

import httpx

from agentrt.bench.calibration import (
    Calibration,
    Kind,
    Line,
    ServerRates,
    fit,
    tokens_a_step,
)
from agentrt.bench.evidence import cores, machine, versions
from agentrt.bench.sides import Side
from agentrt.errors import ServingError
from agentrt.llm.structured import response_format
from agentrt.serving import Server, serve
from agentrt.timing import Trace

_PREFILL = (64, 256, 1024, 2048)
_CONTEXTS = (64, 1024, 2048)
_BATCHES = (2, 4)
_OUTPUT = 40
_REPEATS = 3
# Token ids that any vocabulary of use has, away from its special ones.
_IDS = range(1000, 20_000)

Say = Callable[[str], None]
Probe = tuple[Kind, dict[str, Any]]
"""A request body of the chat API without its model."""


def calibrate(
    profile: str,
    sides: Sequence[Side],
    *,
    trace: Trace | None = None,
    on_progress: Say | None = None,
) -> Calibration:
    """Start the sides' servers, measure them in turn, and fit their rates.

    Args:
        trace: a run recorded with its texts, whose prompts acceptance is measured on; some of the
            package's own by default.

    Raises:
        ServingError: a server did not start, or does not tell its own times.
    """
    say = on_progress or (lambda _: None)
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    probes = _probes_of(trace) if trace else _own()
    with ExitStack() as stack:
        servers = {
            side.label: stack.enter_context(serve(side.profile, on_progress=on_progress))
            for side in sides
        }
        points = asyncio.run(_measure(servers, probes, say))
    return Calibration(
        profile=profile,
        started_at=started_at,
        machine=machine(),
        cores=cores(),
        versions=versions(),
        sides={
            side.label: _rates(side.profile.told_speculation, points[side.label]) for side in sides
        },
    )


Points = dict[str, list[tuple[float, float]]]


async def _measure(
    servers: dict[str, Server], probes: Sequence[Probe], say: Say
) -> dict[str, Points]:
    found: dict[str, Points] = {label: {} for label in servers}
    async with httpx.AsyncClient(timeout=300) as client:
        for turn in range(_REPEATS):
            say(f"calibrating, round {turn + 1} of {_REPEATS}")
            labels = list(servers)
            for label in labels[turn % len(labels) :] + labels[: turn % len(labels)]:
                await _round(client, servers[label], turn, probes, found[label])
    return found


async def _round(
    client: httpx.AsyncClient, server: Server, turn: int, probes: Sequence[Probe], into: Points
) -> None:
    for tokens in _PREFILL:
        told = await _complete(client, server, _random_ids(tokens, turn), 2)
        into.setdefault("prefill", []).append((tokens, told["prefill_s"]))
    for context in _CONTEXTS:
        told = await _complete(client, server, _repeating_ids(context, turn), _OUTPUT)
        into.setdefault("step", []).append((context + _OUTPUT / 2, told["step_s"]))
    for batch in _BATCHES:
        calls = [
            _complete(client, server, _repeating_ids(64, 100 * turn + batch + n), _OUTPUT)
            for n in range(batch)
        ]
        step_s = median(told["step_s"] for told in await asyncio.gather(*calls))
        into.setdefault("batch", []).append((batch, step_s))
    if turn == 0:
        for kind, body in probes:
            told = await _ask(client, server, "chat/completions", body)
            if told["yield"]:
                into.setdefault(kind, []).append((told["output_tokens"], told["yield"]))


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
) -> dict[str, Any]:
    body = {"prompt": prompt, "max_tokens": tokens, "temperature": 0, "ignore_eos": True}
    return await _ask(client, server, "completions", body)


async def _ask(
    client: httpx.AsyncClient, server: Server, path: str, body: dict[str, Any]
) -> dict[str, Any]:
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
    output = told["usage"]["completion_tokens"]
    accepted = spec.get("num_accepted_draft_tokens") or 0
    steps = max(1, output - 1 - accepted)
    return {
        "prefill_s": metrics["time_to_first_token_ms"] / 1000,
        "step_s": metrics["generation_time_ms"] / 1000 / steps,
        "output_tokens": output,
        "yield": tokens_a_step(output, accepted),
    }


def _rates(speculation: dict[str, Any] | None, points: Points) -> ServerRates:
    step = _fit_medians(points["step"])
    alone = step.at(64 + _OUTPUT / 2)
    return ServerRates(
        speculation=speculation,
        prefill=_fit_medians(points["prefill"]),
        step=step,
        batch={1: 1.0}
        | {
            batch: median(s for b, s in points["batch"] if b == batch) / alone for batch in _BATCHES
        },
        acceptance={
            kind: _together(points[kind]) for kind in ("free", "constrained") if points.get(kind)
        },
        points=points,
    )


def _fit_medians(points: list[tuple[float, float]]) -> Line:
    """A line through the median at each length: one hiccup must not tilt it."""
    lengths = sorted({tokens for tokens, _ in points})
    return fit([(n, median(s for tokens, s in points if tokens == n)) for n in lengths])


def _together(points: list[tuple[float, float]]) -> float:
    """Tokens a step over all calls: all their tokens over all their steps."""
    return sum(tokens for tokens, _ in points) / sum(tokens / each for tokens, each in points)


def _probes_of(trace: Trace) -> list[Probe]:
    """The model calls of a recorded run, to be asked again."""
    found: list[Probe] = []
    for span in trace.spans:
        if span.kind == "llm" and span.attributes.get("messages"):
            kind: Kind = "constrained" if span.attributes.get("constrained") else "free"
            body: dict[str, Any] = {
                "messages": span.attributes["messages"],
                "max_tokens": max(2, span.attributes.get("output_tokens") or 2),
                "temperature": 0,
            }
            if span.attributes.get("schema"):
                body["response_format"] = response_format(span.attributes["schema"])
            found.append((kind, body))
    if not found:
        raise ServingError("the trace holds no texts: record it with --record-text")
    return found


def _own() -> list[Probe]:
    """Short prompts of the kinds that agents use, over text that Python brings."""
    from pydoc_data.topics import topics

    found: list[Probe] = []
    for name in ("lambda", "try", "with", "yield", "class", "import"):
        text = topics[name][:1200]
        found += [
            ("free", _body(f"{text}\n\nExplain this in a few sentences.")),
            (
                "constrained",
                _body(f"{text}\n\nGive a title and three key words.", _TITLE),
            ),
        ]
    return found


def _body(prompt: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": 64,
        "temperature": 0,
    }
    if schema is not None:
        body["response_format"] = response_format(schema)
    return body


_TITLE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "maxLength": 60},
        "words": {
            "type": "array",
            "items": {"type": "string", "maxLength": 20},
            "minItems": 3,
            "maxItems": 3,
        },
    },
    "required": ["title", "words"],
    "additionalProperties": False,
}
