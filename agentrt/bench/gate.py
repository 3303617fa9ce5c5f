"""A gate for CI: has a workflow become slower than it may, beyond what noise explains?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Literal

from pydantic import BaseModel, Field

from agentrt.bench.evidence import read_evidence
from agentrt.bench.sample import Sample
from agentrt.bench.statistics import Ratio, independent_ratio, paired_ratio
from agentrt.errors import UserError

# Fewer runs than these can't show a spread.
_ENOUGH = 3


class Baseline(BaseModel):
    """What a workflow took when it was accepted, as runs and not as one number."""

    baseline: Literal["agentrt.baseline"] = "agentrt.baseline"
    workflow: str
    started_at: str
    machine: str
    cores: int
    versions: dict[str, str]
    samples: list[Sample]


class Change(BaseModel):
    """How many times as long something takes as before; above 1 is slower."""

    name: str
    before_s: float
    after_s: float
    ratio: Ratio


class Gate(BaseModel):
    """The verdict, and what it rests on.

    ``pass``: the whole interval lies within what is allowed. ``fail``: the whole interval lies
    beyond it. ``unclear``: it lies on both sides, or there are too few runs.
    """

    workflow: str
    verdict: Literal["pass", "fail", "unclear"]
    max_regression: float = Field(description="as a share: 0.1 allows 10% more")
    paired: bool = Field(description="whether both were run in turn on one machine")
    runs: tuple[int, int]
    wall: Change
    decode_per_token: Change | None
    nodes: list[Change]
    warnings: list[str]


def judge_change(
    workflow: str,
    before: Sequence[Sample],
    after: Sequence[Sample],
    *,
    max_regression: float,
    paired: bool,
) -> Gate:
    """Judge the wall-clock of ``after`` against ``before``.

    Args:
        paired: the n-th runs of both belong together; else they are independent samples, and
            whatever differs between the two machines or days counts as change.

    Raises:
        UserError: one side has no run.
    """
    if not before or not after:
        raise UserError(f"{workflow}: there is nothing to compare: one side has no run")
    ratio = paired_ratio if paired else independent_ratio

    def change(name: str, of: Callable[[Sample], float]) -> Change:
        a, b = [of(sample) for sample in before], [of(sample) for sample in after]
        return Change(name=name, before_s=median(a), after_s=median(b), ratio=ratio(b, a))

    wall = change("total", lambda sample: sample.wall_s)
    everyone = [*before, *after]
    nodes = [n for n in before[0].node_s if all(n in sample.node_s for sample in everyone)]
    known = all(sample.decode_s_per_token() for sample in everyone)
    return Gate(
        workflow=workflow,
        verdict=_verdict(wall.ratio, max_regression, min(len(before), len(after))),
        max_regression=max_regression,
        paired=paired,
        runs=(len(before), len(after)),
        wall=wall,
        decode_per_token=(
            change("decode a token", lambda sample: sample.decode_s_per_token() or 0.0)
            if known
            else None
        ),
        nodes=[change(name, lambda sample, name=name: sample.node_s[name]) for name in nodes],  # type: ignore[misc]
        warnings=_warnings(before, after),
    )


def _verdict(ratio: Ratio, max_regression: float, runs: int) -> Literal["pass", "fail", "unclear"]:
    allowed = 1 + max_regression
    if runs < _ENOUGH:
        return "unclear"
    if ratio.low > allowed:
        return "fail"
    return "pass" if ratio.high <= allowed else "unclear"


def _warnings(before: Sequence[Sample], after: Sequence[Sample]) -> list[str]:
    found = []
    if min(len(before), len(after)) < _ENOUGH:
        found.append(f"fewer than {_ENOUGH} runs on one side show no spread")
    tokens = [
        median(sum(call.output_tokens or 0 for call in sample.calls) for sample in side)
        for side in (before, after)
    ]
    if tokens[0] != tokens[1]:
        found.append(f"tokens written changed from {tokens[0]:.0f} to {tokens[1]:.0f} (medians)")
    if set(before[0].node_s) != set(after[0].node_s):
        found.append("the two have different nodes; only those of both are listed")
    return found


def read_baseline(path: Path) -> Baseline:
    """Read a baseline that ``agentrt check --save`` wrote.

    Raises:
        UserError: it can't be read, or is something else.
    """
    return read_evidence(path, Baseline, "not a baseline; `agentrt check … --save FILE` writes one")
