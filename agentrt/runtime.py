"""``Runtime``: the one object that embeds agentrt in a Python program."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from agentrt.background import BackgroundLoop
from agentrt.bundled import settings_file
from agentrt.corpora import Corpora
from agentrt.default_model import DefaultModel
from agentrt.durable import (
    Keeper,
    default_store,
    open_keeper,
    put_answers,
    stored_workflow,
)
from agentrt.errors import RunCancelled, UserError
from agentrt.execution import Job, Listening, Shared, carry_out, services_of
from agentrt.graph.cache import ValueCache
from agentrt.graph.events import Event
from agentrt.graph.person import OnQuestion
from agentrt.graph.roles import Roles
from agentrt.graph.services import Chat, Services
from agentrt.graph.surroundings import surroundings
from agentrt.llm import Endpoint
from agentrt.result import Result
from agentrt.runs import RunRecord
from agentrt.serving import Profile, Server
from agentrt.spec import (
    Complaint,
    Settings,
    Surroundings,
    Workflow,
    examine,
    load_settings,
    load_workflow,
    resolve_inputs,
)
from agentrt.timing import SpanHook, new_run_id
from agentrt.toolbox import ArtefactStore, Tool, as_tools
from agentrt.toolbox.mcp import McpServers

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool
    from langgraph.graph.state import CompiledStateGraph

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
        endpoint = Endpoint(base_url, model, api_key, native_tools) if base_url and model else None
        self._on_progress, self._on_question = on_progress, on_question
        self._record_text = record_text
        self._shared = Shared(
            model=DefaultModel(profile, speculation=speculation, endpoint=endpoint, chat=chat),
            roles=Roles(models or {}, record_text=record_text),
            corpora=Corpora(self._tell),
            tools=as_tools(tools),
            settings=settings or load_settings(settings_file()),
            mcp=McpServers(),
            hooks=tuple(hooks),
            cache=ValueCache() if cache else None,
            tell=self._tell,
        )
        self._store = default_store() if store == DEFAULT_STORE else store
        self._keeper: Keeper | None = None
        self._active: set[asyncio.Task[Any]] = set()
        self._stack = ExitStack()
        self._loop = BackgroundLoop()

    # -- life ---------------------------------------------------------------------------------

    def __enter__(self) -> Runtime:
        shared = self._shared
        with ExitStack() as stack:
            self._loop.start()
            stack.callback(self._loop.stop)
            stack.callback(lambda: self._loop.wait(shared.mcp.aclose()))
            # Loaded on entering, so that no run's first node pays for it.
            for module in ("langgraph.graph", "jsonschema"):
                import_module(module)
            stack.callback(lambda: self._loop.wait(shared.roles.aclose()))
            if self._store is not None:
                self._open_store(stack, self._store)
            shared.model.connect(
                stack, self._loop, record_text=self._record_text, on_progress=self._on_progress
            )
            stack.callback(lambda: self._loop.wait(shared.corpora.aclose()))
            stack.callback(lambda: self._loop.wait(self._end_runs()))
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

    def _open_store(self, stack: ExitStack, where: Path | str) -> None:
        opened = open_keeper(where)
        self._keeper = self._loop.wait(opened.__aenter__())
        stack.callback(lambda: self._loop.wait(opened.__aexit__(None, None, None)))

    async def _end_runs(self) -> None:
        """Cancel what still runs, and wait until the store tells so."""
        runs = list(self._active)
        for run in runs:
            run.cancel()
        await asyncio.gather(*runs, return_exceptions=True)

    @property
    def server(self) -> Server | None:
        """The server that this runtime started or found for its profile."""
        return self._shared.model.server

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
        listening = self._listening(trace_file, on_event, on_question)
        return self._wait(self._begin(workflow, inputs, listening))

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
        listening = self._listening(trace_file, on_event, on_question)
        work = self._begin(workflow, inputs, listening)
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
        listening = self._listening(trace_file, on_event, on_question)
        job = self._take_up(run_id, answers, allow_changes, listening)
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
        listening = self._listening(trace_file, on_event, on_question)
        job = await asyncio.to_thread(self._take_up, run_id, answers, allow_changes, listening)
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
        listening = self._listening(trace_file, on_event, on_question)
        job, of = self._take_again(run_id, inputs, as_text, allow_changes, listening)
        return self._wait(self._fork(job, of, node))

    async def areplay(
        self,
        run_id: str,
        node: str,
        inputs: dict[str, Any] | None = None,
        *,
        allow_changes: bool = False,
        trace_file: Path | None = None,
        on_event: Callable[[Event], None] | None = None,
        on_question: OnQuestion | None = None,
    ) -> Result:
        """As ``replay``, for async callers."""
        listening = self._listening(trace_file, on_event, on_question)
        job, of = await asyncio.to_thread(
            self._take_again, run_id, inputs, False, allow_changes, listening
        )
        return await asyncio.wrap_future(self._start(self._fork(job, of, node)))

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

    def load_kept(self, record: RunRecord, *, allow_changes: bool = False) -> Workflow:
        """Check the workflow of a kept run, as its text was when the run began.

        Raises:
            UserError: a file that the text builds on has changed since.
            SpecError: such a file is gone, or a tool that it grants.
        """
        return stored_workflow(record, self._around(), allow_changes=allow_changes)

    def expect(self, *workflows: Workflow) -> None:
        """Say, before entering, that these workflows and no others will run.

        Where none of their steps asks the default model, no server is started for it.

        Raises:
            UserError: the environment lacks the key of a role.
        """
        asked = [self._shared.roles.leaves_to_default(workflow) for workflow in workflows]
        self._shared.model.needed = any(asked)

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
        self._shared.named_roles(loaded)

        async def services(emit: Callable[[Event], None]) -> Services:
            job = Job(loaded, {}, self._listening(None, emit, None))
            granted = await self._shared.granted(loaded)
            return services_of(job, self._shared, granted, ArtefactStore(None))

        return export(loaded, services, self._loop.submit)

    def _around(self) -> Surroundings:
        return surroundings(self._shared.tools, self._shared.settings.mcp)

    # -- inside -------------------------------------------------------------------------------

    def _listening(
        self,
        trace_file: Path | None,
        on_event: Callable[[Event], None] | None,
        on_question: OnQuestion | None,
    ) -> Listening:
        return Listening(trace_file, on_event or _ignore, on_question or self._on_question)

    def _begin(
        self, workflow: WorkflowSource, inputs: dict[str, Any] | None, listening: Listening
    ) -> Coroutine[Any, Any, Result]:
        loaded = self.load(workflow)
        return self._run(Job(loaded, resolve_inputs(loaded, inputs or {}), listening))

    def _take_up(
        self,
        run_id: str,
        answers: dict[str, Any] | None,
        allow_changes: bool,
        listening: Listening,
    ) -> Job:
        keeper = self._kept_here()
        record = keeper.store.get(run_id)
        workflow = self.load_kept(record, allow_changes=allow_changes)
        put_answers(keeper.store, record.id, answers or {})
        return Job(workflow, record.inputs, listening, keeper.take_up(record.id))

    def _take_again(
        self,
        run_id: str,
        inputs: dict[str, Any] | None,
        as_text: bool,
        allow_changes: bool,
        listening: Listening,
    ) -> tuple[Job, str]:
        record = self._kept_here().store.get(run_id)
        workflow = self.load_kept(record, allow_changes=allow_changes)
        resolved = resolve_inputs(workflow, {**record.inputs, **(inputs or {})}, as_text=as_text)
        return Job(workflow, resolved, listening), record.id

    async def _fork(self, job: Job, run_id: str, node: str) -> Result:
        from agentrt.graph.fork import fork

        keeper, new = self._kept_here(), new_run_id()
        await fork(job.workflow, keeper.saver, run_id, new, node, job.inputs)
        kept = keeper.begin(new, job.workflow, job.inputs, self._shared.serving, parent=run_id)
        return await self._run(replace(job, kept=kept))

    def _kept_here(self) -> Keeper:
        if self._keeper is None:
            raise UserError("this Runtime keeps no runs, or is not open")
        return self._keeper

    async def _run(self, job: Job) -> Result:
        keeper, kept, serving = self._keeper, job.kept, self._shared.serving
        if keeper is None:
            return await carry_out(job, self._shared, new_run_id())
        if kept is None:
            kept = keeper.begin(new_run_id(), job.workflow, job.inputs, serving)
        async with keeper.carrying(kept):
            result = await carry_out(replace(job, kept=kept), self._shared, kept.id)
            await keeper.finish(kept, result.outputs)
            return result

    def _tell(self, text: str) -> None:
        if self._on_progress is not None:
            self._on_progress(text)

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

        try:
            return self._loop.submit(tracked())
        except UserError:
            work.close()
            raise


def _ignore(event: Event) -> None:
    """Nobody listens."""
