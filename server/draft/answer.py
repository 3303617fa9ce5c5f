"""What the target wrote after a prompt, whichever engine it ran on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prompts import Prompt


@dataclass(frozen=True)
class Written:
    """Token ids of a prompt and of the answer, its end-of-turn token included."""

    prompt: list[int]
    response: list[int]


# Answers a group of prompts, in their order.
Answerer = Callable[[list[Prompt]], Iterator[Written]]
