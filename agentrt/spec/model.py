"""The workflow language: what a workflow file may say. Reference: docs/workflows.md."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from agentrt.spec.fields import Name, Strict, Template
from agentrt.spec.mcp import McpServerSpec
from agentrt.spec.node import AnyNode

InputType = Literal["string", "integer", "number", "boolean", "list", "object", "path"]


class InputSpec(Strict):
    """One input of a workflow. Without a default it is required."""

    type: InputType = Field(default="string", description="of its values; `string` by default")
    description: str = Field(default="", description="what it is, for who runs the workflow")
    default: Any = Field(default=None, description="its value where none is given")
    required: bool = Field(
        default=True,
        description="whether it must be given where it has no default; true by default",
    )


class ModelSpec(Strict):
    """A role that steps may name as their ``model``. Without an address the default server has it.

    The key is read from the environment, never from the file.
    """

    base_url: str | None = Field(
        default=None, description="an OpenAI-compatible server, such as http://127.0.0.1:8001/v1"
    )
    model: str | None = Field(default=None, description="the model's name there")
    api_key_env: str | None = Field(
        default=None,
        description="the environment variable that holds the key; without it none is sent",
    )
    native_tools: bool = Field(
        default=False, description="whether the server parses tool calls itself; false by default"
    )

    @model_validator(mode="after")
    def _whole(self) -> ModelSpec:
        if (self.base_url is None) != (self.model is None):
            raise ValueError("base_url and model go together")
        return self


class BudgetSpec(Strict):
    """What a run may spend; what is left out has no limit."""

    seconds: float | None = Field(
        default=None, gt=0, description="seconds that the run may take; no limit by default"
    )
    llm_calls: int | None = Field(
        default=None, ge=0, description="model calls at most; no limit by default"
    )
    tool_calls: int | None = Field(
        default=None, ge=0, description="tool calls at most; no limit by default"
    )
    output_tokens: int | None = Field(
        default=None,
        ge=1,
        description="tokens written by all model calls together at most; no limit by default",
    )


class WorkflowSpec(Strict):
    """A workflow: typed inputs, nodes whose edges follow from what they read, and outputs."""

    name: str = Field(min_length=1, description="what runs and traces of it are called")
    description: str = Field(default="", description="what it does, in a sentence")
    inputs: dict[Name, InputSpec] = Field(
        default_factory=dict, description="what a run is given, by name; read as `inputs.NAME`"
    )
    vars: dict[Name, Any] = Field(
        default_factory=dict,
        description="values made once, from inputs and earlier vars; read as `vars.NAME`",
    )
    models: dict[Name, ModelSpec] = Field(
        default_factory=dict, description="roles that nodes may name as their `model`"
    )
    tool_files: list[str] = Field(
        default_factory=list, description="Python files with tools of your own, beside this file"
    )
    mcp: dict[Name, McpServerSpec] = Field(
        default_factory=dict,
        description="MCP servers, whose tools are granted as `SERVER.TOOL`, or all as `SERVER`",
    )
    budget: BudgetSpec = Field(
        default=BudgetSpec(), description="what a run may spend; no limit by default"
    )
    nodes: dict[Name, AnyNode] = Field(
        min_length=1, description="the steps, by name; each runs as soon as what it reads is there"
    )
    outputs: dict[str, Template] = Field(
        min_length=1, description="what a run gives, by name; templates that read the nodes"
    )
    stream: list[str] = Field(
        default_factory=list, description="outputs that are shown while they are written"
    )
