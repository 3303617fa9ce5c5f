"""DFlash on real vLLM: it loads, it drafts well, and it changes nothing but the speed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from agentrt.bench.compare import compare
from agentrt.bench.sides import sides
from agentrt.serving import Profile, Server, load_profile, serve

pytestmark = pytest.mark.e2e
DRAFT = Path(__file__).parents[2] / "server" / "draft"
# bfloat16 keeps 8 bits: logits between 16 and 32 lie 0.125 apart, and two steps of it are what
# sums in another order may move.
NEAR_TIE = 0.25
# Log-probabilities come in float32: two steps may come out as 0.25000006.
ROUNDING = 1e-5


@dataclass(frozen=True)
class Said:
    """The tokens of an answer, and how far the second choice was behind at each place."""

    tokens: list[str]
    gaps: list[float]
    spec: dict[str, Any]


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGENTRT_STATE", str(tmp_path_factory.mktemp("state")))
        with serve(load_profile("cpu-smollm2-baseline")) as running:
            yield running


@pytest.fixture(scope="module")
def prompts() -> list[Any]:
    """Fifty prompts of all task kinds over a corpus that the drafter was not trained on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DRAFT))
        from prompts import HELD_OUT_KINDS, TRAINING_KINDS, build

        kinds = TRAINING_KINDS + HELD_OUT_KINDS
        made = [build(kind, "python-reference", 7, seed=50) for kind in kinds]
    return [prompt for group in zip(*made, strict=True) for prompt in group][:50]


def eager(profile: Profile) -> Profile:
    """The profile with nothing compiled: it is ready soonest."""
    return profile.model_copy(update={"flags": {**profile.flags, "enforce-eager": True}})


def ask(server: Server, prompt: Any) -> Said:
    body: dict[str, Any] = {
        "model": server.model,
        "messages": prompt.messages,
        "max_tokens": 48,
        "temperature": 0,
        "logprobs": True,
        "top_logprobs": 2,
    }
    if prompt.schema:
        schema = {"name": "output", "schema": prompt.schema}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    answer = httpx.post(
        f"{server.base_url}/chat/completions",
        json=body,
        headers={"Authorization": f"Bearer {server.api_key}"},
        timeout=120,
    ).json()
    content = answer["choices"][0]["logprobs"]["content"]
    top = [[choice["logprob"] for choice in token["top_logprobs"]] for token in content]
    return Said(
        [token["token"] for token in content],
        [max(pair) - min(pair) for pair in top],
        (answer.get("metrics") or {}).get("speculative_decoding") or {},
    )


def test_greedy_answers_are_the_same_but_for_near_ties(
    server: Server, baseline: Server, prompts: list[Any]
) -> None:
    assert len(prompts) == 50
    same, unexplained, steps, tokens = 0, [], 0, 0
    # Two at a time share a server's steps, and the drafter drafts for both; a batch sums in another
    # order as well.
    with ThreadPoolExecutor(2) as pool:
        plains = list(pool.map(partial(ask, baseline), prompts))
        drafts = list(pool.map(partial(ask, server), prompts))
    for prompt, plain, drafted in zip(prompts, plains, drafts, strict=True):
        steps += drafted.spec["num_spec_steps"]
        tokens += drafted.spec["num_spec_steps"] + drafted.spec["num_accepted_draft_tokens"]
        if plain.tokens == drafted.tokens:
            same += 1
            continue
        pairs = zip(plain.tokens, drafted.tokens, strict=False)
        at = next((n for n, (a, b) in enumerate(pairs) if a != b), None)
        if at is None or plain.gaps[at] > NEAR_TIE + ROUNDING:
            unexplained.append((prompt.kind, at, plain.gaps[at] if at is not None else None))
    print(f"{same} of 50 the same; acceptance length {tokens / steps:.2f}")
    assert unexplained == []
    assert same >= 25
    assert tokens / steps > 1.5


def test_a_drafter_made_from_nothing_in_a_few_steps_is_served(tmp_path: Path) -> None:
    out = tmp_path / "drafter"
    words = ["--work", tmp_path / "work", "--out", out, "--prompts", 28, "--held-out", 1]
    done = subprocess.run(
        [sys.executable, str(DRAFT / "make.py"), *map(str, [*words, "--steps", 2])],
        capture_output=True, text=True, check=False, env={**os.environ},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    shipped = eager(load_profile("cpu-smollm2"))
    speculation = {**(shipped.speculation or {}), "model": str(out)}
    with serve(shipped.model_copy(update={"speculation": speculation})) as running:
        answer = httpx.post(
            f"{running.base_url}/chat/completions",
            json={
                "model": running.model,
                "messages": [{"role": "user", "content": "What is the capital of France?"}],
                "max_tokens": 12,
                "temperature": 0,
            },
            headers={"Authorization": f"Bearer {running.api_key}"},
            timeout=120,
        ).json()
    assert "Paris" in answer["choices"][0]["message"]["content"]
    assert answer["metrics"]["speculative_decoding"]["num_spec_steps"] > 0


def test_compare_runs_a_workflow_on_both_sides(server: Server) -> None:
    workflow = {
        "name": "hello",
        "nodes": {
            "say": {"kind": "llm", "prompt": "Name three colours.", "sampling": {"max_tokens": 24}}
        },
        "outputs": {"answer": "{{ say }}"},
    }
    found = compare(workflow, {}, sides(eager(load_profile("cpu-smollm2"))), runs=1)
    verdict = found.verdicts[0]
    assert verdict.wall.reference_s > 0
    assert [row.name for row in verdict.tasks] == ["prose"]
    assert verdict.wall.per_token is not None
    assert verdict.acceptance_by_position
    assert found.prompts[0]["messages"][-1]["content"] == "Name three colours."
    assert {sample.side for sample in found.samples} == {"baseline", "dflash + lookup"}
