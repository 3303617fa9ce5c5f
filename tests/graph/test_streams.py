"""Outputs that are shown while they are written."""

import pytest

from agentrt.errors import SpecError
from agentrt.graph import Token
from agentrt.runtime import Runtime
from agentrt.testing import Reply, ScriptedModel

WORKFLOW = """
name: w
stream: [answer]
nodes:
  plan: {kind: llm, prompt: plan}
  write: {kind: llm, prompt: "{{ plan }}"}
outputs: {answer: "{{ write }}", plan: "{{ plan }}"}
"""


async def test_the_pieces_of_a_streamed_output_are_marked_with_its_name(fake_server) -> None:
    server = fake_server([Reply("the plan"), Reply("the answer")])
    async with Runtime(base_url=server.base_url, model="m", api_key=server.api_key) as runtime:
        events = [e async for e in runtime.astream(WORKFLOW) if isinstance(e, Token)]
    assert "".join(e.text for e in events if e.output == "answer") == "the answer"
    assert "".join(e.text for e in events if e.output is None) == "the plan"


def test_each_route_to_an_output_is_streamed() -> None:
    spec = {
        "name": "w",
        "stream": ["answer"],
        "nodes": {
            "choose": {"kind": "branch", "cases": [{"when": "{{ 0 }}", "to": "a"}, {"to": "b"}]},
            "a": {"kind": "llm", "prompt": "a"},
            "b": {"kind": "llm", "prompt": "b"},
        },
        "outputs": {"answer": "{{ a or b }}"},
    }  # fmt: skip
    events = []
    with Runtime(chat=ScriptedModel(["said"])) as runtime:
        runtime.run(spec, on_event=events.append)
    assert [e.output for e in events if isinstance(e, Token)] == ["answer"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("[answer]", "[anser]"), r"no output is called 'anser' \(did you mean 'answer'"),
        (('"{{ write }}"', "fixed"), "'answer' reads no text that an llm node writes"),
        (('"{{ plan }}"}', '"x", schema: {type: object}}'), "no text that an llm node writes"),
    ],
)  # fmt: skip
def test_an_output_that_no_model_writes_is_refused(change, message: str) -> None:
    with pytest.raises(SpecError, match=message), Runtime(chat=ScriptedModel([])) as runtime:
        runtime.run(WORKFLOW.replace(*change, 1))
