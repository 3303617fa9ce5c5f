"""Each bad workflow gives exactly the complaints in the text beside it.

``pytest tests/spec --update-golden`` writes the texts anew; read what changed before you keep it.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agentrt.bundled import shelf
from agentrt.cli.validate import complaint_text
from agentrt.errors import SpecError
from agentrt.runtime import Runtime
from agentrt.spec import Complaint, load_workflow

BAD = Path(__file__).parent / "bad"
NAMES = sorted(path.stem for path in BAD.glob("*.yaml"))


def complaints(file: str | Path) -> list[Complaint]:
    return Runtime().examine(file)


@pytest.mark.parametrize("name", NAMES)
def test_the_complaints_are_those_in_the_golden_text(
    name: str, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    monkeypatch.chdir(BAD)
    said = [complaint_text(complaint).plain for complaint in complaints(f"{name}.yaml")]
    assert said, "a bad workflow gives a complaint"
    text = "\n".join(said).replace(str(BAD.resolve()), ".") + "\n"
    golden = BAD / f"{name}.txt"
    if pytestconfig.getoption("--update-golden"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_there_is_a_golden_text_for_each_bad_workflow_and_no_other() -> None:
    assert sorted(path.stem for path in BAD.glob("*.txt")) == NAMES
    assert len(NAMES) >= 60


@pytest.mark.parametrize("path", sorted(shelf("workflows").glob("*.yaml")), ids=lambda p: p.stem)
def test_shipped_workflows_give_no_complaint(path: Path) -> None:
    assert complaints(path) == []


@pytest.mark.parametrize("name", NAMES)
def test_an_error_keeps_a_workflow_from_loading_and_a_warning_does_not(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(BAD)
    runtime, file = Runtime(), f"{name}.yaml"
    if name.startswith("warning_"):
        assert runtime.load(file).warnings
    else:
        with pytest.raises(SpecError, match=r":\d+:\d+: "):
            runtime.load(file)


def test_the_error_that_is_raised_is_the_first_and_has_the_others() -> None:
    with pytest.raises(SpecError) as caught:
        load_workflow(BAD / "wrong_defaults.yaml")
    assert "the default of 'count' is not an integer" in str(caught.value)
    assert str(caught.value).endswith("and 3 more, see `agentrt validate`")
    assert [other.line for other in caught.value.others] == [4, 5, 6]


def validate(*words: str, cwd: Path = BAD) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "agentrt", "validate", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


def test_the_command_line_shows_each_complaint_with_its_line_and_a_mark() -> None:
    done = validate("unknown_node.yaml", "cycle.yaml", "warning_may_be_missing.yaml")
    assert done.returncode == 2
    for name in ("unknown_node", "cycle", "warning_may_be_missing"):
        assert (BAD / f"{name}.txt").read_text() in done.stderr
    assert done.stderr.endswith("2 errors, 1 warning\n")


def test_warnings_are_errors_where_that_is_asked_for() -> None:
    assert validate("warning_unused.yaml").returncode == 0
    assert validate("warning_unused.yaml", "--strict").returncode == 2


def test_a_folder_stands_for_its_workflows(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    good = 'name: x\nnodes:\n  a: {kind: llm, prompt: hi}\noutputs: {a: "{{ a }}"}\n'
    (tmp_path / "deep" / "good.yaml").write_text(good)
    done = validate(".", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "deep/good.yaml: ok\n")
    (tmp_path / "empty").mkdir()
    done = validate("empty", cwd=tmp_path)
    assert done.returncode == 2
    assert "there is no .yaml file in this folder" in done.stderr


def test_json_has_every_complaint() -> None:
    done = validate("many_at_once.yaml", "missing.yaml", "--json")
    assert done.returncode == 2
    many, missing = json.loads(done.stdout)
    assert not many["ok"]
    assert len(many["complaints"]) == (BAD / "many_at_once.txt").read_text().count("error:")
    assert {"severity", "source", "line", "column", "message", "hint"} <= set(many["complaints"][0])
    assert missing["complaints"][0]["message"] == "no such workflow file"


@pytest.mark.parametrize("name", ["empty", "cycle"])
def test_running_one_starts_no_server(name: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "agentrt", "run", str(BAD / f"{name}.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert "starting vLLM" not in done.stderr
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 500_000 + "\n", "nested deeper than 40 levels"),
        ("x: " + "a" * 1_000_001 + "\n", "larger than 1,000,000 bytes"),
    ],
)
def test_hostile_text_is_refused(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        load_workflow(text)


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "research.yaml").write_text("name: x\n")
    with pytest.raises(SpecError, match=r"did you mean .*research\.yaml"):
        load_workflow(tmp_path / "reserch.yaml")
