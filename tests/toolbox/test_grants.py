"""Grants: what a workflow says of a tool, checked against what the tool declares."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from agentrt.errors import GrantError, SpecError, ToolError
from agentrt.runtime import Runtime
from agentrt.testing import ScriptedModel
from agentrt.toolbox import Toolbox, WorkflowPath, find_tools, grant, known_tools, tool


class ShelfOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")
    root: WorkflowPath
    write: bool = False


@tool(options=ShelfOptions, family="shelf", effects=("read",))
def shelf_list(options: ShelfOptions) -> list[str]:
    """List the files of the shelf."""
    return sorted(path.name for path in options.root.iterdir())


@tool(options=ShelfOptions, family="shelf", effects=("write",), when=lambda options: options.write)
def shelf_put(name: str, options: ShelfOptions) -> str:
    """Put an empty file on the shelf."""
    (options.root / name).touch()
    return "done"


SHELF = [shelf_list, shelf_put]


def workflow(tools: str) -> str:
    return (
        "name: w\nnodes:\n"
        f"  work: {{kind: agent, prompt: x, tools: [{tools}]}}\noutputs: {{a: b}}\n"
    )


def test_a_tool_that_only_reads_may_run_again_and_one_that_writes_may_not() -> None:
    assert (shelf_list.replay, shelf_put.replay) == ("pure", "once")

    @tool(effects=("write",), replay="idempotent")
    def put(name: str) -> str:
        """Put."""
        return name

    assert put.replay == "idempotent"


def test_a_family_is_granted_by_one_name(tmp_path: Path) -> None:
    granted = grant(SHELF, {"root": str(tmp_path), "write": True})
    assert [one.tool.name for one in granted] == ["shelf_list", "shelf_put"]
    assert "options" not in shelf_put.parameters["properties"]


def test_options_leave_tools_out_and_only_picks(tmp_path: Path) -> None:
    assert [one.tool.name for one in grant(SHELF, {"root": "."})] == ["shelf_list"]
    picked = grant(SHELF, {"root": ".", "write": True}, only=["shelf_put"])
    assert [one.tool.name for one in picked] == ["shelf_put"]
    with pytest.raises(GrantError, match="leave nothing to grant of: shelf_put"):
        grant(SHELF, {"root": "."}, only=["shelf_put"])
    with pytest.raises(GrantError, match=r"no 'shelf_putt'.*did you mean 'shelf_put'"):
        grant(SHELF, {"root": "."}, only=["shelf_putt"])


async def test_a_tool_gets_the_granted_options_and_a_relative_path_starts_at_the_workflow(
    tmp_path: Path,
) -> None:
    (tmp_path / "data").mkdir()
    box = Toolbox(grant(SHELF, {"root": "data", "write": True}, folder=tmp_path))
    await box.call("shelf_put", {"name": "a"})
    assert await box.call("shelf_list", {}) == '["a"]'
    with pytest.raises(ToolError, match="options: Extra inputs"):
        await box.call("shelf_put", {"name": "a", "options": {"root": "/"}})


@pytest.mark.parametrize(
    ("granted", "message"),
    [
        ("{name: shelf, rot: .}", r":3:56: shelf_list has no option 'rot' .did you mean 'root'"),
        ("{name: shelf}", "shelf_list needs the option 'root'"),
        ("shelf", "shelf_list needs the option 'root'"),
        ("{name: shelf, root: ., write: maybe}", r"option 'write': Input should be a valid bool"),
        ("{name: shelff, root: .}", "no tool is called 'shelff' .did you mean 'shelf'"),
        ("{name: calculator, root: .}", "calculator has no option 'root' .it has none"),
        ("{root: .}", "lacks 'name'"),
        ("{name: shelf, root: ., only: [x]}", "no 'x' among them"),
    ],
)
def test_a_wrong_grant_is_refused_with_its_place_before_anything_runs(
    granted: str, message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        Runtime(tools=SHELF).load(workflow(granted))


def test_a_tool_file_is_not_run_to_check_a_workflow_and_its_options_are_checked_before_a_run(
    tmp_path: Path,
) -> None:
    (tmp_path / "mine.py").write_text(
        "from pathlib import Path\n"
        "from pydantic import BaseModel\n"
        "from agentrt.toolbox import tool\n\n"
        "Path(__file__).with_suffix('.ran').touch()\n\n\n"
        "class Options(BaseModel):\n    times: int = 1\n\n\n"
        "@tool(options=Options, family='mine')\ndef echo(text: str, options: Options) -> str:\n"
        "    '''Say it again.'''\n    return text * options.times\n"
    )
    file = tmp_path / "w.yaml"
    text = (
        "name: w\ntool_files: [mine.py]\nnodes:\n"
        "  said: {kind: tool, tool: {name: echo, times: 2}, arguments: {text: ho}}\n"
        "outputs: {a: '{{ said }}'}\n"
    )
    file.write_text(text)
    with Runtime(chat=ScriptedModel([])) as runtime:
        runtime.load(file)
        assert not (tmp_path / "mine.ran").exists()
        assert "mine" in known_tools([tmp_path / "mine.py"])
        assert runtime.run(file).outputs == {"a": "hoho"}
        file.write_text(text.replace("times: 2", "tims: 2"))
        with pytest.raises(SpecError, match=r"w.yaml:4:\d+: echo has no option 'tims'"):
            runtime.run(file)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(GrantError, match=r"no tool is called 'calculater' .did you mean"):
        find_tools(["calculater"])
