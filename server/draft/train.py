"""Train the drafter on the target's own answers."""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from blocks import Blocks, Sample
from drafter import ABOUT, HEAD, Drafter, DrafterConfig, autocast
from evaluate import acceptance
from features import Answer, States, read, states_for
from loss import Candidates, Target, Trained, loss_of
from torch import Tensor

from agentrt.bench.evidence import circumstances
from agentrt.serving.sequential import SequentialHead

# Most prompts begin with a chat template and a system prompt of about this many tokens.
_TEMPLATE = 24


@dataclass(frozen=True)
class Batch:
    """Answers, and where in each blocks begin."""

    answers: list[Answer]
    samples: list[Sample]


class Batches:
    """Endless batches: every answer once an epoch, with anchors at random places of it.

    A quarter of the anchors lie in the prompt: real text costs no generation, and what the target
    would say next is known there too.
    """

    def __init__(self, answers: Iterable[Answer], anchors: int, each: int, seed: int) -> None:
        self._pool = [answer for answer in answers if len(answer.tokens) - answer.start >= 4]
        self._anchors, self._each = anchors, each
        self._choose = random.Random(seed)  # noqa: S311 - an order, not a secret
        self.epochs = 0

    def __iter__(self) -> Iterator[Batch]:
        batch, count = Batch([], []), 0
        while True:
            self._choose.shuffle(self._pool)
            for answer in self._pool:
                sample = self._sample(answer)
                batch.answers.append(answer)
                batch.samples.append(sample)
                count += len(sample.anchors)
                if count >= self._anchors:
                    yield batch
                    batch, count = Batch([], []), 0
            self.epochs += 1

    def _sample(self, item: Answer) -> Sample:
        answer = range(item.start, len(item.tokens) - 1)
        chosen = self._choose.sample(answer, min(self._each, len(answer)))
        prompt = range(_TEMPLATE, item.start - 1)
        chosen += self._choose.sample(prompt, min(len(chosen) // 3, len(prompt)))
        return Sample(item.tokens, torch.tensor(sorted(chosen)), item.start)


def even_out(drafter: Drafter, hidden: States, answers: Sequence[Answer]) -> None:
    """Begin with features of like size: some of the target's dimensions are 100 times others."""
    states = torch.cat([hidden.of([answer])[4:] for answer in answers[:16]])
    with torch.no_grad():
        drafter.fc.weight.div_(states.std(0).clamp(min=1e-3).to(drafter.fc.weight))


@dataclass
class Progress:
    """How far a training is."""

    step: int = 0
    seconds: float = 0.0
    tokens: int = 0
    loss: float | Tensor = 0.0

    def as_json(self) -> dict[str, Any]:
        """With the loss fetched from the device."""
        return {**asdict(self), "loss": float(self.loss)}


def train(args: argparse.Namespace) -> None:
    """Train, evaluate now and then, keep the last state and a curve."""
    config = DrafterConfig(layers=args.layers)
    held_out = read(args.data / "heldout.jsonl")
    sources = [read(file) for file in sorted(args.data.glob("train-*.jsonl"))]
    answers = [answer for source in sources for answer in source]
    layers, device = config.target_layer_ids, args.device
    hidden = states_for(args.target, layers, device, [held_out, *sources])
    target = Target.load(args.target, device)
    torch.manual_seed(args.seed)
    model = _begun(args.begin, config, hidden, answers).to(device)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / ABOUT).write_text(json.dumps(_about(device), indent=1) + "\n")
    model.drafter.requires_grad_(not args.head_only)
    optimizers = _optimizers(model, args.rate)
    progress = _resume(args.out, model, optimizers)
    candidates = Candidates(answers, config.vocabulary, args.frequent, device)
    batches = Batches(answers, args.anchors, args.each, args.seed + progress.step)
    choose = random.Random(args.seed + progress.step)  # noqa: S311 - block sizes, not a secret
    done = _done(args, progress)
    for batch in batches:
        if done >= 1:
            break
        begun, drafts = time.perf_counter(), choose.choice(args.drafts)
        for optimizer in optimizers:
            optimizer.zero_grad()
            for group in optimizer.param_groups:
                group["lr"] = args.rate * _schedule(progress.step, done)
        blocks, features = Blocks.of(batch.samples, device), hidden.of(batch.answers)
        among = candidates.of(blocks.tokens)
        with autocast(device):
            loss = loss_of(model, blocks, features, target, among, drafts)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
        _count(progress, loss.detach(), drafts * len(blocks.anchors), begun)
        done = _done(args, progress)
        if progress.step % 20 == 0:
            each = progress.seconds / progress.step
            print(
                f"step {progress.step}, {done:.0%}: loss {float(progress.loss):.3f}, "
                f"{each:.2f} s a step, epoch {batches.epochs}",
                flush=True,
            )
        if progress.step % args.every == 0 or done >= 1:
            _note(args, model, held_out, hidden, target.embedding, progress)
            _keep(args.out, model, optimizers, progress)


def _about(device: str) -> dict[str, Any]:
    """Where it is trained, and with what."""
    command = " ".join(["python", "server/draft/train.py", *_without_paths(sys.argv[1:])])
    names = {"accelerator": torch.cuda.get_device_name()} if device == "cuda" else {}
    return {**circumstances(command), **names}


def _without_paths(words: list[str]) -> list[str]:
    """Folders by their last names: where they lie is of no interest elsewhere."""
    return [Path(word).name if "/" in word else word for word in words]


def _begun(
    folder: Path | None, config: DrafterConfig, hidden: States, answers: Sequence[Answer]
) -> Trained:
    """What is trained, from nothing or from a finished drafter; a head that lacks is new."""
    drafter = Drafter(config) if folder is None else Drafter.load(folder)
    if folder is None:
        even_out(drafter, hidden, answers)
    known = folder is not None and (folder / HEAD).exists()
    head = SequentialHead.load(folder / HEAD) if known else SequentialHead(config.hidden)
    return Trained(drafter, head)


def _optimizers(model: Trained, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices, AdamW for the norms, of which a head has none."""
    learning = [weight for weight in model.parameters() if weight.requires_grad]
    matrices = [weight for weight in learning if weight.ndim == 2]
    norms = [weight for weight in learning if weight.ndim != 2]
    found: list[torch.optim.Optimizer] = [
        torch.optim.Muon(
            matrices, lr=rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw", ns_steps=4
        )
    ]
    if norms:
        found.append(torch.optim.AdamW(norms, lr=rate, betas=(0.9, 0.95), weight_decay=0.0))
    return found


def _count(progress: Progress, loss: Tensor, tokens: int, begun: float) -> None:
    progress.step += 1
    progress.tokens += tokens
    progress.seconds += time.perf_counter() - begun
    progress.loss = loss if progress.step == 1 else 0.95 * progress.loss + 0.05 * loss


def _done(args: argparse.Namespace, progress: Progress) -> float:
    """The share of the training that is done, by steps or by minutes."""
    if args.minutes is None:
        return float(progress.step / args.steps)
    return float(progress.seconds / 60 / args.minutes)


def _schedule(step: int, done: float) -> float:
    """A short warm-up, then a cosine down to a twentieth."""
    if step < 40:
        return (step + 1) / 40
    return 0.05 + 0.95 * (1 + math.cos(math.pi * min(1.0, done))) / 2


def _note(
    args: argparse.Namespace,
    model: Trained,
    held_out: Sequence[Answer],
    hidden: States,
    embedding: Tensor,
    progress: Progress,
) -> None:
    """A line of the curve: acceptance length on held-out answers, by task kind."""
    heads = (model.head, None)
    corrected, alone = (
        {kind: round(tally.acceptance_length, 3) for kind, tally in sorted(tallies.items())}
        for tallies in acceptance(model.drafter, heads, held_out, hidden, embedding, args.drafts[0])
    )
    line = {
        **progress.as_json(),
        "layers": model.drafter.config.layers,
        "drafts": args.drafts[0],
        "acceptance_length": corrected,
        "acceptance_length_of_the_drafter_alone": alone,
    }
    print(json.dumps(line), flush=True)
    with (args.out / "curve.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")


def _keep(
    out: Path, model: Trained, optimizers: list[torch.optim.Optimizer], progress: Progress
) -> None:
    """The drafter as vLLM loads it, its head, and all that is needed to go on; never half of it."""
    model.drafter.save(out)
    model.head.save(out / HEAD)
    state = {
        "model": model.state_dict(),
        "optimizers": [optimizer.state_dict() for optimizer in optimizers],
        "progress": progress.as_json(),
    }
    torch.save(state, out / "checkpoint.tmp")
    (out / "checkpoint.tmp").replace(out / "checkpoint.pt")


def _resume(out: Path, model: Trained, optimizers: list[torch.optim.Optimizer]) -> Progress:
    if not (out / "checkpoint.pt").exists():
        return Progress()
    state = torch.load(out / "checkpoint.pt", weights_only=True)
    model.load_state_dict(state["model"])
    for optimizer, kept in zip(optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(kept)
    return Progress(**state["progress"])


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, required=True, help="folder of the target model")
    parser.add_argument("--data", type=Path, required=True, help="folder that generate.py wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder for the drafter")
    parser.add_argument("--begin", type=Path, help="folder of a drafter to go on from")
    parser.add_argument(
        "--head-only", action="store_true", help="leave the drafter as it is, train its head"
    )
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--minutes", type=float, help="train so long, not --steps")
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument(
        "--drafts",
        type=int,
        nargs="+",
        default=[7, 5, 3, 5],
        help="block sizes less one; evaluated at the first",
    )
    parser.add_argument("--anchors", type=int, default=448, help="blocks a step")
    parser.add_argument("--each", type=int, default=48, help="blocks an answer and step")
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate")
    parser.add_argument("--frequent", type=int, default=3000, help="frequent tokens in the loss")
    parser.add_argument("--every", type=int, default=200, help="steps between evaluations")
    parser.add_argument("--seed", type=int, default=0)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
