"""What is known of a run."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

RunState = Literal["running", "waiting", "finished", "failed", "cancelled", "interrupted"]
"""``waiting`` is for a person; an ``interrupted`` run's process died while it was running."""


class RunRecord(BaseModel):
    """A run as its store knows it.

    Attributes:
        text: the workflow as it was when the run began: a resumed run goes on with it.
        path: the workflow's file, or None where it came as text.
        folder: what relative paths in the workflow are relative to.
        server: which server answered, as the runtime was told; never the key.
        parent: the run that this one was forked from by a replay.
        error: why it failed.
        pid: the process that has it, or had it last.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    workflow: str
    path: str | None
    folder: str
    text: str = Field(repr=False)
    files: dict[str, str] = Field(default_factory=dict, repr=False)
    inputs: dict[str, Any]
    server: dict[str, Any] = Field(default_factory=dict)
    parent: str | None = None
    state: RunState
    error: str | None = None
    outputs: dict[str, Any] | None = None
    pid: int | None = None
    started_at: str
    ended_at: str | None = None
