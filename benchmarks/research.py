"""Compare research.yaml without and with speculation; writes benchmarks/results/research-cpu.json.

Run: python benchmarks/research.py [PAIRS]
"""

import json
import platform
import sys
from pathlib import Path

from agentrt.bench.compare import compare
from agentrt.bundled import shelf
from agentrt.report.comparison import print_comparison
from agentrt.runtime import Runtime
from agentrt.spec import resolve_inputs


def main() -> None:
    from rich.console import Console

    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    workflow = Runtime().load(shelf("workflows") / "research.yaml")
    comparison = compare(
        workflow, resolve_inputs(workflow, {}), runs=pairs, on_progress=lambda text: None
    )
    print_comparison(comparison, Console())
    evidence = comparison.model_dump()
    evidence["command"] = f"python benchmarks/research.py {pairs}"
    evidence["python"] = platform.python_version()
    path = Path(__file__).parent / "results" / "research-cpu.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(evidence, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
