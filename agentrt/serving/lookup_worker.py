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

from agentrt.serving.draft_gate import DraftGate
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
        worth: accepted tokens that the drafter's drafts must bring on average, else it rests.
    """

    def __init__(
        self, runner: Any, *, least: int, longest: int, drafter: int, worth: float
    ) -> None:
        self._runner, self._drafter = runner, drafter
        self._draft = runner.propose_draft_token_ids
        self._match = {"least": least, "longest": longest, "drafts": runner.num_spec_tokens}
        self._gate, self._drafted = DraftGate(worth), set[str]()

    def __call__(self, scheduled: Any, sampled: torch.Tensor, *rest: Any) -> list[list[int]]:
        """In the place of ``GPUModelRunner.propose_draft_token_ids``."""
        requests = list(self._runner.input_batch.req_ids)
        new = [[token for token in row if token >= 0] for row in sampled.tolist()]
        self._learn(dict(zip(requests, new, strict=True)))
        copies = [self._copy(index, tokens) for index, tokens in enumerate(new)]
        self._drafted = {
            request
            for request, copy in zip(requests, copies, strict=True)
            if not copy and self._gate.wants(request)
        }
        # The drafter's cache of the context is kept up in any case; with nothing to draft, vLLM
        # leaves out the block and the output head.
        scheduled.num_spec_tokens_to_schedule = self._drafter if self._drafted else 0
        drafted = self._draft(scheduled, sampled, *rest).tolist()
        return [
            copy or (draft if request in self._drafted else [])
            for request, copy, draft in zip(requests, copies, drafted, strict=True)
        ]

    def _learn(self, new: dict[str, list[int]]) -> None:
        # One token is the target's own; a request without any is not done with its prompt.
        for request in self._drafted & new.keys():
            if new[request]:
                self._gate.verified(request, len(new[request]) - 1)
        self._gate.keep(new.keys())

    def _copy(self, index: int, new: list[int]) -> list[int]:
        batch = self._runner.input_batch
        known = batch.token_ids_cpu[index, : batch.num_tokens_no_spec[index]]
        return copied(numpy.append(known, new), **self._match) if new else []
