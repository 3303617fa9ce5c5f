"""Blocks to draft: from which places of which sequences, packed behind one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Sample:
    """A sequence to draft from.

    Attributes:
        tokens: ids of prompt and answer, shape (T,).
        anchors: places of the known tokens that blocks start from, shape (A,), sorted.
        start: where the answer begins; what stands before it is not the target's own.
    """

    tokens: Tensor
    anchors: Tensor
    start: int = 0


@dataclass(frozen=True)
class Blocks:
    """Several samples with no padding between.

    Attributes:
        tokens: ids of all sequences, shape (positions,).
        anchors: where the blocks begin, shape (blocks,), as indices of ``tokens``.
        starts: where the answer of each block's sequence begins, shape (blocks,).
        ends: where the sequence of each block ends, shape (blocks,).
        lengths: tokens of each sequence.
        counts: blocks of each sequence.
    """

    tokens: Tensor
    anchors: Tensor
    starts: Tensor
    ends: Tensor
    lengths: list[int]
    counts: list[int]

    @classmethod
    def of(cls, samples: Sequence[Sample], device: str) -> Blocks:
        """Pack ``samples`` and bring them to a device."""
        lengths = [len(sample.tokens) for sample in samples]
        counts = [len(sample.anchors) for sample in samples]
        ends = torch.tensor(lengths).cumsum(0)
        begins = ends - torch.tensor(lengths)
        each = torch.tensor(counts)
        anchors = torch.cat([sample.anchors for sample in samples])
        starts = torch.tensor([sample.start for sample in samples])
        return cls(
            torch.cat([sample.tokens for sample in samples]).to(device),
            (anchors + begins.repeat_interleave(each)).to(device),
            (starts + begins).repeat_interleave(each).to(device),
            ends.repeat_interleave(each).to(device),
            lengths,
            counts,
        )
