"""What a run gives back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from agentrt.rag import Passage
from agentrt.timing import Breakdown, LLMTotals, Trace, attribute, llm_totals
from agentrt.toolbox import Artefact


class Result(BaseModel):
    """A finished run: outputs, each node's value, cited passages, artefacts and the trace."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    workflow: str
    outputs: dict[str, Any]
    values: dict[str, Any]
    citations: tuple[Passage, ...] = ()
    unknown_citations: tuple[str, ...] = ()
    artefacts: tuple[Artefact, ...] = ()
    trace: Trace
    trace_file: Path | None = None

    @property
    def breakdown(self) -> Breakdown:
        """What each second of the run's critical path was spent on."""
        return attribute(self.trace.spans)

    @property
    def llm(self) -> LLMTotals:
        """The model calls' totals."""
        return llm_totals(self.trace.spans)
