"""Compare research.yaml without speculation, with n-gram, DFlash, and DFlash with lookup, in turn.

The servers compile the model; one more runs it eagerly, to show what that is worth.

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
    baseline, default = sides(profile)
    ngram, dflash = (sides(profile, against=side)[0] for side in ("ngram", "drafter"))
    found = compare(
        workflow,
        resolve_inputs(workflow, {}),
        [baseline, ngram, dflash, default, _eager(default)],
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
