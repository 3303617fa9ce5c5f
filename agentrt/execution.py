"""Carrying out one run: its tools, its trace and its graph, on what all runs of a runtime share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agentrt.corpora import Corpora
from agentrt.default_model import DefaultModel
from agentrt.durable import Kept
from agentrt.graph.approval import approve
from agentrt.graph.budget import Budget
from agentrt.graph.cache import ValueCache
from agentrt.graph.events import Event, Output, SpanClosed, ToolProgress
from agentrt.graph.grants import GrantedTools, load_grants
from agentrt.graph.person import OnQuestion
from agentrt.graph.roles import DEFAULT, Roles
from agentrt.graph.services import Services
from agentrt.rag import Retriever, check_citations
from agentrt.result import Result, cited_passages
from agentrt.spec import BudgetSpec, Grant, Settings, Workflow
from agentrt.spec.flow import Flow
from agentrt.timing import Span, SpanHook, Trace, Tracer, TraceWriter, current_tracer, timed
from agentrt.timing.trace import TraceHeader
from agentrt.toolbox import ArtefactStore, Tool, Toolbox, ToolLedger
from agentrt.toolbox.mcp import McpServers
from agentrt.toolbox.policy import reads_outside


@dataclass(frozen=True)
class Listening:
    """Who is told of a run: a trace file, a listener, and a person who answers."""

    trace_file: Path | None
    emit: Callable[[Event], None]
    on_question: OnQuestion | None


@dataclass(frozen=True)
class Job:
    """A run that is to be carried out."""

    workflow: Workflow
    inputs: dict[str, Any]
    listening: Listening
    kept: Kept | None = None


@dataclass(frozen=True)
class Shared:
    """What all runs of a runtime share."""

    model: DefaultModel
    roles: Roles
    corpora: Corpora
    tools: Sequence[Tool]
    settings: Settings
    mcp: McpServers
    hooks: tuple[SpanHook, ...]
    cache: ValueCache | None
    tell: Callable[[str], None]
    tool_gates: dict[str, asyncio.Semaphore] = field(default_factory=dict)

    @property
    def serving(self) -> dict[str, Any]:
        """Which servers answer, for whoever resumes a run in another process."""
        addresses = self.roles.addresses
        return {**self.model.serving, **({"roles": addresses} if addresses else {})}

    def named_roles(self, workflow: Workflow) -> dict[str, str]:
        """What each of a workflow's roles stands for; tells of those that stand for nothing."""
        described = self.roles.described(workflow)
        for name, model in described.items():
            if model == DEFAULT:
                self.tell(f"the model role {name!r} is mapped to nothing: {model} has it")
        return described

    async def granted(self, workflow: Workflow) -> GrantedTools:
        """The tools that a workflow grants, loaded and checked."""
        return await load_grants(workflow, self.tools, self.settings.mcp, self.mcp)


async def carry_out(job: Job, shared: Shared, run_id: str) -> Result:
    """Carry a run out, from where its checkpoints are if it has any.

    Raises:
        RunError: it failed.
        RunWaiting: it waits for a person.
    """
    from agentrt.graph import invoke

    workflow, inputs, trace_file = job.workflow, job.inputs, job.listening.trace_file
    header = _header(job, shared, run_id)

    def hook(moment: str, span: Span) -> None:
        if moment == "close":
            job.listening.emit(SpanClosed(span))

    artefacts = ArtefactStore(trace_file.with_suffix(".artefacts") if trace_file else None)
    opening = shared.corpora.open_early(workflow, inputs)
    try:
        with TraceWriter(trace_file, header) if trace_file else nullcontext() as writer:
            tracer = Tracer((*shared.hooks, *([writer] if writer else []), hook))
            with tracer.span("run", workflow.spec.name):
                with timed("orchestration", "tools"):
                    granted = await shared.granted(workflow)
                services = services_of(job, shared, granted, artefacts)
                thread = job.kept.thread if job.kept else None
                outputs, values = await invoke(workflow, inputs, services, thread)
    finally:
        for task in opening:
            task.cancel()
    job.listening.emit(Output(outputs))
    cited, unknown = cited_passages(workflow, outputs, values)
    return Result(
        run_id=run_id,
        workflow=workflow.spec.name,
        outputs=outputs,
        values=values,
        citations=cited,
        unknown_citations=unknown,
        artefacts=tuple(artefacts.kept),
        trace=Trace(header=header, spans=tracer.spans),
        trace_file=trace_file,
    )


def services_of(
    job: Job, shared: Shared, granted: GrantedTools, artefacts: ArtefactStore
) -> Services:
    """What the nodes of a run call upon."""
    ledger = job.kept.ledger if job.kept else None

    async def make_toolbox(
        node: str, grants: Sequence[Grant], retriever: Retriever | None, carry_out: ToolLedger
    ) -> Toolbox:
        tracer = current_tracer()
        return Toolbox(
            granted.of(grants),
            resources={
                "retriever": retriever,
                "check_citations": check_citations,
                "run_id": job.kept.id if job.kept else tracer and tracer.run_id,
            },
            ledger=carry_out,
            artefacts=artefacts,
            policy=lambda call: approve(node, call, services),
            on_report=lambda tool, message: job.listening.emit(ToolProgress(node, tool, message)),
            gates=shared.tool_gates,
        )

    services = Services(
        chat=shared.model.chat,
        native_tools=shared.model.native_tools,
        open_corpus=shared.corpora.open,
        make_toolbox=make_toolbox,
        emit=job.listening.emit,
        budget=Budget(BudgetSpec()),
        taint_of=Flow(job.workflow, lambda grants: reads_outside(granted.of(grants))).of,
        identity=shared.model.identity,
        open_role=shared.roles.open,
        cache=shared.cache,
        streams=job.workflow.streams,
        on_question=job.listening.on_question,
        ledger=ledger,
    ).inside(job.workflow.spec)
    if ledger is not None:
        services.budget.add(*ledger.spent())
    return services


def _header(job: Job, shared: Shared, run_id: str) -> TraceHeader:
    roles = shared.named_roles(job.workflow)
    return TraceHeader(
        workflow=job.workflow.spec.name,
        started_at=datetime.now(UTC).isoformat(),
        attributes={
            "run_id": run_id,
            "inputs": job.inputs,
            **shared.model.described,
            **({"roles": roles} if roles else {}),
        },
    )
