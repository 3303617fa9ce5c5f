"""A run at the terminal: shown while it goes on, its person asked, its result printed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentrt.cli.console import err, out, print_json
from agentrt.cli.trace import write_perfetto
from agentrt.errors import UserError

if TYPE_CHECKING:
    from agentrt.graph.events import Event
    from agentrt.graph.person import OnQuestion
    from agentrt.llm import Endpoint
    from agentrt.result import Result
    from agentrt.runtime import Runtime
    from agentrt.timing import SpanHook


@dataclass(frozen=True)
class Serving:
    """Which server answers, as options name it."""

    profile: str = "cpu-smollm2"
    base_url: str | None = None
    model: str | None = None
    speculation: bool = True


@dataclass(frozen=True)
class Display:
    """What is shown of a run, and where it goes."""

    trace: Path | None = None
    record_text: bool = False
    watch: bool = False
    perfetto: Path | None = None
    otlp: str | None = None
    as_json: bool = False
    quiet: bool = False


@dataclass(frozen=True)
class Keeping:
    """What is kept of a run: its store, and the values of nodes with ``cache``."""

    store: str | None = "default"
    cache: bool = True


@dataclass(frozen=True)
class Hearing:
    """What a run is begun with, so that it is heard."""

    trace_file: Path
    on_event: Callable[[Event], None]
    on_question: OnQuestion | None


Start = Callable[[Hearing], "Result"]
Prepare = Callable[["Runtime"], tuple[str, Start]]
"""Before a server starts: checks everything, and gives the workflow's name and how it begins."""


def show_run(
    serving: Serving,
    display: Display,
    prepare: Prepare,
    *,
    keeping: Keeping | None = None,
    roles: Mapping[str, Endpoint] | None = None,
) -> None:
    """Carry a run out at the terminal."""
    from agentrt.cli.ask import Asker, at_terminal
    from agentrt.cli.live import LiveOutputs
    from agentrt.cli.progress import RunProgress
    from agentrt.cli.watch import Watch

    watching = Watch(err) if display.watch else None
    view = watching or RunProgress(err, quiet=display.quiet or display.as_json)
    hooks: list[SpanHook] = [watching.span] if watching else []
    asker = Asker(view.paused) if at_terminal() and not display.as_json else None
    # The collector comes last: where it fails, the answer has been shown.
    with _collector(display.otlp) as collecting:
        with view:
            runtime = _runtime(
                serving, display, keeping or Keeping(), roles or {}, view.say, [*hooks, *collecting]
            )
            name, start = prepare(runtime)
            file = display.trace or _default_trace(name)
            with runtime, LiveOutputs(view, out, live=not display.as_json) as live:
                if watching:
                    watching.server = runtime.server
                result = start(Hearing(file, live.event, asker))
        show_result(result, live.shown, as_json=display.as_json, quiet=display.quiet)
        if display.perfetto is not None:
            write_perfetto(display.perfetto, result.trace)


@contextmanager
def _collector(endpoint: str | None) -> Iterator[list[SpanHook]]:
    if endpoint is None:
        yield []
        return
    from agentrt.timing.otel import otlp

    with otlp(endpoint) as hook:
        yield [hook]


def _runtime(
    serving: Serving,
    display: Display,
    keeping: Keeping,
    roles: Mapping[str, Endpoint],
    say: Callable[[str], None],
    hooks: list[SpanHook],
) -> Runtime:
    from agentrt.runtime import Runtime

    if (serving.base_url is None) != (serving.model is None):
        raise UserError("--base-url and --model go together")
    return Runtime(
        serving.profile,
        base_url=serving.base_url,
        model=serving.model,
        api_key=os.environ.get("OPENAI_API_KEY", "none"),
        speculation=serving.speculation,
        hooks=hooks,
        on_progress=say,
        store=keeping.store,
        record_text=display.record_text,
        models=roles,
        cache=keeping.cache,
    )


def _default_trace(name: str) -> Path:
    stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    return Path(".agentrt") / "traces" / f"{name}-{stamp}-{os.getpid()}.jsonl"


def show_result(result: Result, shown: Mapping[str, str], *, as_json: bool, quiet: bool) -> None:
    """Print a result, but for outputs that were ``shown`` as they are while they were written."""
    if as_json:
        print_json(result_json(result))
        return
    _show_outputs(result, shown)
    if quiet:
        return
    from agentrt.report.waterfall import print_waterfall

    out.print()
    print_waterfall(result.trace, out)
    out.print(f"trace: {result.trace_file}", style="dim", highlight=False)


def result_json(result: Result) -> dict[str, Any]:
    """A result for machines: outputs, citations, shares, totals and where the trace is."""
    breakdown = result.breakdown
    return {
        "run_id": result.run_id,
        "workflow": result.workflow,
        "outputs": result.outputs,
        "citations": [passage.model_dump() for passage in result.citations],
        "unknown_citations": list(result.unknown_citations),
        "artefacts": [
            {**made.described(), "tool": made.tool, "path": str(made.path)}
            for made in result.artefacts
        ],
        "wall_s": breakdown.wall_s,
        "seconds": breakdown.seconds,
        "unattributed_s": breakdown.unattributed_s,
        "llm": result.llm.model_dump(),
        "trace_file": str(result.trace_file),
    }


def _show_outputs(result: Result, shown: Mapping[str, str]) -> None:
    for name, value in result.outputs.items():
        if name in shown and shown[name].strip() == value:
            continue
        if isinstance(value, str):
            out.print(f"[bold]{name}[/bold]")
            out.print(value, highlight=False, markup=False)
        else:
            out.print(f"[bold]{name}[/bold]", end=" ")
            out.print(value)
    for passage in result.citations:
        place = f"{_openable(passage.location)} › {passage.heading} [{passage.start}:{passage.end}]"
        out.print(f"  cited: {place}", style="cyan", highlight=False, markup=False)
    for made in result.artefacts:
        place = f"{made.name} ({made.media_type}, {made.size:,} bytes) by {made.tool}: {made.path}"
        out.print(f"  artefact: {place}", style="cyan", highlight=False, markup=False)
    for number in result.unknown_citations:
        out.print(f"  [red]cited, but not retrieved:[/red] {number}")


def _openable(location: str) -> str:
    """A place as terminals and editors open it: from here where it is below, else whole."""
    here = f"{Path.cwd()}/"
    return location.removeprefix(here)
