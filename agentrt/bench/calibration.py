"""What a server's rates are, as fitted lines, and what they make of a measured model call."""

from __future__ import annotations

from pathlib import Path
from statistics import linear_regression
from typing import Any, Literal

from pydantic import BaseModel, Field

from agentrt.bench.evidence import read_evidence
from agentrt.errors import UserError
from agentrt.timing import Category, Span

Kind = Literal["free", "constrained"]
"""Whether a call's output was held to a JSON schema; a grammar changes what drafts are worth."""


class Line(BaseModel):
    """Seconds as a linear function of tokens."""

    at_zero_s: float
    per_token_s: float

    def at(self, tokens: float) -> float:
        """Seconds at so many tokens; never below a tenth of a millisecond."""
        return max(1e-4, self.at_zero_s + self.per_token_s * tokens)


def fit(points: list[tuple[float, float]]) -> Line:
    """Ordinary least squares through (tokens, seconds).

    Raises:
        ValueError: all points have the same number of tokens.
    """
    slope, intercept = linear_regression(*zip(*points, strict=True))
    return Line(at_zero_s=intercept, per_token_s=slope)


class ServerRates(BaseModel):
    """One server. Seconds and tokens, by the server's own clock, at concurrency 1."""

    speculation: dict[str, Any] | None
    prefill: Line = Field(description="seconds to the first token, by uncached prompt tokens")
    step: Line = Field(description="seconds a decode step (draft and verify), by tokens before it")
    batch: dict[int, float] = Field(
        description="a decode step with so many requests at once, in steps with one"
    )
    acceptance: dict[Kind, float] = Field(
        description="mean tokens a decode step, steps without a draft included"
    )
    nodes: dict[str, dict[str, float]] = Field(
        default_factory=dict,
        description="decode seconds a token on the prompts of recorded runs, by workflow and node",
    )
    points: dict[str, list[tuple[float, float]]] = Field(
        description="what the lines were fitted to"
    )


class Calibration(BaseModel):
    """Servers of one target, measured in turn."""

    calibration: Literal["agentrt.calibration"] = "agentrt.calibration"
    profile: str
    started_at: str
    machine: str
    cores: int
    versions: dict[str, str]
    sides: dict[str, ServerRates]

    def transfer(self, source: str, target: str, workflow: str | None = None) -> Transfer:
        """From calls measured on one side to calls on another.

        Args:
            workflow: whose prompts may have been measured; None leaves them out of account.

        Raises:
            UserError: there is no such side.
        """
        for side in (source, target):
            if side not in self.sides:
                raise UserError(f"the calibration has no side {side!r}: {', '.join(self.sides)}")
        before, after = self.sides[source], self.sides[target]
        known = after.nodes.get(workflow or "", {})
        nodes = {
            node: known[node] / seconds
            for node, seconds in before.nodes.get(workflow or "", {}).items()
            if node in known
        }
        return Transfer(label=f"{source} → {target}", source=before, target=after, nodes=nodes)


class Transfer(BaseModel):
    """What measured calls become on another server that writes the same tokens.

    Each measured figure is multiplied by the ratio of the two sides' fitted figures, so that what
    the fit misses on one side is kept::

        prefill' = prefill * prefill_target(new) / prefill_source(new)
        decode'  = decode * (step_target(c) / L_target) / (step_source(c) / L_source)

    with ``new`` the uncached prompt tokens, ``c`` the context in the middle of the answer and ``L``
    the mean tokens a step: measured for the source where the trace tells it, else calibrated. The
    second line is the speedup of speculative decoding (arXiv 2211.17192, theorem 3.8) with measured
    step costs and yields in place of modelled ones. Where both sides were measured on the prompts
    of the node itself, the measured ratio of seconds a token takes the place of that line.
    """

    label: str
    source: ServerRates
    target: ServerRates
    nodes: dict[str, float] = Field(
        description="how many times as long a token of a node takes on the target, measured"
    )

    def changes(self, call: Span) -> dict[Category, float]:
        """Seconds that prefill and decode of a call gain or lose."""
        told = call.attributes
        prompt, output = told.get("prompt_tokens") or 0, told.get("output_tokens") or 0
        new = prompt - (told.get("cached_tokens") or 0)
        context = prompt + output / 2
        kind: Kind = "constrained" if told.get("constrained") else "free"
        prefill_s = max(0.0, (told.get("ttft_s") or 0.0) - (told.get("queue_s") or 0.0))
        decode_s = told.get("decode_s") or 0.0
        before = self.source.step.at(context) / _yield(told, self.source, kind)
        after = self.target.step.at(context) / self.target.acceptance.get(kind, 1.0)
        decode_ratio = self.nodes.get(call.node or "", after / before)
        prefill_ratio = self.target.prefill.at(new) / self.source.prefill.at(new)
        return {
            "prefill": prefill_s * (prefill_ratio - 1),
            "decode": decode_s * (decode_ratio - 1),
        }


def tokens_a_step(output_tokens: int, accepted: int) -> float | None:
    """Mean tokens a decode step of one call; its first token is the prefill's."""
    after_first = output_tokens - 1
    steps = after_first - accepted
    return after_first / steps if steps > 0 else None


def _yield(told: dict[str, Any], side: ServerRates, kind: Kind) -> float:
    if side.speculation is None:
        return 1.0
    measured = tokens_a_step(told.get("output_tokens") or 0, told.get("accepted_draft_tokens") or 0)
    return measured or side.acceptance.get(kind, 1.0)


def read_calibration(path: Path) -> Calibration:
    """Read what ``agentrt calibrate`` wrote.

    Raises:
        UserError: it can't be read, or is something else.
    """
    return read_evidence(path, Calibration, "not a calibration; `agentrt calibrate` writes one")
