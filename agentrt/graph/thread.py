"""The thread of checkpoints that a run leaves behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agentrt.errors import RunWaiting
from agentrt.graph.person import Question

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver


@dataclass(frozen=True)
class Thread:
    """Where a run's checkpoints are kept; ``begun`` where an earlier process may have left some."""

    id: str
    saver: BaseCheckpointSaver[Any]
    begun: bool = False

    @property
    def configurable(self) -> dict[str, Any]:
        """What LangGraph knows the thread by."""
        return {"thread_id": self.id}

    async def has_checkpoint(self) -> bool:
        """Whether there is a state to go on from."""
        if not self.begun:
            return False
        return await self.saver.aget_tuple({"configurable": self.configurable}) is not None


def waiting(thread: Thread, interrupts: Sequence[Any]) -> RunWaiting:
    """What a run ends with that LangGraph stopped for a person's answer."""
    return RunWaiting(thread.id, tuple(Question(**interrupt.value) for interrupt in interrupts))
