"""No speculation, n-gram, DFlash, and DFlash with lookup on held-out agent prompts.

By task kind and concurrency. DFlash with lookup twice: as the profile has it, and with a drafter
that drafts for two requests at once at most. Five servers of the same target are up at once
(20 GB); every prompt goes to each in turn, the order turning from prompt to prompt. Writes
benchmarks/results/speculation-cpu.json, and where the CPU does not compute in bfloat16
speculation-cpu-float32.json: there the parts of a step cost otherwise.

Run: python benchmarks/speculation.py [PROMPTS_A_KIND_AND_CORPUS]
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from statistics import median
from typing import Any

from agentrt.bench.evidence import circumstances
from agentrt.bench.sides import Side, in_turn, sides
from agentrt.bench.statistics import paired_ratio
from agentrt.errors import LLMError
from agentrt.llm import ChatModel, Endpoint, Request, Sampling
from agentrt.serving import Profile, Server, load_profile, serve
from agentrt.timing import Tracer

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "server" / "draft"))

CONCURRENCY = (1, 2, 4, 8)


def main() -> None:
    from generate import held_out_prompts

    each = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    prompts = held_out_prompts(each)
    about = circumstances(f"python benchmarks/speculation.py {each}")
    profile = load_profile("cpu-smollm2")
    baseline, default = sides(profile)
    judged = [sides(profile, against=side)[0] for side in ("ngram", "drafter")]
    judged += [default, Side(f"{default.label}, for two at most", _for_two(profile))]
    with ExitStack() as stack:
        servers = {
            side.label: stack.enter_context(serve(side.profile, on_progress=_say))
            for side in [baseline, *judged]
        }
        evidence = asyncio.run(_measure(servers, prompts))
    evidence |= {
        "profile": profile.name,
        "sides": {side.label: side.profile.told_speculation for side in [baseline, *judged]},
        "flags": profile.flags,
        **about,
    }
    evidence["summary"] = _summary(evidence, judged)
    precision = "" if profile.flags["dtype"] == "bfloat16" else f"-{profile.flags['dtype']}"
    path = Path(__file__).parent / "results" / f"speculation-cpu{precision}.json"
    path.write_text(json.dumps(evidence, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(evidence["summary"], indent=1))


def _for_two(profile: Profile) -> Profile:
    assert profile.lookup is not None
    lookup = profile.lookup.model_copy(update={"at_once": 2})
    return profile.model_copy(update={"lookup": lookup})


async def _measure(servers: dict[str, Server], prompts: Sequence[Any]) -> dict[str, Any]:
    models = {
        label: ChatModel(Endpoint(server.base_url, server.model, server.api_key), record_text=True)
        for label, server in servers.items()
    }
    for model in models.values():
        for prompt in prompts[:3]:
            await _ask(model, prompt)
    calls = []
    for n, prompt in enumerate(prompts):
        for label in in_turn(list(models), n):
            call = await _ask(models[label], prompt)
            calls.append({"side": label, "prompt": n, "kind": prompt.kind, **call})
        _say(f"prompt {n + 1} of {len(prompts)}")
    loads = await _under_load(models, [p for p in prompts if p.kind in ("answer", "chat", "tool")])
    for model in models.values():
        await model.aclose()
    return {
        "prompts": [{"kind": p.kind, "corpus": p.corpus, "messages": p.messages} for p in prompts],
        "calls": calls,
        "load": loads,
    }


async def _ask(model: ChatModel, prompt: Any) -> dict[str, Any]:
    tracer = Tracer()
    # A model may not close its object in time: an error for an agent, a call like others here.
    with tracer.span("run", "benchmark"), suppress(LLMError):
        sampling = Sampling(temperature=0, max_tokens=prompt.max_tokens)
        await model.complete(Request(prompt.messages, sampling, schema=prompt.schema))
    span = next(span for span in tracer.spans if span.kind == "llm")
    kept = ("text", "prompt_tokens", "output_tokens", "ttft_s", "decode_s", "acceptance_histogram")
    return {name: span.attributes.get(name) for name in kept}


async def _under_load(models: dict[str, ChatModel], prompts: Sequence[Any]) -> list[dict[str, Any]]:
    """Tokens a second of all requests together, with so many in flight at once."""
    found = []
    chosen = list(prompts)[:16]
    for round_ in range(2):
        for concurrency in CONCURRENCY:
            for label, model in models.items():
                gate = asyncio.Semaphore(concurrency)

                async def one(
                    prompt: Any, model: ChatModel = model, gate: asyncio.Semaphore = gate
                ) -> int:
                    async with gate:
                        return (await _ask(model, prompt))["output_tokens"] or 0

                started = time.perf_counter()
                tokens = sum(await asyncio.gather(*(one(prompt) for prompt in chosen)))
                seconds = time.perf_counter() - started
                found.append(
                    {
                        "side": label,
                        "round": round_,
                        "concurrency": concurrency,
                        "tokens": tokens,
                        "seconds": seconds,
                    }
                )
                _say(f"concurrency {concurrency}, {label}: {tokens / seconds:.0f} tokens a second")
    return found


def _summary(evidence: dict[str, Any], judged: Sequence[Side]) -> dict[str, Any]:
    by_side: dict[str, dict[int, dict[str, Any]]] = {}
    for call in evidence["calls"]:
        by_side.setdefault(call["side"], {})[call["prompt"]] = call
    kinds = sorted({call["kind"] for call in evidence["calls"]})
    summary: dict[str, Any] = {}
    for side in judged:
        rows = {}
        for kind in ["all", *kinds]:
            chosen = [n for n, call in by_side[side.label].items() if kind in ("all", call["kind"])]
            rows[kind] = _row(by_side["baseline"], by_side[side.label], chosen)
        summary[side.label] = {"by_kind": rows, "by_concurrency": _loads(evidence, side.label)}
    return summary


def _row(
    before: dict[int, dict[str, Any]], after: dict[int, dict[str, Any]], chosen: list[int]
) -> dict[str, Any]:
    rates = [(a, b) for n in chosen if (a := _per_token(before[n])) and (b := _per_token(after[n]))]
    histograms = [h for n in chosen if (h := after[n]["acceptance_histogram"])]
    steps = sum(sum(h) for h in histograms)
    tokens = sum((place + 1) * count for h in histograms for place, count in enumerate(h))
    return {
        "prompts": len(chosen),
        "decode_ratio": paired_ratio([a for a, _ in rates], [b for _, b in rates]).model_dump(),
        "decode_ratio_of_sums": _sum(before, chosen) / _sum(after, chosen),
        "acceptance_length": tokens / steps if steps else None,
        "same_text_share": sum(before[n]["text"] == after[n]["text"] for n in chosen) / len(chosen),
        "ttft_ratio": paired_ratio(
            [before[n]["ttft_s"] for n in chosen], [after[n]["ttft_s"] for n in chosen]
        ).model_dump(),
    }


def _per_token(call: dict[str, Any]) -> float | None:
    tokens = (call["output_tokens"] or 0) - 1
    return call["decode_s"] / tokens if tokens > 0 and call["decode_s"] else None


def _sum(calls: dict[int, dict[str, Any]], chosen: list[int]) -> float:
    tokens = sum(max((calls[n]["output_tokens"] or 0) - 1, 0) for n in chosen)
    return float(sum(calls[n]["decode_s"] or 0 for n in chosen) / tokens)


def _loads(evidence: dict[str, Any], label: str) -> dict[str, Any]:
    found = {}
    for concurrency in CONCURRENCY:
        rates = {
            side: [
                load["tokens"] / load["seconds"]
                for load in evidence["load"]
                if load["side"] == side and load["concurrency"] == concurrency
            ]
            for side in ("baseline", label)
        }
        found[str(concurrency)] = {
            "baseline_tokens_per_s": median(rates["baseline"]),
            "tokens_per_s": median(rates[label]),
            "ratio": paired_ratio(rates[label], rates["baseline"]).model_dump(),
        }
    return found


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
