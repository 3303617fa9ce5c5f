"""The notebook and the clock."""

import pytest

from agentrt.errors import ToolError
from agentrt.toolbox import Toolbox, find_tools, grant


def notes(run_id: str, **options: object) -> Toolbox:
    return Toolbox(grant(find_tools(["notes"]), options), resources={"run_id": run_id})


async def test_a_note_is_read_by_later_steps_of_its_run_and_by_no_other() -> None:
    await notes("one").call("add_note", {"text": "bees make honey"})
    await notes("one").call("add_note", {"text": "bees make honey"})
    await notes("two").call("add_note", {"text": "lava is hot"})
    assert await notes("one").call("read_notes", {}) == '["bees make honey"]'
    both = await notes("three", shared=True).call("read_notes", {})
    assert both == '["bees make honey", "lava is hot"]'
    assert await notes("one", notebook="other").call("read_notes", {}) == "[]"


async def test_a_note_is_short() -> None:
    with pytest.raises(ToolError, match="at most 2,000 characters"):
        await notes("one").call("add_note", {"text": "x" * 2001})


async def test_the_clock_knows_timezones() -> None:
    clock = Toolbox(find_tools(["clock"]))
    assert (await clock.call("clock", {"timezone": "Asia/Tokyo"})).endswith("+09:00")
    with pytest.raises(ToolError, match="no timezone is called 'Nowhere/City'"):
        await clock.call("clock", {"timezone": "Nowhere/City"})
