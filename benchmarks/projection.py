"""Predict runs with speculation from runs without, then measure them.

Servers without speculation, with n-gram and with DFlash are up. A run of each workflow without
speculation is recorded, and the servers are calibrated, on its prompts. Then they run the workflows
in turn. From the runs without speculation and the calibration, the other sides' wall-clock is
predicted: with what was measured on the workflow's own prompts, and blindly, as if the yield of all
prompts together held for each. Published figures are judged by the same formula.

Writes benchmarks/results/projection-cpu.json and, for the pages of docs/, one trace of research
without and one with DFlash.

Run: python benchmarks/projection.py [RUNS]
"""

import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from agentrt.bench.calibrate import calibrate
from agentrt.bench.calibration import Calibration
from agentrt.bench.evidence import circumstances
from agentrt.bench.projection import project
from agentrt.bench.sides import in_turn, sides
from agentrt.bundled import shelf
from agentrt.runtime import Runtime
from agentrt.serving import load_profile, serve
from agentrt.spec import Workflow, resolve_inputs
from agentrt.timing import Trace, TraceWriter, llm_totals

RESULTS = Path(__file__).parent / "results"
WORKFLOWS = ("research", "triage", "extract", "digest")
# From the tables that agentrt/bench/setups.yaml names: decode tokens a second without and with
# DFlash, and the acceptance length where it was told.
PUBLISHED = (
    ("two RTX 3090, Gemma 4 31B, code, 7 draft tokens", 61.0, 168.0, 5.23),
    ("MLX, Gemma 4 26B-A4B 5-bit, 2.44 accepted a round and a bonus token", 80.8, 120.4, 3.44),
)


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    profile = load_profile("cpu-smollm2").drafter_alone()
    baseline, dflash = sides(profile)
    chosen = [baseline, sides(profile, against="ngram")[0], dflash]
    with ExitStack() as stack:
        for side in chosen:
            # Shared, so that the calibration and the runs find the same servers.
            stack.enter_context(serve(side.profile, shared=True, on_progress=_say))
        runtimes = {
            side.label: stack.enter_context(
                Runtime(
                    side.profile, record_text=True, store=None, on_question=lambda question: True
                )
            )
            for side in chosen
        }
        recorded = [
            runtimes["baseline"].run(shelf("workflows") / f"{name}.yaml").trace
            for name in WORKFLOWS
        ]
        calibration = calibrate(profile.name, chosen, traces=recorded, on_progress=_say)
        traces = {name: _alternate(runtimes, name, runs) for name in WORKFLOWS}
    predictions = [
        _predicted(calibration, name, label, traces[name])
        for name in WORKFLOWS
        for label in ("ngram", "dflash")
    ]
    errors = sorted(abs(found["error"]) for found in predictions)
    blind = sorted(abs(found["blind_error"]) for found in predictions)
    evidence = {
        **circumstances(f"python benchmarks/projection.py {runs}"),
        "started_at": calibration.started_at,
        "flags": profile.flags,
        "median_error": median(errors),
        "worst_error": errors[-1],
        "median_blind_error": median(blind),
        "worst_blind_error": blind[-1],
        "predictions": predictions,
        "published": [_published(*row) for row in PUBLISHED],
        "calibration": calibration.model_dump(mode="json"),
    }
    (RESULTS / "projection-cpu.json").write_text(json.dumps(evidence, indent=1) + "\n", "utf-8")
    for label in ("baseline", "dflash"):
        _keep(RESULTS / "traces" / f"research-{label}.jsonl", traces["research"][label])
    for found in predictions:
        print(json.dumps({key: found[key] for key in found if key != "runs"}))
    print(f"median error {evidence['median_error']:.1%}, worst {evidence['worst_error']:.1%}")


def _alternate(runtimes: dict[str, Runtime], name: str, runs: int) -> dict[str, list[Trace]]:
    found: dict[str, list[Trace]] = {label: [] for label in runtimes}
    labels = list(runtimes)
    workflow: Workflow = runtimes[labels[0]].load(shelf("workflows") / f"{name}.yaml")
    inputs = resolve_inputs(workflow, {})
    for turn in range(runs + 1):
        for label in in_turn(labels, turn):
            _say(f"{name}, {f'run {turn} of {runs}' if turn else 'warm-up'}: {label}")
            result = runtimes[label].run(workflow, inputs)
            if turn:
                found[label].append(result.trace)
    return found


def _predicted(
    calibration: Calibration, workflow: str, label: str, traces: dict[str, list[Trace]]
) -> dict[str, Any]:
    found = project(traces["baseline"], calibration.transfer("baseline", label, workflow))
    blind = project(traces["baseline"], calibration.transfer("baseline", label))
    measured = [trace.run.duration_s for trace in traces[label]]
    tokens = {side: _tokens(traces[side]) for side in ("baseline", label)}
    return {
        "workflow": workflow,
        "side": label,
        "baseline_s": found.measured_s,
        "predicted_s": found.projected_s,
        "predicted_low_s": found.low_s,
        "predicted_high_s": found.high_s,
        "measured_s": median(measured),
        "error": found.projected_s / median(measured) - 1,
        "blind_predicted_s": blind.projected_s,
        "blind_error": blind.projected_s / median(measured) - 1,
        "output_tokens": tokens,
        "same_tokens": tokens["baseline"] == tokens[label],
        "runs": {
            "baseline_s": [trace.run.duration_s for trace in traces["baseline"]],
            "measured_s": measured,
        },
    }


def _tokens(traces: Sequence[Trace]) -> float:
    return median(llm_totals(trace.spans).output_tokens for trace in traces)


def _published(about: str, before: float, after: float, length: float) -> dict[str, Any]:
    """The formula needs the cost of drafting and verifying, which none of the tables tells."""
    return {
        "about": about,
        "baseline_tokens_per_s": before,
        "measured_tokens_per_s": after,
        "acceptance_length": length,
        "ceiling_tokens_per_s": before * length,
        "overhead_that_explains_it": length / (after / before) - 1,
    }


def _keep(path: Path, traces: Sequence[Trace]) -> None:
    """The run of median length."""
    chosen = sorted(traces, key=lambda trace: trace.run.duration_s)[len(traces) // 2]
    with TraceWriter(path, chosen.header) as writer:
        for span in chosen.spans:
            writer("close", span)


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
