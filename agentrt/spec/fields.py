"""What the parts of the workflow language share: names, templates, sampling, retries, caching."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Template = Annotated[str, Field(description="a Jinja2 template; may read inputs and other nodes")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


def _with_file(schema: dict[str, Any]) -> None:
    """Let the JSON Schema admit ``{file: PATH}``, which loading replaces by the file's text."""
    file = {"type": "string", "description": "a file below the workflow's folder"}
    schema["anyOf"] = [
        {"type": schema.pop("type")},
        {"type": "object", "properties": {"file": file}, "required": ["file"],
         "additionalProperties": False},
    ]  # fmt: skip


Prompt = Annotated[
    str,
    Field(
        description="a template, or {file: PATH} for one in a file", json_schema_extra=_with_file
    ),
]


class Strict(BaseModel):
    """A part of the language: unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class SamplingSpec(Strict):
    """How tokens are drawn. Greedy by default, so that runs can be compared."""

    temperature: float = Field(
        default=0.0, ge=0, le=2, description="0, the default, always takes the likeliest token"
    )
    top_p: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="draw from the likeliest tokens that have this probability together; without "
        "it from all",
    )
    max_tokens: int = Field(
        default=256, ge=1, description="tokens written at most; an answer is cut off there"
    )
    seed: int | None = Field(
        default=0, description="of the draw, so that it can be repeated; null leaves it to chance"
    )
    stop: list[str] = Field(
        default_factory=list, description="texts that end the answer, and are left out of it"
    )
    repetition_penalty: float | None = Field(
        default=None,
        gt=0,
        description="more than 1 makes what was said less likely; vLLM's, others may refuse it",
    )


class CacheSpec(Strict):
    """Keep a node's value for the next run that reads the same."""

    ttl_s: float | None = Field(
        default=None, gt=0, description="seconds that it is kept; without it, for ever"
    )


def _switch(value: Any) -> Any:
    """``true`` is a cache without further wishes, ``false`` is none."""
    if isinstance(value, bool):
        return CacheSpec() if value else None
    return value


Cache = Annotated[
    CacheSpec | None, BeforeValidator(_switch, json_schema_input_type=bool | CacheSpec)
]


class RetrySpec(Strict):
    """Try a node again when it fails. The waits double from ``wait_s`` on, up to a minute."""

    times: int = Field(ge=1, le=20, description="further attempts at most")
    wait_s: float = Field(
        default=0.5,
        ge=0,
        le=60,
        description="seconds before the first of them, 0.5 by default; each later wait doubles",
    )
    on: list[Literal["llm", "schema", "tool", "retrieval", "timeout"]] = Field(
        default=["llm", "tool", "retrieval", "timeout"],
        min_length=1,
        description="what must have failed, all of it by default; `schema` is the part of `llm` "
        "where an answer came that did not fit",
    )
