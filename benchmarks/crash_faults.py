"""Dying at a named boundary: each is a place in a run where a process can be killed.

The boundaries are put around the product's functions from outside; the product knows none of them.
"""

from __future__ import annotations

import functools
import os
import signal
from typing import Any

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from agentrt.runs.ledger import Ledger

OURS = ("before intent", "after intent", "after outcome")
COMMON = (
    "mid-effect", "before checkpoint", "after checkpoint", "before writes", "after writes",
    "mid-stream", "waiting for a person",
)  # fmt: skip
INDEXING = "mid-index"
BOUNDARIES = (*OURS, *COMMON)


class Fault:
    """Kills its own process at the n-th passage of a boundary; None of none."""

    def __init__(self, boundary: str | None = None, nth: int = 1) -> None:
        self._boundary, self._left = boundary, nth

    def passes(self, boundary: str) -> None:
        if boundary == self._boundary:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        """Put the boundaries around what they are the boundaries of."""
        self._around(AsyncSqliteSaver, "aput", "checkpoint")
        self._around(AsyncSqliteSaver, "aput_writes", "writes")
        if self._boundary in OURS:
            self._around_effects()
        if self._boundary == INDEXING:
            self._around_indexing()

    def _around(self, owner: Any, name: str, what: str) -> None:
        inner = getattr(owner, name)

        @functools.wraps(inner)
        async def wrapped(*args: Any, **named: Any) -> Any:
            self.passes(f"before {what}")
            result = await inner(*args, **named)
            self.passes(f"after {what}")
            return result

        setattr(owner, name, wrapped)

    def _around_indexing(self) -> None:
        from chromadb.api.models.Collection import Collection

        add = Collection.add

        @functools.wraps(add)
        def added(*args: Any, **named: Any) -> Any:
            result = add(*args, **named)
            self.passes(INDEXING)
            return result

        Collection.add = added  # type: ignore[method-assign]

    def _around_effects(self) -> None:
        perform = Ledger.perform

        async def performed(
            ledger: Ledger, name: str, kind: Any, arguments: Any, act: Any, resolve: Any
        ) -> str:
            acted = False

            async def acting(key: str) -> str:
                nonlocal acted
                acted = True
                self.passes("after intent")
                return str(await act(key))

            self.passes("before intent")
            outcome = await perform(ledger, name, kind, arguments, acting, resolve)
            if acted:
                self.passes("after outcome")
            return outcome

        Ledger.perform = performed  # type: ignore[method-assign,assignment]
