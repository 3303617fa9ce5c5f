"""What nodes need from outside: the model, tools, corpora, and somewhere to report to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from agentrt.graph.budget import Budget
from agentrt.graph.events import Event
from agentrt.graph.person import OnQuestion
from agentrt.llm import Completion, Request
from agentrt.rag import Retriever
from agentrt.runs import Ledger
from agentrt.spec import AnyNode, Grant, ModelSpec, WorkflowSpec
from agentrt.toolbox import Toolbox, ToolLedger

if TYPE_CHECKING:
    from agentrt.graph.cache import ValueCache


class Chat(Protocol):
    """The part of ``agentrt.llm.ChatModel`` that nodes use; test doubles have it too."""

    async def complete(
        self, request: Request, *, on_token: Callable[[str], None] | None = None
    ) -> Completion:
        """One model call."""
        ...


@dataclass(frozen=True)
class Model:
    """A model that steps may ask; ``identity`` tells it from other ones."""

    chat: Chat
    native_tools: bool = False
    identity: str = ""


@dataclass(frozen=True)
class Services:
    """One run's access to the world; passed to every node as LangGraph's runtime context.

    ``bring`` carries a node's work out where the connections are, if the graph runs elsewhere.
    """

    chat: Chat
    native_tools: bool
    open_corpus: Callable[[str, str | None], Awaitable[Retriever]]
    make_toolbox: Callable[[str, Sequence[Grant], Retriever | None, ToolLedger], Awaitable[Toolbox]]
    emit: Callable[[Event], None]
    budget: Budget
    taint_of: Callable[[AnyNode], frozenset[str]]
    identity: str = ""
    roles: Mapping[str, Model] = field(default_factory=dict)
    open_role: Callable[[str, ModelSpec], Model | None] = lambda name, spec: None
    bring: Callable[[Coroutine[Any, Any, Any]], Awaitable[Any]] = lambda work: work
    cache: ValueCache | None = None
    streams: Mapping[str, str] = field(default_factory=dict)
    on_question: OnQuestion | None = None
    ledger: Ledger | None = None
    last_node_end: list[float] = field(default_factory=lambda: [0.0])
    gates: dict[str, asyncio.Semaphore] = field(default_factory=dict)

    def model_of(self, role: str | None) -> Model:
        """The model behind a step's role; the default one where nothing says which it is."""
        found = self.roles.get(role) if role is not None else None
        return found or Model(self.chat, self.native_tools, self.identity)

    def inside(self, spec: WorkflowSpec) -> Services:
        """What a workflow is given: its roles, and its budget within that of the one around it.

        A role that nothing says more about is the one of the same name around it.
        """
        opened = {name: self.open_role(name, role) for name, role in spec.models.items()}
        own = {name: model for name, model in opened.items() if model is not None}
        around = {name: self.roles[name] for name in spec.models if name in self.roles}
        return replace(self, budget=self.budget.inside(spec.budget), roles={**around, **own})
