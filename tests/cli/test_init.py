"""``agentrt init``: the first workflow of somebody new."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from agentrt.cli.main import app
from agentrt.runtime import Runtime
from agentrt.testing import ScriptedModel


def call(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_it_writes_is_valid_and_runs(here: Path) -> None:
    code, told, then = call("init", "my-summary")
    assert (code, told) == (0, "my_summary_tools.py\nmy-summary.yaml\n")
    assert then == "next: agentrt run my-summary.yaml\n"
    assert call("validate", "my-summary.yaml", "--strict")[:2] == (0, "my-summary.yaml: ok\n")
    with Runtime(chat=ScriptedModel(["The water is off."]), store=None) as runtime:
        result = runtime.run("my-summary.yaml", {"text": "On Monday there will be no water."})
    assert result.workflow == "my-summary"
    assert result.outputs == {
        "sentence": "The water is off.",
        "words": {"before": 7, "after": 4, "saved": 3},
    }
    assert "starter" not in (here / "my-summary.yaml").read_text()


def test_editors_find_the_schema_that_its_first_line_names(here: Path) -> None:
    call("init", "hello")
    modeline = (here / "hello.yaml").read_text().partition("\n")[0]
    _, _, place = modeline.partition("$schema=")
    schema = json.loads((here / place).read_text())
    import jsonschema

    jsonschema.validate(yaml.safe_load((here / "hello.yaml").read_text()), schema)


def test_it_overwrites_nothing(here: Path) -> None:
    (here / "hello_tools.py").write_text("mine")
    code, _, told = call("init", "hello")
    assert code == 2
    assert "hello_tools.py: there already; choose another name" in told
    assert sorted(path.name for path in here.iterdir()) == ["hello_tools.py"]
    assert (here / "hello_tools.py").read_text() == "mine"


def test_json_tells_what_was_written_and_what_to_do_next(here: Path) -> None:
    code, told, _ = call("init", "hello", "--folder", "flows", "--json")
    assert code == 0
    assert json.loads(told) == {
        "files": ["flows/hello_tools.py", "flows/hello.yaml"],
        "schema": "flows/.agentrt/workflow.schema.json",
        "next": ["agentrt validate flows/hello.yaml", "agentrt run flows/hello.yaml"],
    }
    assert call("validate", "flows/hello.yaml")[0] == 0


@pytest.mark.parametrize("name", ["a/b", "../up", "two words", "1st", "true", ""])
def test_what_can_be_no_name_is_refused(here: Path, name: str) -> None:
    code, _, told = call("init", name)
    assert code == 2
    assert "is no name" in told
    assert list(here.iterdir()) == []


def test_a_folder_that_can_not_be_written_is_one_line(here: Path) -> None:
    (here / "file").write_text("")
    code, _, told = call("init", "hello", "--folder", "file")
    assert code == 2
    assert told.startswith("error: ")
    assert told.count("\n") == 1
