"""What nodes need from outside: the model, tools, corpora, and somewhere to report to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from agentrt.graph.budget import Budget
from agentrt.graph.events import Event
from agentrt.graph.person import OnQuestion
from agentrt.llm import Completion, Request
from agentrt.rag import Retriever
from agentrt.spec import Grant
from agentrt.toolbox import Toolbox


class Chat(Protocol):
    """The part of ``agentrt.llm.ChatModel`` that nodes use; test doubles have it too."""

    async def complete(
        self, request: Request, *, on_token: Callable[[str], None] | None = None
    ) -> Completion:
        """One model call."""
        ...


@dataclass(frozen=True)
class Services:
    """One run's access to the world; passed to every node as LangGraph's runtime context."""

    chat: Chat
    native_tools: bool
    open_corpus: Callable[[str], Awaitable[Retriever]]
    make_toolbox: Callable[[str, Sequence[Grant], Retriever | None], Awaitable[Toolbox]]
    emit: Callable[[Event], None]
    budget: Budget
    on_question: OnQuestion | None = None
    last_node_end: list[float] = field(default_factory=lambda: [0.0])
    gates: dict[str, asyncio.Semaphore] = field(default_factory=dict)
