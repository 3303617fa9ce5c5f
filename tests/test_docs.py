"""The docs are true: generated parts are up to date, and the README's code runs."""

import importlib.util
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import agentrt
from agentrt.runtime import Runtime
from agentrt.spec import json_schema, load_workflow
from agentrt.testing import ScriptedModel

ROOT = Path(__file__).parents[1]


def script(name: str):
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["cli.md", "workflow.schema.json"])
def test_generated_docs_are_up_to_date(name: str) -> None:
    made = script("generate").GENERATED[name]()
    assert (ROOT / "docs" / name).read_text() == made, "run `make docs`"


@pytest.mark.parametrize("page", script("tables").PAGES)
def test_the_tables_of_figures_are_those_of_the_result_files(page: str) -> None:
    assert (ROOT / page).read_text() == script("tables").filled(page), "run `make docs`"


def undescribed(schema: Any, at: str = "") -> Iterator[str]:
    """Properties that editors can tell nothing of."""
    if isinstance(schema, dict):
        named = schema.get("properties", {})
        yield from (f"{at}/{name}" for name, part in named.items() if not part.get("description"))
    parts = schema.items() if isinstance(schema, dict) else enumerate(schema)
    for name, part in parts:
        if isinstance(part, dict | list):
            yield from undescribed(part, f"{at}/{name}")


def test_editors_can_explain_each_field_of_the_language() -> None:
    assert list(undescribed(json_schema())) == []


def test_each_command_has_examples() -> None:
    text = (ROOT / "docs" / "cli.md").read_text()
    for section in text.split("\n## ")[1:]:
        assert "```text" in section, section.splitlines()[0]


def test_shipped_workflows_are_valid() -> None:
    for path in (ROOT / "workflows").glob("*.yaml"):
        assert load_workflow(path).spec.outputs


PYTHON = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
PAGES = ["README.md", "docs/durability.md", "docs/latency.md", "docs/tools.md"]


def test_the_workflow_of_the_readme_is_valid() -> None:
    [text] = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert load_workflow(text).spec.name == "digest"


def test_the_workflows_of_the_language_page_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTRT_CACHE", str(tmp_path / "cache"))
    page = (ROOT / "docs" / "workflows.md").read_text()
    whole = re.findall(r"```yaml\n(# (\S+\.yaml)\n.*?)```", page, re.DOTALL)
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "letter.j2").write_text("Be {{ vars.tone }}.")
    for text, name in whole:
        (tmp_path / name).write_text(text)

    def answer(name, messages):
        objects = {"judge": {"clear": True}, "route": {"route": "other"}, "plan": {"words": ["a"]}}
        return objects.get(name.rpartition("/")[2], "said")

    model = ScriptedModel(answer)
    with Runtime(chat=model, models={"fast": model}) as runtime:
        outputs = {name: runtime.run(tmp_path / name).outputs for _, name in whole}
    assert outputs["polish.yaml"] == {"text": "said", "rounds": 1}
    assert outputs["report.yaml"] == {"report": "said\n\nsaid"}
    assert outputs["route.yaml"] == {"route": "other", "answer": "said"}
    assert len(outputs) == 6


def test_the_workflows_of_the_page_on_tools_are_valid() -> None:
    texts = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "tools.md").read_text(), re.DOTALL)
    names = [Runtime(chat=ScriptedModel([])).load(text).spec.name for text in texts]
    assert names == ["summarise-a-folder", "history"]


def test_every_page_with_python_in_it_is_run() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    with_python = {path for path in pages if PYTHON.search(path.read_text())}
    assert with_python == {ROOT / page for page in PAGES}


@pytest.mark.e2e
@pytest.mark.parametrize("page", PAGES)
def test_the_python_of_the_page_runs(page: str, server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    url, key = server.base_url, server.api_key
    served = partial(Runtime, base_url=url, model=server.model, api_key=key)
    monkeypatch.setattr(agentrt, "Runtime", served, raising=False)
    for block in PYTHON.findall((ROOT / page).read_text()):
        exec(compile(block, page, "exec"), {})
