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
    """

    def __init__(self, runner: Any, *, least: int, longest: int, drafter: int) -> None:
        self._runner, self._drafter = runner, drafter
        self._draft = runner.propose_draft_token_ids
        self._match = {"least": least, "longest": longest, "drafts": runner.num_spec_tokens}

    def __call__(self, scheduled: Any, sampled: torch.Tensor, *rest: Any) -> list[list[int]]:
        """In the place of ``GPUModelRunner.propose_draft_token_ids``."""
        copies = [self._copy(index, row) for index, row in enumerate(sampled.tolist())]
        # The drafter's cache of the context is kept up in any case; with nothing to draft, vLLM
        # leaves out the block and the output head.
        scheduled.num_spec_tokens_to_schedule = 0 if all(copies) else self._drafter
        drafted = self._draft(scheduled, sampled, *rest).tolist()
        return [copy or draft for copy, draft in zip(copies, drafted, strict=True)]

    def _copy(self, index: int, sampled: list[int]) -> list[int]:
        batch = self._runner.input_batch
        known = batch.token_ids_cpu[index, : batch.num_tokens_no_spec[index]]
        new = [token for token in sampled if token >= 0]
        return copied(numpy.append(known, new), **self._match) if new else []
