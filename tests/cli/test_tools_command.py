"""``agentrt tools``: listing, showing and trying tools."""

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agentrt.cli.main import app

GIT = Path(sys.executable).parent / "mcp-server-git"


def call(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["tools", *words])
    return result.exit_code, result.stdout, result.stderr


def test_the_list_tells_effects_and_where_a_tool_comes_from() -> None:
    code, text, _ = call("--json")
    rows = {row["name"]: row for row in json.loads(text)}
    assert code == 0
    assert rows["calculator"]["effects"] == []
    assert rows["write_file"]["family"] == "files"
    assert rows["write_file"]["effects"] == ["write"]
    assert rows["clock"]["source"] == "clock.py"


def test_a_tool_is_shown_with_its_arguments_and_options() -> None:
    code, text, _ = call("show", "read_file", "--json")
    shown = json.loads(text)
    assert code == 0
    assert "path" in shown["arguments"]["properties"]
    assert "root" in shown["options"]["properties"]


def test_a_tool_is_tried_with_its_grant(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("bees")
    assert call("call", "calculator", "expression=6*7")[:2] == (0, "42\n")
    code, text, _ = call("call", "read_file", "path=a.md", "--grant", f"root={tmp_path}")
    assert (code, text) == (0, "bees\n")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("call", "calculater", "expression=1"), 2, "did you mean 'calculator'"),
        (("call", "calculator", "expression"), 2, "an argument takes NAME=VALUE"),
        (("call", "calculator", "expression=1/0"), 1, "division by zero"),
        (("call", "calculator", "x=1"), 1, "calculator: expression: Field required"),
        (("call", "read_file", "path=a"), 2, "read_file needs the option 'root'"),
        (("call", "files", "path=a", "--grant", "root=."), 2, "'files' is several: list_files"),
        (("show", "nothing"), 2, "no tool is called 'nothing'"),
    ],
)
def test_what_can_not_be_called_says_why(words: tuple[str, ...], code: int, message: str) -> None:
    found, _, told = call(*words)
    assert found == code
    assert message in told


def test_an_mcp_servers_tools_are_listed_and_tried(tmp_path: Path) -> None:
    workflow = tmp_path / "w.yaml"
    workflow.write_text(
        f"name: w\nmcp:\n  git: {{command: [{GIT}]}}\n  gone: {{command: [no-such-program]}}\n"
        "nodes:\n  a: {kind: llm, prompt: x}\noutputs: {a: '{{ a }}'}\n"
    )
    code, text, told = call("--workflow", str(workflow), "--json")
    rows = {row["name"]: row for row in json.loads(text)}
    assert code == 0
    assert rows["git.git_log"]["effects"] == ["read"]
    assert "no program 'no-such-program'" in told
    words = ("call", "git.git_log", f"repo_path={tmp_path}", "max_count=2")
    code, _, told = call(*words, "-w", str(workflow))
    assert code == 1
    assert "git.git_log:" in told


def test_servers_of_the_settings_file_are_known_to_all_workflows(tmp_path: Path) -> None:
    # The settings file lies where conftest.py says.
    (tmp_path / "settings.yaml").write_text(f"mcp:\n  git: {{command: [{GIT}]}}\n")
    code, text, _ = call("show", "git.git_log", "--json")
    assert code == 0
    assert json.loads(text)["source"].startswith("mcp: ")
    (tmp_path / "settings.yaml").write_text("mcp:\n  git: {commnd: [x]}\n")
    code, _, told = call("show", "git.git_log")
    assert code == 2
    assert "settings.yaml:2:" in told
