"""What a run says while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agentrt.timing import Span


@dataclass(frozen=True)
class NodeStarted:
    """A node began."""

    node: str
    kind: str


@dataclass(frozen=True)
class NodeFinished:
    """A node ended. ``seconds`` is its wall-clock.

    ``skipped`` where a branch did not choose it; ``cached`` where its value is an earlier run's.
    """

    node: str
    seconds: float
    skipped: bool = False
    cached: bool = False


@dataclass(frozen=True)
class NodeRetried:
    """An attempt at a node failed, and another follows; ``attempt`` counts from 1."""

    node: str
    attempt: int
    error: str


@dataclass(frozen=True)
class RoundFinished:
    """A round of a loop ended; ``met`` where its condition to end holds. Counted from 1."""

    node: str
    round: int
    met: bool


@dataclass(frozen=True)
class Token:
    """A piece of model output, as it was streamed.

    ``output`` is the workflow's output that it is part of, where that one is under ``stream``.
    """

    node: str
    text: str
    output: str | None = None


@dataclass(frozen=True)
class ToolCalled:
    """A tool was called and has answered, or failed (``error``)."""

    node: str
    tool: str
    arguments: dict[str, Any]
    output: str
    error: bool = False


@dataclass(frozen=True)
class ToolProgress:
    """A tool said how far it is."""

    node: str
    tool: str
    message: str


@dataclass(frozen=True)
class SpanClosed:
    """A span of the run's trace closed."""

    span: Span


@dataclass(frozen=True)
class Output:
    """The run ended; its outputs by name."""

    outputs: dict[str, Any]


Event = (
    NodeStarted
    | NodeFinished
    | NodeRetried
    | RoundFinished
    | Token
    | ToolCalled
    | ToolProgress
    | SpanClosed
    | Output
)
