"""200 runs that are ended while they work: what is left of them, and how late a deadline ends one.

Each run is in a model's answer, in two answers at once, in a tool, or in a program that a tool
started, when it is ended: by its caller, from outside through the store, by a node's timeout_s or
by the run's budget of seconds. Afterwards no program may be left, no answer may still be written,
and the trace has to say what was cancelled. With --base-url, further runs are ended on a real vLLM
server, and its own count of running requests has to come back to nothing.

Writes benchmarks/results/cancellation.json.
Run: python benchmarks/cancellation.py [--runs N] [--base-url URL --model NAME], key: OPENAI_API_KEY
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psutil

from agentrt.bench.evidence import circumstances
from agentrt.errors import AgentrtError
from agentrt.graph.events import Event, NodeStarted, Token
from agentrt.runtime import Runtime
from agentrt.testing import FakeOpenAIServer, Reply
from agentrt.timing import Span
from agentrt.toolbox import tool

RESULTS = Path(__file__).parent / "results"
_DEADLINE_S = 0.5
_GONE_S = 1.0
_PLACES: dict[str, dict[str, Any]] = {
    "answer": {"work": {"kind": "llm", "prompt": "Count to ten thousand."}},
    "two answers": {
        "work": {"kind": "llm", "prompt": "Count.", "for_each": "{{ [1, 2] }}"},
    },
    "tool": {"work": {"kind": "tool", "tool": "hold"}},
    "program": {"work": {"kind": "tool", "tool": "program"}},
}
_ENDS = ("caller", "outside", "timeout_s", "budget")


@dataclass
class Ended:
    """What was seen of one run's end."""

    place: str
    end: str
    seconds: float
    programs_left: int
    answers_left: int
    open_spans: int
    cancelled_spans: int


@tool
async def hold() -> str:
    """Wait for ever."""
    await asyncio.sleep(3600)
    return ""


@tool(replay="once")
async def program() -> str:
    """Run a program that takes for ever."""
    process = await asyncio.create_subprocess_exec("sleep", "3600", start_new_session=True)
    try:
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return ""


