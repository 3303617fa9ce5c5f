"""The worker that vLLM's CPU engine runs where a profile's speculation has a ``lookup``.

Named to vLLM by ``--worker-cls``; its settings come in ``--additional-config``. Only vLLM loads
this module. It stands on vLLM 0.32's CPU worker, which schedules synchronously, so that the
sampled tokens are at hand when the next drafts are made.
"""

from __future__ import annotations

from typing import Any

import numpy
import torch
from vllm.v1.worker.cpu_worker import CPUWorker

from agentrt.serving.lookup import Guess, Tokens, draft, last_copy

_SETTINGS = "agentrt_lookup"


class LookupWorker(CPUWorker):  # type: ignore[misc] # vLLM tells mypy nothing
    """vLLM's CPU worker, with copies where they promise more than its drafter."""

    def init_device(self) -> None:
        """As vLLM's, with the drafts of the model runner put together here."""
        super().init_device()
        settings = self.vllm_config.additional_config[_SETTINGS]
        self.model_runner.propose_draft_token_ids = Drafts(self.model_runner, **settings)


class Drafts:
    """Each request's next drafts, of copies and of what the drafter foresees.

    Args:
        runner: vLLM's model runner.
        longest: tokens that are compared at most.
        drafter: how many tokens the drafter drafts; a draft that goes on with copies may be as long
            as vLLM's ``num_speculative_tokens``.
        worth: the least probability that a draft with a further copied token is right to its end.
        at_once: requests up to which the drafter drafts.
    """

    def __init__(
        self, runner: Any, *, longest: int, drafter: int, worth: float, at_once: int
    ) -> None:
        self._runner, self._drafter, self._at_once = runner, drafter, at_once
        self._longest, self._worth = longest, worth
        self._foresee = runner.propose_draft_token_ids
        self._chances = torch.empty(0)
        runner.drafter._greedy_sample = self._noting_chances

    def __call__(self, scheduled: Any, sampled: torch.Tensor, *rest: Any) -> list[list[int]]:
        """In the place of ``GPUModelRunner.propose_draft_token_ids``."""
        texts = [self._text(index, row) for index, row in enumerate(sampled.tolist())]
        drafting = len(texts) <= self._at_once and not all(map(self._is_sure, texts))
        # The drafter's cache of the context is kept up in any case; with nothing to draft, vLLM
        # leaves out the block and the output head.
        scheduled.num_spec_tokens_to_schedule = self._drafter if drafting else 0
        tokens = self._foresee(scheduled, sampled, *rest)
        chances = self._chances.view_as(tokens) if drafting else torch.empty(tokens.shape)
        return [
            self._drafts(text, row, own)
            for text, row, own in zip(texts, tokens.tolist(), chances.tolist(), strict=True)
        ]

    def _text(self, index: int, row: list[int]) -> Tokens | None:
        """Prompt and answer of a request so far; None while its prompt is still read."""
        new = [token for token in row if token >= 0]
        batch = self._runner.input_batch
        known = batch.token_ids_cpu[index, : batch.num_tokens_no_spec[index]]
        return numpy.append(known, new).astype(numpy.int64) if new else None

    def _is_sure(self, text: Tokens | None) -> bool:
        """Whether the drafter could tell nothing that a copy does not."""
        return text is None or last_copy(text, self._longest).agreed == self._longest

    def _drafts(self, text: Tokens | None, tokens: list[int], chances: list[float]) -> list[int]:
        if text is None:
            return []
        guesses = [Guess(*pair) for pair in zip(tokens, chances, strict=True)]
        most = self._runner.num_spec_tokens
        return draft(text, guesses, longest=self._longest, most=most, worth=self._worth)

    def _noting_chances(self, states: torch.Tensor) -> torch.Tensor:
        """In the place of the drafter's ``_greedy_sample``: its tokens' probabilities as well."""
        logits = self._runner.drafter.model.compute_logits(states)
        self._chances, tokens = logits.softmax(-1).max(-1)
        return tokens
