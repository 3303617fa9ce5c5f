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
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy

from agentrt.bench.evidence import cores, machine, versions
from agentrt.bundled import cache_root
from agentrt.errors import LLMError
from agentrt.llm import ChatModel, Endpoint, Request, Sampling
from agentrt.serving import load_profile, serve
from agentrt.serving.lookup import Copy, Guess, Tokens, draft, last_copy
from agentrt.serving.prepare import prepared_model
from agentrt.timing import Span, Tracer, llm_totals

ROOT = Path(__file__).parent.parent
DRAFT = ROOT / "server" / "draft"
sys.path.insert(0, str(DRAFT))

EACH, LEFT_OUT = 12, 2
WORTHS = (0.1, 0.25, 0.5)
MOST, LONGEST, DRAFTER = 16, 12, 5


@dataclass(frozen=True)
class Place:
    """What is known at a place of an answer: the text so far, what followed, what was guessed."""

    text: Tokens
    following: list[int]
    guesses: list[Guess]


Way = Callable[[Place], list[int]]


def main() -> None:
    answers = list(_answers())
    places = [place for _, each in answers for place in each]
    evidence = {
        "command": "python benchmarks/drafting.py",
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "cores": cores(),
        "versions": versions(),
        "answers": len(answers),
        "copies": _copies_right(places),
        "guesses": _guesses_right(places),
        "ways": {name: _walked(way, answers) for name, way in _ways().items()},
        "served": asyncio.run(_served()),
    }
    path = ROOT / "benchmarks" / "results" / "drafting.json"
    path.write_text(json.dumps(evidence, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(evidence, indent=1))


def _answers() -> Iterator[tuple[str, list[Place]]]:
    """Each answer's kind, and all its places."""
    from drafter import Drafter
    from evaluate import guesses
    from features import read
    from train import Target

    target, data = prepared_model(load_profile("cpu-smollm2-baseline"), print), _data()
    subprocess.run(
        [sys.executable, DRAFT / "generate.py", "--target", target, "--data", data,
         "--held-out", str(EACH), "--prompts", "0"],
        check=True,
    )  # fmt: skip
    drafter, embedding = Drafter.load(DRAFT / "model").eval(), Target.load(Path(target)).embedding
    known = read(data / "heldout.jsonl", Path(target), drafter.config.target_layer_ids)
    seen: dict[tuple[str, str], int] = defaultdict(int)
    for answer in known.items:
        seen[answer.kind, answer.corpus] += 1
        if seen[answer.kind, answer.corpus] <= LEFT_OUT or len(answer.tokens) - answer.start < 3:
            continue
        ids, chances = guesses(drafter, known, answer, embedding, DRAFTER)
        text = answer.tokens.numpy().astype(numpy.int64)
        yield (
            answer.kind,
            [
                Place(
                    text[: answer.start + n + 1],
                    text[answer.start + n + 1 :].tolist(),
                    [Guess(*pair) for pair in zip(*pairs, strict=True)],
                )
                for n, pairs in enumerate(zip(ids.tolist(), chances.tolist(), strict=True))
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


def _guesses_right(places: Sequence[Place]) -> list[dict[str, float]]:
    """By tenths of the drafter's probability: how often its first token is right."""
    found: dict[int, list[bool]] = defaultdict(list)
    for place in places:
        first = place.guesses[0]
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


def _ways() -> dict[str, Way]:
    def by(worth: float, guesses: bool) -> Way:
        return lambda place: draft(
            place.text, place.guesses if guesses else [], longest=LONGEST, most=MOST, worth=worth
        )

    return {
        "drafter": lambda place: [guess.token for guess in place.guesses],
        "copies": by(0.25, guesses=False),
        **{f"likelier of both, worth {worth}": by(worth, guesses=True) for worth in WORTHS},
    }


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
