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

from agentrt.serving.lookup import copied

_SETTINGS = "agentrt_lookup"


class LookupWorker(CPUWorker):  # type: ignore[misc] # vLLM tells mypy nothing
    """vLLM's CPU worker whose drafts are copied where that promises more than the drafter."""

    def init_device(self) -> None:
        """As vLLM's, with the drafts of the model runner put together here."""
        super().init_device()
        settings = self.vllm_config.additional_config[_SETTINGS]
        self.model_runner.propose_draft_token_ids = Drafts(self.model_runner, **settings)


class Drafts:
    """Each request's next drafts: copied where something can be, else the drafter's.

    Args:
        runner: vLLM's model runner.
        least: tokens that must agree before anything is copied.
        longest: tokens that are compared at most.
        drafter: how many tokens the drafter drafts; copies may be as long as vLLM's
            ``num_speculative_tokens``.
        at_once: requests up to which the drafter drafts; more of them make better use of a step.
    """

    def __init__(
        self, runner: Any, *, least: int, longest: int, drafter: int, at_once: int
    ) -> None:
        self._runner, self._drafter, self._at_once = runner, drafter, at_once
        self._draft = runner.propose_draft_token_ids
        self._match = {"least": least, "longest": longest, "drafts": runner.num_spec_tokens}

    def __call__(self, scheduled: Any, sampled: torch.Tensor, *rest: Any) -> list[list[int]]:
        """In the place of ``GPUModelRunner.propose_draft_token_ids``."""
        new = [[token for token in row if token >= 0] for row in sampled.tolist()]
        copies = [self._copy(index, tokens) for index, tokens in enumerate(new)]
        drafting = len(copies) <= self._at_once and not all(copies)
        # The drafter's cache of the context is kept up in any case; with nothing to draft, vLLM
        # leaves out the block and the output head.
        scheduled.num_spec_tokens_to_schedule = self._drafter if drafting else 0
        drafted = self._draft(scheduled, sampled, *rest).tolist()
        return [
            copy or (draft if drafting else []) for copy, draft in zip(copies, drafted, strict=True)
        ]

    def _copy(self, index: int, new: list[int]) -> list[int]:
        batch = self._runner.input_batch
        known = batch.token_ids_cpu[index, : batch.num_tokens_no_spec[index]]
        return copied(numpy.append(known, new), **self._match) if new else []
