"""Agents and their tools: calls that go wrong, calls at once, many tools, schemas that hold."""

import asyncio
import json
import re
from collections.abc import Callable
from typing import Annotated

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field

from agentrt.errors import ToolError
from agentrt.graph import ToolCalled
from agentrt.graph.step_schema import described, step_schema
from agentrt.runtime import Runtime
from agentrt.testing import Reply, ScriptedModel
from agentrt.toolbox import Tool, Toolbox, tool

WORKFLOW = """
name: sums
nodes:
  work: {{kind: agent, prompt: "What is 6*7?", tools: [{tools}], max_steps: 8{more}}}
outputs: {{answer: "{{{{ work }}}}"}}
"""


def workflow(tools: str = "calculator", more: str = "") -> str:
    return WORKFLOW.format(tools=tools, more=more)


@pytest.fixture
def native(fake_server) -> Callable:
    """Run an agent whose server parses tool calls; gives its answer and what was asked."""

    def run(replies, text: str = workflow(), tools=()):
        server = fake_server(replies)
        url, key = server.base_url, server.api_key
        with Runtime(
            base_url=url, model="m", api_key=key, native_tools=True, tools=tools
        ) as runtime:
            return runtime.run(text).outputs["answer"], server.requests

    return run


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (("calculator", '{"expression": "6*'), "calculator: the arguments are not JSON"),
        (("calculator", "[6]"), "the arguments are not an object"),
        (("calculator", {"expresion": "6*7"}), "calculator: expression: Field required"),
        (("calculater", {"expression": "6*7"}), "not granted (did you mean 'calculator'?)"),
        (("calculator", {"expression": "6*"}), "can't work out"),
    ],
)
def test_a_native_call_that_can_not_be_is_answered_with_what_is_wrong(
    native, call: tuple, told: str
) -> None:
    right = ("calculator", {"expression": "6*7"})
    answer, requests = native(
        [Reply(tool_calls=(call,)), Reply(tool_calls=(right,)), Reply("It is 42.")]
    )
    assert answer == "It is 42."
    heard = requests[1]["messages"]
    assert told in heard[-1]["content"]
    # Servers read the arguments of past calls as JSON, so what could not be read is left out.
    assert isinstance(json.loads(heard[-2]["tool_calls"][0]["function"]["arguments"]), dict)


def test_calls_of_one_step_run_at_once_and_keep_their_order(native) -> None:
    together = asyncio.Barrier(3)

    @tool
    async def meet(number: int) -> int:
        """Wait for the others."""
        async with asyncio.timeout(5):
            await together.wait()
        return number * 10

    calls = tuple(("meet", {"number": n}) for n in (1, 2, 3))
    answer, requests = native(
        [Reply(tool_calls=calls), Reply("done")], workflow("meet"), tools=[meet]
    )
    assert answer == "done"
    told = [message["content"].splitlines()[-1] for message in requests[1]["messages"][-3:]]
    assert told == ["10", "20", "30"]


def test_too_many_failed_calls_fail_the_node_and_say_what_the_last_was() -> None:
    wrong = {"tool": "calculator", "arguments": {"expression": "1/0"}}
    model = ScriptedModel([wrong] * 8)
    events: list[object] = []
    with (
        Runtime(chat=model) as runtime,
        pytest.raises(ToolError, match=r"'work': 3 of .* max_tool_errors allows 2; .*division"),
    ):
        runtime.run(workflow(more=", max_tool_errors: 2"), on_event=events.append)
    assert len(model.calls) == 3
    assert len([e for e in events if isinstance(e, ToolCalled) and e.error]) == 3


def test_schemas_are_strict_where_every_server_can_hold_them(native) -> None:
    @tool
    def search(query: str, limit: int = 3) -> str:
        """Search."""
        return query

    _, requests = native([Reply("done")], workflow("search, calculator"), tools=[search])
    strict = {t["function"]["name"]: t["function"].get("strict") for t in requests[0]["tools"]}
    assert strict == {"search": None, "calculator": True}


class Address(BaseModel):
    street: str
    city: str


def nested() -> list[Tool]:
    @tool
    def send(to: Address, copies: list[Address], note: str = "") -> str:
        """Send a parcel."""
        return to.city

    @tool
    def call(number: str) -> str:
        """Call a number."""
        return number

    return [send, call]


def test_a_steps_schema_admits_valid_calls_of_granted_tools_and_nothing_else() -> None:
    schema = step_schema(nested(), 256)
    Draft202012Validator.check_schema(schema)
    here = {"street": "Elm", "city": "York"}

    def admits(step: dict) -> bool:
        return Draft202012Validator(schema).is_valid(step)

    assert admits({"tool": "send", "arguments": {"to": here, "copies": [here]}})
    assert admits({"tool": "call", "arguments": {"number": "1"}})
    assert admits({"finish": "done"})
    assert not admits({"tool": "send", "arguments": {"to": {"city": "York"}, "copies": []}})
    assert not admits({"tool": "call", "arguments": {"to": here, "copies": []}})
    assert not admits({"tool": "other", "arguments": {}})
    assert not admits({"finish": "x" * 1000})


def test_what_no_decoder_can_hold_is_left_out_of_a_steps_schema_and_still_checked() -> None:
    class Parcel(BaseModel):
        format: Annotated[str, Field(pattern="^[a-z]+$", json_schema_extra={"format": "color"})]
        weights: set[Annotated[float, Field(multiple_of=0.5)]]

    @tool
    def pack(parcel: Parcel, code: Annotated[str, Field(pattern="^[0-9]+$")]) -> str:
        """Pack a parcel."""
        return code

    written = json.dumps(step_schema([pack], 256))
    assert not {"multipleOf", "uniqueItems", "color"} & set(re.findall(r"\w+", written))
    assert '"format": {"pattern": "^[a-z]+$"' in written, "an argument may be called so"
    assert '"code": {"pattern": "^[0-9]+$", "type": "string"}' in written
    call = {"parcel": {"format": "a", "weights": [0.3]}, "code": "1"}
    with pytest.raises(ToolError, match=r"parcel.weights.0: .*multiple of 0.5"):
        asyncio.run(Toolbox([pack]).call("pack", call))


def test_the_last_step_may_only_finish() -> None:
    assert not Draft202012Validator(step_schema([], 256)).is_valid(
        {"tool": "call", "arguments": {"number": "1"}}
    )


def test_a_model_is_told_each_tools_arguments() -> None:
    told = described(nested())
    assert "- send(to, copies, note?): Send a parcel." in told
    assert "- call(number): Call a number." in told


def test_an_agent_with_a_hundred_tools_calls_the_right_one() -> None:
    def numbered(number: int) -> Tool:
        @tool(name=f"tool_{number}")
        def give(times: int) -> int:
            """Give a number."""
            return number * times

        return give

    many = [numbered(n) for n in range(100)]
    model = ScriptedModel([{"tool": "tool_77", "arguments": {"times": 2}}, {"finish": "154"}])
    with Runtime(chat=model, tools=many) as runtime:
        runtime.run(workflow(", ".join(t.name for t in many)))
    assert "154" in model.calls[-1][1][-1]["content"]
