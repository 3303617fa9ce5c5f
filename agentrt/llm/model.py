"""What goes into a model call and what comes out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from agentrt.redact import keep_secret


@dataclass(frozen=True)
class Endpoint:
    """An OpenAI-compatible server and the model to ask there.

    ``native_tools``: whether the server parses the model's tool calls.
    """

    base_url: str
    model: str
    api_key: str = field(repr=False)
    native_tools: bool = False

    def __post_init__(self) -> None:
        keep_secret(self.api_key)

    @property
    def address(self) -> str:
        """``URL#MODEL``: what tells it from others, without its key."""
        return f"{self.base_url}#{self.model}"


class Sampling(BaseModel):
    """How tokens are drawn; greedy by default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float = 0.0
    max_tokens: int = 256
    seed: int | None = 0
    top_p: float | None = None
    stop: list[str] = Field(default_factory=list)
    repetition_penalty: float | None = None


@dataclass(frozen=True)
class Request:
    """What a model is asked.

    Attributes:
        messages: OpenAI-style messages.
        schema: JSON Schema that the server holds the output to; fills ``Completion.data``.
        tools: OpenAI-style tools that the model may call.
        tool_choice: OpenAI's ``tool_choice``; ``auto`` where there are tools and none is set.
        name: what the call's span is called.
    """

    messages: list[dict[str, Any]]
    sampling: Sampling = field(default_factory=Sampling)
    schema: dict[str, Any] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | None = None
    name: str = "chat"


@dataclass(frozen=True)
class ToolCall:
    """A tool that the model wants called; ``fault`` says why its arguments can't be read."""

    id: str
    name: str
    arguments: dict[str, Any]
    fault: str | None = None


@dataclass(frozen=True)
class Completion:
    """A finished model call; figures are None where the server does not tell them."""

    text: str
    data: Any = None
    tool_calls: tuple[ToolCall, ...] = ()
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    acceptance_length: float | None = None
