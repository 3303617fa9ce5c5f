"""Prompts in files beside the workflow, and the workflow's vars."""

from pathlib import Path

import pytest

from agentrt.errors import RunError, SpecError
from agentrt.runtime import Runtime
from agentrt.spec import load_workflow
from agentrt.testing import ScriptedModel

WORKFLOW = """
name: w
inputs: {topic: {type: string, default: bees}}
vars:
  style: {tone: plain, words: 20}
  about: "{{ inputs.topic | upper }} in {{ vars.style.words }} words"
nodes:
  say:
    kind: llm
    system: {file: prompts/system.j2}
    prompt: {file: prompts/say.j2}
outputs: {said: "{{ say }}", about: "{{ vars.about }}"}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "system.j2").write_text("Be {{ vars.style.tone }}.")
    (tmp_path / "prompts" / "say.j2").write_text("Write\nabout {{ vars.about }}.")
    (tmp_path / "w.yaml").write_text(WORKFLOW)
    return tmp_path / "w.yaml"


def prompt(file: Path, text: str) -> None:
    (file.parent / "prompts" / "say.j2").write_text(text)


def run(file: Path, model: ScriptedModel, inputs=None):
    with Runtime(chat=model) as runtime:
        return runtime.run(file, inputs)


def test_a_prompt_may_be_in_a_file_and_vars_are_made_of_inputs_and_earlier_ones(file) -> None:
    model = ScriptedModel(["done"])
    result = run(file, model, {"topic": "wax"})
    assert [message["content"] for message in model.calls[0][1]] == [
        "Be plain.", "Write\nabout WAX in 20 words.",
    ]  # fmt: skip
    assert result.outputs["about"] == "WAX in 20 words"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("one\n{{ inputs.topc }}", r"say\.j2:2:11: no input is called 'topc' \(did you mean"),
        ("one\ntwo {{ say }", r"say\.j2:2:1: bad template: unexpected '}'"),
        ("one\n\n{{ plan }}", r"say\.j2:3:4: no node is called 'plan'"),
        ("{{ vars.stil }}", r"say\.j2:1:9: no var is called 'stil' \(did you mean 'style'"),
        ("{% include 'other.j2' %}", r"say\.j2:1:1: a template can't take in another file"),
    ],
)
def test_what_is_wrong_in_it_names_its_file_and_line(file: Path, text: str, message: str) -> None:
    prompt(file, text)
    with pytest.raises(SpecError, match=message):
        load_workflow(file)


def test_what_fails_in_a_run_names_its_file(file: Path) -> None:
    prompt(file, "{{ inputs.topic.upper().nothing }}")
    with pytest.raises(RunError, match=r"w\.yaml:\d+: nodes\.say: .*nothing"):
        run(file, ScriptedModel([]))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../secret.j2", r"w\.yaml:11:20: '\.\./secret\.j2' is outside the workflow's folder"),
        ("/etc/passwd", "outside the workflow's folder"),
        ("prompts/link.j2", "outside the workflow's folder"),
        ("prompts/sy.j2", r"no file 'prompts/sy\.j2' \(did you mean 'prompts/say\.j2'"),
        ("prompts/latin.j2", "can't be read: .*utf-8"),
    ],
)
def test_a_file_must_be_below_the_workflows_folder(file: Path, name: str, message: str) -> None:
    (file.parent / "prompts" / "link.j2").symlink_to("/etc/hostname")
    (file.parent / "prompts" / "latin.j2").write_bytes(b"\xff\xfe")
    file.write_text(WORKFLOW.replace("prompts/say.j2", name))
    with pytest.raises(SpecError, match=message):
        load_workflow(file)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("{{ inputs.topic", "{{ say"), "no node is called 'say'"),
        (("{{ vars.style.words", "{{ vars.about"), "no var is called 'about'"),
        (("prompt: {file: prompts/say.j2}", "prompt: {fil: x}"), "'prompt'"),
    ],
)
def test_vars_read_inputs_and_earlier_vars_alone(file: Path, change, message: str) -> None:
    file.write_text(WORKFLOW.replace(*change))
    with pytest.raises(SpecError, match=message):
        load_workflow(file)
