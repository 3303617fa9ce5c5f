"""What a conversation remembers."""

import json

import pytest

from agentrt.errors import ToolError
from agentrt.toolbox import Toolbox, find_tools, grant


def memory(run_id: str) -> Toolbox:
    return Toolbox(grant(find_tools(["memory"])), resources={"run_id": run_id})


async def say(run_id: str, thread: str, question: str, answer: str) -> None:
    turn = {"thread": thread, "question": question, "answer": answer}
    await memory(run_id).call("remember", turn)


async def recalled(thread: str, last: int = 3) -> list[str]:
    turns = json.loads(await memory("x").call("recall", {"thread": thread, "last": last}))
    return [f"{turn['question']} {turn['answer']}" for turn in turns]


async def test_a_thread_is_recalled_by_later_runs_the_oldest_turn_first() -> None:
    await say("one", "bees", "Who makes honey?", "Bees.")
    await say("two", "bees", "Where?", "In combs.")
    await say("three", "tides", "What makes tides?", "The moon.")
    assert await recalled("bees") == ["Who makes honey? Bees.", "Where? In combs."]
    assert await recalled("bees", last=1) == ["Where? In combs."]
    assert await recalled("never begun") == []


async def test_a_run_that_goes_on_adds_its_turn_once() -> None:
    await say("one", "bees", "Who makes honey?", "Bees.")
    await say("one", "bees", "Who makes honey?", "Bees.")
    assert await recalled("bees") == ["Who makes honey? Bees."]


async def test_a_thread_can_be_forgotten() -> None:
    await say("one", "bees", "Who makes honey?", "Bees.")
    await memory("two").call("forget", {"thread": "bees"})
    assert await recalled("bees") == []


async def test_what_is_too_long_is_not_kept() -> None:
    with pytest.raises(ToolError, match="at most 8,000 characters"):
        await say("one", "bees", "Why?", "x" * 8001)
    assert await recalled("bees") == []
