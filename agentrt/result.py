"""What a run gives back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from agentrt.rag import Passage, check_citations
from agentrt.spec import Workflow
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


def cited_passages(
    workflow: Workflow, outputs: dict[str, Any], values: dict[str, Any]
) -> tuple[tuple[Passage, ...], tuple[str, ...]]:
    """The passages that the text outputs cite by number, from the last retrieval that ran."""
    retrievals = [
        values[name]
        for name, node in workflow.spec.nodes.items()
        if node.kind == "retrieve" and name in values
    ]
    texts = [text for text in outputs.values() if isinstance(text, str)]
    if not retrievals or not texts:
        return (), ()
    fields = Passage.model_fields
    passages = [Passage(**{key: p[key] for key in fields}) for p in retrievals[-1]]
    checked = check_citations("\n".join(texts), passages)
    return checked.passages, checked.unknown
