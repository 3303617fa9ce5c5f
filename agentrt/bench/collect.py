"""Samples for a gate: from traces that exist, or from workflows run in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from agentrt.bench.observe import observe, observe_trace
from agentrt.bench.sample import Sample
from agentrt.runtime import Runtime
from agentrt.spec import Workflow
from agentrt.timing import Trace


def samples_of(traces: Sequence[Trace]) -> list[Sample]:
    """Finished runs as samples.

    Raises:
        TraceError: a trace holds no finished run.
    """
    return [observe_trace("trace", n, trace) for n, trace in enumerate(traces, start=1)]


def run_in_turn(
    runtime: Runtime,
    workflows: Sequence[tuple[Workflow, dict[str, Any]]],
    runs: int,
    say: Callable[[str], None],
) -> list[list[Sample]]:
    """Run workflows in turn after a warm-up of each: a list of samples for each.

    Raises:
        AgentrtError: a run failed.
    """
    found: list[list[Sample]] = [[] for _ in workflows]
    for turn in range(runs + 1):
        order = list(range(len(workflows)))
        for n in order if turn % 2 else reversed(order):
            workflow, inputs = workflows[n]
            say(f"run {turn} of {runs}" if turn else "warm-up")
            result = runtime.run(workflow, inputs)
            if turn:
                found[n].append(observe("check", turn, workflow, result))
    return found
