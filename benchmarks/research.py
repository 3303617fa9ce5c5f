"""Compare research.yaml without speculation, with n-gram and with DFlash, in turn.

The servers compile the model; two more of them run it eagerly, to show what that is worth.

Writes benchmarks/results/research-cpu.json. Run: python benchmarks/research.py [RUNS]
"""

import sys
from pathlib import Path

from rich.console import Console

from agentrt.bench.compare import compare
from agentrt.bench.sides import Side, sides
from agentrt.bundled import shelf
from agentrt.report.comparison import print_comparison
from agentrt.runtime import Runtime
from agentrt.serving import load_profile
from agentrt.spec import resolve_inputs


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    workflow = Runtime().load(shelf("workflows") / "research.yaml")
    profile = load_profile("cpu-smollm2")
    ngram: Side = sides(profile, against="ngram")[0]
    baseline, dflash = sides(profile)
    found = compare(
        workflow,
        resolve_inputs(workflow, {}),
        [baseline, ngram, dflash, _eager(baseline), _eager(dflash)],
        runs=runs,
        on_progress=lambda text: print(text, flush=True),
    )
    found = found.model_copy(update={"command": f"python benchmarks/research.py {runs}"})
    print_comparison(found, Console())
    path = Path(__file__).parent / "results" / "research-cpu.json"
    path.write_text(found.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _eager(side: Side) -> Side:
    flags = {**side.profile.flags, "enforce-eager": True}
    return Side(f"{side.label}, eager", side.profile.model_copy(update={"flags": flags}))


if __name__ == "__main__":
    main()
