"""``Runtime``: the one object that embeds agentrt in a Python program."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from agentrt.bundled import settings_file
from agentrt.durable import (
    Keeper,
    Kept,
    default_store,
    open_keeper,
    put_answers,
    stored_workflow,
)
from agentrt.errors import AgentrtError, RunCancelled, UserError
from agentrt.graph.approval import approve
from agentrt.graph.budget import Budget
from agentrt.graph.cache import ValueCache
from agentrt.graph.events import Event, Output, SpanClosed, ToolProgress
from agentrt.graph.flow import Flow
from agentrt.graph.grants import GrantedTools, load_grants
from agentrt.graph.person import OnQuestion
from agentrt.graph.roles import DEFAULT, Roles
from agentrt.graph.services import Chat, Services
from agentrt.graph.surroundings import surroundings
from agentrt.llm import ChatModel, Endpoint
from agentrt.rag import Passage, Retriever, check_citations, open_corpus
from agentrt.result import Result
from agentrt.runs import RunRecord
from agentrt.serving import Profile, Server, load_profile, serve
from agentrt.spec import (
    BudgetSpec,
    Complaint,
    Grant,
    Settings,
    Surroundings,
    TemplateFailure,
    Workflow,
    examine,
    load_settings,
    load_workflow,
    render,
    resolve_inputs,
)
from agentrt.timing import (
    Span,
    SpanHook,
    Trace,
    Tracer,
    TraceWriter,
    current_tracer,
    new_run_id,
    timed,
)
from agentrt.timing.trace import TraceHeader
from agentrt.toolbox import ArtefactStore, Tool, Toolbox, ToolLedger, as_tools
from agentrt.toolbox.mcp import McpServers
from agentrt.toolbox.policy import reads_outside

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool
    from langgraph.graph.state import CompiledStateGraph

T = TypeVar("T")
DEFAULT_STORE = "default"
_LAST_WORDS_S = 5.0
WorkflowSource = str | Path | dict[str, Any] | Workflow


class Runtime:
    """Runs workflows against a model server, which it starts and stops itself by default.

    Use it as a context manager, sync or async. Any number of runs may go on at once; they share
    the server, the connections and the opened corpora. All of them run on one event loop in a
    thread of the runtime's own, so that sync and async callers can be mixed.

    Args:
        profile: name or path of the serving profile to start (or reuse) a server of.
        base_url: use this OpenAI-compatible server instead, and start none.
        model: the model's name there.
        api_key: the key for it.
        native_tools: whether it parses tool calls.
        speculation: False serves the profile without its speculation.
        tools: tools of your own that workflows may name, LangChain's too.
        settings: the user's settings; those of the settings file by default.
        hooks: called as ``hook("open" | "close", span)`` for each span of each run.
        on_progress: told in a sentence what a slow start is doing.
        on_question: gives a person's answer where a run asks for one.
        store: where runs are kept, so that they can be resumed: a folder, or a ``postgresql://``
            address for the checkpoints; None keeps none. By default ``AGENTRT_STORE``, or the
            state folder.
        record_text: keep each model call's messages and answer in its span. Off by default, since
            a trace is then as private as the texts.
        chat: a stand-in for the model, for tests.
        models: by role, which model it stands for, whatever workflows say.
        cache: False makes each value anew, and keeps none.

    Raises:
        ProfileError: the profile is unknown or can't run here.
        ServingError: the server did not start (both on entering).
    """

    def __init__(
        self,
        profile: str | Profile = "cpu-smollm2",
        *,
        base_url: str | None = None,
        model: str | None = None,
        api_key: str = "none",
        native_tools: bool = False,
        speculation: bool = True,
        tools: Sequence[Tool | BaseTool] = (),
        settings: Settings | None = None,
        hooks: Sequence[SpanHook] = (),
        on_progress: Callable[[str], None] | None = None,
        on_question: OnQuestion | None = None,
        store: Path | str | None = DEFAULT_STORE,
        record_text: bool = False,
        chat: Chat | None = None,
        models: Mapping[str, Endpoint | Chat] | None = None,
        cache: bool = True,
    ) -> None:
        if (base_url is None) != (model is None):
            raise UserError("base_url and model go together")
        self._profile, self._speculation, self._chat = profile, speculation, chat
        self._base_url, self._model = base_url, model
        self._endpoint = (
            Endpoint(base_url, model, api_key, native_tools) if base_url and model else None
        )
        self._tools, self._hooks, self._on_progress = as_tools(tools), tuple(hooks), on_progress
        self._on_question, self._record_text = on_question, record_text
        self._roles = Roles(models or {}, record_text=record_text)
        self._settings = settings or load_settings(settings_file())
        self._mcp = McpServers()
        self._cache = ValueCache() if cache else None
        self._tool_gates: dict[str, asyncio.Semaphore] = {}
        self._store = default_store() if store == DEFAULT_STORE else store
        self._keeper: Keeper | None = None
        self._active: set[asyncio.Task[Any]] = set()
        self._corpora: dict[tuple[str, str | None], asyncio.Task[Retriever]] = {}
        self._stack = ExitStack()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.server: Server | None = None

    # -- life ---------------------------------------------------------------------------------

    def __enter__(self) -> Runtime:
        with ExitStack() as stack:
            self._start_loop(stack)
            # Loaded on entering, so that no run's first node pays for it.
            for module in ("langgraph.graph", "jsonschema"):
                import_module(module)
            stack.callback(lambda: self._submit(self._roles.aclose()).result())
            if self._store is not None:
                self._open_store(stack, self._store)
            if self._chat is None:
                self._chat = self._connect(stack)
            stack.callback(lambda: self._submit(self._close_corpora()).result())
            stack.callback(lambda: self._submit(self._end_runs()).result())
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    async def __aenter__(self) -> Runtime:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self._stack.close)

    def _start_loop(self, stack: ExitStack) -> None:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="agentrt", daemon=True)
        thread.start()
        self._loop = loop

        def stop() -> None:
            asyncio.run_coroutine_threadsafe(self._mcp.aclose(), loop).result()
            asyncio.run_coroutine_threadsafe(_cancel_all(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()
            self._loop = None

        stack.callback(stop)

    def _open_store(self, stack: ExitStack, where: Path | str) -> None:
        opened = open_keeper(where)
        self._keeper = self._submit(opened.__aenter__()).result()
        stack.callback(lambda: self._submit(opened.__aexit__(None, None, None)).result())

    async def _end_runs(self) -> None:
        """Cancel what still runs, and wait until the store tells so."""
        runs = list(self._active)
        for run in runs:
            run.cancel()
        await asyncio.gather(*runs, return_exceptions=True)

    def _connect(self, stack: ExitStack) -> Chat:
        if self._endpoint is None:
            profile = self._profile
            if isinstance(profile, str):
                profile = load_profile(profile)
            self.server = stack.enter_context(
                serve(profile, speculation=self._speculation, on_progress=self._on_progress)
            )
            self._endpoint = Endpoint(
                self.server.base_url,
                self.server.model,
                self.server.api_key,
                self.server.native_tools,
            )
        chat = ChatModel(self._endpoint, record_text=self._record_text)
        stack.callback(lambda: self._submit(chat.aclose()).result())
        self._submit(chat.open()).result()
        return chat

    # -- running ------------------------------------------------------------------------------

    def run(
        self,
        workflow: WorkflowSource,
        inputs: dict[str, Any] | None = None,
        *,
        trace_file: Path | None = None,
        on_event: Callable[[Event], None] | None = None,
        on_question: OnQuestion | None = None,
    ) -> Result:
        """Run a workflow and wait for it.

        Args:
            workflow: a path, YAML text, a dict or a loaded workflow.
            inputs: values for the workflow's inputs.
            trace_file: where to write the trace.
            on_event: told of each event; called in the runtime's own thread.
            on_question: gives a person's answer in this run, instead of the runtime's own.

        Raises:
            SpecError, InputError: before anything runs.
            RunError: the run failed.
            RunCancelled: it was interrupted.
        """
        return self._wait(self._begin(workflow, inputs, trace_file, on_event, on_question))

    async def arun(
        self,
        workflow: WorkflowSource,
        inputs: dict[str, Any] | None = None,
        *,
        trace_file: Path | None = None,
        on_event: Callable[[Event], None] | None = None,
        on_question: OnQuestion | None = None,
    ) -> Result:
        """As ``run``, for async callers; cancelling the task cancels the run."""
        work = self._begin(workflow, inputs, trace_file, on_event, on_question)
        return await asyncio.wrap_future(self._start(work))

    def resume(
        self,
        run_id: str,
        answers: dict[str, Any] | None = None,
        *,
        allow_changes: bool = False,
        trace_file: Path | None = None,
        on_event: Callable[[Event], None] | None = None,
        on_question: OnQuestion | None = None,
    ) -> Result:
        """Carry a kept run on from where it was, with the workflow as it was when it began.

        Args:
            run_id: its id, or the beginning of it.
            answers: to its open questions, by the name of the node that asks.
            allow_changes: go on although a file that the workflow builds on has changed.
            trace_file, on_event, on_question: as for ``run``.

        Raises:
            UserError: there is no such run, it has finished, another process has it, or something
                that its workflow builds on has changed.
            RunWaiting: a question is still open.
            RunError, RunCancelled: as for ``run``.
        """
        job = self._take_up(run_id, answers, allow_changes, trace_file, on_event, on_question)
        return self._wait(self._run(job))

    async def aresume(
        self,
        run_id: str,
        answers: dict[str, Any] | None = None,
        *,
        allow_changes: bool = False,
        trace_file: Path | None = None,
        on_event: Callable[[Event], None] | None = None,
        on_question: OnQuestion | None = None,
    ) -> Result:
        """As ``resume``, for async callers."""
        job = await asyncio.to_thread(
            self._take_up, run_id, answers, allow_changes, trace_file, on_event, on_question
        )
        return await asyncio.wrap_future(self._start(self._run(job)))

    def replay(
        self,
        run_id: str,
        node: str,
        inputs: dict[str, Any] | None = None,
        *,
        as_text: bool = False,
        allow_changes: bool = False,
        trace_file: Path | None = None,
        on_event: Callable[[Event], None] | None = None,
        on_question: OnQuestion | None = None,
    ) -> Result:
        """Run a kept run's nodes again from one on, as a new run.

        What had ended when the node began is kept; the node and all that ended later run again,
        their effects too.

        Args:
            node: where to begin.
            inputs: inputs that are to be others than they were.
            as_text: those inputs are words of a command line.

        Raises:
            UserError: there is no such run or node, or the run never got there.
        """
        keeper = self._kept_here()
        record = keeper.store.get(run_id)
        workflow = stored_workflow(record, self._around(), allow_changes=allow_changes)
        resolved = resolve_inputs(workflow, {**record.inputs, **(inputs or {})}, as_text=as_text)
        job = self._job(workflow, resolved, trace_file, on_event, on_question)
        return self._wait(self._fork(job, record.id, node))

    def runs(self, limit: int = 50) -> list[RunRecord]:
        """The latest kept runs, the newest first."""
        return self._kept_here().store.latest(limit)

    def cancel(self, run_id: str) -> None:
        """Cancel a run, of this process or of another one.

        Raises:
            UserError: there is no such run, or it has ended.
        """
        self._kept_here().store.cancel(run_id)

    async def astream(
        self,
        workflow: WorkflowSource,
        inputs: dict[str, Any] | None = None,
        *,
        trace_file: Path | None = None,
    ) -> AsyncIterator[Event]:
        """Run a workflow and yield its events as they happen; leaving the loop cancels the run.

        Raises:
            The same errors as ``run``, from the iteration.
        """
        events: asyncio.Queue[Event | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def put(event: Event | None) -> None:
            loop.call_soon_threadsafe(events.put_nowait, event)

        run = asyncio.ensure_future(
            self.arun(workflow, inputs, trace_file=trace_file, on_event=put)
        )
        run.add_done_callback(lambda _: events.put_nowait(None))
        try:
            while (event := await events.get()) is not None:
                yield event
            await run
        finally:
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)

    def load(self, workflow: WorkflowSource) -> Workflow:
        """Check a workflow, with this runtime's tools known.

        Raises:
            SpecError: something is wrong with it.
        """
        if isinstance(workflow, Workflow):
            return workflow
        return load_workflow(workflow, self._around())

    def examine(self, workflow: WorkflowSource) -> list[Complaint]:
        """All that is wrong with a workflow, or looks so, in the order of the file.

        Raises:
            SpecError: it can't be read.
        """
        if isinstance(workflow, Workflow):
            return workflow.warnings
        return examine(workflow, self._around())[1]

    def graph(self, workflow: WorkflowSource) -> CompiledStateGraph[Any, None, Any, Any]:
        """The workflow as a compiled LangGraph graph, from ``{"inputs": …}`` to ``{"outputs": …}``.

        It is invoked and streamed asynchronously, alone or as a node of another graph, as long as
        this runtime is open.

        Raises:
            SpecError: something is wrong with the workflow.
        """
        from agentrt.graph.export import export

        loaded = self.load(workflow)
        self._named(loaded)

        async def services(emit: Callable[[Event], None]) -> Services:
            granted = await load_grants(loaded, self._tools, self._settings.mcp, self._mcp)
            return self._services(
                self._job(loaded, {}, None, emit, None), granted, ArtefactStore(None)
            )

        return export(loaded, services, self._submit)

    def _around(self) -> Surroundings:
        return surroundings(self._tools, self._settings.mcp)

    # -- inside -------------------------------------------------------------------------------

    def _job(
        self,
        workflow: Workflow,
        inputs: dict[str, Any],
        trace_file: Path | None,
        on_event: Callable[[Event], None] | None,
        on_question: OnQuestion | None,
        kept: Kept | None = None,
    ) -> _Job:
        asked = on_question or self._on_question
        return _Job(workflow, inputs, trace_file, on_event or _ignore, asked, kept)

    def _begin(
        self,
        workflow: WorkflowSource,
        inputs: dict[str, Any] | None,
        trace_file: Path | None,
        on_event: Callable[[Event], None] | None,
        on_question: OnQuestion | None,
    ) -> Coroutine[Any, Any, Result]:
        loaded = self.load(workflow)
        resolved = resolve_inputs(loaded, inputs or {})
        return self._run(self._job(loaded, resolved, trace_file, on_event, on_question))

    def _take_up(
        self,
        run_id: str,
        answers: dict[str, Any] | None,
        allow_changes: bool,
        trace_file: Path | None,
        on_event: Callable[[Event], None] | None,
        on_question: OnQuestion | None,
    ) -> _Job:
        keeper = self._kept_here()
        record = keeper.store.get(run_id)
        workflow = stored_workflow(record, self._around(), allow_changes=allow_changes)
        put_answers(keeper.store, record.id, answers or {})
        kept = keeper.take_up(record.id)
        return self._job(workflow, record.inputs, trace_file, on_event, on_question, kept)

    async def _fork(self, job: _Job, run_id: str, node: str) -> Result:
        from agentrt.graph.fork import fork

        keeper, new = self._kept_here(), new_run_id()
        await fork(job.workflow, keeper.saver, run_id, new, node, job.inputs)
        kept = keeper.begin(new, job.workflow, job.inputs, self._serving(), parent=run_id)
        return await self._run(replace(job, kept=kept))

    def _kept_here(self) -> Keeper:
        if self._keeper is None:
            raise UserError("this Runtime keeps no runs, or is not open")
        return self._keeper

    async def _run(self, job: _Job) -> Result:
        keeper, kept = self._keeper, job.kept
        if keeper is None:
            return await self._carry_out(job, new_run_id())
        if kept is None:
            kept = keeper.begin(new_run_id(), job.workflow, job.inputs, self._serving())
        async with keeper.carrying(kept):
            result = await self._carry_out(replace(job, kept=kept), kept.id)
            await keeper.finish(kept, result.outputs)
            return result

    async def _carry_out(self, job: _Job, run_id: str) -> Result:
        from agentrt.graph import invoke

        workflow, inputs, kept = job.workflow, job.inputs, job.kept
        header = TraceHeader(
            workflow=workflow.spec.name,
            started_at=datetime.now(UTC).isoformat(),
            attributes={"run_id": run_id, **self._describe(inputs, self._named(workflow))},
        )

        def hook(moment: str, span: Span) -> None:
            if moment == "close":
                job.emit(SpanClosed(span))

        trace_file = job.trace_file
        artefacts = ArtefactStore(trace_file.with_suffix(".artefacts") if trace_file else None)
        opening = self._open_early(workflow, inputs)
        try:
            with TraceWriter(trace_file, header) if trace_file else nullcontext() as writer:
                tracer = Tracer((*self._hooks, *([writer] if writer else []), hook))
                with tracer.span("run", workflow.spec.name):
                    with timed("orchestration", "tools"):
                        granted = await load_grants(
                            workflow, self._tools, self._settings.mcp, self._mcp
                        )
                    services = self._services(job, granted, artefacts)
                    thread = kept.thread if kept else None
                    outputs, values = await invoke(workflow, inputs, services, thread)
        finally:
            for task in opening:
                task.cancel()
        job.emit(Output(outputs))
        cited, unknown = _citations(workflow, outputs, values)
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

    def _services(self, job: _Job, granted: GrantedTools, artefacts: ArtefactStore) -> Services:
        assert self._chat is not None
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
                on_report=lambda tool, message: job.emit(ToolProgress(node, tool, message)),
                gates=self._tool_gates,
            )

        services = Services(
            chat=self._chat,
            native_tools=bool(self._endpoint and self._endpoint.native_tools),
            open_corpus=self._open_corpus,
            make_toolbox=make_toolbox,
            emit=job.emit,
            budget=Budget(BudgetSpec()),
            taint_of=Flow(job.workflow, lambda grants: reads_outside(granted.of(grants))).of,
            identity=self._identity(),
            open_role=self._roles.open,
            cache=self._cache,
            streams=job.workflow.streams,
            on_question=job.on_question,
            ledger=ledger,
        ).inside(job.workflow.spec)
        if ledger is not None:
            services.budget.add(*ledger.spent())
        return services

    async def _open_corpus(self, source: str, embedding: str | None = None) -> Retriever:
        """Open a corpus once, whoever asks first; a failure is not remembered."""
        key = (source, embedding)
        task = self._corpora.get(key)
        if task is None:
            opening = asyncio.to_thread(
                open_corpus, source, model=embedding, on_step=self._tell_step
            )
            task = self._corpora[key] = asyncio.ensure_future(opening)
        try:
            with timed("retrieval", "open corpus") if not task.done() else nullcontext():
                return await asyncio.shield(task)
        except Exception:
            self._corpora.pop(key, None)
            raise

    async def _close_corpora(self) -> None:
        """Let go of what was searched; what is still being opened is waited for."""
        opened = await asyncio.gather(*self._corpora.values(), return_exceptions=True)
        self._corpora.clear()
        for retriever in opened:
            if not isinstance(retriever, BaseException):
                await asyncio.to_thread(retriever.close)

    def _tell_step(self, step: object) -> None:
        if self._on_progress is not None:
            self._on_progress(str(step))

    def _open_early(self, workflow: Workflow, inputs: dict[str, Any]) -> list[asyncio.Task[Any]]:
        """Begin to open the corpora that only the inputs decide, beside the first model call."""
        sources = set()
        for node in workflow.spec.nodes.values():
            corpus = getattr(node, "corpus", None)
            if corpus is not None:
                with suppress(TemplateFailure):
                    sources.add(
                        (render(corpus, {"inputs": inputs}), getattr(node, "embedding", None))
                    )
        return [asyncio.ensure_future(self._open_quietly(*source)) for source in sources]

    async def _open_quietly(self, source: str, embedding: str | None) -> None:
        # The node that needs the corpus meets the same error, and reports it as its own.
        with suppress(AgentrtError):
            await self._open_corpus(source, embedding)

    def _named(self, workflow: Workflow) -> dict[str, str]:
        """What each of a workflow's roles stands for; tells of those that stand for nothing."""
        described = self._roles.described(workflow)
        for name, model in described.items():
            if model == DEFAULT and self._on_progress is not None:
                self._on_progress(f"the model role {name!r} is mapped to nothing: {model} has it")
        return described

    def _describe(self, inputs: dict[str, Any], roles: dict[str, str]) -> dict[str, Any]:
        endpoint = self._endpoint
        return {
            "inputs": inputs,
            "model": endpoint.model if endpoint else "double",
            **({"roles": roles} if roles else {}),
            "profile": self.server.profile if self.server else None,
            "speculation": self.server.speculation if self.server else "unknown",
        }

    def _identity(self) -> str:
        """What tells the default model from others: not a port that changes with each start."""
        if self.server is not None:
            return f"{self.server.profile}#{self.server.model}"
        return f"{self._endpoint.base_url}#{self._endpoint.model}" if self._endpoint else ""

    def _serving(self) -> dict[str, Any]:
        """Which server answers, for whoever resumes the run in another process."""
        if self._base_url is not None:
            return {"base_url": self._base_url, "model": self._model}
        profile = self._profile
        name = profile if isinstance(profile, str) else profile.name
        return {"profile": name, "speculation": self._speculation}

    def _submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        if self._loop is None:
            work.close()
            raise UserError("this Runtime is not open: use it in a `with` block")
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _wait(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Wait for a run; Ctrl-C ends it, and waits until it has ended."""
        ended = threading.Event()
        future = self._start(work, ended.set)
        try:
            return future.result()
        except KeyboardInterrupt:
            future.cancel()
            ended.wait(_LAST_WORDS_S)
            raise RunCancelled("interrupted") from None

    def _start(
        self, work: Coroutine[Any, Any, Result], ended: Callable[[], None] = lambda: None
    ) -> Future[Result]:
        """Begin a run, which ends at the latest when the runtime is closed."""

        async def tracked() -> Result:
            task = asyncio.current_task()
            assert task is not None
            self._active.add(task)
            try:
                return await work
            finally:
                self._active.discard(task)
                ended()

        if self._loop is None:
            work.close()
        return self._submit(tracked())


@dataclass(frozen=True)
class _Job:
    """A run that is to be carried out."""

    workflow: Workflow
    inputs: dict[str, Any]
    trace_file: Path | None
    emit: Callable[[Event], None]
    on_question: OnQuestion | None
    kept: Kept | None


async def _cancel_all() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()
    await asyncio.get_running_loop().shutdown_default_executor()


def _ignore(event: Event) -> None:
    """Nobody listens."""


def _citations(
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
