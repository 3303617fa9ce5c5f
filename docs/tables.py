"""The tables of figures: each is made from a file under benchmarks/results/, none by hand.

A page holds ``<!-- table: NAME -->`` and ``<!-- end -->``; what stands between is written here.
"""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from statistics import median
from textwrap import fill, indent
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PAGES = (
    "README.md",
    "docs/speculation.md",
    "docs/latency.md",
    "docs/retrieval.md",
    "docs/security.md",
    "docs/durability.md",
    "server/draft/model/README.md",
)
_MARKED = re.compile(r"(<!-- table: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(page: str) -> str:
    """A page's text with its tables made anew."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return _MARKED.sub(lambda m: f"{m[1]}{TABLES[m[2]]()}\n{m[3]}", text)


def research() -> str:
    """Each side of the research comparison, node by node."""
    found = _result("research-cpu.json")
    parts = []
    for verdict in found["verdicts"]:
        head = f"{found['reference']} → {verdict['side']}"
        rows = [
            [
                row["name"],
                f"{row['reference_s']:.2f}",
                f"{row['judged_s']:.2f}",
                _ratio(row["ratio"]),
                _ratio(row["per_token"]),
                _number(row["acceptance_length"]),
            ]
            for row in [*verdict["nodes"], verdict["wall"]]
        ]
        heads = [head, "before (s)", "after (s)", "wall-clock", "decode a token", "acceptance"]
        parts += [_table(heads, rows), ""]
        parts += [f"{line[0].upper()}{line[1:]}." for line in verdict["warnings"]]
        parts.append("")
    starts = ", ".join(f"{side} {taken:.0f} s" for side, taken in found["start_s"].items())
    parts += [f"Servers were ready after: {starts}.", ""]
    return "\n".join([*parts, _evidence(found)])


def answer() -> str:
    """What the research workflow answered with speculation, in the last run of the benchmark."""
    found = _result("research-cpu.json")
    sample = next(s for s in reversed(found["samples"]) if s["side"] == found["best"])
    lines = []
    for name, value in sample["outputs"].items():
        lines += (
            [name, fill(value, 88, replace_whitespace=False)]
            if isinstance(value, str)
            else [f"{name} {value}"]
        )
    # An indented block: the answer may hold fences of its own.
    return indent("\n".join(["", *lines, ""]), "    ")


def elsewhere() -> str:
    """Workflows over text unlike what the drafter was trained on, with the default profile."""
    names = ("extract", "digest")
    return _compared("workflow", [(name, _result(f"default-{name}.json")) for name in names])


def _compared(head: str, comparisons: list[tuple[str, Any]]) -> str:
    """Comparisons of one side each, a row for each."""
    rows = []
    for name, found in comparisons:
        [verdict] = found["verdicts"]
        wall = verdict["wall"]
        tokens = [f"{_tokens(found, side):.0f}" for side in (found["reference"], verdict["side"])]
        rows.append(
            [
                name,
                f"{wall['reference_s']:.2f} → {wall['judged_s']:.2f}",
                _ratio(wall["ratio"]),
                _ratio(wall["per_token"]),
                _number(wall["acceptance_length"]),
                " → ".join(tokens),
            ]
        )
    heads = [head, "run (s)", "wall-clock", "decode a token", "acceptance", "tokens written"]
    return "\n".join([_table(heads, rows), "", _evidence(comparisons[-1][1])])


def drafting() -> str:
    """What ways to draft would yield on held-out answers."""
    found = _result("drafting.json")
    kinds = sorted(set(found["served"]) - {"all"})
    rows = [
        [name, f"{way['drafted_a_step']:.1f}"]
        + [_number(way["tokens_a_step"][kind]) for kind in ("all", *kinds)]
        for name, way in found["ways"].items()
    ]
    served = [_number(found["served"][kind]) for kind in ("all", *kinds)]
    rows.append(["the default profile, served", "", *served])
    heads = ["drafts", "drafted a step", "tokens a step", *kinds]
    return "\n".join([_table(heads, rows), "", _evidence(found)])


def copies() -> str:
    """How often a copied token is right, by how many tokens before it agree."""
    found = _result("drafting.json")
    rows = [
        [f"{row['agreed']}", f"{row['places']:,}", f"{row['right']:.0%}", f"{row['assumed']:.0%}"]
        for row in found["copies"]
    ]
    return _table(["tokens that agree", "places", "copy is right", "assumed"], rows)


def sweep() -> str:
    """The research workflow with several numbers of draft tokens."""
    found = _result("sweep-cpu.json")
    rows = [
        [
            verdict["side"].partition("=")[2],
            _ratio(verdict["wall"]["per_token"]),
            _number(verdict["wall"]["acceptance_length"]),
            f"{_tokens(found, verdict['side']):.0f}",
            " ".join(f"{share:.0%}" for share in verdict["acceptance_by_position"]),
        ]
        for verdict in found["verdicts"]
    ]
    heads = ["draft tokens", "decode a token", "acceptance", "tokens written", "accepted by place"]
    return "\n".join([_table(heads, rows), "", _evidence(found)])


def research_in_short() -> str:
    """Each side of the research comparison in one row."""
    found = _result("research-cpu.json")
    tokens = {side: _tokens(found, side) for side in found["start_s"]}
    first = found["verdicts"][0]["wall"]["reference_s"]
    reference = found["reference"]
    rows = [[reference, f"{first:.2f}", "", "", "", f"{tokens[reference]:.0f}"]]
    for verdict in found["verdicts"]:
        wall = verdict["wall"]
        rows.append(
            [
                verdict["side"],
                f"{wall['judged_s']:.2f}",
                _ratio(wall["ratio"]),
                _ratio(wall["per_token"]),
                _number(wall["acceptance_length"]),
                f"{tokens[verdict['side']]:.0f}",
            ]
        )
    heads = ["server", "run (s)", "wall-clock", "decode a token", "acceptance", "tokens written"]
    return "\n".join([_table(heads, rows), "", _evidence(found)])


def speculation(precision: str = "") -> str:
    """Decode speed by task kind against no speculation, in bfloat16 if nothing else is said."""
    found = _speculation(precision)
    rows = []
    sides = {name: side for name, side in found["summary"].items() if "by_kind" in side}
    kinds = next(iter(sides.values()))["by_kind"]
    for kind in kinds:
        row = [kind]
        for side in sides.values():
            told = side["by_kind"][kind]
            row += [f"{told['decode_ratio_of_sums']:.2f}x", _number(told["acceptance_length"])]
        rows.append(row)
    heads = ["held-out prompts"]
    for side in sides:
        heads += [side, "acceptance"]
    return "\n".join([_table(heads, rows), "", _evidence(found)])


def speculation_by_prompt(precision: str = "") -> str:
    """The spread of the decode ratio over prompts, and how many answers stayed the same."""
    found = _speculation(precision)
    rows = []
    for name, side in found["summary"].items():
        if "by_kind" not in side:
            continue
        told = side["by_kind"]["all"]
        ttft = _ratio(told["ttft_ratio"])
        rows.append([name, _ratio(told["decode_ratio"]), ttft, f"{told['same_text_share']:.0%}"])
    return _table(["side", "median prompt, decode", "time to first token", "same text"], rows)


def concurrency(precision: str = "") -> str:
    """Throughput with several requests in flight."""
    found = _speculation(precision)
    sides = found["summary"]
    first = next(iter(sides.values()))["by_concurrency"]
    rows = [
        [
            level,
            f"{told['baseline_tokens_per_s']:.0f}",
            *(
                f"{side['by_concurrency'][level]['tokens_per_s']:.0f} "
                f"({_ratio(side['by_concurrency'][level]['ratio'])})"
                for side in sides.values()
            ),
        ]
        for level, told in first.items()
    ]
    return _table(["requests at once", "baseline (tok/s)", *(f"{s} (tok/s)" for s in sides)], rows)


def _speculation(precision: str) -> Any:
    return _result(f"speculation-cpu{precision}.json")


def training(file: str = "draft-training.json") -> str:
    """Acceptance on held-out answers as drafters were trained, with and without their head."""
    return "\n\n".join(_trained(each) for each in _result(file)["trainings"])


def training_before() -> str:
    """The drafter before, trained from nothing, when it had no head."""
    return _curve(_result("draft-training-before.json")["trainings"][0], {})


def training_before_further() -> str:
    """The same as its training went on."""
    return _trained(_result("draft-training-before.json")["trainings"][1])


def _trained(training: dict[str, Any]) -> str:
    """A training's curve with and without the head, and where it was trained."""
    alone = {"all, no head": "acceptance_length_of_the_drafter_alone"}
    return f"{_curve(training, alone)}\n\n{_evidence(training)}"


def _curve(training: dict[str, Any], others: dict[str, str]) -> str:
    """A training's lines; ``others`` are further columns, each of all kinds together."""
    kinds = sorted(set(training["curve"][-1]["acceptance_length"]) - {"all"})
    rows = [
        [
            str(line["step"]),
            f"{line['tokens'] / 1e6:.1f} M",
            f"{line['loss']:.2f}",
            *(_number(line[name]["all"]) for name in others.values()),
            *(_number(line["acceptance_length"][kind]) for kind in ("all", *kinds)),
        ]
        for line in training["curve"]
    ]
    return _table(["step", "tokens drafted", "loss", *others, "all", *kinds], rows)


def drafters() -> str:
    """Drafters of other depths and block sizes, each trained as long."""
    found = _result("drafters.json")
    kinds = sorted(set(found["drafters"][0]["acceptance_length"]) - {"all"})
    rows = [
        [
            f"{each['layers']}",
            f"{each['masks'] + 1}",
            f"{each['bytes'] / 1e6:.0f} MB",
            f"{each['tokens'] / 1e6:.2f} M",
            f"{each['loss']:.2f}",
            *(_number(each["acceptance_length"][kind]) for kind in ("all", *kinds)),
        ]
        for each in found["drafters"]
    ]
    heads = ["layers", "block", "size", "tokens drafted", "loss", "all", *kinds]
    return "\n".join([_table(heads, rows), "", _evidence(found)])


def projection() -> str:
    """Runs predicted from others, beside what was then measured."""
    found = _result("projection-cpu.json")
    rows = [
        [
            told["workflow"],
            told["side"],
            f"{told['baseline_s']:.2f}",
            f"{told['predicted_s']:.2f}",
            f"{told['measured_s']:.2f}",
            f"{told['error']:+.1%}",
            f"{told['blind_error']:+.1%}",
            " → ".join(f"{tokens:.0f}" for tokens in told["output_tokens"].values()),
        ]
        for told in found["predictions"]
    ]
    heads = ["workflow", "side", "without (s)", "predicted (s)", "measured (s)", "error",
             "error, blind", "tokens"]  # fmt: skip
    said = (
        f"Median error {found['median_error']:.1%}, worst {found['worst_error']:.1%}; blind, "
        f"{found['median_blind_error']:.1%} and {found['worst_blind_error']:.1%}."
    )
    return "\n".join([_table(heads, rows), "", said, "", _evidence(found)])


def published() -> str:
    """What drafting and verifying must have cost in published set-ups."""
    rows = [
        [
            told["about"],
            f"{told['baseline_tokens_per_s']:g}",
            f"{told['acceptance_length']:g}",
            f"{told['ceiling_tokens_per_s']:.0f}",
            f"{told['measured_tokens_per_s']:g}",
            f"{told['overhead_that_explains_it']:.2f}",
        ]
        for told in _result("projection-cpu.json")["published"]
    ]
    heads = ["set-up", "without (tok/s)", "acceptance", "if drafting were free (tok/s)",
             "published (tok/s)", "cost of it, in decode steps"]  # fmt: skip
    return _table(heads, rows)


def overhead() -> str:
    """What timing and reporting cost."""
    found = _result("overhead.json")
    report, run = found["report"], found["run"]
    rows = [
        ["a span, opened, closed and written", f"{median(found['span_us']):.0f} µs"],
        [f"the {run['spans']} spans of a run of {run['wall_s']:.1f} s", f"{run['share']:.2%}"],
        [f"a report of {report['spans']} spans: made", f"{report['made_s']:.1f} s"],
        ["opened in Chromium until it is drawn", f"{report['opened_median_s']:.2f} s"],
    ]
    return "\n".join([_table(["what", "cost"], rows), "", _evidence(found)])


def agentdojo() -> str:
    """AgentDojo with and without the policy: what is attacked, and what still gets done."""
    found = _result("agentdojo.json")
    rows = []
    for who, sides in (("double", found["double"]), (found.get("model"), found.get("server", {}))):
        for side, told in sides.items():
            rows.append(
                [
                    str(who),
                    side,
                    _of(told["attacked"], told["attacks"]),
                    _of(told["useful"], told["tasks"]),
                    _of(told["useful_under_attack"], told["attacks"]),
                    str(told["refused"]),
                    str(told["asked"]),
                    str(told["failed"]),
                ]
            )
    heads = ["model", "policy", "attacks that succeed", "tasks done", "tasks done under attack",
             "calls refused", "questions asked", "runs that failed"]  # fmt: skip
    said = f"AgentDojo's suites {found['suites']}, attack `{found['attack']}`."
    return "\n".join([_table(heads, rows), "", said, "", _evidence(found)])


def _of(part: int, whole: int) -> str:
    return f"{part} of {whole} ({part / whole:.1%})"


def step_cost() -> str:
    """What a step costs beyond the model, for agentrt and others."""
    found = _result("step-cost.json")
    rows = [
        [label, f"{told['median']:.1f} ms", f"{told['low']:.1f} to {told['high']:.1f}"]
        for label, told in found["beyond_the_model_ms_a_step"].items()
    ]
    crowds = [
        f"{crowd['runs']:,} runs of agentrt at once in one process, {crowd['kept']} kept: "
        f"{crowd['failures']} failures, {crowd['seconds']:.0f} s, "
        f"{crowd['kib_a_run']:.0f} KiB a run."
        for crowd in found["at_once"]
    ]
    table = _table(["runtime", "a step beyond the model", "over rounds"], rows)
    return "\n\n".join([table, *crowds, _evidence(found)])


def retrieval() -> str:
    """How much of what a book's index points to is found, by side."""
    found = _result("retrieval.json")
    rows = [
        [
            f"{name}, {book['questions']} questions",
            side,
            str(told["passages"]),
            f"{told['recall_at_5']:.3f}",
            f"{told['ndcg_at_10']:.3f}",
        ]
        for name, book in found["books"].items()
        for side, told in book["sides"].items()
    ]
    heads = ["book", "side", "passages", "recall@5", "nDCG@10"]
    return "\n".join([_table(heads, rows), "", _evidence(found)])


def indexing() -> str:
    """What an index costs, beside plain encoding and asking Chroma."""
    found = _result("indexing.json")
    size, query = found["size"], found["query"]
    many = f"{size['passages']:,} short passages, small random model"
    rows = [
        ["indexing, of sentence-transformers' passages a second", f"{found['throughput']:.2f}x"],
        ["a second index of the same, of the first's time", f"{found['again']:.1%}"],
        ["a hybrid search", f"{query['search_ms']:.1f} ms"],
        ["embedding the query and asking Chroma", f"{query['raw_ms']:.1f} ms"],
        ["the difference, median of pairs", f"{query['overhead_ms']:.1f} ms"],
        [f"{many}: first index", f"{size['index_s']:.0f} s"],
        ["again, nothing changed", f"{size['again_s']:.2f} s"],
        ["again, one file of 500 passages changed", f"{size['one_file_changed_s']:.1f} s"],
        [
            "a hybrid search there, median and worst of 50",
            f"{size['search_median_ms']:.0f} ms, {size['search_worst_ms']:.0f} ms",
        ],
        [
            "memory of the process, before and after",
            f"{size['memory_before_mb']:,.0f} MB, {size['memory_mb']:,.0f} MB",
        ],
        ["on disk", f"{size['disk_mb']:,.0f} MB"],
    ]
    return "\n".join([_table(["indexing", ""], rows), "", _evidence(found)])


def _tokens(found: Any, side: str) -> float:
    """Tokens that a side wrote in a run, the median."""
    return median(
        sum(call["output_tokens"] or 0 for call in sample["calls"])
        for sample in found["samples"]
        if sample["side"] == side
    )


def crash() -> str:
    """What was lost and doubled by runs that were killed, ours and LangGraph's alone."""
    found = _result("crash.json")
    names = {"agentrt": "agentrt", "langgraph": "LangGraph alone"}
    rows = {
        "runs that were killed": "runs",
        "kills": "kills",
        "runs through which all was right": "clean",
        "effects doubled": "effects_doubled",
        "effects lost": "effects_lost",
        "finished steps run again": "finished_steps_repeated",
        "model calls asked again": "model_calls_repeated",
    }
    table = _table(
        ["", *names.values()],
        [
            [label, *("" if found[name][key] is None else str(found[name][key]) for name in names)]
            for label, key in rows.items()
        ],
    )
    return "\n".join([table, "", *(f"{_evidence(found[name])}\n" for name in names)]).rstrip()


def cancellation() -> str:
    """What was left of runs that were ended, and how late."""
    found = _result("cancellation.json")
    late, ended, vllm = found["overshoot_s"], found["ended_after_s"], found["vllm"]
    rows = [
        ["runs ended", str(found["runs"])],
        ["programs left", str(found["programs_left"])],
        ["answers still written a second later", str(found["answers_left"])],
        ["runs whose trace says so", str(found["runs_whose_trace_says_so"])],
        ["ended after, median and p99 (ms)", _milliseconds(ended)],
        ["later than the deadline, median and p99 (ms)", _milliseconds(late)],
    ]
    if vllm:
        rows.append(["on vLLM: runs ended", str(vllm["runs"])])
        rows.append(["server free after, median and p99 (ms)", _milliseconds(vllm["free_after_s"])])
    return "\n".join([_table(["", ""], rows), "", _evidence(found)])


def _milliseconds(spread: Any) -> str:
    return f"{spread['median'] * 1000:.0f}, {spread['p99'] * 1000:.0f}"


def _result(name: str) -> Any:
    return json.loads((RESULTS / name).read_text(encoding="utf-8"))


def _evidence(found: Any) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    return (
        f"`{found['command']}`, {_date(found)}, {found['machine']}, "
        f"{found['cores']} cores; {versions}."
    )


def _date(found: Any) -> str:
    return str(found.get("started_at") or found["finished_at"])[:10]


def _ratio(ratio: Any) -> str:
    if ratio is None:
        return ""
    return f"{ratio['median']:.2f}x ({ratio['low']:.2f} to {ratio['high']:.2f})"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in [heads, *rows]]
    lines.insert(1, "|---" * len(heads) + "|")
    return "\n".join(lines)


TABLES = {
    "answer": answer,
    "research": research,
    "elsewhere": elsewhere,
    "drafting": drafting,
    "copies": copies,
    "sweep": sweep,
    "research-in-short": research_in_short,
    "speculation": speculation,
    "concurrency": concurrency,
    "speculation-float32": partial(speculation, "-float32"),
    "speculation-by-prompt-float32": partial(speculation_by_prompt, "-float32"),
    "concurrency-float32": partial(concurrency, "-float32"),
    "training": training,
    "training-others": partial(training, "draft-training-others.json"),
    "training-before": training_before,
    "training-before-further": training_before_further,
    "drafters": drafters,
    "projection": projection,
    "published": published,
    "overhead": overhead,
    "step-cost": step_cost,
    "retrieval": retrieval,
    "indexing": indexing,
    "agentdojo": agentdojo,
    "crash": crash,
    "cancellation": cancellation,
}


def main() -> None:
    """Write each page's tables."""
    for page in PAGES:
        path = ROOT / page
        path.write_text(filled(page), encoding="utf-8")


if __name__ == "__main__":
    main()
