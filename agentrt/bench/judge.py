"""From samples to verdicts: medians, paired ratios, warnings and advice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from agentrt.bench.comparison import Row, Verdict
from agentrt.bench.sample import Call, Sample
from agentrt.bench.sides import Side
from agentrt.bench.statistics import Ratio, paired_ratio

# A ratio this near to 1 is nothing that a user would notice.
_NOTABLE = 0.03


def judge(side: Side, reference: Sequence[Sample], judged: Sequence[Sample]) -> Verdict:
    """One side against the reference; both lists hold one sample a pair, in the same order."""
    pairs = list(zip(reference, judged, strict=True))
    nodes = [_node_row(name, pairs) for name in _in_all(pairs, lambda s: list(s.node_s))]
    tasks = [_task_row(task, pairs) for task in _in_all(pairs, lambda s: [c.task for c in s.calls])]
    wall = Row(
        name="total",
        reference_s=median(a.wall_s for a, _ in pairs),
        judged_s=median(b.wall_s for _, b in pairs),
        ratio=paired_ratio([a.wall_s for a, _ in pairs], [b.wall_s for _, b in pairs]),
        per_token=_per_token(pairs, lambda call: True),
        acceptance_length=_acceptance_length([c for s in judged for c in s.calls]),
    )
    return Verdict(
        side=side.label,
        profile=side.profile.name,
        speculation=side.profile.told_speculation,
        wall=wall,
        ttft=_call_ratio(pairs, lambda call: call.ttft_s),
        tpot=_call_ratio(pairs, lambda call: call.tpot_s),
        nodes=nodes,
        tasks=tasks,
        acceptance_by_position=_by_position([c for s in judged for c in s.calls]),
        same_outputs=all(_texts(a) == _texts(b) for a, b in pairs),
        warnings=_warnings(pairs),
        advice=_advice(side, nodes),
    )


Pairs = list[tuple[Sample, Sample]]


def _in_all(pairs: Pairs, names: Callable[[Sample], list[str]]) -> list[str]:
    samples = [sample for pair in pairs for sample in pair]
    first = dict.fromkeys(names(samples[0]))
    return [name for name in first if all(name in names(sample) for sample in samples)]


def _node_row(name: str, pairs: Pairs) -> Row:
    return Row(
        name=name,
        reference_s=median(a.node_s[name] for a, _ in pairs),
        judged_s=median(b.node_s[name] for _, b in pairs),
        ratio=paired_ratio([a.node_s[name] for a, _ in pairs], [b.node_s[name] for _, b in pairs]),
        per_token=_per_token(pairs, lambda call: call.node == name),
        acceptance_length=_acceptance_length(
            [c for _, b in pairs for c in b.calls if c.node == name]
        ),
    )


def _task_row(task: str, pairs: Pairs) -> Row:
    def seconds(sample: Sample) -> float:
        calls = [call for call in sample.calls if call.task == task]
        return sum((call.ttft_s or 0.0) + (call.decode_s or 0.0) for call in calls)

    return Row(
        name=task,
        reference_s=median(seconds(a) for a, _ in pairs),
        judged_s=median(seconds(b) for _, b in pairs),
        ratio=paired_ratio([seconds(a) for a, _ in pairs], [seconds(b) for _, b in pairs]),
        per_token=_per_token(pairs, lambda call: call.task == task),
        acceptance_length=_acceptance_length(
            [c for _, b in pairs for c in b.calls if c.task == task]
        ),
    )


def _per_token(pairs: Pairs, chosen: Callable[[Call], bool]) -> Ratio | None:
    rates = [
        tuple(s.decode_s_per_token([c for c in s.calls if chosen(c)]) for s in pair)
        for pair in pairs
    ]
    known = [(a, b) for a, b in rates if a and b]
    return paired_ratio([a for a, _ in known], [b for _, b in known]) if known else None


def _call_ratio(pairs: Pairs, of: Callable[[Call], float | None]) -> Ratio | None:
    def middle(sample: Sample) -> float | None:
        values = [value for call in sample.calls if (value := of(call))]
        return median(values) if values else None

    known = [(a, b) for pair in pairs if (a := middle(pair[0])) and (b := middle(pair[1]))]
    return paired_ratio([a for a, _ in known], [b for _, b in known]) if known else None


def _acceptance_length(calls: Sequence[Call]) -> float | None:
    """Accepted drafts and bonus tokens over verification steps, all calls together."""
    told = [call.acceptance_histogram for call in calls if call.acceptance_histogram]
    steps = sum(sum(histogram) for histogram in told)
    tokens = sum((n + 1) * count for histogram in told for n, count in enumerate(histogram))
    return tokens / steps if steps else None


def _by_position(calls: Sequence[Call]) -> list[float]:
    """A histogram counts steps by accepted drafts: place n was accepted where n or more were."""
    told = [call.acceptance_histogram for call in calls if call.acceptance_histogram]
    steps = sum(sum(histogram) for histogram in told)
    places = max((len(histogram) for histogram in told), default=1) - 1
    return [sum(sum(h[place:]) for h in told) / steps for place in range(1, places + 1)]


def _texts(sample: Sample) -> list[tuple[str, str]]:
    return sorted((call.node, call.text) for call in sample.calls)


def _warnings(pairs: Pairs) -> list[str]:
    found = []
    if any(len(a.calls) != len(b.calls) for a, b in pairs):
        found.append("the two sides made different numbers of model calls")
    tokens = [
        tuple(sum(call.output_tokens or 0 for call in sample.calls) for sample in pair)
        for pair in pairs
    ]
    if any(a != b for a, b in tokens):
        a, b = (round(median(side)) for side in zip(*tokens, strict=True))
        found.append(f"the two sides wrote different numbers of tokens (medians {a} and {b})")
    elif any(_texts(a) != _texts(b) for a, b in pairs):
        found.append("the two sides wrote different texts of the same length")
    if found:
        found.append("so they did different work: trust the ratio per token, not the wall-clock")
    return found


def _advice(side: Side, nodes: Sequence[Row]) -> list[str]:
    gain = [n for n in nodes if n.per_token and n.per_token.low > 1 + _NOTABLE]
    lose = [n for n in nodes if n.per_token and n.per_token.high < 1 - _NOTABLE]
    said = []
    if gain:
        said.append(f"{side.label} speeds up {_named(gain)}")
    if lose:
        said.append(f"{side.label} slows down {_named(lose)}")
    if not gain and not lose:
        said.append(f"{side.label} makes no clear difference to any node")
    return said


def _named(rows: Sequence[Row]) -> str:
    return ", ".join(f"{r.name} ({r.per_token.median:.2f}x a token)" for r in rows if r.per_token)
