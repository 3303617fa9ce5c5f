"""The target answers on vLLM, in large batches on every core."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from answer import Answerer, Written
from prompts import Prompt

from agentrt.serving.precision import cpu_dtype


def answerer(target: Path) -> Answerer:
    """What answers prompts greedily, under the schema where a prompt has one."""
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "4")
    os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", f"0-{(os.cpu_count() or 1) - 1}")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    from vllm import LLM, SamplingParams
    from vllm.sampling_params import StructuredOutputsParams

    engine = LLM(
        str(target),
        dtype=cpu_dtype(),
        max_model_len=2048,
        max_num_seqs=128,
        max_num_batched_tokens=4096,
        enforce_eager=True,
        structured_outputs_config={"backend": "xgrammar", "disable_any_whitespace": True},
    )

    def sampling(prompt: Prompt) -> SamplingParams:
        schema = StructuredOutputsParams(json=prompt.schema) if prompt.schema else None
        return SamplingParams(
            temperature=0, max_tokens=prompt.max_tokens, structured_outputs=schema
        )

    def answers(group: list[Prompt]) -> Iterator[Written]:
        asked = [sampling(prompt) for prompt in group]
        for output in engine.chat([prompt.messages for prompt in group], asked, use_tqdm=False):
            yield Written(list(output.prompt_token_ids), list(output.outputs[0].token_ids))

    return answers
