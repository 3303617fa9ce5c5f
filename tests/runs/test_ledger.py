"""The ledger of effects: done once, replayed, retried with the same key, or asked about."""

import asyncio
from pathlib import Path

import pytest

from agentrt.errors import ToolError
from agentrt.runs import Entry, Ledger, RunRecord, RunStore, at_step

RECORD = RunRecord(
    id="run", workflow="w", path=None, folder=".", text="", inputs={}, state="running",
    started_at="2026-11-25T00:00:00+00:00",
)  # fmt: skip


class Process:
    """One process's view of the run; the next one sees what this one left on disk."""

    def __init__(self, folder: Path) -> None:
        self.store = RunStore(folder)
        known = self.store.latest()
        self.ledger = self.store.claim("run") if known else self.store.begin(RECORD)
        self.calls: list[str] = []

    async def perform(
        self, kind="once", *, fails: BaseException | None = None, known: str | None = "it was done"
    ) -> str:
        async def act(key: str) -> str:
            self.calls.append(key)
            if fails is not None:
                raise fails
            return f"answer {len(self.calls)}"

        async def resolve(entry: Entry) -> str | None:
            self.calls.append("asked")
            return known

        with at_step("node"):
            return await self.ledger.perform("send", kind, {"to": "Ada"}, act, resolve)

    def dies(self) -> None:
        self.store.close()


@pytest.fixture
def process(tmp_path: Path):
    """Start processes one after the other on the same store."""
    started: list[Process] = []

    def start() -> Process:
        if started:
            started[-1].dies()
        started.append(Process(tmp_path))
        return started[-1]

    yield start
    started[-1].dies()


@pytest.mark.parametrize("kind", ["pure", "idempotent", "once"])
async def test_an_outcome_is_replayed_and_the_effect_is_not_repeated(process, kind) -> None:
    assert await process().perform(kind) == "answer 1"
    resumed = process()
    assert await resumed.perform(kind) == "answer 1"
    assert resumed.calls == []


async def test_the_same_call_twice_in_a_step_is_two_effects(process) -> None:
    first = process()
    assert [await first.perform(), await first.perform()] == ["answer 1", "answer 2"]
    assert len(set(first.calls)) == 2
    resumed = process()
    assert [await resumed.perform(), await resumed.perform()] == ["answer 1", "answer 2"]
    assert await resumed.perform() == "answer 1"
    assert len(resumed.calls) == 1


async def test_a_once_effect_of_unknown_outcome_is_asked_about(process) -> None:
    first = process()
    with pytest.raises(asyncio.CancelledError):
        await first.perform(fails=asyncio.CancelledError())
    resumed = process()
    assert await resumed.perform() == "it was done"
    assert resumed.calls == ["asked"]
    again = process()
    assert await again.perform() == "it was done"
    assert again.calls == []


async def test_it_is_done_again_where_it_is_found_not_to_have_happened(process) -> None:
    first = process()
    with pytest.raises(asyncio.CancelledError):
        await first.perform(fails=asyncio.CancelledError())
    resumed = process()
    assert await resumed.perform(known=None) == "answer 2"
    assert resumed.calls == ["asked", first.calls[0]]


async def test_an_idempotent_effect_is_tried_again_with_the_same_key(process) -> None:
    first = process()
    with pytest.raises(asyncio.CancelledError):
        await first.perform("idempotent", fails=asyncio.CancelledError())
    resumed = process()
    await resumed.perform("idempotent")
    assert resumed.calls == first.calls


async def test_a_tool_that_ran_out_of_time_may_have_had_its_effect(process) -> None:
    """The next same call of the step goes on with it, in the same process too."""
    late = ToolError("took longer than 1 s")
    late.__cause__ = TimeoutError()
    first = process()
    with pytest.raises(ToolError, match="took longer"):
        await first.perform(fails=late)
    assert await first.perform() == "it was done"
    assert first.calls[1:] == ["asked"]


async def test_a_known_failure_is_replayed_unless_it_ended_the_run(process) -> None:
    first = process()
    with pytest.raises(ToolError, match="no money"):
        await first.perform(fails=ToolError("no money"))
    resumed = process()
    with pytest.raises(ToolError, match="no money") as failure:
        await resumed.perform()
    assert resumed.calls == []
    resumed.ledger.void(failure.value)
    assert await process().perform() == "answer 1"


async def test_effects_of_different_steps_and_arguments_are_different(process) -> None:
    ledger: Ledger = process().ledger
    keys = set()
    for step in ("a", "b"):
        with at_step(step):
            for arguments in ({"n": 1}, {"n": 2}, {"n": 1}):
                keys.add(ledger.next("send", "once", arguments).token)
    assert len(keys) == 6
