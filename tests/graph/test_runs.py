"""What workflows do when they run: order, concurrency, branches, tools, errors, events."""

import asyncio
from pathlib import Path

import pytest

from agentrt.errors import InputError, LLMError, RunError, SpecError, ToolError, UserError
from agentrt.graph import NodeFinished, Output, Token, ToolCalled
from agentrt.runtime import Runtime
from agentrt.testing import Reply, ScriptedModel
from agentrt.toolbox import tool

TWO_STEPS = """
name: two-steps
inputs: {topic: {type: string}}
nodes:
  plan:
    kind: llm
    prompt: "Plan for {{ inputs.topic }}"
    schema: {type: object, properties: {queries: {type: array}}, required: [queries]}
  answer:
    kind: llm
    system: Be short.
    prompt: "{{ plan.queries | join(', ') }}"
outputs: {answer: "{{ answer }}", queries: "{{ plan.queries }}"}
"""

BRANCHES = """
name: branches
inputs: {n: {type: integer}}
nodes:
  choose:
    kind: branch
    cases:
      - {when: "{{ inputs.n > 10 }}", to: large}
      - {to: small}
  large: {kind: llm, prompt: large}
  small: {kind: llm, prompt: small}
  join: {kind: llm, prompt: "{{ large or small }}"}
outputs: {answer: "{{ join }}", chosen: "{{ choose }}", skipped: "{{ large }}"}
"""


def run(workflow, model, inputs=None, **options):
    with Runtime(chat=model, **options) as runtime:
        return runtime.run(workflow, inputs)


def test_values_flow_from_node_to_node_and_keep_their_types() -> None:
    model = ScriptedModel([{"queries": ["a", "b"]}, " done "])
    result = run(TWO_STEPS, model, {"topic": "bees"})
    assert result.outputs == {"answer": "done", "queries": ["a", "b"]}
    assert model.calls[0][1] == [{"role": "user", "content": "Plan for bees"}]
    assert model.calls[1][1][0] == {"role": "system", "content": "Be short."}
    assert model.calls[1][1][1]["content"] == "a, b"


def test_a_field_of_an_object_comes_before_a_method_of_the_same_name() -> None:
    text = TWO_STEPS.replace("queries", "items")
    result = run(text, ScriptedModel([{"items": ["a", "b"]}, "done"]), {"topic": "bees"})
    assert result.outputs["items"] == ["a", "b"]


def test_inserted_text_is_never_rendered_again() -> None:
    model = ScriptedModel([{"queries": ["{{ inputs }}"]}, "done"])
    run(TWO_STEPS, model, {"topic": "{{ 7 * 7 }}"})
    assert model.calls[0][1][0]["content"] == "Plan for {{ 7 * 7 }}"
    assert model.calls[1][1][1]["content"] == "{{ inputs }}"


@pytest.mark.parametrize(("n", "chosen"), [(11, "large"), (3, "small")])
def test_a_branch_runs_one_way_and_a_join_goes_on(n: int, chosen: str) -> None:
    model = ScriptedModel(lambda name, messages: f"from {messages[-1]['content']}")
    result = run(BRANCHES, model, {"n": n})
    assert result.outputs["chosen"] == chosen
    assert result.outputs["answer"] == f"from from {chosen}"
    assert [name for name, _ in model.calls] == [chosen, "join"]


def test_independent_nodes_run_at_the_same_time(fake_server) -> None:
    server = fake_server([Reply("hello", ttft_s=0.3)])
    workflow = {
        "name": "side-by-side",
        "nodes": {name: {"kind": "llm", "prompt": name} for name in ("one", "two", "three")},
        "outputs": {"answer": "{{ one }}{{ two }}{{ three }}"},
    }
    with Runtime(base_url=server.base_url, model="m", api_key=server.api_key) as runtime:
        result = runtime.run(workflow)
    assert result.outputs["answer"] == "hello" * 3
    first, last = min(t.received for t in server.timelines), max(t.first for t in server.timelines)
    assert last - first < 0.6


def test_an_agent_calls_granted_tools_and_hears_of_its_mistakes() -> None:
    workflow = """
name: sums
nodes:
  work: {kind: agent, prompt: "What is 6*7?", tools: [calculator], max_steps: 4}
outputs: {answer: "{{ work }}"}
"""
    model = ScriptedModel(
        [
            {"tool": "calculator", "arguments": {"expression": "6*"}},
            {"tool": "read_passage", "arguments": {"passage_id": "x"}},
            {"tool": "calculator", "arguments": {"expression": "6*7"}},
            {"finish": "It is 42."},
        ]
    )
    assert run(workflow, model).outputs == {"answer": "It is 42."}
    told = [message["content"] for message in model.calls[-1][1] if message["role"] == "user"]
    assert "can't work out" in told[1]
    assert "'read_passage' was not granted" in told[2]
    assert "42" in told[3]
    assert "not instructions" in told[3]


def test_native_tool_calls_are_used_where_the_server_parses_them(fake_server) -> None:
    server = fake_server(
        [Reply(tool_calls=(("calculator", {"expression": "6*7"}),)), Reply("It is 42.")]
    )
    workflow = """
name: sums
nodes:
  work: {kind: agent, prompt: "What is 6*7?", tools: [calculator]}
outputs: {answer: "{{ work }}"}
"""
    url, key = server.base_url, server.api_key
    with Runtime(base_url=url, model="m", api_key=key, native_tools=True) as runtime:
        assert runtime.run(workflow).outputs["answer"] == "It is 42."
    assert server.requests[0]["tools"][0]["function"]["name"] == "calculator"
    assert server.requests[1]["messages"][-1]["content"].endswith("follow):\n42")


