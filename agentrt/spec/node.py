"""The kinds of nodes. Reference: docs/workflows.md."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from agentrt.spec.fields import Cache, Name, Prompt, RetrySpec, SamplingSpec, Strict, Template
from agentrt.spec.grant import Granted


class NodeSpec(Strict):
    """What all nodes have: a node waits for those that its templates read and for ``after``."""

    description: str = Field(default="", description="what the node is for; for readers only")
    after: list[str] = Field(
        default_factory=list, description="nodes to wait for, beside those that the templates read"
    )
    for_each: Template | None = Field(
        default=None,
        description="a list: the node runs once for each `item` in it, and its value is the list "
        "of their values",
    )
    at_once: int = Field(
        default=4,
        ge=1,
        le=64,
        description="items of `for_each` under way at the same time, 4 by default",
    )
    timeout_s: float | None = Field(
        default=None, gt=0, description="seconds an attempt may take; without it there is no limit"
    )
    retry: RetrySpec | None = Field(
        default=None, description="try again when it fails; without it, once is all"
    )
    fallback: Any = Field(
        default=None,
        description="the node's value where all attempts failed; its texts are templates; without "
        "it the run fails",
    )
    cache: Cache = Field(
        default=None,
        description="take the value of an earlier run that read the same; false by default",
    )


class LLMNode(NodeSpec):
    """One model call. Its value is the text, or the parsed object where ``schema`` is given."""

    kind: Literal["llm"] = Field(description="one model call")
    model: str | None = Field(default=None, description="a role under the workflow's `models`")
    system: Prompt | None = Field(default=None, description="the system message: who the model is")
    prompt: Prompt = Field(description="the user's message; a template, or {file: PATH}")
    schema_: dict[str, Any] | None = Field(
        default=None,
        alias="schema",
        description="JSON Schema that the answer is held to; the value is then the object",
    )
    sampling: SamplingSpec = Field(
        default=SamplingSpec(),
        description="how its tokens are drawn; greedy, at most 256, by default",
    )


class FilterSpec(Strict):
    """Which documents of a corpus are searched."""

    source: str | list[str] = Field(
        default_factory=list,
        description="globs of their paths, one of which must fit; `*` crosses folders",
    )
    kind: str | list[str] = Field(
        default_factory=list, description="suffixes such as `md`, one of which it must have"
    )


class RetrieveNode(NodeSpec):
    """Search a corpus. Its value is a list of passages, best first, numbered from 1 in ``n``."""

    kind: Literal["retrieve"] = Field(description="a search of a corpus")
    corpus: Template = Field(
        description="'python-reference', a folder of documents or a git repository"
    )
    embedding: str | None = Field(
        default=None, description="a model of sentence-transformers, by name or folder"
    )
    query: Template | None = Field(
        default=None, description="what to search for; either this or `queries`"
    )
    queries: Template | list[Template] | None = Field(
        default=None,
        description="several queries, or a template of a list, searched at the same time",
    )
    top_k: int | Template = Field(
        default=4, description="passages a query, 4 by default; or a template of a number"
    )
    max_passages: int | None = Field(
        default=None, ge=1, description="passages in all; without it, all that were found"
    )
    mode: Literal["hybrid", "dense", "bm25"] = Field(
        default="hybrid",
        description="`dense`: by meaning; `bm25`: by words; `hybrid`, the default: both, fused",
    )
    rerank: bool | str = Field(
        default=False, description="a cross-encoder by name or folder; true for the default one"
    )
    filter: FilterSpec = Field(
        default=FilterSpec(), description="which documents are searched; all by default"
    )
    mmr: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="from 0 to 1: the less, the more they differ from each other; off by default",
    )


class ToolNode(NodeSpec):
    """One call of a tool with arguments fixed by the workflow. Its value is what the tool gives."""

    kind: Literal["tool"] = Field(description="one call of a tool")
    tool: Granted = Field(description="the tool, by exact name; `{name: …, …}` gives it options")
    arguments: dict[str, Any] = Field(
        default_factory=dict, description="by name; their texts are templates"
    )
    corpus: Template | None = Field(default=None, description="what a document tool reads")
    embedding: str | None = Field(default=None, description="the embedding model of the corpus")


class AgentNode(NodeSpec):
    """A model that may call the granted tools, step by step. Its value is its closing text."""

    kind: Literal["agent"] = Field(description="a model that calls tools, step by step")
    model: str | None = Field(default=None, description="a role under the workflow's `models`")
    system: Prompt | None = Field(default=None, description="the system message: who the model is")
    prompt: Prompt = Field(description="the user's message; a template, or {file: PATH}")
    tools: list[Granted] = Field(
        min_length=1,
        description="the tools it may call, by exact name; `{name: …, …}` gives one its options",
    )
    corpus: Template | None = Field(default=None, description="what the document tools search")
    embedding: str | None = Field(default=None, description="the embedding model of the corpus")
    max_steps: int = Field(default=4, ge=1, le=50, description="model calls at most, 4 by default")
    max_tool_errors: int = Field(
        default=3,
        ge=0,
        description="failed tool calls that the model is told of, 3 by default; one more fails",
    )
    sampling: SamplingSpec = Field(
        default=SamplingSpec(),
        description="how its tokens are drawn; greedy, at most 256, by default",
    )


class BranchCase(Strict):
    """One way out of a branch; without ``when`` it is taken where no earlier one was."""

    when: Template | None = Field(
        default=None, description="the condition, a template; without it, whatever is left"
    )
    to: str = Field(description="the node to run")
    description: str = Field(
        default="", description="what the model that chooses is told of this way"
    )


class ChooseSpec(Strict):
    """Let a model choose among the cases; its answer is held to their names."""

    system: Prompt | None = Field(default=None, description="the system message: who the model is")
    prompt: Prompt = Field(description="the user's message; a template, or {file: PATH}")
    sampling: SamplingSpec = Field(
        default=SamplingSpec(max_tokens=48),
        description="how its tokens are drawn; greedy, at most 48, by default",
    )


class BranchNode(NodeSpec):
    """Choose which node runs next. Its value is the chosen node's name; the others are skipped."""

    kind: Literal["branch"] = Field(description="a choice of the next node")
    model: str | None = Field(default=None, description="the role that `choose` asks")
    choose: ChooseSpec | None = Field(
        default=None, description="let a model choose; the cases then have no `when`"
    )
    cases: list[BranchCase] = Field(
        min_length=1, description="the ways out; the first whose condition holds is taken"
    )


