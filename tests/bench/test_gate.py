"""The gate: slower beyond noise fails, noise alone does not."""

import json
import random
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agentrt.bench.gate import judge_change
from agentrt.bench.sample import Call, Sample
from agentrt.bench.statistics import independent_ratio
from agentrt.cli.main import app
from agentrt.errors import UserError
from agentrt.runtime import Runtime
from agentrt.testing import Reply

HELLO = """
name: hello
nodes:
  say: {kind: llm, prompt: "x"}
outputs: {answer: "{{ say }}"}
"""


def sample(wall_s: float, tokens: int = 11) -> Sample:
    call = Call(
        node="a", task="prose", prompt_tokens=1, output_tokens=tokens, ttft_s=0.1, tpot_s=None,
        decode_s=wall_s - 0.2, verify_steps=None, acceptance_histogram=None, text="",
    )  # fmt: skip
    return Sample(side="", pair=1, wall_s=wall_s, node_s={"a": wall_s}, calls=[call], outputs={})


def noisy(middle: float, runs: int = 9, seed: int = 1) -> list[Sample]:
    draw = random.Random(seed)
    return [sample(middle * draw.uniform(0.95, 1.05)) for _ in range(runs)]


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize(
    ("after", "verdict"),
    [(1.0, "pass"), (0.5, "pass"), (1.11, "unclear"), (1.5, "fail")],
)
def test_the_verdict_needs_the_whole_interval(after: float, verdict: str, paired: bool) -> None:
    gate = judge_change("w", noisy(1.0), noisy(after, seed=2), max_regression=0.1, paired=paired)
    assert gate.verdict == verdict
    assert gate.wall.ratio.low <= gate.wall.ratio.median <= gate.wall.ratio.high


def test_pairs_see_through_a_drift_that_hits_both_sides() -> None:
    drift = [1.0, 1.4, 1.9, 2.6, 3.3]
    before, after = [sample(d) for d in drift], [sample(1.02 * d) for d in drift]
    judge = {"max_regression": 0.1}
    assert judge_change("w", before, after, paired=True, **judge).verdict == "pass"
    assert judge_change("w", before, after, paired=False, **judge).verdict == "unclear"


def test_too_few_runs_are_never_clear() -> None:
    gate = judge_change("w", noisy(1.0, 2), noisy(9.0, 2), max_regression=0.1, paired=False)
    assert gate.verdict == "unclear"
    assert "show no spread" in gate.warnings[0]


def test_other_work_is_told_of() -> None:
    gate = judge_change(
        "w", [sample(1.0)] * 3, [sample(2.0, tokens=31)] * 3, max_regression=0.1, paired=False
    )
    assert "tokens written changed from 11 to 31" in gate.warnings[0]
    assert gate.decode_per_token.ratio.median < 1


def test_a_side_without_runs_is_an_error() -> None:
    with pytest.raises(UserError, match="one side has no run"):
        judge_change("w", [], noisy(1.0), max_regression=0.1, paired=False)
    with pytest.raises(ValueError, match="above 0"):
        independent_ratio([1.0, 0.0], [1.0])


# -- the command ---------------------------------------------------------------------------------


def traced(folder: Path, name: str, ttft_s: float, fake_server) -> list[str]:
    server = fake_server([Reply("hello there", ttft_s=ttft_s)])
    files = []
    with Runtime(base_url=server.base_url, model="m", api_key=server.api_key) as runtime:
        for n in range(4):
            files.append(str(folder / f"{name}{n}.jsonl"))
            runtime.run(HELLO, trace_file=Path(files[-1]))
    return files


def check(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["check", *words])
    return done.exit_code, done.output


def test_a_slower_workflow_fails_the_gate(tmp_path: Path, fake_server) -> None:
    baseline, summary = str(tmp_path / "baseline.json"), tmp_path / "summary.md"
    quick = traced(tmp_path, "quick", 0.05, fake_server)
    slow = traced(tmp_path, "slow", 0.5, fake_server)
    assert check(*quick, "--save", baseline)[0] == 0
    assert check(*quick, "--against", baseline)[0] == 0
    code, shown = check(*slow, "--against", baseline, "--markdown", str(summary))
    assert code == 1
    assert "slower than allowed" in " ".join(shown.split())
    text = summary.read_text()
    assert text.startswith("### hello: fail")
    assert "| say |" in text
    code, shown = check(*slow, "--against", baseline, "--max-regression", "2000%", "--json")
    assert code == 0
    assert json.loads(shown)["verdict"] == "pass"


def test_unclear_fails_only_where_asked(tmp_path: Path, fake_server) -> None:
    files = traced(tmp_path, "quick", 0.05, fake_server)
    against = ["--against", files[1]]
    assert check(files[0], *against)[0] == 0
    assert check(files[0], *against, "--strict")[0] == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{trace}"], "say what to check against"),
        (["{trace}", "--against", "{broken}"], "not a baseline"),
        (["{trace}", "--against", "missing.json"], "missing.json: cannot be read"),
        (["{trace}", "--against", "{broken}", "--max-regression", "lots"], "a share such as 10%"),
        (["{trace}", "--against", "old.yaml"], "against a baseline or a trace"),
    ],
)
def test_a_wrong_request_exits_with_2(tmp_path: Path, fake_server, words, message) -> None:
    trace = traced(tmp_path, "t", 0.0, fake_server)[0]
    broken = tmp_path / "broken.json"
    broken.write_text("{}")
    code, shown = check(*(word.format(trace=trace, broken=broken) for word in words))
    assert code == 2
    assert message in " ".join(shown.split())
