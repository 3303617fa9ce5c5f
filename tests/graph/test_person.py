"""Asking a person: who answers, and which answers are answers."""

import pytest

from agentrt.errors import RunError
from agentrt.graph.budget import Budget
from agentrt.graph.person import Question, ask_person
from agentrt.graph.services import Services
from agentrt.spec import BudgetSpec
from agentrt.testing import ScriptedModel


def services(on_question) -> Services:
    return Services(
        chat=ScriptedModel([]),
        native_tools=False,
        open_corpus=None,
        make_toolbox=None,
        emit=lambda event: None,
        budget=Budget(BudgetSpec()),
        taint_of=lambda node: frozenset(),
        on_question=on_question,
    )


APPROVE = Question(node="send", ask="approve", message="Send it?", value={"to": "Ada"})
CHOOSE = Question(node="pick", ask="answer", message="Which?", choices=["red", "blue"])


async def test_a_function_or_a_coroutine_answers() -> None:
    async def later(question: Question) -> bool:
        return question.value == {"to": "Ada"}

    assert await ask_person(APPROVE, services(later)) is True
    assert await ask_person(APPROVE, services(lambda question: False)) is False
    assert await ask_person(CHOOSE, services(lambda question: "blue")) == "blue"


@pytest.mark.parametrize(
    ("question", "answer", "message"),
    [
        (APPROVE, "yes", "'send': the answer is true or false, not 'yes'"),
        (CHOOSE, "green", "'pick': the answer is one of red, blue, not 'green'"),
    ],
)
async def test_an_answer_to_another_question_is_refused(question, answer, message) -> None:
    with pytest.raises(RunError, match=message):
        await ask_person(question, services(lambda question: answer))
