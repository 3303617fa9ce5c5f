"""The worker that vLLM's CPU engine runs where a profile's speculation has a ``lookup``.

Named to vLLM by ``--worker-cls``; its settings come in ``--additional-config``. Only vLLM loads
this module. It stands on vLLM 0.32's CPU worker, which schedules synchronously, so that the
sampled tokens are at hand when the next drafts are made.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import torch
from vllm.v1.worker.cpu_worker import CPUWorker

from agentrt.serving.lookup import Foresee, Tokens, draft, last_copy, nothing
from agentrt.serving.sequential import Corrector, SequentialHead, alone

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
        head: where the drafter's sequential head lies in its folder; None where it has none.
    """

    def __init__(
        self,
        runner: Any,
        *,
        longest: int,
        drafter: int,
        worth: float,
        at_once: int,
        head: str | None,
    ) -> None:
        self._runner, self._drafter, self._at_once = runner, drafter, at_once
        self._longest, self._worth = longest, worth
        self._head = Path(runner.speculative_config.model) / head if head else None
        self._corrector: Corrector | None = None
        self._propose = runner.propose_draft_token_ids
        self._states = self._logits = torch.empty(0)
        runner.drafter._greedy_sample = self._noting

    def __call__(self, scheduled: Any, sampled: torch.Tensor, *rest: Any) -> list[list[int]]:
        """In the place of ``GPUModelRunner.propose_draft_token_ids``."""
        texts = [self._text(index, row) for index, row in enumerate(sampled.tolist())]
        drafting = len(texts) <= self._at_once and not all(map(self._is_sure, texts))
        # The drafter's cache of the context is kept up in any case; with nothing to draft, vLLM
        # leaves out the block and the output head.
        scheduled.num_spec_tokens_to_schedule = self._drafter if drafting else 0
        self._propose(scheduled, sampled, *rest)
        with torch.inference_mode():
            return [self._drafts(n, text, drafting) for n, text in enumerate(texts)]

    def _text(self, index: int, row: list[int]) -> Tokens | None:
        """Prompt and answer of a request so far; None while its prompt is still read."""
        new = [token for token in row if token >= 0]
        batch = self._runner.input_batch
        known = batch.token_ids_cpu[index, : batch.num_tokens_no_spec[index]]
        return numpy.append(known, new).astype(numpy.int64) if new else None

    def _is_sure(self, text: Tokens | None) -> bool:
        """Whether the drafter could tell nothing that a copy does not."""
        return text is None or last_copy(text, self._longest).agreed == self._longest

    def _drafts(self, index: int, text: Tokens | None, drafting: bool) -> list[int]:
        if text is None:
            return []
        foresee = self._foreseen(index) if drafting else nothing
        most = self._runner.num_spec_tokens
        return draft(text, foresee, longest=self._longest, most=most, worth=self._worth)

    def _foreseen(self, index: int) -> Foresee:
        """The guesses for one of the requests that were just drafted for."""
        rows = slice(index * self._drafter, (index + 1) * self._drafter)
        if self._head is None:
            return alone(self._logits[rows])
        if self._corrector is None:
            embedding = self._runner.get_model().model.embed_tokens.weight
            self._corrector = Corrector(SequentialHead.load(self._head), embedding)
        return self._corrector.foresee(self._states[rows], self._logits[rows])

    def _noting(self, states: torch.Tensor) -> torch.Tensor:
        """In the place of the drafter's ``_greedy_sample``: what it foresees is kept.

        The tokens are chosen later, with the text before each, so vLLM is given none of its own.
        """
        self._states = states
        self._logits = self._runner.drafter.model.compute_logits(states)
        return torch.zeros(len(states), dtype=torch.int64)
