"""A ten-step run killed with -9 at every boundary, and at random, until it is through.

Each life of the run is a forked process. What happens outside is counted by another process, which
lives on. After each life the databases are checked; after the last one the output is compared with
an unbroken run's, and the effects with what should have happened.

Writes benchmarks/results/crash.json. Run: python benchmarks/crash.py [--kills N] [--only SUBJECT]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from crash_faults import BOUNDARIES, INDEXING, OURS, Fault
from crash_subjects import SESSIONS, Place, session

from agentrt.bench.evidence import circumstances

RESULTS = Path(__file__).parent / "results"
_MOST_LIVES = 12


@dataclass
class Outcome:
    """What came of one run, through all its lives."""

    lives: int = 1
    lost: int = 0
    doubled: int = 0
    repeated_steps: int = 0
    repeated_asks: int = 0
    broken: list[str] = field(default_factory=list)
    kills: int = 0

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.repeated_steps or self.broken)


@dataclass(frozen=True)
class Harness:
    """A subject, and the world that it runs in."""

    kind: str
    world: dict[str, Any]
    folder: Path
    indexing: bool = False

    def place(self, name: str) -> Place:
        state = self.folder / f"{self.kind}-{self.indexing}-{name}"
        state.mkdir()
        world = self.world
        return Place(state, world["model"], world["key"], world["port"], self.indexing)

    def unbroken(self) -> tuple[Any, dict[str, int], float]:
        """The output, the effects and the seconds of a run that nobody kills."""
        place = self.place("unbroken")
        place.tell("reset")
        started = time.perf_counter()
        if _live(self.kind, place, Fault()) != 0:
            sys.exit(_said(place))
        output = json.loads(place.result.read_text())
        return output, place.tell("report")["effects"], time.perf_counter() - started

    def through(self, name: str, lives: list[Life], expected: tuple[Any, Any, float]) -> Outcome:
        """Carry a run through these deaths, and then to its end."""
        place, outcome = self.place(name), Outcome()
        place.tell("reset")
        for life in lives:
            code = _live(self.kind, place, life.fault, life.seconds)
            outcome.kills += code == -signal.SIGKILL
            _check_databases(place, outcome)
            if code == 0:
                break
            outcome.lives += 1
        while not place.result.exists():
            if outcome.lives >= _MOST_LIVES or _live(self.kind, place, Fault()) != 0:
                outcome.broken.append(_said(place))
                break
        _check_databases(place, outcome)
        _compare(place, expected, outcome)
        return outcome


@dataclass(frozen=True)
class Life:
    """How long a process lives: until a boundary, or for some seconds."""

    fault: Fault = field(default_factory=Fault)
    seconds: float | None = None


def main() -> None:
    options = _options()
    world = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("crash_world.py"))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert world.stdout is not None
    told = json.loads(world.stdout.readline())
    evidence = json.loads(options.out.read_text()) if options.out.exists() else {}
    try:
        for kind in options.only or SESSIONS:
            about = circumstances(_command())
            with TemporaryDirectory() as folder:
                judged = _judge(Harness(kind, told, Path(folder)), options)
            evidence[kind] = {**about, **judged}
    finally:
        world.terminate()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(evidence, indent=1) + "\n", encoding="utf-8")
    ours = evidence.get("agentrt")
    sys.exit(1 if ours and ours["clean"] < ours["runs"] else 0)


def _command() -> str:
    """What was run; where the results went to says nothing."""
    words = " ".join(["python benchmarks/crash.py", *sys.argv[1:]])
    return words.split(" --out")[0]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=300, help="kills at random moments")
    parser.add_argument("--passages", type=int, nargs="*", default=[1, 2, 3, 5, 8])
    parser.add_argument("--no-index", action="store_true", help="leave mid-index out")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", choices=list(SESSIONS))
    parser.add_argument("--out", type=Path, default=RESULTS / "crash.json")
    return parser.parse_args()


def _judge(harness: Harness, options: argparse.Namespace) -> dict[str, Any]:
    expected = harness.unbroken()
    ours = harness.kind == "agentrt"
    boundaries = {
        boundary: [
            harness.through(
                f"{number}-{nth}",
                # Killed there, and killed again at the first passage when it is resumed.
                [Life(Fault(boundary, nth)), Life(Fault(boundary, 1))],
                expected,
            )
            for nth in options.passages
        ]
        for number, boundary in enumerate(BOUNDARIES)
        if ours or boundary not in OURS
    }
    chance = random.Random(options.seed)
    at_random: list[Outcome] = []
    while sum(outcome.kills for outcome in at_random) < options.kills:
        deaths = [chance.uniform(0.02, expected[2]) for _ in range(chance.choice([1, 2, 2, 3]))]
        lives = [Life(seconds=seconds) for seconds in deaths]
        at_random.append(harness.through(f"random-{len(at_random)}", lives, expected))
    if ours and not options.no_index:
        indexing = replace(harness, indexing=True)
        deaths = [Life(Fault(INDEXING)), Life(Fault(INDEXING))]
        boundaries[INDEXING] = [indexing.through("died", deaths, indexing.unbroken())]
    every = [outcome for found in boundaries.values() for outcome in found] + at_random
    summary = _summary(every, ours)
    print(harness.kind, summary)
    return {
        **summary,
        "unbroken_s": expected[2],
        "effects": sum(expected[1].values()),
        "boundaries": {name: _summary(found, ours) for name, found in boundaries.items()},
        "random": _summary(at_random, ours),
    }


def _summary(outcomes: list[Outcome], ours: bool) -> dict[str, Any]:
    return {
        "runs": len(outcomes),
        "kills": sum(outcome.kills for outcome in outcomes),
        "clean": sum(outcome.clean for outcome in outcomes),
        "effects_lost": sum(outcome.lost for outcome in outcomes),
        "effects_doubled": sum(outcome.doubled for outcome in outcomes),
        # LangGraph alone does not tell which nodes it starts.
        "finished_steps_repeated": sum(o.repeated_steps for o in outcomes) if ours else None,
        "model_calls_repeated": sum(outcome.repeated_asks for outcome in outcomes),
        "broken": sorted({text for outcome in outcomes for text in outcome.broken})[:5],
    }


def _live(kind: str, place: Place, fault: Fault, seconds: float | None = None) -> int:
    """One life in a forked process; its exit code, or minus the signal that it died of."""
    child = os.fork()
    if child == 0:
        session(kind, place, fault)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _check_databases(place: Place, outcome: Outcome) -> None:
    for path in place.state.rglob("*.sqlite"):
        with closing(sqlite3.connect(path)) as connection:
            (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
        if verdict != "ok":
            outcome.broken.append(f"{path.name}: {verdict}")


def _compare(place: Place, expected: tuple[Any, Any, float], outcome: Outcome) -> None:
    output, effects, _ = expected
    report = place.tell("report")
    happened = report["effects"]
    outcome.lost = sum(effect not in happened for effect in effects)
    outcome.doubled = sum(count - 1 for count in happened.values())
    outcome.repeated_steps = len(report["violations"])
    outcome.repeated_asks = sum(count - 1 for count in report["asked"].values())
    outcome.broken += [f"not expected: {effect}" for effect in happened if effect not in effects]
    if place.result.exists() and json.loads(place.result.read_text()) != output:
        outcome.broken.append("the output is another one")


def _said(place: Place) -> str:
    error = place.state / "error.txt"
    return error.read_text() if error.exists() else "it did not get through"


if __name__ == "__main__":
    main()
