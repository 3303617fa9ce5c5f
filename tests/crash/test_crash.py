"""A short round of the crash harness: each boundary once, and some kills at random moments."""

import json
import subprocess
import sys
from pathlib import Path

HARNESS = Path(__file__).parents[2] / "benchmarks" / "crash.py"


def test_a_run_that_is_killed_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    told = tmp_path / "crash.json"
    words = ["--only", "agentrt", "--kills", "10", "--passages", "1", "--no-index"]
    done = subprocess.run(
        [sys.executable, str(HARNESS), *words, "--out", str(told)],
        capture_output=True, text=True, check=False, timeout=540,
    )  # fmt: skip
    assert told.exists(), done.stderr
    found = json.loads(told.read_text())["agentrt"]
    assert found["kills"] >= 20
    assert found["broken"] == []
    assert (found["effects_lost"], found["effects_doubled"]) == (0, 0)
    assert found["finished_steps_repeated"] == 0
    assert found["clean"] == found["runs"]
    assert done.returncode == 0
