"""What drafts yield on held-out answers: copies, the drafter, and the likelier of both.

The target's answers are made once, and each way to draft is walked through them as greedy decoding
would. Then the default profile is served and asked the same prompts, one at a time. It also counts
how often copies and guesses are right, since the profile chooses between them by how likely each
says it is. Of each kind and corpus the first two prompts are left out: benchmarks/speculation.py
measures those, and nothing was chosen on them.

Writes benchmarks/results/drafting.json. Run: python benchmarks/drafting.py
"""

import asyncio
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor

from agentrt.bench.evidence import circumstances
from agentrt.bundled import cache_root
from agentrt.errors import LLMError
from agentrt.llm import ChatModel, Endpoint, Request, Sampling
from agentrt.serving import load_profile, serve
from agentrt.serving.lookup import Copy, Foresee, Tokens, draft, last_copy, nothing
from agentrt.serving.prepare import prepared_model
from agentrt.serving.sequential import Corrector, SequentialHead, alone
from agentrt.timing import Span, Tracer, llm_totals

ROOT = Path(__file__).parent.parent
DRAFT = ROOT / "server" / "draft"
sys.path.insert(0, str(DRAFT))

EACH, LEFT_OUT = 12, 2
WORTHS = (0.1, 0.25, 0.5)
MOST, LONGEST, DRAFTER = 16, 12, 5


@dataclass(frozen=True)
class Place:
    """What is known at a place of an answer: the text so far, what followed, what is foreseen.

    ``logits`` are made of the drafter's ``states`` when they are asked for: all of them would not
    fit into the memory.
    """

    text: Tokens
    following: list[int]
    states: Tensor
    embedding: Tensor

    @property
    def logits(self) -> Tensor:
        return self.states @ self.embedding.T


Way = Callable[[Place], list[int]]
Foreseen = Callable[[Place], Foresee]


