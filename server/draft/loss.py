"""What training makes small: how far the drafter's words are from the target's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from blocks import Blocks
from drafter import Drafter
from features import Answer
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

    def __init__(
        self, answers: Iterable[Answer], vocabulary: int, frequent: int, device: str
    ) -> None:
        counts = Counter(t for each in answers for t in each.tokens[each.start :].tolist())
        ids = [token for token, _ in counts.most_common(frequent)]
        self._frequent = torch.tensor(ids, device=device)
        self._vocabulary = vocabulary

    def of(self, tokens: Tensor, others: int = 512) -> Tensor:
        """Sorted ids without repeats, for a batch of these tokens."""
        random_ids = torch.randint(0, self._vocabulary, (others,), device=tokens.device)
        return torch.unique(torch.cat([self._frequent, tokens, random_ids]))


@dataclass(frozen=True)
class Target:
    """What of the target the loss needs: its tied embedding and head, and its last norm."""

    embedding: Tensor
    norm: Tensor

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> Target:
        """From the folder of the target model."""
        weights = load_file(folder / "model.safetensors", device)
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
    model: Trained,
    blocks: Blocks,
    features: Tensor,
    target: Target,
    candidates: Tensor,
    drafts: int,
) -> Tensor:
    """Weighted cross-entropy against the target's own words of all blocks of a batch.

    Half of it is of what the drafter says alone, and half of what its sequential head makes of
    that after the tokens that did stand before. A place's label is half the token that the target
    took and half its whole distribution, which tells more of what it knows. Where a grammar made
    it take another token than its own first choice, the token alone is the label; in a prompt,
    whose words are not the target's, the distribution alone.
    """
    after = torch.arange(drafts, device=features.device)
    places = blocks.anchors[:, None] + 1 + after
    inside = places < blocks.ends[:, None]
    own = (places >= blocks.starts[:, None])[inside]
    places, tokens = places[inside], blocks.tokens
    labels = torch.searchsorted(candidates, tokens[places])
    with torch.no_grad():
        whole = target.logits(features[places - 1], candidates).softmax(-1)
        forced = own & (whole.argmax(-1) != labels)
    states = model.drafter(blocks, features, target.embedding, drafts)[inside]
    last, before = (target.embedding[tokens[places - back]] for back in (1, 2))
    share = torch.where(own, torch.where(forced, 0.0, 0.5), 1.0)
    weights = torch.exp(-after / _DECAY).expand_as(inside)[inside]
    each = torch.zeros_like(weights)
    for said_after in (states, model.head(states, last, before)):
        logarithms = _scores(said_after, target.embedding, candidates).log_softmax(-1)
        taken = -logarithms.gather(1, labels[:, None])[:, 0]
        spread = -(logarithms * whole).sum(-1)
        each = each + (share * spread + (1 - share) * taken) / 2
    return (each * weights).sum() / weights.sum()
