"""The target's own answers, which the drafter learns to foresee.

vLLM answers all prompts greedily in large batches on every core, under the schema where a prompt
has one, as the served model would. Each answer is a line of ``DATA/{train,heldout}.jsonl`` with
its token ids; a run that was cut short goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from corpora import HELD_OUT, TRAINING
from prompts import HELD_OUT_KINDS, TRAINING_KINDS, Prompt, build

from agentrt.serving.precision import cpu_dtype

# Answers of some kinds are short or easy: these shares of the prompts balance the tokens.
_WEIGHTS = {"answer": 1.6, "plan": 1.2, "tool": 1.6, "summary": 1.0, "code": 1.2, "chat": 1.0}


def training_prompts(count: int, seed: int) -> list[Prompt]:
    """``count`` prompts of the trained kinds over the training corpora."""
    total = sum(_WEIGHTS.get(kind, 0.3) for kind in TRAINING_KINDS)
    made = [
        build(kind, corpus, round(count * _WEIGHTS.get(kind, 0.3) / total / len(TRAINING)), seed)
        for corpus in TRAINING
        for kind in TRAINING_KINDS
    ]
    return _interleaved(made)


def held_out_prompts(each: int) -> list[Prompt]:
    """``each`` prompts of every kind over each corpus that training never sees."""
    kinds = TRAINING_KINDS + HELD_OUT_KINDS
    return _interleaved([build(kind, corpus, each) for corpus in HELD_OUT for kind in kinds])


def _interleaved(groups: list[list[Prompt]]) -> list[Prompt]:
    """Evenly mixed, so that a run cut short has every kind."""
    places = [(n / len(group), prompt) for group in groups for n, prompt in enumerate(group)]
    return [prompt for _, prompt in sorted(places, key=lambda place: place[0])]


def answer(prompts: list[Prompt], target: Path, out: Path, batch: int) -> None:
    """Append the target's greedy answers to ``out``, one JSON object a line."""
    done = sum(1 for _ in out.open()) if out.exists() else 0
    todo = prompts[done:]
    if not todo:
        return
    engine = _engine(target)
    started, tokens = time.perf_counter(), 0
    for start in range(0, len(todo), batch):
        group = todo[start : start + batch]
        with out.open("a") as file:
            for line in _answers(engine, group):
                tokens += len(line["response"])
                file.write(json.dumps(line) + "\n")
        done += len(group)
        rate = tokens / (time.perf_counter() - started)
        print(
            f"{out.name}: {done}/{len(prompts)} prompts, {tokens} tokens, {rate:.0f} a second",
            flush=True,
        )


def _answers(engine: Any, group: list[Prompt]) -> Iterator[dict[str, Any]]:
    from vllm import SamplingParams
    from vllm.sampling_params import StructuredOutputsParams

    sampling = [
        SamplingParams(
            temperature=0,
            max_tokens=prompt.max_tokens,
            structured_outputs=StructuredOutputsParams(json=prompt.schema)
            if prompt.schema
            else None,
        )
        for prompt in group
    ]
    outputs = engine.chat([prompt.messages for prompt in group], sampling, use_tqdm=False)
    for prompt, output in zip(group, outputs, strict=True):
        yield {
            "kind": prompt.kind,
            "corpus": prompt.corpus,
            "prompt": list(output.prompt_token_ids),
            "response": list(output.outputs[0].token_ids),
        }


def _engine(target: Path) -> Any:
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "4")
    os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", f"0-{(os.cpu_count() or 1) - 1}")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    from vllm import LLM

    return LLM(
        str(target),
        dtype=cpu_dtype(),
        max_model_len=2048,
        max_num_seqs=128,
        max_num_batched_tokens=4096,
        enforce_eager=True,
        structured_outputs_config={"backend": "xgrammar", "disable_any_whitespace": True},
    )


def main() -> None:
    """Write the training and the held-out answers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, required=True, help="folder of the target model")
    parser.add_argument("--data", type=Path, required=True, help="folder for the answers")
    parser.add_argument("--prompts", type=int, default=4000, help="training prompts")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives further prompts")
    parser.add_argument("--held-out", type=int, default=12, help="prompts a kind and corpus")
    parser.add_argument("--batch", type=int, default=256)
    args = parser.parse_args()
    args.data.mkdir(parents=True, exist_ok=True)
    answer(held_out_prompts(args.held_out), args.target, args.data / "heldout.jsonl", args.batch)
    train = args.data / f"train-{args.seed}.jsonl"
    answer(training_prompts(args.prompts, args.seed), args.target, train, args.batch)


if __name__ == "__main__":
    main()
