"""LangChain's tools, as they are."""

from pathlib import Path

import pytest
from langchain_core.tools import StructuredTool
from langchain_core.tools import tool as langchain_decorator

from agentrt.errors import UserError
from agentrt.runtime import Runtime
from agentrt.testing import ScriptedModel
from agentrt.toolbox import Toolbox, as_tools, known_tools, langchain_tool


@langchain_decorator
def shout(text: str, times: int = 1) -> str:
    """Say it loudly.

    Args:
        text: what to say.
        times: how often.
    """
    return text.upper() * times


def test_what_is_not_known_of_a_langchain_tool_is_taken_to_be_possible() -> None:
    [converted] = as_tools([shout])
    assert converted.effects == {"read", "write", "network", "execute"}
    assert converted.replay == "once"
    stated = langchain_tool(shout, name="loud", effects=())
    assert (stated.name, stated.effects, stated.replay) == ("loud", frozenset(), "pure")


async def test_an_async_langchain_tool_is_awaited() -> None:
    async def wait(text: str) -> str:
        """Wait."""
        return text

    converted = langchain_tool(StructuredTool.from_function(coroutine=wait))
    assert await Toolbox([converted]).call("wait", {"text": "x"}) == "x"


def test_an_agent_calls_a_langchain_tool_that_the_runtime_was_given() -> None:
    # It does not say what it does to the world, so it would be asked about.
    free = {"name": "shout", "approve": "never", "allow_tainted": True}
    workflow = {
        "name": "loud",
        "nodes": {"work": {"kind": "agent", "prompt": "x", "tools": [free]}},
        "outputs": {"answer": "{{ work }}"},
    }
    bad = {"tool": "shout", "arguments": {"times": 2}}
    good = {"tool": "shout", "arguments": {"text": "ho", "times": 2}}
    model = ScriptedModel([bad, good, {"finish": "done"}])
    with Runtime(chat=model, tools=[shout]) as runtime:
        runtime.run(workflow)
    told = [m["content"] for m in model.calls[-1][1] if m["role"] == "user"]
    assert "shout: arguments: 'text' is a required property" in told[1]
    assert "HOHO" in told[2]


def test_langchain_tools_in_a_tool_file_are_found(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from langchain_core.tools import StructuredTool, tool\n"
        "from agentrt.toolbox import langchain_tool\n\n\n"
        "@tool('twice')\ndef double(n: int) -> int:\n    '''Twice a number.'''\n    return 2 * n\n"
        "def _half(n: int) -> float:\n    '''Half a number.'''\n    return n / 2\n\n\n"
        "half = langchain_tool(StructuredTool.from_function(_half), name='half', effects=())\n"
    )
    assert {"twice", "half"} <= known_tools([file])
    workflow = tmp_path / "w.yaml"
    workflow.write_text(
        "name: w\ntool_files: [mine.py]\nnodes:\n"
        "  a: {kind: tool, tool: {name: twice, approve: never}, arguments: {n: 21}}\n"
        "  b: {kind: tool, tool: {name: half, approve: never}, arguments: {n: 3}}\n"
        "outputs: {a: '{{ a }}', b: '{{ b }}'}\n"
    )
    with Runtime(chat=ScriptedModel([])) as runtime:
        assert runtime.run(workflow).outputs == {"a": 42, "b": 1.5}


def test_what_is_no_tool_is_refused() -> None:
    with pytest.raises(UserError, match="is no tool: put @tool above the function"):
        Runtime(tools=[len])
