"""What the shipped workflows do around their model, with scripted answers in its place."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from agentrt.bundled import state_root
from agentrt.errors import RunWaiting
from agentrt.runtime import Runtime
from agentrt.testing import ScriptedModel

WORKFLOWS = Path(__file__).parents[2] / "workflows"
ANSWERS = {
    "sort": {"sort": "bug"},
    "report": {"title": "Export does nothing", "happened": "No file appears."},
    "reply": "We look into it.",
    "answer": "It is a small unnamed function.",
}


def scripted(**answers: Any) -> ScriptedModel:
    script = {**ANSWERS, **answers}
    return ScriptedModel(lambda name, messages: script[name.partition("[")[0]])


def bugs() -> list[str]:
    file = state_root() / "notes" / "bugs.jsonl"
    return (
        [json.loads(line)["text"] for line in file.read_text().splitlines()]
        if file.exists()
        else []
    )


class TestTriage:
    def run(
        self, inputs: dict[str, Any] | None = None, approved: bool | None = None, **answers: Any
    ):
        asked = None if approved is None else (lambda question: approved)
        model = scripted(**answers)
        with Runtime(chat=model, on_question=asked) as runtime:
            return runtime.run(WORKFLOWS / "triage.yaml", inputs), [name for name, _ in model.calls]

    def test_an_approved_report_is_filed_and_the_reply_knows(self) -> None:
        result, _ = self.run(approved=True)
        assert result.outputs["filed"] is True
        assert bugs() == ["Export does nothing: No file appears."]

    def test_one_that_is_declined_is_not(self) -> None:
        result, calls = self.run(approved=False)
        assert result.outputs["filed"] is False
        assert result.outputs["report"]["title"] == "Export does nothing"
        assert bugs() == []
        assert calls == ["sort", "report", "reply"]

    def test_with_nobody_to_ask_the_run_waits_and_nothing_is_filed(self) -> None:
        with pytest.raises(RunWaiting, match="approval"):
            self.run()
        assert bugs() == []

    def test_nobody_is_asked_where_the_inputs_say_so(self) -> None:
        result, _ = self.run({"ask": False})
        assert result.outputs["filed"] is True
        assert len(bugs()) == 1

    def test_a_question_is_answered_and_nothing_filed(self) -> None:
        result, calls = self.run(sort={"sort": "question"})
        assert calls[:2] == ["sort", "answer"]
        assert result.outputs["reply"] == ANSWERS["answer"]
        assert result.outputs["filed"] is False


class TestChatWithDocs:
    def ask(self, corpus: Path, question: str, thread: str = "mine") -> tuple[Any, str]:
        model = scripted()
        inputs = {"question": question, "thread": thread, "corpus": str(corpus)}
        with Runtime(chat=model) as runtime:
            result = runtime.run(WORKFLOWS / "chat-with-docs.yaml", inputs)
        return result.outputs, model.calls[0][1][-1]["content"]

    def test_a_turn_knows_those_before_it_in_its_thread(self, small_corpus: Path) -> None:
        first, prompt = self.ask(small_corpus, "Where do bees store honey?")
        assert first["turns_before"] == 0
        assert "wax combs" in prompt
        second, prompt = self.ask(small_corpus, "And who stores it?")
        assert second["turns_before"] == 1
        assert "Earlier question: Where do bees store honey?" in prompt
        other, prompt = self.ask(small_corpus, "Who stores it?", thread="another")
        assert other["turns_before"] == 0
        assert "Earlier" not in prompt

    def test_what_an_earlier_question_was_about_is_searched_for_as_well(
        self, small_corpus: Path
    ) -> None:
        self.ask(small_corpus, "What throws out lava?")
        found, _ = self.ask(small_corpus, "What is it made of?")
        assert any("volcano.txt" in source for source in found["sources"])


def test_a_folder_has_a_summary_for_each_document_and_one_of_all(small_corpus: Path) -> None:
    model = ScriptedModel(lambda name, messages: f"about {len(messages[-1]['content'])}")
    with Runtime(chat=model) as runtime:
        workflow = WORKFLOWS / "summarize-folder.yaml"
        outputs = runtime.run(workflow, {"folder": str(small_corpus)}).outputs
        fewer = runtime.run(workflow, {"folder": str(small_corpus), "most": 1}).outputs
    assert outputs["documents"] == ["bees.md", "page.html", "volcano.txt"]
    assert len(outputs["summaries"]) == 3
    prompts = [messages[-1]["content"] for _, messages in model.calls]
    assert any("wax combs" in prompt for prompt in prompts)
    assert all(summary in prompts[3] for summary in outputs["summaries"])
    assert fewer["documents"] == ["bees.md"]


def test_a_review_has_the_findings_that_point_into_the_diff(tmp_path: Path) -> None:
    (tmp_path / "workflows").mkdir()
    workflow = shutil.copy(WORKFLOWS / "code-review.yaml", tmp_path / "workflows")
    (tmp_path / "honey.py").write_text("def price(jars):\n    return jars * 4\n")
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "Honey"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    (tmp_path / "honey.py").write_text("def price(jars):\n    return jars / 0\n")
    found = [
        {"line": 2, "severity": "bug", "comment": "It divides by zero."},
        {"line": 40, "severity": "style", "comment": "There is no such line."},
    ]
    model = ScriptedModel([{"findings": found}])
    with Runtime(chat=model) as runtime:
        outputs = runtime.run(Path(workflow)).outputs
    assert "    2 +    return jars / 0" in model.calls[0][1][-1]["content"]
    assert outputs["findings"] == [{"file": "honey.py", **found[0]}]
    assert (outputs["reviewed"], outputs["changed"]) == (1, 1)
