"""Asking a person in the middle of a run."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from agentrt.errors import ControlFlow, RunError
from agentrt.runs.database import on_disk
from agentrt.timing import timed

if TYPE_CHECKING:
    from agentrt.graph.services import Services


class Question(BaseModel):
    """What a person is asked: to approve something, to edit a value, or to answer.

    Attributes:
        node: who asks.
        value: what is to be approved or edited.
        choices: the only answers there are; None admits any.
    """

    model_config = ConfigDict(frozen=True)

    node: str
    ask: Literal["approve", "edit", "answer"]
    message: str
    value: Any = None
    choices: list[str] | None = None


OnQuestion = Callable[[Question], Any]
"""Gives a person's answer. A coroutine function is awaited on the runtime's own event loop; any
other function is called in a thread, so that it may wait as long as the person takes."""


class Paused(ControlFlow):
    """A question is open. ``interrupt`` is what LangGraph is told when the node is left."""

    def __init__(self, interrupt: Exception) -> None:
        self.interrupt = interrupt
        super().__init__("waiting for a person")


@contextmanager
def pausing() -> Iterator[None]:
    """LangGraph's way to stop as one of ours, which no code of ours takes for a failure.

    Raises:
        Paused: LangGraph stopped for a person.
    """
    from langgraph.errors import GraphInterrupt

    try:
        yield
    except GraphInterrupt as stop:
        raise Paused(stop) from None


async def ask_person(question: Question, services: Services) -> Any:
    """A person's answer: True or False for ``approve``, else the edited value or the answer.

    Where nobody answers at once, the node is left, and run again when the answer is there.

    Raises:
        RunError: nobody can be asked or waited for, or the answer does not fit the question.
        Paused: the run has to wait for the answer.
    """
    if services.ledger is None:
        return fitting(question, await _answer(question, services))
    entry = services.ledger.next(question.ask, "question", question.model_dump())
    if entry.state == "done":
        return entry.outcome
    if services.on_question is None:
        await on_disk(services.ledger.note(entry, "asked"))
    answer = fitting(question, await _answer(question, services))
    await on_disk(services.ledger.note(entry, "done", answer))
    return answer


def fitting(question: Question, answer: Any) -> Any:
    """The answer, where it is one to this question.

    Raises:
        RunError: it is not.
    """
    if question.ask == "approve" and not isinstance(answer, bool):
        raise RunError(f"node {question.node!r}: the answer is true or false, not {answer!r}")
    if question.choices is not None and answer not in question.choices:
        choices = ", ".join(question.choices)
        raise RunError(f"node {question.node!r}: the answer is one of {choices}, not {answer!r}")
    return answer


async def _answer(question: Question, services: Services) -> Any:
    asked = services.on_question
    if asked is None:
        return _interrupt(question)
    if inspect.iscoroutinefunction(asked):
        with timed("person", "answer"):
            return await asked(question)
    return await _in_daemon(asked, question)


async def _in_daemon(asked: OnQuestion, question: Question) -> Any:
    """Call a function that may wait for a person for ever, in a thread that nobody waits for."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Any] = loop.create_future()

    def settle(result: Any, error: BaseException | None) -> None:
        if answer.cancelled():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(result)

    def call() -> None:
        told: tuple[Any, BaseException | None]
        try:
            told = (asked(question), None)
        except BaseException as error:
            told = (None, error)
        with suppress(RuntimeError):  # the run is over, and its loop closed
            loop.call_soon_threadsafe(settle, *told)

    threading.Thread(target=call, name="agentrt-question", daemon=True).start()
    with timed("person", "answer"):
        return await answer


def _interrupt(question: Question) -> Any:
    """LangGraph's way: the first time it stops the graph, later it gives what was resumed with."""
    from langgraph.config import get_config
    from langgraph.types import interrupt

    if "thread_id" not in get_config().get("configurable", {}):
        message = (
            f"node {question.node!r} asks a person, and nobody answers: on_question, or a store"
        )
        raise RunError(message)
    with pausing():
        return interrupt(question.model_dump())
