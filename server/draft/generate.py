"""The target's own answers, which the drafter learns to foresee.

All prompts are answered greedily, under the schema where a prompt has one, as the served model
would. Each answer is a line of ``DATA/{train,heldout}….jsonl`` with its token ids; a run that was
cut short goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import lzma
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from answer import Answerer
from corpora import HELD_OUT, TRAINING
from prompts import HELD_OUT_KINDS, TRAINING_KINDS, Prompt, build

# Answers of some kinds are short or easy: these shares of the prompts balance the tokens.
_WEIGHTS = {"answer": 1.6, "plan": 1.2, "tool": 1.6, "summary": 1.0, "code": 1.2, "chat": 1.0}


def training_prompts(count: int, seed: int, corpora: Sequence[str] = TRAINING) -> list[Prompt]:
    """``count`` prompts of the trained kinds, as many over each of ``corpora``."""
    total = sum(_WEIGHTS.get(kind, 0.3) for kind in TRAINING_KINDS)
    made = [
        build(kind, corpus, round(count * _WEIGHTS.get(kind, 0.3) / total / len(corpora)), seed)
        for corpus in corpora
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


def write_prompts(prompts: list[Prompt], path: Path) -> None:
    """Keep prompts for a machine that has not the text that they were made of."""
    with lzma.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(asdict(prompt)) + "\n" for prompt in prompts)


def read_prompts(path: Path, part: int, parts: int, batch: int) -> list[Prompt]:
    """Every ``parts``-th kept prompt, batches of like length in an order without one.

    A run cut short has every kind then, and short prompts as well as long.
    """
    with lzma.open(path, "rt", encoding="utf-8") as file:
        prompts = [Prompt(**json.loads(line)) for line in file][part::parts]
    prompts.sort(key=_length)
    whole = len(prompts) - len(prompts) % batch
    batches = [prompts[n : n + batch] for n in range(0, whole, batch)]
    random.Random(part).shuffle(batches)  # noqa: S311 - an order, not a secret
    return [prompt for each in [*batches, prompts[whole:]] for prompt in each]


def _length(prompt: Prompt) -> tuple[int, int]:
    return prompt.max_tokens, sum(len(message["content"]) for message in prompt.messages)


def answer(prompts: list[Prompt], engine: Callable[[], Answerer], out: Path, batch: int) -> None:
    """Append the target's answers to ``out``, one JSON object a line."""
    done = out.read_bytes().count(b"\n") if out.exists() else 0
    todo = prompts[done:]
    if not todo:
        return
    answers = engine()
    started, tokens = time.perf_counter(), 0
    for start in range(0, len(todo), batch):
        group = todo[start : start + batch]
        with out.open("a") as file:
            for prompt, written in zip(group, answers(group), strict=True):
                tokens += len(written.response)
                about = {"kind": prompt.kind, "corpus": prompt.corpus}
                file.write(json.dumps(about | asdict(written)) + "\n")
        done += len(group)
        rate = tokens / (time.perf_counter() - started)
        print(
            f"{out.name}: {done}/{len(prompts)} prompts, {tokens} tokens, {rate:.0f} a second",
            flush=True,
        )


def answerer(device: str, target: Path) -> Answerer:
    """An engine that answers: transformers on ``cuda``, vLLM on ``cpu``."""
    if device == "cuda":
        import by_transformers

        return by_transformers.answerer(target, device)
    import by_vllm

    return by_vllm.answerer(target)


def main() -> None:
    """Write the training and the held-out answers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, help="folder of the target model")
    parser.add_argument("--data", type=Path, required=True, help="folder for the answers")
    parser.add_argument("--prompts", type=int, default=4000, help="training prompts")
    parser.add_argument("--corpora", nargs="+", default=TRAINING, help="what they are about")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives further prompts")
    parser.add_argument("--held-out", type=int, default=12, help="prompts a kind and corpus")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--keep", type=Path, help="write the training prompts here, answer nothing")
    parser.add_argument("--kept", type=Path, help="answer the prompts that --keep wrote")
    parser.add_argument("--part", type=int, nargs=2, default=(0, 1), help="of --kept: N OF")
    args = parser.parse_args()
    args.data.mkdir(parents=True, exist_ok=True)
    engine = partial(answerer, args.device, args.target)
    if args.keep:
        write_prompts(training_prompts(args.prompts, args.seed, args.corpora), args.keep)
    elif args.kept:
        out = args.data / f"train-{args.kept.name.partition('.')[0]}-{args.part[0]}.jsonl"
        answer(read_prompts(args.kept, *args.part, args.batch), engine, out, args.batch)
    else:
        held_out, train = args.data / "heldout.jsonl", args.data / f"train-{args.seed}.jsonl"
        answer(held_out_prompts(args.held_out), engine, held_out, args.batch)
        prompts = training_prompts(args.prompts, args.seed, args.corpora)
        answer(prompts, engine, train, args.batch)


if __name__ == "__main__":
    main()
