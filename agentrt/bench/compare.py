"""An agent's wall-clock under several kinds of speculation: servers side by side, runs in turn."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from agentrt.bench.comparison import Comparison, Verdict
from agentrt.bench.evidence import circumstances
from agentrt.bench.judge import judge
from agentrt.bench.observe import observe
from agentrt.bench.sample import Sample
from agentrt.bench.sides import Side, in_turn
from agentrt.errors import UserError
from agentrt.result import Result
from agentrt.runtime import Runtime, WorkflowSource
from agentrt.spec import Workflow

Say = Callable[[str], None]


def compare(
    workflow: WorkflowSource,
    inputs: dict[str, Any],
    sides: Sequence[Side],
    *,
    runs: int = 3,
    on_progress: Say | None = None,
) -> Comparison:
    """Run a workflow in turn on each side, and judge each against the first.

    All servers are up the whole time; a warm-up run of each side is not counted; the order of
    the sides turns from round to round, so that no side always runs on a warmer machine.

    Raises:
        UserError: there are fewer than two sides, or ``runs`` is below 1.
        AgentrtError: a server did not start, or a run failed.
    """
    if runs < 1 or len(sides) < 2:
        raise UserError("a comparison needs two sides and at least one run of each")
    say = on_progress or (lambda _: None)
    about = circumstances(" ".join(["agentrt", *sys.argv[1:]]))
    with ExitStack() as stack:
        runtimes, start_s = {}, {}
        for side in sides:
            say(f"starting the server: {side.label}")
            runtime = Runtime(side.profile, record_text=True, on_progress=on_progress, store=None)
            began = time.perf_counter()
            runtimes[side.label] = stack.enter_context(runtime)
            start_s[side.label] = time.perf_counter() - began
        loaded = runtimes[sides[0].label].load(workflow)
        samples, first = _alternate(runtimes, loaded, inputs, runs, say)
    verdicts = _verdicts(sides, samples)
    return Comparison(
        workflow=loaded.spec.name,
        spec=loaded.spec.model_dump(mode="json", by_alias=True),
        inputs=inputs,
        reference=sides[0].label,
        verdicts=verdicts,
        best=_best(sides[0], verdicts),
        start_s=start_s,
        **about,
        prompts=_prompts(first),
        samples=samples,
    )


def _alternate(
    runtimes: dict[str, Runtime],
    workflow: Workflow,
    inputs: dict[str, Any],
    runs: int,
    say: Say,
) -> tuple[list[Sample], Result]:
    samples, results = [], []
    labels = list(runtimes)
    for pair in range(runs + 1):
        for label in in_turn(labels, pair):
            say(f"warm-up: {label}" if pair == 0 else f"run {pair} of {runs}: {label}")
            result = runtimes[label].run(workflow, inputs)
            results.append(result)
            if pair:
                samples.append(observe(label, pair, workflow, result))
    return samples, results[0]


def _verdicts(sides: Sequence[Side], samples: Sequence[Sample]) -> list[Verdict]:
    by_side = {
        side.label: sorted((s for s in samples if s.side == side.label), key=lambda s: s.pair)
        for side in sides
    }
    return [judge(side, by_side[sides[0].label], by_side[side.label]) for side in sides[1:]]


def _best(reference: Side, verdicts: Sequence[Verdict]) -> str:
    """By decode a token where the server tells, which stays fair where the outputs differ."""

    def gain(verdict: Verdict) -> float:
        return (verdict.wall.per_token or verdict.wall.ratio).median

    best = max(verdicts, key=gain)
    return best.side if gain(best) > 1 else reference.label


def _prompts(result: Result) -> list[dict[str, Any]]:
    return [
        {"node": span.node, "messages": span.attributes.get("messages")}
        for span in sorted(result.trace.spans, key=lambda span: span.start_s)
        if span.kind == "llm"
    ]