def test_a_tool_of_your_own() -> None:
    @tool
    def shout(text: str) -> str:
        """Say it loudly."""
        return text.upper()

    workflow = """
name: loud
nodes:
  loud: {kind: tool, tool: shout, arguments: {text: hello}}
outputs: {answer: "{{ loud }}"}
"""
    assert run(workflow, ScriptedModel([]), tools=[shout]).outputs == {"answer": "HELLO"}
    with pytest.raises(SpecError, match="no tool is called 'shout'"):
        run(workflow, ScriptedModel([]))


def test_retrieval_numbers_passages_and_citations_are_looked_up(small_corpus: Path) -> None:
    workflow = """
name: find
inputs: {corpus: {type: path}}
nodes:
  found: {kind: retrieve, corpus: "{{ inputs.corpus }}", queries: [honey, moon], top_k: 1}
  draft: {kind: llm, prompt: "{% for p in found %}[{{ p.n }}] {{ p.text }}{% endfor %}"}
  check: {kind: tool, tool: check_citations,
          arguments: {answer: "{{ draft }}", passages: "{{ found }}"}}
outputs: {answer: "{{ draft }}", check: "{{ check }}"}
"""
    model = ScriptedModel(["Honey is kept in combs [1]. So it is [7]."])
    result = run(workflow, model, {"corpus": str(small_corpus)})
    assert result.outputs["check"] == {"ok": False, "cited": ["1"], "unknown": ["7"]}
    assert [passage.source for passage in result.citations] == ["bees.md"]
    assert result.unknown_citations == ("7",)
    assert {passage["source"] for passage in result.values["found"]} == {"bees.md", "page.html"}


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "input 'topic' is missing"),
        ({"topic": 3}, "input 'topic' must be a string, not 3"),
        ({"topik": "x"}, "has no input 'topik' .did you mean 'topic'"),
    ],
)
def test_wrong_inputs_are_refused_before_anything_runs(inputs, message: str) -> None:
    model = ScriptedModel([])
    with pytest.raises(InputError, match=message):
        run(TWO_STEPS, model, inputs)
    assert not model.calls


def test_a_value_that_a_template_needs_and_lacks_names_the_place() -> None:
    with pytest.raises(RunError, match=r"<string>:\d+: nodes.answer: .*queries"):
        run(TWO_STEPS, ScriptedModel([{"other": 1}, "x"]), {"topic": "x"})


def test_a_failing_tool_fails_the_run() -> None:
    workflow = """
name: sums
nodes:
  sum: {kind: tool, tool: calculator, arguments: {expression: "1/0"}}
outputs: {answer: "{{ sum }}"}
"""
    with pytest.raises(ToolError, match="division by zero"):
        run(workflow, ScriptedModel([]))


def test_an_empty_answer_is_an_error() -> None:
    with pytest.raises(LLMError, match="'answer': the model answered with nothing"):
        run(TWO_STEPS, ScriptedModel([{"queries": []}, "  "]), {"topic": "x"})


async def test_a_stream_of_typed_events(fake_server) -> None:
    server = fake_server([Reply('{"queries": ["a"]}'), Reply("streamed answer")])
    async with Runtime(base_url=server.base_url, model="m", api_key=server.api_key) as runtime:
        events = [event async for event in runtime.astream(TWO_STEPS, {"topic": "x"})]
    text = "".join(e.text for e in events if isinstance(e, Token) and e.node == "answer")
    assert text == "streamed answer"
    assert [e.node for e in events if isinstance(e, NodeFinished)] == ["plan", "answer"]
    assert events[-1] == Output({"answer": "streamed answer", "queries": ["a"]})
    assert not [e for e in events if isinstance(e, ToolCalled)]


async def test_many_runs_at_once_on_one_runtime(fake_server) -> None:
    server = fake_server(lambda body: Reply(body["messages"][-1]["content"]))
    workflow = {
        "name": "echo",
        "inputs": {"text": {}},
        "nodes": {"say": {"kind": "llm", "prompt": "{{ inputs.text }}"}},
        "outputs": {"answer": "{{ say }}"},
    }
    async with Runtime(base_url=server.base_url, model="m", api_key=server.api_key) as runtime:
        runs = [runtime.arun(workflow, {"text": f"number {n}"}) for n in range(20)]
        results = await asyncio.gather(*runs)
    assert [r.outputs["answer"] for r in results] == [f"number {n}" for n in range(20)]


async def test_leaving_a_stream_frees_the_server(fake_server) -> None:
    server = fake_server([Reply("word " * 200, itl_s=0.05)])
    workflow = {
        "name": "long",
        "nodes": {"say": {"kind": "llm", "prompt": "x"}},
        "outputs": {"answer": "{{ say }}"},
    }
    async with Runtime(base_url=server.base_url, model="m", api_key=server.api_key) as runtime:
        stream = runtime.astream(workflow)
        async for event in stream:
            if isinstance(event, Token):
                break
        await stream.aclose()
        for _ in range(100):
            if server.cancelled:
                break
            await asyncio.sleep(0.02)
    assert server.cancelled == 1


def test_a_closed_runtime_says_so() -> None:
    with pytest.raises(UserError, match="not open"):
        Runtime(chat=ScriptedModel([])).run(TWO_STEPS, {"topic": "x"})


def test_a_user_tool_file_beside_the_workflow(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from agentrt.toolbox import tool\n\n\n"
        "@tool\ndef double(n: int) -> int:\n    '''Twice a number.'''\n    return 2 * n\n"
    )
    file = tmp_path / "w.yaml"
    file.write_text(
        "name: w\ntool_files: [mine.py]\nnodes:\n"
        "  twice: {kind: tool, tool: double, arguments: {n: 21}}\noutputs: {a: '{{ twice }}'}\n"
    )
    assert run(file, ScriptedModel([])).outputs == {"a": 42}
