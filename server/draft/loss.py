"""What training makes small: how far the drafter's words are from the target's own."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import torch
from drafter import Drafter, Sample
from features import Answers
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its customary name

from agentrt.serving.sequential import SequentialHead

# Later places of a block count less: they are reached only if all before them were right. The
# form and the value for a block of 8 are the paper's (arXiv 2602.06036).
_DECAY = 3.0


class Trained(nn.Module):
    """The drafter and its sequential head, trained together."""

    def __init__(self, drafter: Drafter, head: SequentialHead) -> None:
        super().__init__()
        self.drafter, self.head = drafter, head


class Candidates:
    """The tokens that the loss tells apart: those of the batch, the frequent, and some others.

    The output head has 49,152 rows; a softmax over all of them would cost more than the drafter.
    """

    def __init__(self, sources: list[Answers], vocabulary: int, frequent: int) -> None:
        counts = Counter(
            token
            for source in sources
            for item in source.items
            for token in item.tokens[item.start :].tolist()
        )
        self._frequent = torch.tensor([token for token, _ in counts.most_common(frequent)])
        self._vocabulary = vocabulary

    def of(self, batch: list[Sample], others: int = 512) -> Tensor:
        """Sorted ids without repeats."""
        seen = torch.cat([sample.tokens for sample in batch])
        random_ids = torch.randint(0, self._vocabulary, (others,))
        return torch.unique(torch.cat([self._frequent, seen, random_ids]))


@dataclass(frozen=True)
class Target:
    """What of the target the loss needs: its tied embedding and head, and its last norm."""

    embedding: Tensor
    norm: Tensor

    @classmethod
    def load(cls, folder: Path) -> Target:
        """From the folder of the target model."""
        weights = load_file(folder / "model.safetensors")
        return cls(
            weights["model.embed_tokens.weight"].float(), weights["model.norm.weight"].float()
        )

    def logits(self, states: Tensor, candidates: Tensor) -> Tensor:
        """What the target says after ``states`` of its last layer, over some tokens."""
        width = self.embedding.shape[1]
        normed = F.rms_norm(states[..., -width:], (width,), self.norm, 1e-5)
        return _scores(normed, self.embedding, candidates)


def _scores(states: Tensor, embedding: Tensor, candidates: Tensor) -> Tensor:
    return (states @ embedding[candidates].T).float()


def loss_of(
    model: Trained, batch: list[Sample], target: Target, candidates: Tensor, drafts: int
) -> Tensor:
    """Weighted cross-entropy against the target's own words of all blocks of a batch.

    Half of it is of what the drafter says alone, and half of what its sequential head makes of
    that after the tokens that did stand before. A place's label is half the token that the target
    took and half its whole distribution, which tells more of what it knows. Where a grammar made
    it take another token than its own first choice, the token alone is the label; in a prompt,
    whose words are not the target's, the distribution alone.
    """
    places = [s.anchors[:, None] + torch.arange(1, drafts + 1) for s in batch]
    inside = [p < len(s.tokens) for p, s in zip(places, batch, strict=True)]
    parts = list(zip(batch, places, inside, strict=True))
    own = torch.cat([p[i] >= s.start for s, p, i in parts])
    labels = torch.cat([s.tokens[p[i]] for s, p, i in parts])
    labels = torch.searchsorted(candidates, labels)
    with torch.no_grad():
        said = torch.cat([s.features[p[i] - 1] for s, p, i in parts])
        whole = target.logits(said, candidates).softmax(-1)
        forced = own & (whole.argmax(-1) != labels)
    kept = torch.cat(inside)
    states = model.drafter(batch, target.embedding, drafts)[kept]
    last, before = (
        target.embedding[torch.cat([s.tokens[p[i] - back] for s, p, i in parts])] for back in (1, 2)
    )
    share = torch.where(own, torch.where(forced, 0.0, 0.5), 1.0)
    weights = torch.exp(-torch.arange(drafts) / _DECAY).expand(len(kept), -1)[kept]
    each = torch.zeros_like(weights)
    for said_after in (states, model.head(states, last, before)):
        logarithms = _scores(said_after, target.embedding, candidates).log_softmax(-1)
        taken = -logarithms.gather(1, labels[:, None])[:, 0]
        spread = -(logarithms * whole).sum(-1)
        each = each + (share * spread + (1 - share) * taken) / 2
    return (each * weights).sum() / weights.sum()
