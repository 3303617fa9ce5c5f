"""Values that are kept from run to run."""

import time
from pathlib import Path

import pytest

from agentrt.errors import SpecError
from agentrt.graph import NodeFinished
from agentrt.runtime import Runtime
from agentrt.testing import ScriptedModel
from agentrt.toolbox import tool


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AGENTRT_CACHE", str(tmp_path / "cache"))


def workflow(**more):
    node = {"kind": "llm", "prompt": "say {{ inputs.word }}", "cache": True, **more}
    return {
        "name": "w",
        "inputs": {"word": {"default": "a"}, "unread": {"default": "x"}},
        "nodes": {"say": node},
        "outputs": {"said": "{{ say }}"},
    }


def run(spec, model, inputs=None, **options):
    """The outputs, the events, and whether the node's span says that it was cached."""
    events = []
    with Runtime(chat=model, **options) as runtime:
        result = runtime.run(spec, inputs, on_event=events.append)
    spans = [span for span in result.trace.spans if span.kind == "node"]
    return result.outputs, events, [bool(span.attributes.get("cached")) for span in spans]


def test_a_run_that_reads_the_same_takes_the_value_of_the_one_before() -> None:
    assert run(workflow(), ScriptedModel(["one"]))[0] == {"said": "one"}
    outputs, events, cached = run(workflow(), ScriptedModel([]), {"unread": "other"})
    assert outputs == {"said": "one"}
    assert cached == [True]
    assert [e.cached for e in events if isinstance(e, NodeFinished)] == [True]


@pytest.mark.parametrize(
    ("spec", "inputs"),
    [
        (workflow(), {"word": "b"}),
        (workflow(prompt="tell {{ inputs.word }}"), None),
        (workflow(sampling={"temperature": 1}), None),
        (workflow(cache=False), None),
    ],
)
def test_what_differs_is_made_anew(spec, inputs) -> None:
    run(workflow(), ScriptedModel(["one"]))
    assert run(spec, ScriptedModel(["two"]), inputs)[0] == {"said": "two"}


def test_another_model_makes_its_own_value() -> None:
    spec = workflow(model="fast") | {"models": {"fast": {}}}
    run(spec, ScriptedModel(["one"]))
    assert run(spec, ScriptedModel([]), models={"fast": ScriptedModel(["two"])})[0] == {
        "said": "two"
    }


def test_a_value_is_kept_for_as_long_as_it_may() -> None:
    spec = workflow(cache={"ttl_s": 0.2})
    run(spec, ScriptedModel(["one"]))
    time.sleep(0.3)
    assert run(spec, ScriptedModel(["two"]))[0] == {"said": "two"}


def test_a_fallback_is_not_kept() -> None:
    spec = workflow(fallback="none")
    assert run(spec, ScriptedModel([""]))[0] == {"said": "none"}
    assert run(spec, ScriptedModel(["one"]))[0] == {"said": "one"}


def test_a_runtime_without_a_cache_makes_all_anew_and_keeps_nothing(tmp_path: Path) -> None:
    run(workflow(), ScriptedModel(["one"]), cache=False)
    assert run(workflow(), ScriptedModel(["two"]), cache=False)[0] == {"said": "two"}
    assert not (tmp_path / "cache").exists()


def test_any_value_is_kept_as_it_was_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    @tool
    def figures() -> dict:
        """Some figures."""
        return {"n": [1, 2.5, None, "ü"]}

    spec = {
        "name": "w",
        "nodes": {"get": {"kind": "tool", "tool": "figures", "cache": True}},
        "outputs": {"o": "{{ get }}"},
    }
    made = run(spec, ScriptedModel([]), tools=[figures])
    kept = run(spec, ScriptedModel([]), tools=[figures])
    assert kept[0] == made[0] == {"o": {"n": [1, 2.5, None, "ü"]}}
    assert kept[2] == [True]
    assert (tmp_path / "cache" / "values.sqlite").stat().st_mode & 0o077 == 0


def test_each_item_of_a_list_is_kept_by_itself() -> None:
    spec = workflow(for_each="{{ [1, 2] }}", prompt="say {{ item }}")
    run(spec, ScriptedModel(["one", "two"]))
    more = workflow(for_each="{{ [2, 3] }}", prompt="say {{ item }}")
    outputs, _, cached = run(more, ScriptedModel(["three"]))
    assert outputs == {"said": ["two", "three"]}
    assert sorted(cached) == [False, True]


def test_a_group_is_kept_as_a_whole_with_all_that_it_reads() -> None:
    inner = {"say": {"kind": "llm", "prompt": "{{ inputs.word }}"}}
    spec = workflow() | {
        "nodes": {"group": {"kind": "parallel", "nodes": inner, "cache": True}},
        "outputs": {"said": "{{ group.say }}"},
    }
    run(spec, ScriptedModel(["one"]))
    assert run(spec, ScriptedModel([]))[0] == {"said": "one"}
    assert run(spec, ScriptedModel(["two"]), {"word": "b"})[0] == {"said": "two"}


SEARCH = {"kind": "retrieve", "corpus": "python-reference", "query": "x"}


@pytest.mark.parametrize(
    "node",
    [
        SEARCH,
        {"kind": "parallel", "nodes": {"a": SEARCH}},
    ],
)
def test_what_searches_a_corpus_is_not_cached_since_that_may_change(node) -> None:
    spec = workflow() | {"nodes": {"say": {**node, "cache": True}}}
    with pytest.raises(SpecError, match="what a corpus holds may change"):
        run(spec, ScriptedModel([]))
