"""Asking a person in the middle of a run."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from agentrt.errors import RunError

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


async def ask_person(question: Question, services: Services) -> Any:
    """A person's answer: True or False for ``approve``, else the edited value or the answer.

    Raises:
        RunError: nobody can be asked, or the answer does not fit the question.
    """
    if services.on_question is None:
        raise RunError(f"node {question.node!r} asks a person, and nobody answers: on_question")
    if inspect.iscoroutinefunction(services.on_question):
        answer = await services.on_question(question)
    else:
        answer = await asyncio.to_thread(services.on_question, question)
    return fitting(question, answer)


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
