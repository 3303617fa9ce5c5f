"""The target answers in transformers, on a GPU where vLLM's GPU build is not installed.

Greedy, and under the same grammar that vLLM would apply (xgrammar, no free whitespace).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
import xgrammar
from answer import Answerer, Written
from drafter import best_dtype
from prompts import Prompt
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its customary name
from transformers import (
    AttentionInterface,
    AttentionMaskInterface,
    AutoModelForCausalLM,
    AutoTokenizer,
    LogitsProcessor,
    LogitsProcessorList,
)
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

_GROUPED = "agentrt_grouped"
# Several processes share a GPU, and the cores with it.
_THREADS = 5


def answerer(target: Path, device: str) -> Answerer:
    """What answers prompts greedily, under the schema where a prompt has one.

    A group is answered in one batch, so its prompts had better be of like length.
    """
    tokenizer = AutoTokenizer.from_pretrained(target, padding_side="left")
    AttentionInterface.register(_GROUPED, _grouped)
    AttentionMaskInterface.register(_GROUPED, sdpa_mask)
    model = AutoModelForCausalLM.from_pretrained(
        target, dtype=getattr(torch, best_dtype(device)), attn_implementation=_GROUPED
    )
    model = model.to(device).eval()
    grammars = Grammars(tokenizer, model.config.vocab_size)
    pad, end = tokenizer.pad_token_id, tokenizer.eos_token_id

    def answers(group: list[Prompt]) -> Iterator[Written]:
        texts = [
            tokenizer.apply_chat_template(p.messages, tokenize=False, add_generation_prompt=True)
            for p in group
        ]
        asked = tokenizer(texts, padding=True, add_special_tokens=False, return_tensors="pt")
        width = asked["input_ids"].shape[1]
        most = max(prompt.max_tokens for prompt in group)
        with torch.inference_mode():
            rows = model.generate(
                **asked.to(device),
                do_sample=False,
                max_new_tokens=most,
                pad_token_id=pad,
                eos_token_id=end,
                # A cache that grows is copied at every step, and this one need not be compiled for.
                cache_implementation="static",
                disable_compile=True,
                logits_processor=LogitsProcessorList([grammars.of(group, width)]),
            ).tolist()
        for row, mask, prompt in zip(rows, asked["attention_mask"].sum(1), group, strict=True):
            response = row[width : width + prompt.max_tokens]
            if end in response:
                response = response[: response.index(end) + 1]
            yield Written(row[width - int(mask) : width], response)

    return answers


def _grouped(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **also: Any
) -> tuple[Tensor, None]:
    """Attention of one token that reads keys and values once for all heads that share them.

    transformers' own repeats them for every head first, which takes most of a decode step's time.
    """
    if query.shape[2] > 1:
        return sdpa_attention_forward(module, query, key, value, mask, **also)
    shared = query.shape[1] // key.shape[1]
    grouped = query.unflatten(1, (-1, shared)).squeeze(3)
    if mask is not None:
        mask = mask.expand(-1, -1, shared, -1)
    mixed = F.scaled_dot_product_attention(grouped, key, value, mask, scale=also.get("scaling"))
    return mixed.flatten(1, 2).unsqueeze(1).contiguous(), None


class Grammars:
    """Compiles schemas as vLLM's xgrammar backend does with ``disable_any_whitespace``."""

    def __init__(self, tokenizer: Any, vocabulary: int) -> None:
        info = xgrammar.TokenizerInfo.from_huggingface(tokenizer, vocab_size=vocabulary)
        self._compiler, self._vocabulary = xgrammar.GrammarCompiler(info), vocabulary

    def of(self, group: Sequence[Prompt], width: int) -> LogitsProcessor:
        """What allows each row of a batch only what its prompt's schema allows."""
        matchers = {
            row: xgrammar.GrammarMatcher(
                self._compiler.compile_json_schema(
                    json.dumps(prompt.schema), any_whitespace=False, separators=(",", ":")
                )
            )
            for row, prompt in enumerate(group)
            if prompt.schema
        }
        return _Allowed(matchers, len(group), self._vocabulary, width)


class _Allowed(LogitsProcessor):  # type: ignore[misc] # transformers tells mypy nothing
    """Takes from each row's logits what its grammar does not allow."""

    def __init__(
        self, matchers: dict[int, xgrammar.GrammarMatcher], rows: int, vocabulary: int, width: int
    ) -> None:
        self._open, self._width = matchers, width
        self._batch = xgrammar.BatchGrammarMatcher(max_threads=_THREADS)
        self._allowed = xgrammar.allocate_token_bitmask(rows, vocabulary)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """In the form that ``generate`` asks for: (rows, tokens), (rows, vocabulary)."""
        if input_ids.shape[1] > self._width and self._open:
            last = input_ids[list(self._open), -1].tolist()
            self._batch.batch_accept_token(list(self._open.values()), last)
            for row in [row for row, matcher in self._open.items() if matcher.is_terminated()]:
                # What follows its end is padding.
                del self._open[row]
                self._allowed[row].fill_(-1)
        if self._open:
            rows, matchers = list(self._open), list(self._open.values())
            self._batch.batch_fill_next_token_bitmask(matchers, self._allowed, rows)
            xgrammar.apply_token_bitmask_inplace(scores, self._allowed.to(scores.device))
        return scores
