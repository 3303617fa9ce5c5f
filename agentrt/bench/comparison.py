"""What a comparison found, with the evidence that it rests on."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from agentrt.bench.sample import Sample
from agentrt.bench.statistics import Ratio


class Row(BaseModel):
    """A node, a task kind or the whole run on both sides.

    Medians in seconds; a ratio says how many times faster the judged side was.
    """

    name: str
    reference_s: float
    judged_s: float
    ratio: Ratio
    per_token: Ratio | None = Field(
        default=None, description="of decode seconds a token, which holds where outputs differ"
    )
    acceptance_length: float | None = Field(
        default=None, description="mean tokens a verification step, the bonus token included"
    )


class Verdict(BaseModel):
    """One judged side against the reference."""

    side: str
    profile: str
    speculation: dict[str, Any] | None
    wall: Row
    ttft: Ratio | None
    tpot: Ratio | None
    nodes: list[Row]
    tasks: list[Row]
    acceptance_by_position: list[float] = Field(
        description="share of steps that accepted the draft of this place, first place first"
    )
    same_outputs: bool
    warnings: list[str]
    advice: list[str]


class Comparison(BaseModel):
    """A paired comparison with its evidence."""

    workflow: str
    spec: dict[str, Any] = Field(description="the workflow, its seeds and sampling included")
    inputs: dict[str, Any]
    reference: str
    verdicts: list[Verdict]
    best: str = Field(description="the side with the shortest decode a token")
    start_s: dict[str, float] = Field(
        description="seconds until each side's runtime was ready; one server at a time"
    )
    started_at: str
    command: str
    machine: str
    cores: int
    versions: dict[str, str]
    prompts: list[dict[str, Any]] = Field(
        description="each model call of one run of the reference: its node and messages"
    )
    samples: list[Sample]
