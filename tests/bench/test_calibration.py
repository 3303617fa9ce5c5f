"""Fitted rates, and runs projected from one calibrated server to another."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agentrt.bench.calibration import Calibration, Line, ServerRates, fit, tokens_a_step
from agentrt.bench.projection import project
from agentrt.cli.main import app
from agentrt.timing import Phase, Span, Trace, TraceWriter
from agentrt.timing.trace import TraceHeader


def rates(step_ms: float, free: float, constrained: float, *, speculation=None) -> ServerRates:
    return ServerRates(
        speculation=speculation,
        prefill=Line(at_zero_s=0.0, per_token_s=0.001),
        step=Line(at_zero_s=step_ms / 1000, per_token_s=0.0),
        batch={1: 1.0},
        acceptance={"free": free, "constrained": constrained},
        points={},
    )


CALIBRATION = Calibration(
    profile="p",
    started_at="2026-11-24T12:00:00+00:00",
    machine="m",
    cores=2,
    versions={},
    sides={
        "baseline": rates(40, 1.0, 1.0),
        "dflash": rates(50, 2.5, 1.25, speculation={"method": "dflash"}),
        "ngram": rates(40, 1.6, 1.0, speculation={"method": "ngram"}),
    },
)


def trace(*, constrained: bool = False, speculation: str | None = None, accepted: int = 0) -> Trace:
    """0.1 s of prefill for 100 tokens, then 1 s of decode for 25 further tokens, 0.4 s of rest."""
    attributes = {
        "prompt_tokens": 100, "cached_tokens": 0, "output_tokens": 26, "ttft_s": 0.1,
        "queue_s": 0.0, "decode_s": 1.0, "constrained": constrained,
        "accepted_draft_tokens": accepted,
    }  # fmt: skip
    phases = (
        Phase(category="prefill", start_s=0.0, end_s=0.1),
        Phase(category="decode", start_s=0.1, end_s=1.1),
    )
    common = {"status": "ok", "start_s": 0.0}
    return Trace(
        header=TraceHeader(
            workflow="w", started_at="2026-11-24T12:00:00+00:00",
            attributes={"speculation": speculation},
        ),
        spans=[
            Span(id="l", parent="n", kind="llm", name="n", node="n", end_s=1.1, phases=phases,
                 attributes=attributes, **common),
            Span(id="n", parent="r", kind="node", name="n", node="n", end_s=1.1, **common),
            Span(id="r", parent=None, kind="run", name="w", node=None, end_s=1.5, **common),
        ],
    )  # fmt: skip


def test_a_line_is_found_again() -> None:
    found = fit([(n, 0.02 + 0.001 * n) for n in (10, 100, 1000)])
    assert found.at_zero_s == pytest.approx(0.02)
    assert found.per_token_s == pytest.approx(0.001)
    assert Line(at_zero_s=-1.0, per_token_s=0.0).at(5) > 0


def test_tokens_a_step_count_the_steps_without_a_draft() -> None:
    assert tokens_a_step(26, 0) == 1.0
    assert tokens_a_step(26, 15) == 2.5
    assert tokens_a_step(1, 0) is None


@pytest.mark.parametrize(("constrained", "decode_s"), [(False, 0.5), (True, 1.0)])
def test_decode_takes_the_steps_and_the_yield_of_the_other_server(
    constrained: bool, decode_s: float
) -> None:
    to = CALIBRATION.transfer("baseline", "dflash")
    found = project([trace(constrained=constrained)], to)
    # 1 s at 40 ms a token becomes 50 ms a step for 2.5 (free) or 1.25 tokens (constrained).
    assert found.projected_s == pytest.approx(0.5 + decode_s)
    assert found.label == "baseline → dflash"


def test_the_traces_own_acceptance_goes_before_the_calibrated_one() -> None:
    # 25 tokens in 10 steps of 50 ms are 0.5 s of calibrated work: 25 steps of 40 ms are 1 s.
    to = CALIBRATION.transfer("dflash", "baseline")
    found = project([trace(speculation="dflash", accepted=15)], to)
    assert found.projected_s == pytest.approx(0.5 + 2.0)


# -- the command ---------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    (tmp_path / "c.json").write_text(CALIBRATION.model_dump_json())
    for name, speculation in (("baseline", None), ("other", "eagle")):
        made = trace(speculation=speculation)
        with TraceWriter(tmp_path / f"{name}.jsonl", made.header) as writer:
            for span in made.spans:
                writer("close", span)
    return str(tmp_path / "baseline.jsonl"), str(tmp_path / "c.json")


def project_command(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["project", *words])
    return done.exit_code, " ".join(done.output.split())


def test_project_takes_a_calibration(files) -> None:
    code, shown = project_command(files[0], "--calibration", files[1], "--side", "dflash", "--json")
    assert code == 0
    assert json.loads(shown)["projected_s"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{t}", "--calibration", "{c}"], "say which --side to project to: dflash, ngram"),
        (["{t}", "--calibration", "{c}", "--side", "x"], "no side 'x'"),
        (["{t}", "--calibration", "{t}"], "not a calibration"),
        (["{t}", "--calibration", "{c}", "--decode", "600"], "take one"),
        (["{o}", "--calibration", "{c}", "--side", "dflash"], "measured with eagle"),
    ],
)
def test_a_wrong_request_exits_with_2(files, words, message) -> None:
    other = files[0].replace("baseline", "other")
    code, shown = project_command(*(w.format(t=files[0], c=files[1], o=other) for w in words))
    assert code == 2
    assert message in shown


def test_a_node_that_was_measured_itself_goes_by_that() -> None:
    sides = {
        label: side.model_copy(update={"nodes": {"w": {"n": seconds}}})
        for (label, side), seconds in zip(
            CALIBRATION.sides.items(), (0.04, 0.03, 0.02), strict=True
        )
    }
    calibration = CALIBRATION.model_copy(update={"sides": sides})
    known = project([trace()], calibration.transfer("baseline", "dflash", "w"))
    assert known.projected_s == pytest.approx(0.5 + 0.75)
    other = project([trace()], calibration.transfer("baseline", "dflash", "another"))
    assert other.projected_s == pytest.approx(0.5 + 0.5)