@torch.inference_mode()
def main() -> None:
    target = Path(prepared_model(load_profile("cpu-smollm2-baseline"), print))
    answers = list(_answers(target))
    places = [place for _, each in answers for place in each]
    drafters = _drafters(places[0].embedding)
    evidence = {
        **circumstances("python benchmarks/drafting.py"),
        "answers": len(answers),
        "copies": _copies_right(places),
        "guesses": {name: _guesses_right(places, foreseen) for name, foreseen in drafters.items()},
        "ways": {name: _walked(way, answers) for name, way in _ways(drafters).items()},
        "served": asyncio.run(_served()),
    }
    path = ROOT / "benchmarks" / "results" / "drafting.json"
    path.write_text(json.dumps(evidence, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(evidence, indent=1))


def _drafters(embedding: Tensor) -> dict[str, Foreseen]:
    """What the shipped drafter foresees at a place, alone and with its sequential head."""
    from drafter import HEAD

    corrector = Corrector(SequentialHead.load(DRAFT / "model" / HEAD), embedding)
    return {
        "drafter alone": lambda place: alone(place.logits),
        "drafter with its head": lambda place: corrector.foresee(place.states, place.logits),
    }


def _answers(target: Path) -> Iterator[tuple[str, list[Place]]]:
    """Each answer's kind, and all its places."""
    from drafter import Drafter
    from evaluate import states_of
    from features import read, states_for
    from loss import Target
    from make import stage

    data = _data()
    stage("generate.py", "--target", target, "--data", data, "--held-out", EACH, "--prompts", 0)
    drafter, embedding = Drafter.load(DRAFT / "model").eval(), Target.load(target).embedding
    known = read(data / "heldout.jsonl")
    hidden = states_for(target, drafter.config.target_layer_ids, "cpu", [known])
    seen: dict[tuple[str, str], int] = defaultdict(int)
    for answer in known:
        seen[answer.kind, answer.corpus] += 1
        if seen[answer.kind, answer.corpus] <= LEFT_OUT or len(answer.tokens) - answer.start < 3:
            continue
        text = answer.tokens.numpy().astype(numpy.int64)
        states = states_of(drafter, hidden, answer, embedding, DRAFTER)
        ends = range(answer.start + 1, len(text))
        yield (
            answer.kind,
            [
                Place(text[:end], text[end:].tolist(), each, embedding)
                for end, each in zip(ends, states, strict=True)
            ],
        )


def _data() -> Path:
    folder = cache_root() / "drafting"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _copies_right(places: Sequence[Place]) -> list[dict[str, float]]:
    """By how many tokens agree: how often the next is what followed there, and what is assumed."""
    found: dict[int, list[bool]] = defaultdict(list)
    for place in places:
        copy = last_copy(place.text, LONGEST)
        if copy.agreed:
            found[copy.agreed].append(int(place.text[copy.place + 1]) == place.following[0])
    return [
        {"agreed": agreed, "right": sum(right) / len(right), "places": len(right),
         "assumed": Copy(0, agreed).chance}
        for agreed, right in sorted(found.items())
    ]  # fmt: skip


def _guesses_right(places: Sequence[Place], foreseen: Foreseen) -> list[dict[str, float]]:
    """By tenths of its probability: how often a drafter's first token is right."""
    found: dict[int, list[bool]] = defaultdict(list)
    for place in places:
        first = foreseen(place)(0, place.text)
        found[min(int(first.chance * 10), 9)].append(first.token == place.following[0])
    return [
        {"from": tenth / 10, "right": sum(right) / len(right), "places": len(right)}
        for tenth, right in sorted(found.items())
    ]


async def _served() -> dict[str, float | None]:
    """Acceptance length of the default profile on the same prompts, of all and by kind."""
    from generate import HELD_OUT, HELD_OUT_KINDS, TRAINING_KINDS, build

    spans: dict[str, list[Span]] = {}
    with serve(load_profile("cpu-smollm2"), on_progress=print) as server:
        model = ChatModel(Endpoint(server.base_url, server.model, server.api_key))
        for kind in TRAINING_KINDS + HELD_OUT_KINDS:
            prompts = [p for corpus in HELD_OUT for p in build(kind, corpus, EACH)[LEFT_OUT:]]
            spans[kind] = [span for prompt in prompts for span in await _asked(model, prompt)]
        await model.aclose()
    spans["all"] = [span for each in spans.values() for span in each]
    return {kind: llm_totals(spans[kind]).acceptance_length for kind in sorted(spans)}


async def _asked(model: ChatModel, prompt: Any) -> list[Span]:
    tracer = Tracer()
    # A model may not close its object in time: an answer like others here.
    with tracer.span("run", "benchmark"), suppress(LLMError):
        sampling = Sampling(temperature=0, max_tokens=prompt.max_tokens)
        await model.complete(Request(prompt.messages, sampling, schema=prompt.schema))
    return tracer.spans


def _ways(drafters: dict[str, Foreseen]) -> dict[str, Way]:
    def both(foreseen: Foreseen, worth: float) -> Way:
        return lambda place: draft(
            place.text, foreseen(place), longest=LONGEST, most=MOST, worth=worth
        )

    copies = both(lambda _: nothing, 0.25)
    with_head = drafters["drafter with its head"]
    return {
        **{name: _guesses_of(foreseen) for name, foreseen in drafters.items()},
        "copies": copies,
        "likelier of copies and drafter alone, worth 0.25": both(drafters["drafter alone"], 0.25),
        **{f"likelier of both, worth {worth}": both(with_head, worth) for worth in WORTHS},
    }


def _guesses_of(foreseen: Foreseen) -> Way:
    """Drafts of the drafter's guesses only."""

    def way(place: Place) -> list[int]:
        guess, text = foreseen(place), place.text
        for n in range(DRAFTER):
            text = numpy.append(text, guess(n, text).token)
        return [int(token) for token in text[len(place.text) :]]

    return way


def _walked(way: Way, answers: Sequence[tuple[str, list[Place]]]) -> dict[str, Any]:
    """Tokens a step, all of it and by kind, and drafted tokens a step."""
    steps: dict[str, int] = defaultdict(int)
    tokens: dict[str, int] = defaultdict(int)
    drafted = 0
    for kind, places in answers:
        at = 0
        while at < len(places):
            ids = way(places[at])
            right = _right(ids, places[at].following)
            step = min(right + 1, len(places) - at)
            drafted += len(ids)
            for name in ("all", kind):
                steps[name] += 1
                tokens[name] += step
            at += right + 1
    return {
        "tokens_a_step": {name: tokens[name] / steps[name] for name in sorted(steps)},
        "drafted_a_step": drafted / steps["all"],
    }


def _right(ids: Sequence[int], following: Sequence[int]) -> int:
    """How many drafted tokens are what follows, up to the first that is not."""
    pairs = list(zip(ids, following, strict=False))
    return next((n for n, (a, b) in enumerate(pairs) if a != b), len(pairs))


if __name__ == "__main__":
    main()
