"""The target's hidden states over its own answers, computed once and kept on disk."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy
import torch
from torch import Tensor, nn

from agentrt.serving.precision import cpu_dtype


@dataclass(frozen=True)
class Answer:
    """One answer of the target with where its hidden states lie in the feature file."""

    kind: str
    corpus: str
    tokens: Tensor
    start: int
    offset: int


@dataclass(frozen=True)
class Answers:
    """All answers of a file, and the fused layers' states of each of their tokens."""

    items: list[Answer]
    states: Tensor

    def features(self, answer: Answer) -> Tensor:
        """Shape (tokens, fused layers * hidden), float32."""
        return self.states[answer.offset : answer.offset + len(answer.tokens)].float()


def read(path: Path, target: Path, layers: tuple[int, ...]) -> Answers:
    """The answers of ``path``; states that are not on disk yet are computed and kept there."""
    items, offset = [], 0
    for line in path.open():
        record = json.loads(line)
        tokens = torch.tensor(record["prompt"] + record["response"])
        start = len(record["prompt"])
        items.append(Answer(record["kind"], record["corpus"], tokens, start, offset))
        offset += len(tokens)
    model = _target(target)
    width = len(layers) * model.config.hidden_size
    store = path.with_suffix(".states")
    _extend(store, items, model, layers, width)
    raw = numpy.memmap(store, numpy.int16, "r", shape=(offset, width))
    return Answers(items, torch.from_numpy(raw).view(torch.bfloat16))


def _target(folder: Path) -> nn.Module:
    from transformers import AutoModelForCausalLM

    dtype = getattr(torch, cpu_dtype())
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).model.eval()


@torch.inference_mode()
def _extend(
    store: Path, items: list[Answer], model: nn.Module, layers: tuple[int, ...], width: int
) -> None:
    caught: dict[int, Tensor] = {}
    hooks = [
        model.layers[layer].register_forward_hook(
            lambda _module, _args, output, layer=layer: caught.__setitem__(
                layer, output[0] if isinstance(output, tuple) else output
            )
        )
        for layer in layers
    ]
    done = store.stat().st_size // (2 * width) if store.exists() else 0
    todo = [item for item in items if item.offset >= done]
    started, count = time.perf_counter(), 0
    with store.open("ab") as file:
        # A run that was killed may have left part of an answer behind.
        file.truncate(2 * width * (todo[0].offset if todo else done))
        for n, item in enumerate(todo, 1):
            model(item.tokens[None], use_cache=False)
            states = torch.cat([caught[layer].reshape(len(item.tokens), -1) for layer in layers], 1)
            kept = states.to(torch.bfloat16).contiguous().view(torch.int16)
            file.write(kept.numpy().tobytes())
            count += len(item.tokens)
            if n % 200 == 0 or n == len(todo):
                rate = count / (time.perf_counter() - started)
                print(
                    f"{store.name}: {n}/{len(todo)} answers, {rate:.0f} tokens a second", flush=True
                )
    for hook in hooks:
        hook.remove()
