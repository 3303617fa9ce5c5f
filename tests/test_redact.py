"""Secrets: where they come from, and that they show up nowhere."""

from pathlib import Path

import pytest

from agentrt import redact as module
from agentrt.errors import ToolError, UserError
from agentrt.redact import keep_secret, redact, redact_all
from agentrt.runtime import Runtime
from agentrt.testing import ScriptedModel
from agentrt.toolbox import tool
from agentrt.toolbox.secrets import read_secret

CANARY = "canary-7f3a9c-not-to-be-seen"


@pytest.fixture(autouse=True)
def forget(monkeypatch: pytest.MonkeyPatch):
    """What one test keeps secret is no secret in the next."""
    monkeypatch.setattr(module, "_known", frozenset())
    module._from_environment.cache_clear()
    yield
    module._from_environment.cache_clear()


def test_a_secret_comes_from_the_environment_or_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SOMETHING", CANARY)
    file = tmp_path / "key"
    file.write_text(f"{CANARY}-2\n")
    assert read_secret("env:SOMETHING") == CANARY
    assert read_secret(f"file:{file}") == f"{CANARY}-2"
    assert redact(f"a {CANARY}-2 b {CANARY}") == "a [secret] b [secret]"


@pytest.mark.parametrize("where", [CANARY, "env:", "env:NOT_THERE_9", "file:/not/there", ""])
def test_anything_else_is_refused_without_repeating_it(where: str) -> None:
    with pytest.raises(UserError) as refused:
        read_secret(where)
    assert CANARY not in str(refused.value)


def test_what_the_environment_names_as_a_secret_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", CANARY)
    monkeypatch.setenv("PLAIN", "ordinary words")
    assert redact(f"ordinary words {CANARY}") == "ordinary words [secret]"


def test_nested_values_and_errors_are_redacted() -> None:
    keep_secret(CANARY)
    assert redact_all({CANARY: [f"x {CANARY}", (1, CANARY)]}) == {
        "[secret]": ["x [secret]", (1, "[secret]")]
    }
    assert str(ToolError(f"401 for {CANARY}")) == "401 for [secret]"


def test_short_values_are_left_alone() -> None:
    keep_secret("a")
    assert redact("banana") == "banana"


def test_a_run_shows_a_secret_nowhere(tmp_path: Path) -> None:
    keep_secret(CANARY)

    @tool
    def leak(text: str) -> str:
        """Fail with what it was given."""
        raise ValueError(f"cannot use {text}")

    workflow = {
        "name": "leak",
        "inputs": {"text": {"type": "string"}},
        "nodes": {
            "x": {"kind": "tool", "tool": "leak", "arguments": {"text": "{{ inputs.text }}"}}
        },
        "outputs": {"x": "{{ x }}"},
    }
    trace = tmp_path / "trace.jsonl"
    with (
        # A run that is kept holds its inputs and calls as they were, for its owner alone.
        Runtime(chat=ScriptedModel([]), tools=[leak], store=None) as runtime,
        pytest.raises(ToolError, match=r"cannot use \[secret\]") as failed,
    ):
        runtime.run(workflow, {"text": CANARY}, trace_file=trace)
    assert CANARY not in str(failed.value)
    written = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert written
    assert not any(CANARY in text for text in written)
