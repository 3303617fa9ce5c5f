"""Make the drafter from nothing: prompts, the target's answers, training, checksums.

Every stage goes on where it was stopped. ``make draft`` runs this; the finished drafter is what
``server/cpu-smollm2.yaml`` serves.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

from drafter import ABOUT, HEAD

from agentrt.bundled import cache_root
from agentrt.serving import load_profile
from agentrt.serving.prepare import prepared_model

HERE = Path(__file__).parent
_SHIPPED = ("config.json", "model.safetensors", HEAD)


def main() -> None:
    """Generate, train and install."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=cache_root() / "draft", help="working files")
    parser.add_argument("--out", type=Path, default=HERE / "model", help="the finished drafter")
    parser.add_argument("--prompts", type=int, default=4000, help="prompts to train on")
    parser.add_argument("--held-out", type=int, default=12, help="prompts a kind and corpus")
    parser.add_argument("--steps", type=int, default=2400, help="training steps")
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument(
        "--device", choices=["cpu", "cuda"], default="cpu", help="where to answer and train"
    )
    args = parser.parse_args()
    target = prepared_model(load_profile("cpu-smollm2-baseline"), print)
    data, trained = args.work / "data", args.work / f"layers-{args.layers}"
    stage("generate.py", "--target", target, "--data", data, "--prompts", args.prompts,
           "--held-out", args.held_out, "--device", args.device)  # fmt: skip
    stage("train.py", "--target", target, "--data", data, "--out", trained, "--steps", args.steps,
           "--layers", args.layers, "--device", args.device)  # fmt: skip
    install(trained, args.out)
    if args.out == HERE / "model":
        record(trained, HERE.parents[1] / "benchmarks/results/draft-training.json")
    print(f"the drafter is in {args.out}")


def install(trained: Path, out: Path) -> None:
    """Copy what is served, and write its checksums."""
    out.mkdir(parents=True, exist_ok=True)
    for name in _SHIPPED:
        (out / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(trained / name, out / name)
    sums = [f"{hashlib.sha256((out / n).read_bytes()).hexdigest()}  {n}\n" for n in _SHIPPED]
    (out / "SHA256SUMS").write_text("".join(sums))


def record(trained: Path, path: Path, further: bool = False) -> None:
    """Keep the curve of the shipped drafter's training as evidence.

    Args:
        trained: the folder that the training wrote.
        path: the evidence file.
        further: the training went on from the shipped drafter, so its curve comes after the others.
    """
    curve = [json.loads(line) for line in (trained / "curve.jsonl").read_text().splitlines()]
    training = {**json.loads((trained / ABOUT).read_text()), "curve": curve}
    before = json.loads(path.read_text())["trainings"] if further else []
    evidence = {"trainings": [*before, training]}
    path.write_text(json.dumps(evidence, indent=1) + "\n", encoding="utf-8")


def stage(script: str, *words: object) -> None:
    """Run a script of this folder in a process of its own, and fail as it does."""
    subprocess.run([sys.executable, str(HERE / script), *map(str, words)], check=True)


if __name__ == "__main__":
    main()
