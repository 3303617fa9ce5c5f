"""Acceptance length on answers that training never saw, as greedy decoding would give it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from blocks import Blocks, Sample
from drafter import Drafter, autocast
from features import Answer, States
from torch import Tensor

from agentrt.serving.sequential import SequentialHead


@dataclass
class Tally:
    """Verification steps, the tokens that they yielded, and accepted drafts by place."""

    steps: int
    tokens: int
    accepted: list[int]

    @property
    def acceptance_length(self) -> float:
        """Mean tokens a verification step yields, the bonus token included."""
        return self.tokens / max(1, self.steps)

    def add(self, other: Tally) -> None:
        """Add another tally to this one."""
        self.steps += other.steps
        self.tokens += other.tokens
        self.accepted = [a + b for a, b in zip(self.accepted, other.accepted, strict=True)]


@torch.inference_mode()
def acceptance(
    drafter: Drafter,
    heads: Sequence[SequentialHead | None],
    answers: Sequence[Answer],
    hidden: States,
    embedding: Tensor,
    drafts: int,
) -> list[dict[str, Tally]]:
    """For each head, tallies by task kind, and of ``all``; those of None are the drafter's alone.

    What the drafter foresees is computed once for all of them.
    """
    tallies: list[dict[str, Tally]] = [
        defaultdict(lambda: Tally(0, 0, [0] * drafts)) for _ in heads
    ]
    for answer in answers:
        if len(answer.tokens) - answer.start < 3:
            continue
        states = states_of(drafter, hidden, answer, embedding, drafts)
        for head, found in zip(heads, tallies, strict=True):
            drafted = _drafted(head, states, embedding, answer)
            tally = _walk(_right(drafted, answer).tolist(), drafts)
            found[answer.kind].add(tally)
            found["all"].add(tally)
    return [dict(found) for found in tallies]


@torch.inference_mode()
def states_of(
    drafter: Drafter, hidden: States, answer: Answer, embedding: Tensor, drafts: int
) -> Tensor:
    """What is foreseen after each place of an answer but the last: (places, drafts, hidden)."""
    anchors = torch.arange(answer.start, len(answer.tokens) - 1)
    device = embedding.device.type
    blocks = Blocks.of([Sample(answer.tokens, anchors, answer.start)], device)
    with autocast(device):
        return drafter(blocks, hidden.of([answer]), embedding, drafts).float()


def _right(drafted: Tensor, answer: Answer) -> Tensor:
    """How many drafts in a row are right after each place of the answer."""
    end, device = len(answer.tokens), drafted.device
    anchors = torch.arange(answer.start, end - 1, device=device)
    places = anchors[:, None] + torch.arange(1, drafted.shape[1] + 1, device=device)
    labels = answer.tokens.to(device)[places.clamp(max=end - 1)]
    right = (drafted == labels) & (places < end)
    return right.int().cumprod(1).sum(1)


def _drafted(
    head: SequentialHead | None, states: Tensor, embedding: Tensor, answer: Answer
) -> Tensor:
    """The tokens drafted one after another, shape (places, drafts)."""
    anchors = torch.arange(answer.start, len(answer.tokens) - 1)
    drafted = [answer.tokens[anchors - back].to(embedding.device) for back in (1, 0)]
    with autocast(embedding.device.type):
        for place in states.unbind(1):
            last, before = embedding[drafted[-1]], embedding[drafted[-2]]
            corrected = place if head is None else head(place, last, before)
            drafted.append((corrected @ embedding.T).argmax(-1))
    return torch.stack(drafted[2:], 1)


def _walk(right: Sequence[int], drafts: int) -> Tally:
    """Decode the answer step by step: each takes the right drafts and one token more."""
    place = 0
    taken: list[int] = []
    while place < len(right):
        taken.append(right[place])
        place += taken[-1] + 1
    accepted = [sum(count > n for count in taken) for n in range(drafts)]
    return Tally(len(taken), min(place, len(right)), accepted)
