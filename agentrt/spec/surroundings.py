"""What a workflow may name beside what is in its file: tools and corpora."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from agentrt.spec.grant import Grant


class ToolSignature(Protocol):
    """How a tool is called and what it gives, as JSON Schemas."""

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The JSON Schema of its arguments."""

    @property
    def returns(self) -> Mapping[str, Any]:
        """The JSON Schema of its answer; empty where it isn't known."""

    @property
    def effects(self) -> Collection[str]:
        """What it does to the world beyond giving an answer."""

    @property
    def inject(self) -> Collection[str]:
        """What it needs from the step that calls it."""

    @property
    def members(self) -> Collection[str]:
        """The tools that the name stands for, where it is a family's."""


@dataclass(frozen=True)
class GrantProblem:
    """Why a grant can't be; ``option`` is the one that is to blame, where one is."""

    message: str
    option: str | None = None


@dataclass(frozen=True)
class Reach:
    """What the tools of a grant can do, as far as that is known before a workflow runs.

    Attributes:
        acts: whether one may write, send or execute.
        reads_outside: whether the answer of one may hold text from outside.
    """

    acts: bool
    reads_outside: bool


@dataclass(frozen=True)
class Surroundings:
    """What is there to be named.

    Attributes:
        tools: from a workflow's tool files to all tools that it may name. May raise a SpecError.
        refuse: why a grant can't be in a workflow of a folder, as far as no tool file is run.
        reach: how far a grant in a workflow of a folder, with its tool files, goes.
        servers: the names of MCP servers that any workflow may name.
        corpora: the names of corpora that are no folders.
        passage: the JSON Schema of what retrieval gives for each passage.
    """

    tools: Callable[[Sequence[Path]], Mapping[str, ToolSignature]]
    refuse: Callable[[Grant, Path], GrantProblem | None]
    reach: Callable[[Grant, Path, Sequence[Path]], Reach]
    servers: Collection[str] = ()
    corpora: Collection[str] = ()
    passage: Mapping[str, Any] = field(default_factory=dict)
