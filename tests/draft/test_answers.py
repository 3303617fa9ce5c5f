"""The drafter's training data, made in two ways: by vLLM on a CPU, and as on a GPU."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from agentrt.serving import load_profile
from agentrt.serving.prepare import prepared_model

pytestmark = pytest.mark.e2e
# Tokens of an answer that are compared: in bfloat16 two engines part at some near tie.
BEGINNING = 12


@pytest.fixture(scope="module")
def target() -> Path:
    return Path(prepared_model(load_profile("cpu-smollm2-baseline"), print))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the libraries' own
def test_transformers_answers_as_vllm_does_under_the_same_grammar(
    target: Path, tmp_path: Path
) -> None:
    import by_transformers
    from features import read
    from generate import held_out_prompts
    from make import stage

    stage(
        "generate.py", "--target", target, "--data", tmp_path, "--prompts", 0, "--held-out", 1
    )  # fmt: skip
    begun = [replace(prompt, max_tokens=BEGINNING) for prompt in held_out_prompts(1)]
    written = by_transformers.answerer(target, "cpu")(begun)
    for known, other in zip(read(tmp_path / "heldout.jsonl"), written, strict=True):
        assert known.tokens[: known.start].tolist() == other.prompt
        beginning = known.tokens[known.start :].tolist()[:BEGINNING]
        assert beginning == other.response, known.kind


def test_states_computed_as_they_are_needed_are_those_kept_on_disk(
    target: Path, tmp_path: Path
) -> None:
    from features import Answer, Hidden, Kept, Live

    lengths, file = (40, 7, 23), tmp_path / "heldout.jsonl"
    starts = [sum(lengths[:n]) for n in range(len(lengths))]
    answers = [
        Answer("chat", "none", torch.randint(3, 40_000, (length,)), 4, file, start)
        for length, start in zip(lengths, starts, strict=True)
    ]
    hidden = Hidden(target, (1, 15, 29), "cpu")
    kept, live = (each.of(answers) for each in (Kept(hidden, [answers]), Live(hidden)))
    assert kept.shape == live.shape == (sum(lengths), 3 * 576)
    assert (kept - live).norm() / kept.norm() < 0.01
