"""Tools: their schemas, their limits and their refusals."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agentrt.errors import SpecError, ToolError, UserError
from agentrt.timing import Tracer
from agentrt.toolbox import (
    Artefact,
    ArtefactStore,
    Call,
    Run,
    Toolbox,
    find_tools,
    known_tools,
    tool,
)


def calculator() -> Toolbox:
    return Toolbox(find_tools(["calculator"]))


def test_a_typed_function_becomes_a_schema() -> None:
    @tool(inject=("retriever",))
    def find(query: str, retriever: object, limit: int = 3) -> str:
        """Find things.

        More that the model is not shown.
        """
        return query

    schema = Toolbox([find]).schemas()[0]["function"]
    assert schema["description"] == "Find things."
    assert schema["parameters"]["required"] == ["query"]
    assert schema["parameters"]["properties"]["limit"] == {"default": 3, "type": "integer"}
    assert "retriever" not in schema["parameters"]["properties"]


def test_a_tool_needs_a_docstring_and_types() -> None:
    with pytest.raises(UserError, match="needs a docstring"):

        @tool
        def silent(x: int) -> int:
            return x

    with pytest.raises(UserError, match="parameter 'x' needs a type"):

        @tool
        def untyped(x) -> int:
            """Something."""
            return 1


def test_shipped_tools_are_known_without_running_them() -> None:
    assert known_tools() >= {"calculator", "search_documents", "read_passage", "check_citations"}


@pytest.mark.parametrize(
    ("expression", "value"), [("6*7", "42"), ("2**10", "1024"), ("(1+2)/4", "0.75")]
)
async def test_the_calculator_works_things_out(expression: str, value: str) -> None:
    assert await calculator().call("calculator", {"expression": expression}) == value


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os').system('true')",
        "().__class__.__bases__",
        "open('/etc/passwd')",
        "9**9**9",
        "1/0",
        "'a'*10**9",
        "1+",
        "[x for x in range(10**9)]",
        "1" * 201,
    ],
)
async def test_the_calculator_refuses(expression: str) -> None:
    start = time.perf_counter()
    with pytest.raises(ToolError, match="calculator"):
        await calculator().call("calculator", {"expression": expression})
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("calculater", {}, "was not granted .did you mean 'calculator'"),
        ("calculator", {}, "calculator: expression: Field required"),
        ("calculator", {"expression": 3}, "Input should be a valid string"),
        ("calculator", {"expression": "1", "x": 1}, "x: Extra inputs are not permitted"),
    ],
)
async def test_wrong_calls_are_refused(name: str, arguments: dict, message: str) -> None:
    with pytest.raises(ToolError, match=message):
        await calculator().call(name, arguments)


async def test_time_and_output_are_limited() -> None:
    @tool(timeout_s=0.05)
    async def slow() -> str:
        """Take long."""
        await asyncio.sleep(5)
        return ""

    @tool
    def long() -> str:
        """Say much."""
        return "x" * 10_000

    box = Toolbox([slow, long])
    with pytest.raises(ToolError, match=r"slow: took longer than 0.05 s"):
        await box.call("slow", {})
    text = await box.call("long", {})
    assert len(text) < 4100
    assert text.endswith("(6000 characters left out)")


async def test_a_call_is_timed() -> None:
    tracer = Tracer()
    with tracer.span("run", "test"):
        await calculator().call("calculator", {"expression": "1"})
    assert tracer.spans[0].kind == "tool"
    assert tracer.spans[0].attributes["arguments"] == {"expression": "1"}


async def test_a_document_tool_without_a_corpus_says_what_to_do() -> None:
    box = Toolbox(find_tools(["search_documents"]))
    with pytest.raises(ToolError, match="set the node's 'corpus'"):
        await box.call("search_documents", {"query": "x"})


def test_a_broken_tool_file_names_its_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("x = 1\ndef broken(:\n")
    with pytest.raises(SpecError, match=r"mine.py:2:12: not valid Python"):
        known_tools([file])
    with pytest.raises(SpecError, match="cannot be read"):
        known_tools([tmp_path / "missing.py"])
    file.write_text("from agentrt.toolbox import tool\n1/0\n@tool\ndef f() -> int:\n  'x'\n")
    with pytest.raises(SpecError, match="fails when it is loaded: ZeroDivisionError"):
        find_tools(["f"], [file])


async def test_calls_of_one_tool_keep_to_its_concurrency() -> None:
    under_way, most = 0, 0

    @tool(max_concurrency=2)
    async def count() -> str:
        """Count."""
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1
        return ""

    gates: dict[str, asyncio.Semaphore] = {}
    boxes = [Toolbox([count], gates=gates) for _ in range(6)]
    await asyncio.gather(*(box.call("count", {}) for box in boxes))
    assert most == 2


async def test_an_answer_is_cut_at_the_tools_own_limit() -> None:
    @tool(max_output=10)
    def long() -> str:
        """Say much."""
        return "x" * 25

    assert await Toolbox([long]).call("long", {}) == "x" * 10 + "… (15 characters left out)"


async def test_a_tool_says_how_far_it_is() -> None:
    @tool(inject=("report",))
    def work(report: Callable[[str], None]) -> str:
        """Work."""
        report("half done")
        return "done"

    heard: list[tuple[str, str]] = []
    box = Toolbox([work], on_report=lambda tool, message: heard.append((tool, message)))
    assert await box.call("work", {}) == "done"
    assert heard == [("work", "half done")]


async def test_an_artefact_is_kept_and_the_model_is_told_its_name(tmp_path: Path) -> None:
    @tool
    def draw() -> list[Artefact]:
        """Draw."""
        return [Artefact("a.png", content=b"one"), Artefact("a.png", content=b"two")]

    store = ArtefactStore(tmp_path / "kept")
    told = json.loads(await Toolbox([draw], artefacts=store).call("draw", {}))
    assert told[0] == {"artefact": "a.png", "media_type": "image/png", "bytes": 3}
    assert [artefact.name for artefact in store.kept] == ["a.png", "a-2.png"]
    assert (tmp_path / "kept" / "a-2.png").read_bytes() == b"two"
    assert store.kept[0].tool == "draw"


async def test_an_artefacts_name_can_not_leave_its_folder(tmp_path: Path) -> None:
    @tool
    def escape() -> Artefact:
        """Escape."""
        return Artefact("../a.txt", content=b"x")

    with pytest.raises(ToolError, match="an artefact's name is a file name"):
        await Toolbox([escape], artefacts=ArtefactStore(tmp_path / "kept")).call("escape", {})


async def test_a_policy_is_asked_after_validation_and_a_ledger_may_answer_instead() -> None:
    asked: list[Call] = []
    ran: list[int] = []

    @tool
    def add(n: int) -> int:
        """Add."""
        ran.append(n)
        return n

    async def policy(call: Call) -> None:
        asked.append(call)
        if call.arguments["n"] > 9:
            raise ToolError("too large")

    async def ledger(call: Call, run: Run) -> str:
        return "remembered" if call.arguments["n"] == 1 else await run.act("")

    box = Toolbox([add], policy=policy, ledger=ledger)
    assert await box.call("add", {"n": 1}) == "remembered"
    assert await box.call("add", {"n": 2}) == "2"
    with pytest.raises(ToolError, match="too large"):
        await box.call("add", {"n": 10})
    with pytest.raises(ToolError, match="n: Input should be a valid integer"):
        await box.call("add", {"n": "x"})
    assert [call.arguments["n"] for call in asked] == [1, 2, 10]
    assert ran == [2]
