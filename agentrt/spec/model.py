"""The workflow language: what a workflow file may say. Reference: docs/workflows.md."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from agentrt.spec.grant import Granted
from agentrt.spec.mcp import McpServerSpec

InputType = Literal["string", "integer", "number", "boolean", "list", "object", "path"]
Template = Annotated[str, Field(description="a Jinja2 template; may read inputs and other nodes")]
NAME_PATTERN = r"^[a-z][a-z0-9_]*$"
Name = Annotated[str, Field(pattern=NAME_PATTERN)]


def _with_file(schema: dict[str, Any]) -> None:
    """Let the JSON Schema admit ``{file: PATH}``, which loading replaces by the file's text."""
    text = {key: schema.pop(key) for key in ("type", "description") if key in schema}
    file = {"type": "string", "description": "a file below the workflow's folder"}
    schema["anyOf"] = [
        text,
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


class CacheSpec(Strict):
    """Keep a node's value for the next run that reads the same."""

    ttl_s: float | None = Field(default=None, gt=0, description="seconds that it is kept")


def _switch(value: Any) -> Any:
    """``true`` is a cache without further wishes, ``false`` is none."""
    if isinstance(value, bool):
        return CacheSpec() if value else None
    return value


class ModelSpec(Strict):
    """A role that steps may name as their ``model``. Without an address the default server has it.

    The key is read from the environment, never from the file.
    """

    base_url: str | None = Field(default=None, description="an OpenAI-compatible server")
    model: str | None = Field(default=None, description="the model's name there")
    api_key_env: str | None = Field(
        default=None, description="the environment variable that holds the key"
    )
    native_tools: bool = Field(default=False, description="the server parses tool calls")

    @model_validator(mode="after")
    def _whole(self) -> ModelSpec:
        if (self.base_url is None) != (self.model is None):
            raise ValueError("base_url and model go together")
        return self


class RetrySpec(Strict):
    """Try a node again when it fails. The waits double from ``wait_s`` on, up to a minute."""

    times: int = Field(ge=1, le=20, description="further attempts at most")
    wait_s: float = Field(default=0.5, ge=0, le=60, description="seconds before the first of them")
    on: list[Literal["llm", "schema", "tool", "retrieval", "timeout"]] = Field(
        default=["llm", "tool", "retrieval", "timeout"],
        min_length=1,
        description="what must have failed; `schema` is the part of `llm` where an answer came "
        "that did not fit",
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
    cache: Annotated[
        CacheSpec | None, BeforeValidator(_switch, json_schema_input_type=bool | CacheSpec)
    ] = Field(default=None, description="take the value of an earlier run that read the same")


class LLMNode(NodeSpec):
    """One model call. Its value is the text, or the parsed object where ``schema`` is given."""

    kind: Literal["llm"]
    model: str | None = Field(default=None, description="a role under the workflow's `models`")
    system: Prompt | None = None
    prompt: Prompt
    schema_: dict[str, Any] | None = Field(
        default=None, alias="schema", description="JSON Schema that constrains the output"
    )
    sampling: SamplingSpec = SamplingSpec()


class FilterSpec(Strict):
    """Which documents of a corpus are searched."""

    source: str | list[str] = Field(
        default_factory=list, description="globs of their paths; `*` crosses folders"
    )
    kind: str | list[str] = Field(default_factory=list, description="suffixes such as `md`")


class RetrieveNode(NodeSpec):
    """Search a corpus. Its value is a list of passages, best first, numbered from 1 in ``n``."""

    kind: Literal["retrieve"]
    corpus: Template = Field(
        description="'python-reference', a folder of documents or a git repository"
    )
    embedding: str | None = Field(
        default=None, description="a model of sentence-transformers, by name or folder"
    )
    query: Template | None = None
    queries: Template | list[Template] | None = Field(
        default=None, description="several queries, searched concurrently"
    )
    top_k: int | Template = Field(default=4, description="passages a query")
    max_passages: int | None = Field(default=None, ge=1, description="passages in all")
    mode: Literal["hybrid", "dense", "bm25"] = Field(
        default="hybrid", description="by meaning, by words, or both, fused"
    )
    rerank: bool | str = Field(
        default=False, description="a cross-encoder by name or folder; true for the default one"
    )
    filter: FilterSpec = FilterSpec()
    mmr: float | None = Field(
        default=None, ge=0, le=1, description="less than 1 prefers passages that differ"
    )


class ToolNode(NodeSpec):
    """One call of a tool with arguments fixed by the workflow. Its value is what the tool gives."""

    kind: Literal["tool"]
    tool: Granted = Field(description="the tool, by exact name; `{name: …, …}` gives it options")
    arguments: dict[str, Any] = Field(default_factory=dict)


class AgentNode(NodeSpec):
    """A model that may call the granted tools, step by step. Its value is its closing text."""

    kind: Literal["agent"]
    model: str | None = Field(default=None, description="a role under the workflow's `models`")
    system: Prompt | None = None
    prompt: Prompt
    tools: list[Granted] = Field(
        min_length=1,
        description="the tools it may call, by exact name; `{name: …, …}` gives one its options",
    )
    corpus: Template | None = Field(default=None, description="what the document tools search")
    embedding: str | None = Field(default=None, description="the embedding model of the corpus")
    max_steps: int = Field(default=4, ge=1, le=50, description="model calls at most")
    max_tool_errors: int = Field(
        default=3, ge=0, description="failed tool calls that the model is told of; one more fails"
    )
    sampling: SamplingSpec = SamplingSpec()


class BranchCase(Strict):
    """One way out of a branch; without ``when`` it is taken where no earlier one was."""

    when: Template | None = None
    to: str
    description: str = Field(default="", description="what `choose` is told of this way")


class ChooseSpec(Strict):
    """Let a model choose among the cases; its answer is held to their names."""

    system: Prompt | None = None
    prompt: Prompt
    sampling: SamplingSpec = SamplingSpec(max_tokens=48)


class BranchNode(NodeSpec):
    """Choose which node runs next. Its value is the chosen node's name; the others are skipped."""

    kind: Literal["branch"]
    model: str | None = Field(default=None, description="the role that `choose` asks")
    choose: ChooseSpec | None = None
    cases: list[BranchCase] = Field(min_length=1)


class HumanNode(NodeSpec):
    """Ask a person. Its value is true or false, the edited value, or the answer.

    Where nobody answers at once the run waits, and goes on with ``agentrt resume``.
    """

    kind: Literal["human"]
    ask: Literal["approve", "edit", "answer"]
    message: Template
    value: Any = Field(
        default=None, description="what is to be approved or edited; its texts are templates"
    )
    choices: list[str] | None = Field(
        default=None, min_length=1, description="for `answer`: the only answers there are"
    )


class LoopNode(NodeSpec):
    """Nodes that run again and again, at most ``max_rounds`` times.

    All templates but ``start`` read the round's nodes, and ``loop``: what is carried, and the
    ``round``, which counts from 1.
    """

    kind: Literal["loop"]
    nodes: dict[Name, AnyNode] = Field(min_length=1, description="what a round runs")
    start: dict[Name, Any] = Field(
        default_factory=dict, description="what `loop` holds in the first round"
    )
    carry: dict[Name, Any] = Field(
        default_factory=dict, description="what a round hands to the next one; all else stays"
    )
    until: Template = Field(description="true after the round that was the last")
    max_rounds: int = Field(ge=1, le=1000)
    value: Any = Field(description="the node's value, after the last round; a template")


class ParallelNode(NodeSpec):
    """Nodes that run as a group, at the same time where they do not read each other."""

    kind: Literal["parallel"]
    nodes: dict[Name, AnyNode] = Field(min_length=1)
    limit: int | None = Field(default=None, ge=1, le=64, description="nodes under way at once")
    outputs: dict[Name, Any] | None = Field(
        default=None, description="its value; without it, each node's value by name"
    )


class WorkflowNode(NodeSpec):
    """Another workflow as a step. Its value is that workflow's outputs, by name."""

    kind: Literal["workflow"]
    use: str = Field(description="a workflow file below this file's folder")
    inputs: dict[str, Any] = Field(default_factory=dict)


AnyNode = Annotated[
    LLMNode
    | RetrieveNode
    | ToolNode
    | AgentNode
    | BranchNode
    | HumanNode
    | LoopNode
    | ParallelNode
    | WorkflowNode,
    Field(discriminator="kind"),
]
NODE_KINDS: dict[str, type[NodeSpec]] = {
    "llm": LLMNode,
    "retrieve": RetrieveNode,
    "tool": ToolNode,
    "agent": AgentNode,
    "branch": BranchNode,
    "human": HumanNode,
    "loop": LoopNode,
    "parallel": ParallelNode,
    "workflow": WorkflowNode,
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
    inputs: dict[Name, InputSpec] = Field(default_factory=dict)
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
    budget: BudgetSpec = BudgetSpec()
    nodes: dict[Name, AnyNode] = Field(min_length=1)
    outputs: dict[str, Template] = Field(min_length=1)
    stream: list[str] = Field(
        default_factory=list, description="outputs that are shown while they are written"
    )


LoopNode.model_rebuild()
ParallelNode.model_rebuild()
WorkflowSpec.model_rebuild()
