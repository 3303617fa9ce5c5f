"""Acceptance length on answers that training never saw, as greedy decoding would give it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import torch
from drafter import Drafter, Sample, autocast
from features import Answer, Answers
from torch import Tensor


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
    drafter: Drafter, answers: Answers, embedding: Tensor, drafts: int
) -> dict[str, Tally]:
    """Tallies by task kind, and of ``all``."""
    tallies: dict[str, Tally] = defaultdict(lambda: Tally(0, 0, [0] * drafts))
    for answer in answers.items:
        if len(answer.tokens) - answer.start < 3:
            continue
        found = _walk(_right(drafter, answers, answer, embedding, drafts), drafts)
        tallies[answer.kind].add(found)
        tallies["all"].add(found)
    return dict(tallies)


@torch.inference_mode()
def guesses(
    drafter: Drafter, answers: Answers, answer: Answer, embedding: Tensor, drafts: int
) -> tuple[Tensor, Tensor]:
    """What is drafted after each place of an answer but the last.

    Returns:
        Tokens and the drafter's probabilities of them, both of shape (places, drafts).
    """
    anchors = torch.arange(answer.start, len(answer.tokens) - 1)
    with autocast():
        sample = Sample(answer.tokens, answers.features(answer), anchors)
        states = drafter([sample], embedding, drafts)
        chances, tokens = (states @ embedding.T).float().softmax(-1).max(-1)
    return tokens, chances


def _right(
    drafter: Drafter, answers: Answers, answer: Answer, embedding: Tensor, drafts: int
) -> Tensor:
    """How many drafts in a row are right after each place of the answer."""
    end = len(answer.tokens)
    anchors = torch.arange(answer.start, end - 1)
    drafted, _ = guesses(drafter, answers, answer, embedding, drafts)
    places = anchors[:, None] + torch.arange(1, drafts + 1)
    labels = answer.tokens[places.clamp(max=end - 1)]
    right = (drafted == labels) & (places < end)
    return right.int().cumprod(1).sum(1)


def _walk(answer_right: Tensor, drafts: int) -> Tally:
    """Decode the answer step by step: each takes the right drafts and one token more."""
    place, taken = 0, []
    while place < len(answer_right):
        taken.append(int(answer_right[place]))
        place += taken[-1] + 1
    accepted = [sum(count > n for count in taken) for n in range(drafts)]
    return Tally(len(taken), min(place, len(answer_right)), accepted)