class Watching:
    """The spans of a run, and whether it has come to where it is to be ended."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, Span]] = []
        self.busy = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def span(self, moment: str, span: Span) -> None:
        self.spans.append((moment, span))

    def event(self, place: str) -> Any:
        def heard(event: Event) -> None:
            streams = place in ("answer", "two answers")
            if isinstance(event, Token) if streams else isinstance(event, NodeStarted):
                self._loop.call_soon_threadsafe(self.busy.set)

        return heard

    def counts(self) -> tuple[int, int]:
        """Spans that never closed, and those that closed as cancelled."""
        closed = [span for moment, span in self.spans if moment == "close"]
        opened = [span for moment, span in self.spans if moment == "open"]
        ids = {span.id for span in closed}
        open_ = sum(span.id not in ids for span in opened)
        return open_, sum(span.status == "cancelled" for span in closed)


async def main() -> None:
    options = _options()
    ended: list[Ended] = []
    with FakeOpenAIServer([Reply("word " * 20000, itl_s=0.01)]) as server:
        for number in range(options.runs):
            place = list(_PLACES)[number % len(_PLACES)]
            end = _ENDS[number // len(_PLACES) % len(_ENDS)]
            before = len(server.requests), server.cancelled
            one = await _end_one(server.base_url, "m", server.api_key, place, end)
            one.answers_left = await _left(server, before)
            ended.append(one)
    evidence: dict[str, Any] = {
        **circumstances(
            f"python benchmarks/cancellation.py --runs {options.runs}"
            + (" --base-url URL --model NAME" if options.base_url else "")
        ),
        "runs": len(ended),
        "programs_left": sum(one.programs_left for one in ended),
        "answers_left": sum(one.answers_left for one in ended),
        "spans_left_open": sum(one.open_spans for one in ended),
        "runs_whose_trace_says_so": sum(one.cancelled_spans > 0 for one in ended),
        "ended_after_s": _spread([o.seconds for o in ended if o.end in ("caller", "outside")]),
        "overshoot_s": _spread([o.seconds for o in ended if o.end in ("timeout_s", "budget")]),
        "vllm": await _on_vllm(options) if options.base_url else None,
    }
    RESULTS.mkdir(exist_ok=True)
    options.out.write_text(json.dumps(evidence, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(evidence, indent=1))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--base-url")
    parser.add_argument("--model")
    parser.add_argument("--vllm-runs", type=int, default=20)
    parser.add_argument("--out", type=Path, default=RESULTS / "cancellation.json")
    return parser.parse_args()


def _spread(seconds: list[float]) -> dict[str, float] | None:
    if not seconds:
        return None
    ordered = sorted(seconds)
    return {
        "median": statistics.median(ordered),
        "p99": ordered[min(len(ordered) - 1, round(0.99 * len(ordered)))],
        "most": ordered[-1],
    }


async def _end_one(base_url: str, model: str, key: str, place: str, end: str) -> Ended:
    """Run a workflow until it is busy, end it, and see what is left. Seconds: how late it ended."""
    watching = Watching()
    workflow: dict[str, Any] = {
        "name": "w",
        "nodes": json.loads(json.dumps(_PLACES[place])),
        "outputs": {"o": "{{ work }}"},
    }
    if workflow["nodes"]["work"]["kind"] == "llm":
        workflow["nodes"]["work"]["sampling"] = {"max_tokens": 3000}
    if end == "timeout_s":
        workflow["nodes"]["work"]["timeout_s"] = _DEADLINE_S
    if end == "budget":
        workflow["budget"] = {"seconds": _DEADLINE_S}
    with TemporaryDirectory() as folder:
        async with Runtime(
            base_url=base_url, model=model, api_key=key, tools=[hold, program],
            hooks=[watching.span], store=Path(folder),
        ) as runtime:  # fmt: skip
            run = asyncio.ensure_future(runtime.arun(workflow, on_event=watching.event(place)))
            if end in ("caller", "outside"):
                await watching.busy.wait()
                await asyncio.sleep(0.05)
                asked = time.perf_counter()
                if end == "caller":
                    run.cancel()
                else:
                    runtime.cancel(runtime.runs()[0].id)
                await asyncio.gather(run, return_exceptions=True)
                while not _closed(watching):  # noqa: ASYNC110 - the caller's task ends before the run's own
                    await asyncio.sleep(0.001)
                late = time.perf_counter() - asked
            else:
                (failed,) = await asyncio.gather(run, return_exceptions=True)
                assert isinstance(failed, AgentrtError), failed
                late = _overshoot(watching, end)
    programs = [child for child in psutil.Process().children() if child.name() == "sleep"]
    return Ended(place, end, late, len(programs), 0, *watching.counts())


def _closed(watching: Watching) -> bool:
    return any(moment == "close" and span.kind == "run" for moment, span in watching.spans)


def _overshoot(watching: Watching, end: str) -> float:
    """How long after its deadline the run, or its node, came to its end."""
    kind = "run" if end == "budget" else "node"
    ends = [span for moment, span in watching.spans if moment == "close" and span.kind == kind]
    return max(span.duration_s for span in ends) - _DEADLINE_S


async def _left(server: FakeOpenAIServer, before: tuple[int, int]) -> int:
    """Answers that the server still writes, a second after the run's end."""
    until = time.perf_counter() + _GONE_S
    while True:
        begun, broken_off = len(server.requests) - before[0], server.cancelled - before[1]
        if begun == broken_off or time.perf_counter() > until:
            return begun - broken_off
        await asyncio.sleep(0.01)


async def _on_vllm(options: argparse.Namespace) -> dict[str, Any]:
    """The same on a real server, which tells itself how many requests it is at."""
    key = os.environ.get("OPENAI_API_KEY", "none")
    metrics = options.base_url.removesuffix("/v1") + "/metrics"
    freed: list[float] = []
    async with httpx.AsyncClient() as client:
        for number in range(options.vllm_runs):
            place, end = list(_PLACES)[number % 2], _ENDS[number // 2 % len(_ENDS)]
            if await _running(client, metrics) > 0:
                sys.exit("other requests run on that server: its count would say nothing")
            await _end_one(options.base_url, options.model, key, place, end)
            asked = time.perf_counter()
            while await _running(client, metrics) > 0 and time.perf_counter() - asked < 30:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            freed.append(time.perf_counter() - asked)
    late = sum(seconds > _GONE_S for seconds in freed)
    return {"runs": len(freed), "free_after_s": _spread(freed), "later_than_1_s": late}


async def _running(client: httpx.AsyncClient, metrics: str) -> float:
    text = (await client.get(metrics)).text
    return sum(
        float(line.rsplit(" ", 1)[1])
        for line in text.splitlines()
        if line.startswith("vllm:num_requests_running")
    )


if __name__ == "__main__":
    asyncio.run(main())
