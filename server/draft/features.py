"""The target's answers, and its hidden states over them, of which the drafter drafts."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy
import torch
from drafter import best_dtype
from torch import Tensor, nn


@dataclass(frozen=True)
class Answer:
    """One answer of the target, and where its hidden states begin in its file's."""

    kind: str
    corpus: str
    tokens: Tensor
    start: int
    file: Path
    offset: int


class States(Protocol):
    """What gives the target's hidden states."""

    def of(self, answers: Sequence[Answer]) -> Tensor:
        """All tokens' states of the fused layers: (tokens, fused layers * hidden), float32."""
        ...


def read(path: Path) -> list[Answer]:
    """The answers of a file that ``generate.py`` wrote."""
    items, offset = [], 0
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        tokens = torch.tensor(record["prompt"] + record["response"])
        start = len(record["prompt"])
        items.append(Answer(record["kind"], record["corpus"], tokens, start, path, offset))
        offset += len(tokens)
    return items


class Hidden:
    """The target's layers that the drafter sees, caught as it reads."""

    def __init__(self, target: Path, layers: Sequence[int], device: str) -> None:
        from transformers import AutoModelForCausalLM

        dtype = getattr(torch, best_dtype(device))
        whole = AutoModelForCausalLM.from_pretrained(target, dtype=dtype)
        self._model: nn.Module = whole.model.eval().to(device)
        self.width = len(layers) * whole.config.hidden_size
        self._caught: dict[int, Tensor] = {}
        for layer in layers:
            self._model.layers[layer].register_forward_hook(partial(self._catch, layer))
        self._layers, self.device = layers, device

    @torch.inference_mode()
    def of(self, tokens: Tensor, **also: Any) -> Tensor:
        """States of shape (sequences, tokens, fused layers * hidden) for as many tokens."""
        self._model(tokens, use_cache=False, **also)
        return torch.cat([self._caught[layer].view(*tokens.shape, -1) for layer in self._layers], 2)

    def _catch(self, layer: int, _module: nn.Module, _given: Any, output: Any) -> None:
        self._caught[layer] = output[0] if isinstance(output, tuple) else output


class Live:
    """Computed when asked for: on a GPU the target reads faster than a disk."""

    def __init__(self, hidden: Hidden) -> None:
        self._hidden = hidden

    def of(self, answers: Sequence[Answer]) -> Tensor:
        """All tokens' states, from one padded batch."""
        tokens = nn.utils.rnn.pad_sequence([answer.tokens for answer in answers], True)
        lengths = torch.tensor([len(answer.tokens) for answer in answers])
        real = (torch.arange(tokens.shape[1]) < lengths[:, None]).to(self._hidden.device)
        states = self._hidden.of(tokens.to(self._hidden.device), attention_mask=real.long())
        return states[real].float()


class Kept:
    """Computed once and kept on disk beside the answers: on a CPU the target is what is slow."""

    def __init__(self, hidden: Hidden, sources: Sequence[Sequence[Answer]]) -> None:
        self._files: dict[Path, Tensor] = {}
        for answers in sources:
            if not answers:
                continue
            path = answers[0].file
            store = path.with_suffix(".states")
            _extend(store, answers, hidden)
            count = answers[-1].offset + len(answers[-1].tokens)
            # Copy-on-write: torch asks for memory that may be written, and the file stays as it is.
            raw = numpy.memmap(store, numpy.int16, "c", shape=(count, hidden.width))
            self._files[path] = torch.from_numpy(raw).view(torch.bfloat16)

    def of(self, answers: Sequence[Answer]) -> Tensor:
        """All tokens' states, read from disk."""
        return torch.cat([
            self._files[a.file][a.offset : a.offset + len(a.tokens)].float() for a in answers
        ])  # fmt: skip


def states_for(
    target: Path, layers: Sequence[int], device: str, sources: Sequence[Sequence[Answer]]
) -> States:
    """Live states on a GPU; on a CPU those of ``sources`` are computed now and kept."""
    hidden = Hidden(target, layers, device)
    return Kept(hidden, sources) if device == "cpu" else Live(hidden)


def _extend(store: Path, items: Sequence[Answer], hidden: Hidden) -> None:
    done = store.stat().st_size // (2 * hidden.width) if store.exists() else 0
    todo = [item for item in items if item.offset >= done]
    started, count = time.perf_counter(), 0
    with store.open("ab") as file:
        # A run that was killed may have left part of an answer behind.
        file.truncate(2 * hidden.width * (todo[0].offset if todo else done))
        for n, item in enumerate(todo, 1):
            states = hidden.of(item.tokens[None])[0]
            kept = states.to(torch.bfloat16).contiguous().view(torch.int16)
            file.write(kept.numpy().tobytes())
            count += len(item.tokens)
            if n % 200 == 0 or n == len(todo):
                rate = count / (time.perf_counter() - started)
                print(
                    f"{store.name}: {n}/{len(todo)} answers, {rate:.0f} tokens a second", flush=True
                )
