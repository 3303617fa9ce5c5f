"""The corpora that a runtime has open: each is opened once, whoever asks first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Any

from agentrt.errors import AgentrtError
from agentrt.rag import Retriever, open_corpus
from agentrt.spec import (
    AgentNode,
    RetrieveNode,
    TemplateFailure,
    ToolNode,
    Workflow,
    render,
)
from agentrt.timing import timed


class Corpora:
    """Opened corpora by source and embedding model, on the runtime's event loop.

    Args:
        tell: told in a sentence how far indexing is.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._opened: dict[tuple[str, str | None], asyncio.Task[Retriever]] = {}

    async def open(self, source: str, embedding: str | None = None) -> Retriever:
        """Open a corpus, or give the open one; a failure is not remembered.

        Raises:
            RetrievalError: it can't be read, is empty, or the embedding model is missing.
        """
        key = (source, embedding)
        task = self._opened.get(key)
        if task is None:
            opening = asyncio.to_thread(
                open_corpus, source, model=embedding, on_step=lambda step: self._tell(str(step))
            )
            task = self._opened[key] = asyncio.ensure_future(opening)
        try:
            with timed("retrieval", "open corpus") if not task.done() else nullcontext():
                return await asyncio.shield(task)
        except Exception:
            self._opened.pop(key, None)
            raise

    def open_early(self, workflow: Workflow, inputs: dict[str, Any]) -> list[asyncio.Task[None]]:
        """Begin to open the corpora that only the inputs decide, beside the first model call."""
        sources = set()
        for node in workflow.spec.nodes.values():
            if isinstance(node, RetrieveNode | AgentNode | ToolNode) and node.corpus is not None:
                with suppress(TemplateFailure):
                    sources.add((render(node.corpus, {"inputs": inputs}), node.embedding))
        return [asyncio.ensure_future(self._open_quietly(*source)) for source in sources]

    async def aclose(self) -> None:
        """Let go of what was searched; what is still being opened is waited for."""
        opened = await asyncio.gather(*self._opened.values(), return_exceptions=True)
        self._opened.clear()
        for retriever in opened:
            if not isinstance(retriever, BaseException):
                await asyncio.to_thread(retriever.close)

    async def _open_quietly(self, source: str, embedding: str | None) -> None:
        # The node that needs the corpus meets the same error, and reports it as its own.
        with suppress(AgentrtError):
            await self.open(source, embedding)
