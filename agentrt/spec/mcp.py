"""MCP servers that a workflow, or the user's settings, may name."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator


class McpServerSpec(BaseModel):
    """An MCP server: a ``command`` that is started, or the ``url`` of one that runs.

    Values of ``env`` and ``headers`` that read ``env:NAME`` or ``file:PATH`` are secrets, looked up
    when the server is needed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: list[str] | None = Field(
        default=None, min_length=1, description="a program and its arguments, spoken to over stdio"
    )
    env: dict[str, str] = Field(
        default_factory=dict, description="its environment beside PATH, HOME and the like"
    )
    url: str | None = Field(
        default=None, pattern=r"^https?://", description="its address, for streamable HTTP"
    )
    headers: dict[str, str] = Field(default_factory=dict, description="sent with each request")
    start_s: float = Field(
        default=30.0, gt=0, description="seconds it may take to answer at first, 30 by default"
    )
    timeout_s: float = Field(
        default=60.0, gt=0, description="seconds a call may take, 60 by default"
    )

    @model_validator(mode="after")
    def _one_way(self) -> McpServerSpec:
        if (self.command is None) == (self.url is None):
            raise ValueError("needs either 'command' or 'url'")
        if self.url is None and self.headers:
            raise ValueError("'headers' go with 'url'")
        if self.command is None and self.env:
            raise ValueError("'env' goes with 'command'")
        return self

    @model_validator(mode="before")
    @classmethod
    def _words(cls, given: Any) -> Any:
        if isinstance(given, dict) and isinstance(given.get("command"), str):
            raise ValueError("'command' is a list, such as [uvx, mcp-server-git]")
        return given
