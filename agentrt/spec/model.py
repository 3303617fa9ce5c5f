"""The workflow language: what a workflow file may say. Reference: docs/workflows.md."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

InputType = Literal["string", "integer", "number", "boolean", "list", "object", "path"]
Template = Annotated[str, Field(description="a Jinja2 template; may read inputs and other nodes")]
NAME_PATTERN = r"^[a-z][a-z0-9_]*$"


class Strict(BaseModel):
    """A part of the language: unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class InputSpec(Strict):
    """One input of a workflow. Without a default it is required."""

    type: InputType = "string"
    description: str = ""
    default: Any = None
    required: bool = Field(default=True, description="false lets it be left out without a default")


class SamplingSpec(Strict):
    """How tokens are drawn. Greedy by default, so that runs can be compared."""

    temperature: float = Field(default=0.0, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int = Field(default=256, ge=1)
    seed: int | None = 0
    stop: list[str] = Field(default_factory=list)
    repetition_penalty: float | None = Field(
        default=None, gt=0, description="vLLM's; other servers may refuse it"
    )


class RetrySpec(Strict):
    """Try a node again when it fails. The waits double from ``wait_s`` on, up to a minute."""

    times: int = Field(ge=1, le=20, description="further attempts at most")
    wait_s: float = Field(default=0.5, ge=0, le=60, description="seconds before the first of them")
    on: list[Literal["llm", "tool", "retrieval", "timeout"]] = Field(
        default=["llm", "tool", "retrieval", "timeout"],
        min_length=1,
        description="what must have failed",
    )


class NodeSpec(Strict):
    """What all nodes have: a node waits for those that its templates read and for ``after``."""

    description: str = ""
    after: list[str] = Field(default_factory=list, description="nodes to wait for as well")
    for_each: Template | None = Field(
        default=None,
        description="a list: the node runs once for each `item` in it, and its value is the list "
        "of their values",
    )
    at_once: int = Field(default=4, ge=1, le=64, description="items under way at the same time")
    timeout_s: float | None = Field(default=None, gt=0, description="seconds an attempt may take")
    retry: RetrySpec | None = None
    fallback: Any = Field(
        default=None, description="the node's value where it failed; its texts are templates"
    )


class LLMNode(NodeSpec):
    """One model call. Its value is the text, or the parsed object where ``schema`` is given."""

    kind: Literal["llm"]
    system: Template | None = None
    prompt: Template
    schema_: dict[str, Any] | None = Field(
        default=None, alias="schema", description="JSON Schema that constrains the output"
    )
    sampling: SamplingSpec = SamplingSpec()


class RetrieveNode(NodeSpec):
    """Search a corpus. Its value is a list of passages, best first, numbered from 1 in ``n``."""

    kind: Literal["retrieve"]
    corpus: Template = Field(description="'python-reference' or a folder")
    query: Template | None = None
    queries: Template | list[Template] | None = Field(
        default=None, description="several queries, searched concurrently"
    )
    top_k: int | Template = Field(default=4, description="passages a query")
    max_passages: int | None = Field(default=None, ge=1, description="passages in all")


class ToolNode(NodeSpec):
    """One call of a tool with arguments fixed by the workflow. Its value is what the tool gives."""

    kind: Literal["tool"]
    tool: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class AgentNode(NodeSpec):
    """A model that may call the granted tools, step by step. Its value is its closing text."""

    kind: Literal["agent"]
    system: Template | None = None
    prompt: Template
    tools: list[str] = Field(min_length=1, description="the tools it may call, by exact name")
    corpus: Template | None = Field(default=None, description="what the document tools search")
    max_steps: int = Field(default=4, ge=1, le=50, description="model calls at most")
    sampling: SamplingSpec = SamplingSpec()


class BranchCase(Strict):
    """One way out of a branch; without ``when`` it is taken where no earlier one was."""

    when: Template | None = None
    to: str


class BranchNode(NodeSpec):
    """Choose which node runs next. Its value is the chosen node's name; the others are skipped."""

    kind: Literal["branch"]
    cases: list[BranchCase] = Field(min_length=1)


AnyNode = Annotated[
    LLMNode | RetrieveNode | ToolNode | AgentNode | BranchNode, Field(discriminator="kind")
]
NODE_KINDS: dict[str, type[NodeSpec]] = {
    "llm": LLMNode,
    "retrieve": RetrieveNode,
    "tool": ToolNode,
    "agent": AgentNode,
    "branch": BranchNode,
}


class BudgetSpec(Strict):
    """What a run may spend; what is left out has no limit."""

    seconds: float | None = Field(default=None, gt=0, description="wall-clock of the run")
    llm_calls: int | None = Field(default=None, ge=0, description="model calls")
    tool_calls: int | None = Field(default=None, ge=0, description="tool calls")
    output_tokens: int | None = Field(
        default=None, ge=1, description="tokens written by all model calls together"
    )


class WorkflowSpec(Strict):
    """A workflow: typed inputs, nodes whose edges follow from what they read, and outputs."""

    name: str = Field(min_length=1)
    description: str = ""
    inputs: dict[Annotated[str, Field(pattern=NAME_PATTERN)], InputSpec] = Field(
        default_factory=dict
    )
    tool_files: list[str] = Field(
        default_factory=list, description="Python files with tools of your own, beside this file"
    )
    budget: BudgetSpec = BudgetSpec()
    nodes: dict[Annotated[str, Field(pattern=NAME_PATTERN)], AnyNode] = Field(min_length=1)
    outputs: dict[str, Template] = Field(min_length=1)
