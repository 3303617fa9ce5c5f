"""Drafters of other depths and block sizes, each trained as long on the same answers.

A short training tells which is ahead at so many drafted tokens, not which would win in the end. The
blocks of a step are fewer the longer they are, so that each drafter sees as many drafted tokens.

Writes benchmarks/results/drafters.json after each drafter, and leaves out those that stand there
already, trained for as many steps on as many prompts.
Run: python benchmarks/drafters.py [STEPS [PROMPTS]]
"""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agentrt.bench.evidence import circumstances
from agentrt.bundled import cache_root
from agentrt.serving import load_profile
from agentrt.serving.prepare import prepared_model

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "server" / "draft"))

RESULTS = ROOT / "benchmarks" / "results" / "drafters.json"
# Drafted tokens of a step.
TOKENS = 2240


@dataclass(frozen=True)
class Kind:
    """A drafter's layers, and the masks of its blocks (the block size is one more)."""

    layers: int
    masks: int

    @property
    def folder(self) -> str:
        return f"layers-{self.layers}-masks-{self.masks}"


KINDS = (Kind(1, 7), Kind(2, 7), Kind(3, 7), Kind(2, 5), Kind(2, 15))


def main() -> None:
    from make import stage

    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    prompts = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    command = f"python benchmarks/drafters.py {steps} {prompts}"
    work = cache_root() / "drafters"
    target = prepared_model(load_profile("cpu-smollm2-baseline"), print)
    stage("generate.py", "--target", target, "--data", work / "data", "--prompts", prompts)
    evidence = _known(command) or {
        **circumstances(command), "drafted_a_step": TOKENS, "prompts": prompts, "drafters": []
    }  # fmt: skip
    done = {Kind(each["layers"], each["masks"]) for each in evidence["drafters"]}
    for kind in [kind for kind in KINDS if kind not in done]:
        out, about = work / f"{kind.folder}-{steps}", circumstances(command)
        stage(
            "train.py", "--target", target, "--data", work / "data", "--out", out,
            "--steps", steps, "--every", steps, "--layers", kind.layers, "--drafts", kind.masks,
            "--anchors", TOKENS // kind.masks,
        )  # fmt: skip
        curve = [json.loads(line) for line in (out / "curve.jsonl").read_text().splitlines()]
        size = (out / "model.safetensors").stat().st_size
        trained = {name: about[name] for name in ("started_at", "machine")}
        evidence["drafters"].append({**asdict(kind), "bytes": size, **curve[-1], **trained})
        RESULTS.write_text(json.dumps(evidence, indent=1) + "\n", encoding="utf-8")


def _known(command: str) -> dict[str, Any] | None:
    """What the same command has found before it was stopped."""
    if not RESULTS.exists():
        return None
    found: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return found if found["command"] == command else None


if __name__ == "__main__":
    main()
