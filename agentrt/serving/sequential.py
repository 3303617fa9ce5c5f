"""A drafter's sequential head: what it foresees of a place once the tokens before it are chosen.

DFlash foresees all places of a block in one pass, and none of them knows what the others say: a
draft can repeat a word, or skip one. As Hydra's draft heads (arXiv 2402.05109) depend on the tokens
drafted before them, a small network here corrects the state of each place by the two tokens before
it, be they guessed or copied. Only vLLM's worker and the training load this module.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its customary name

from agentrt.serving.lookup import Foresee, Guess, Tokens

# Tokens that the corrected state chooses between: scoring the whole vocabulary once more for each
# place would take as long as the drafter.
_CANDIDATES = 48
# Tokens whose products are kept: text is made of few tokens, over and over.
_KEPT = 8192


class SequentialHead(nn.Module):  # type: ignore[misc] # torch may not be installed for mypy
    """Corrects a drafter's state by the two tokens that stand before its place.

    Args:
        hidden: width of the states and of the token embeddings.
        width: width of the gated layer between.
    """

    def __init__(self, hidden: int, width: int = 384) -> None:
        super().__init__()
        self.state = nn.Linear(hidden, 2 * width, bias=False)
        self.last = nn.Linear(hidden, 2 * width, bias=False)
        self.before = nn.Linear(hidden, 2 * width, bias=False)
        self.out = nn.Linear(width, hidden, bias=False)
        nn.init.zeros_(self.out.weight)

    def forward(self, states: Tensor, last: Tensor, before: Tensor) -> Tensor:
        """States for the output head; all are of shape (places, hidden).

        Args:
            states: the drafter's, as the output head would read them.
            last: embeddings of the tokens one place before.
            before: embeddings of the tokens two places before.
        """
        return states + self.correction(
            self.state(_even(states)), self.last(_even(last)), self.before(_even(before))
        )

    def correction(self, state: Tensor, last: Tensor, before: Tensor) -> Tensor:
        """What is added to a state, of the three projected to (places, 2 * width)."""
        gate, value = (state + last + before).chunk(2, -1)
        added: Tensor = self.out(F.silu(gate) * value)
        return added

    def save(self, file: Path) -> None:
        """Write the weights in bfloat16."""
        file.parent.mkdir(parents=True, exist_ok=True)
        weights = {k: v.to(torch.bfloat16).contiguous() for k, v in self.state_dict().items()}
        save_file(weights, file, {"format": "pt"})

    @classmethod
    def load(cls, file: Path) -> SequentialHead:
        """A head as ``save`` wrote it, in float32."""
        weights = {name: weight.float() for name, weight in load_file(file).items()}
        head = cls(*weights["out.weight"].shape)
        head.load_state_dict(weights)
        return head


class Corrector:
    """Guesses place after place with a head.

    Args:
        head: the sequential head.
        embedding: the target's token embeddings, shape (vocabulary, hidden), which are its output
            head too.
    """

    def __init__(self, head: SequentialHead, embedding: Tensor) -> None:
        self._head, self._embedding = head, embedding
        self._projected = lru_cache(_KEPT)(self._of_token)

    def foresee(self, states: Tensor, logits: Tensor) -> Foresee:
        """The guesses at a block's places, each after the text before it.

        Args:
            states: the drafter's, shape (places, hidden).
            logits: theirs, shape (places, vocabulary).
        """
        scores, tokens = logits.float().topk(min(_CANDIDATES, logits.shape[-1]))
        total = logits.float().logsumexp(-1)
        # All other tokens keep the share that they had.
        share = (scores - total[:, None]).exp().sum(-1).clamp(max=1 - 1e-6)
        others = total + torch.log1p(-share)
        rows = self._embedding[tokens].float()
        projected = self._head.state(_even(states.float()))

        def guess(place: int, text: Tokens) -> Guess | None:
            if place >= len(tokens):
                return None
            last, before = self._projected(int(text[-1]))[0], self._projected(int(text[-2]))[1]
            added = self._head.correction(projected[place], last, before)
            corrected = scores[place] + rows[place] @ added
            best = int(corrected.argmax())
            whole = torch.logaddexp(corrected.logsumexp(0), others[place])
            return Guess(int(tokens[place, best]), float((corrected[best] - whole).exp()))

        return guess

    def _of_token(self, token: int) -> tuple[Tensor, Tensor]:
        """A token's embedding projected as the last one, and as the one before that."""
        even = _even(self._embedding[token].float())
        return self._head.last(even), self._head.before(even)


def alone(logits: Tensor) -> Foresee:
    """The guesses of a drafter without a head; ``logits`` are of shape (places, vocabulary)."""
    chances, tokens = (each.tolist() for each in logits.float().softmax(-1).max(-1))
    guesses = [Guess(*pair) for pair in zip(tokens, chances, strict=True)]
    return lambda place, text: guesses[place] if place < len(guesses) else None


def _even(x: Tensor) -> Tensor:
    return F.rms_norm(x, (x.shape[-1],))
