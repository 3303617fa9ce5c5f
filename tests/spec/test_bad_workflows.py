"""Ten bad workflows, each with one clear error at its place, exit code 2, and no server started."""

import subprocess
import sys
from pathlib import Path

import pytest

from agentrt.errors import SpecError
from agentrt.spec import load_workflow

BAD = Path(__file__).parent / "bad"

EXPECTED = {
    "unknown_node": "8: no node is called 'plam' (did you mean 'plan'?)",
    "cycle": "3:3: the nodes wait for each other: first → second → first",
    "missing_input": "5:13: no input is called 'topic' (did you mean 'topics'?)",
    "wrong_type": "6:28: 'max_tokens': Input should be a valid integer, unable to parse string as "
    'an integer, not "many"',
    "bad_template": "5:13: bad template: expected name or number",
    "unknown_tool": "5:11: no tool is called 'calculater' (did you mean 'calculator'?)",
    "bad_yaml": "4:3: not valid YAML: expected <block end>, but found '<block mapping start>'",
    "duplicate_name": "6:3: duplicate name 'plan', first used on line 3 (rename or remove one of "
    "them)",
    "bad_schema": "7:13: not a JSON Schema: 'strng' is not valid under any of the given schemas",
    "empty": "1: the file is empty (see `agentrt schema`)",
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_the_error_names_the_place_and_the_mend(name: str) -> None:
    file = BAD / f"{name}.yaml"
    with pytest.raises(SpecError) as caught:
        load_workflow(file).require_tools(["calculator", "search_documents"])
    assert str(caught.value) == f"{file}:{EXPECTED[name]}"


def test_the_command_line_prints_each_error_once_and_exits_with_2() -> None:
    files = [str(BAD / f"{name}.yaml") for name in sorted(EXPECTED)]
    command = [sys.executable, "-m", "agentrt", "validate", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("error:") == len(files)
    for file in files:
        assert done.stderr.count(file) == 1


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
        ("a: &x 1\nb: *x\n", "anchors and aliases are not allowed"),
        ("name: !!python/object:os.system x\n", "unusable value"),
        ("- a\n- b\n", "a workflow is a mapping"),
        ("name: x\nnodes:\n  a: {kind: llm, promt: hi}\noutputs: {a: '{{ a }}'}\n",
         "unknown field 'promt' (did you mean 'prompt'?)"),
        ("name: x\nnodes:\n  a: {kind: lm, prompt: hi}\noutputs: {a: '{{ a }}'}\n",
         "unknown kind 'lm' (did you mean 'llm'?)"),
        ("name: x\nnodes:\n  a: {kind: llm, prompt: '{{ ().__class__ | nope }}'}\n"
         "outputs: {a: '{{ a }}'}\n", "bad template: No filter named 'nope'"),
        ("name: x\ninputs: {n: {type: integer, default: many}}\nnodes:\n"
         "  a: {kind: llm, prompt: hi}\noutputs: {a: '{{ a }}'}\n",
         "the default of 'n' is not a integer"),
        ("[" * 100 + "\n", ""),
        ("x: " + "a" * 1_000_001 + "\n", "larger than 1,000,000 bytes"),
    ],
)  # fmt: skip
def test_hostile_or_mistaken_text_is_refused(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        load_workflow(text)
    assert message in str(caught.value)


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "research.yaml").write_text("name: x\n")
    with pytest.raises(SpecError, match=r"did you mean .*research\.yaml"):
        load_workflow(tmp_path / "reserch.yaml")
