"""What a comparison found, with the evidence that it rests on."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from agentrt.bench.statistics import Ratio

Side = Literal["without", "with"]
SIDES: tuple[Side, Side] = ("without", "with")


class Sample(BaseModel):
    """One run of one side. Seconds and tokens."""

    side: Side
    pair: int
    wall_s: float
    decode_s: float
    output_tokens: int
    acceptance_length: float | None
    node_s: dict[str, float]
    outputs: dict[str, Any]


class NodeComparison(BaseModel):
    """One node's median seconds on both sides, and how many times faster it became."""

    node: str
    without_s: float
    with_s: float
    ratio: Ratio
    acceptance_length: float | None = None


class Comparison(BaseModel):
    """A paired comparison with the evidence that it rests on."""

    workflow: str
    profile: str
    speculation: str | None
    inputs: dict[str, Any]
    started_at: str
    machine: str
    versions: dict[str, str]
    wall: NodeComparison
    per_token: Ratio = Field(description="seconds of decode a token, without over with")
    nodes: list[NodeComparison]
    same_outputs: bool
    same_tokens: bool
    samples: list[Sample]
