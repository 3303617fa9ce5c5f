"""``agentrt resume`` and ``agentrt replay``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from agentrt.cli.console import reported
from agentrt.cli.options import (
    AllowChangesOption,
    BaseUrlOption,
    InputOption,
    InputsFileOption,
    JsonOption,
    ModelOption,
    ModelRoleOption,
    OtlpOption,
    QuietOption,
    RecordTextOption,
    RunArgument,
    TraceOption,
    WatchOption,
    read_inputs,
    read_roles,
)
from agentrt.cli.runs import opened_store
from agentrt.cli.session import Display, Hearing, Serving, Start, show_run
from agentrt.errors import InputError

if TYPE_CHECKING:
    from agentrt.graph.person import Question
    from agentrt.llm import Endpoint
    from agentrt.result import Result
    from agentrt.runs import RunRecord
    from agentrt.runtime import Runtime

_IN_DOUBT = ["done", "again"]


def resume(
    run: RunArgument,
    answer: Annotated[
        list[str] | None,
        typer.Option(
            "--answer",
            "-a",
            metavar="[NODE=]VALUE",
            help="An answer to an open question: yes or no, a text, or JSON for a value.",
        ),
    ] = None,
    effect: Annotated[
        Literal["done", "again"] | None,
        typer.Option(help="Whether an effect of unknown outcome happened, or is to be repeated."),
    ] = None,
    allow_changes: AllowChangesOption = False,
    base_url: BaseUrlOption = None,
    model: ModelOption = None,
    model_role: ModelRoleOption = None,
    trace: TraceOption = None,
    record_text: RecordTextOption = False,
    watch: WatchOption = False,
    otlp: OtlpOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Carry a run on from where it was: after a crash, a failure, Ctrl-C, or a question.

    It goes on with the workflow's text of the time when it began, on the same server.

    Examples:

      agentrt resume 3f2a

      agentrt resume 3f2a --answer yes

      agentrt resume 3f2a -a approve=yes -a tone=warm

      agentrt resume 3f2a --effect again
    """  # fmt: skip
    display = Display(trace, record_text, watch, None, otlp, as_json, quiet)
    with reported(as_json=as_json):
        record, questions = _stored(run)
        answers = _answers(questions, answer or [], effect)

        def prepare(runtime: Runtime) -> tuple[str, Start]:
            def start(hearing: Hearing) -> Result:
                return runtime.resume(
                    record.id, answers, allow_changes=allow_changes,
                    trace_file=hearing.trace_file, on_event=hearing.on_event,
                    on_question=hearing.on_question,
                )  # fmt: skip

            runtime.expect(runtime.load_kept(record, allow_changes=allow_changes))
            return record.workflow, start

        roles = _roles(record, model_role)
        show_run(_serving(record, base_url, model), display, prepare, roles=roles)


def replay(
    run: RunArgument,
    node: Annotated[str, typer.Option("--from", metavar="NODE", help="Where to begin.")],
    input_: InputOption = None,
    inputs_file: InputsFileOption = None,
    allow_changes: AllowChangesOption = False,
    base_url: BaseUrlOption = None,
    model: ModelOption = None,
    model_role: ModelRoleOption = None,
    trace: TraceOption = None,
    record_text: RecordTextOption = False,
    watch: WatchOption = False,
    otlp: OtlpOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run a run's nodes again from one on, as a new run; what had ended before it is kept.

    Effects of the nodes that run again happen again.

    Examples:

      agentrt replay 3f2a --from draft

      agentrt replay 3f2a --from draft -i tone=warm
    """
    display = Display(trace, record_text, watch, None, otlp, as_json, quiet)
    with reported(as_json=as_json):
        record, _ = _stored(run)
        from_file, words = read_inputs(input_, inputs_file)

        def prepare(runtime: Runtime) -> tuple[str, Start]:
            def start(hearing: Hearing) -> Result:
                return runtime.replay(
                    record.id, node, {**from_file, **words}, as_text=True,
                    allow_changes=allow_changes, trace_file=hearing.trace_file,
                    on_event=hearing.on_event, on_question=hearing.on_question,
                )  # fmt: skip

            runtime.expect(runtime.load_kept(record, allow_changes=allow_changes))
            return record.workflow, start

        roles = _roles(record, model_role)
        show_run(_serving(record, base_url, model), display, prepare, roles=roles)


def _stored(run: str) -> tuple[RunRecord, list[Question]]:
    from agentrt.durable import open_questions

    with opened_store() as store:
        record = store.get(run)
        return record, open_questions(store, record.id)


def _serving(record: RunRecord, base_url: str | None, model: str | None) -> Serving:
    """The server that the run began on, unless options name another one."""
    known = Serving(**{name: told for name, told in record.server.items() if name != "roles"})
    return (
        known
        if base_url is None and model is None
        else replace(known, base_url=base_url or known.base_url, model=model or known.model)
    )


def _roles(record: RunRecord, words: list[str] | None) -> dict[str, Endpoint]:
    """The models of the roles that the run was given, unless options name other ones."""
    known = record.server.get("roles", {})
    return read_roles([*(f"{name}={address}" for name, address in known.items()), *(words or [])])


def _answers(questions: list[Question], words: list[str], effect: str | None) -> dict[str, Any]:
    """Answers by node.

    Raises:
        InputError: a word answers no open question.
    """
    from agentrt.cli.ask import answer_of

    open_ = {question.node: question for question in questions}
    answers: dict[str, Any] = {}
    for word in words:
        node, equals, value = word.partition("=")
        if not equals or node not in open_:
            if len(open_) != 1:
                known = ", ".join(open_) or "none"
                raise InputError(f"--answer takes NODE=VALUE, not {word!r} (open: {known})")
            node, value = next(iter(open_)), word
        answers[node] = answer_of(open_[node], value)
    if effect is not None:
        doubtful = [node for node, question in open_.items() if question.choices == _IN_DOUBT]
        if not doubtful:
            raise InputError("no effect of this run is in doubt")
        answers.update(dict.fromkeys(doubtful, effect))
    return answers