class HumanNode(NodeSpec):
    """Ask a person. Its value is true or false, the edited value, or the answer.

    Where nobody answers at once the run waits, and goes on with ``agentrt resume``.
    """

    kind: Literal["human"] = Field(description="a question to a person")
    ask: Literal["approve", "edit", "answer"] = Field(
        description="`approve`: yes or no; `edit`: change `value`; `answer`: a text"
    )
    message: Template = Field(description="the question, a template")
    value: Any = Field(
        default=None, description="what is shown, or edited; its texts are templates"
    )
    choices: list[str] | None = Field(
        default=None, min_length=1, description="for `answer`: the only answers there are"
    )


class LoopNode(NodeSpec):
    """Nodes that run again and again, at most ``max_rounds`` times.

    All templates but ``start`` read the round's nodes, and ``loop``: what is carried, and the
    ``round``, which counts from 1.
    """

    kind: Literal["loop"] = Field(description="nodes that run until a condition holds")
    nodes: dict[Name, AnyNode] = Field(min_length=1, description="what a round runs")
    start: dict[Name, Any] = Field(
        default_factory=dict, description="what `loop` holds in the first round"
    )
    carry: dict[Name, Any] = Field(
        default_factory=dict, description="what a round hands to the next one; all else stays"
    )
    until: Template = Field(description="true after the round that was the last")
    max_rounds: int = Field(ge=1, le=1000, description="rounds at most, whatever `until` says")
    exhausted: Literal["keep", "fail"] = Field(
        default="keep",
        description="where `until` does not hold after the last round: `keep` what it made, or "
        "`fail` the node",
    )
    value: Any = Field(description="the node's value, after the last round; a template")


class ParallelNode(NodeSpec):
    """Nodes that run as a group, at the same time where they do not read each other."""

    kind: Literal["parallel"] = Field(description="nodes that run as a group")
    nodes: dict[Name, AnyNode] = Field(min_length=1, description="the group's nodes, by name")
    limit: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="nodes under way at the same time; without it there is no limit",
    )
    outputs: dict[Name, Any] | None = Field(
        default=None, description="its value; without it, each node's value by name"
    )


class WorkflowNode(NodeSpec):
    """Another workflow as a step. Its value is that workflow's outputs, by name."""

    kind: Literal["workflow"] = Field(description="another workflow as a step")
    use: str = Field(description="a workflow file below this file's folder")
    inputs: dict[str, Any] = Field(
        default_factory=dict, description="its inputs by name; their texts are templates"
    )


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

LoopNode.model_rebuild()
ParallelNode.model_rebuild()
