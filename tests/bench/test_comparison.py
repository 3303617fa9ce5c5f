"""What a comparison says about samples whose truth is known, and how it shows it."""

import io
from html.parser import HTMLParser

import pytest
from rich.console import Console

from agentrt.bench.comparison import Comparison
from agentrt.bench.judge import judge
from agentrt.bench.sample import Call, Sample
from agentrt.bench.sides import Side, sides
from agentrt.bench.statistics import paired_ratio
from agentrt.errors import UserError
from agentrt.report.comparison import print_comparison
from agentrt.report.comparison_page import comparison_page
from agentrt.serving import load_profile


def call(node: str, task: str, tokens: int, decode_s: float, *, text: str = "same", **more) -> Call:
    return Call(
        node=node,
        task=task,
        prompt_tokens=10,
        output_tokens=tokens,
        ttft_s=0.1,
        tpot_s=decode_s / (tokens - 1),
        decode_s=decode_s,
        verify_steps=None,
        acceptance_histogram=more.get("histogram"),
        text=text,
    )


def run(side: str, pair: int, *calls: Call) -> Sample:
    seconds = [0.1 + (c.decode_s or 0) for c in calls]
    return Sample(
        side=side,
        pair=pair,
        wall_s=sum(seconds),
        node_s={c.node: s for c, s in zip(calls, seconds, strict=True)},
        calls=list(calls),
        outputs={"answer": calls[-1].text},
    )


SLOW = [
    run("baseline", n, call("plan", "JSON", 11, 1.0), call("draft", "prose", 21, 2.0))
    for n in (1, 2, 3)
]
FAST = [
    run(
        "dflash",
        n,
        call("plan", "JSON", 11, 2.0, histogram=[5, 0, 0]),
        call("draft", "prose", 21, 1.0, histogram=[2, 2, 4]),
    )
    for n in (1, 2, 3)
]


@pytest.fixture
def side() -> Side:
    return sides(load_profile("cpu-smollm2"))[1]


def test_gains_and_losses_are_told_by_node_and_task(side: Side) -> None:
    verdict = judge(side, SLOW, FAST)
    by_node = {row.name: row for row in verdict.nodes}
    assert by_node["draft"].per_token.median == pytest.approx(2.0)
    assert by_node["plan"].per_token.median == pytest.approx(0.5)
    assert [row.name for row in verdict.tasks] == ["JSON", "prose"]
    assert "speeds up draft (2.00x a token)" in verdict.advice[0]
    assert "slows down plan (0.50x a token)" in verdict.advice[1]


def test_acceptance_comes_from_the_servers_histograms(side: Side) -> None:
    verdict = judge(side, SLOW, FAST)
    draft = next(row for row in verdict.nodes if row.name == "draft")
    # Two steps yield one token, two yield two, four yield three: 18 tokens in 8 steps.
    assert draft.acceptance_length == pytest.approx(18 / 8)
    # 13 steps in all; the first draft was right in 6 of them, the second in 4.
    assert verdict.acceptance_by_position == pytest.approx([6 / 13, 4 / 13])


def test_equal_work_brings_no_warning(side: Side) -> None:
    verdict = judge(side, SLOW, FAST)
    assert verdict.same_outputs
    assert verdict.warnings == []


@pytest.mark.parametrize(
    ("calls", "told"),
    [
        (
            [call("plan", "JSON", 11, 1.0), call("draft", "prose", 11, 1.0, text="less")],
            "different numbers of tokens",
        ),
        (
            [call("plan", "JSON", 11, 1.0), call("draft", "prose", 21, 1.0, text="other")],
            "different texts",
        ),
        ([call("draft", "prose", 21, 1.0)], "different numbers of model calls"),
    ],
)
def test_different_work_is_warned_of(side: Side, calls: list[Call], told: str) -> None:
    verdict = judge(side, SLOW, [run("dflash", n, *calls) for n in (1, 2, 3)])
    assert not verdict.same_outputs
    assert told in verdict.warnings[0]
    assert "trust the ratio per token" in verdict.warnings[-1]


def test_a_ratio_has_its_spread() -> None:
    ratio = paired_ratio([2.0, 4.0, 3.0], [1.0, 1.0, 1.0])
    assert (ratio.median, ratio.low, ratio.high) == (3.0, 2.0, 4.0)
    with pytest.raises(ValueError, match="no pairs"):
        paired_ratio([], [])


class TestSides:
    def test_the_reference_comes_first(self) -> None:
        reference, judged = sides(load_profile("cpu-smollm2"))
        assert reference.profile.speculation is None
        assert judged.profile.speculation is not None

    def test_against_ngram_or_another_profile(self) -> None:
        profile = load_profile("cpu-smollm2")
        assert sides(profile, against="ngram")[0].profile.method == "ngram"
        assert sides(profile, against="cpu-smollm2-baseline")[0].profile.speculation is None

    def test_a_sweep_has_a_side_for_each_value(self) -> None:
        found = sides(load_profile("cpu-smollm2"), sweep="num_speculative_tokens=3,5")
        assert [side.label for side in found] == [
            "baseline", "num_speculative_tokens=3", "num_speculative_tokens=5",
        ]  # fmt: skip
        assert found[2].profile.speculation["num_speculative_tokens"] == 5
        assert "num_speculative_tokens_per_batch_size" not in found[2].profile.speculation

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            ({"sweep": "num_speculative_tokens"}, "SETTING=VALUE"),
            ({"against": "cpu-smollm2"}, "nothing to compare"),
            ({"against": "no-such-profile"}, "no serving profile"),
        ],
    )
    def test_what_cannot_be_compared_is_refused(self, options: dict, told: str) -> None:
        with pytest.raises(UserError, match=told):
            sides(load_profile("cpu-smollm2"), **options)

    def test_a_profile_without_speculation_has_nothing_to_sweep(self) -> None:
        with pytest.raises(UserError, match="nothing to sweep"):
            sides(load_profile("cpu-smollm2-baseline"), sweep="num_speculative_tokens=3")


@pytest.fixture
def comparison(side: Side) -> Comparison:
    return Comparison(
        workflow="<script>alert(1)</script>",
        spec={},
        inputs={"question": "a < b & c"},
        reference="baseline",
        verdicts=[judge(side, SLOW, FAST)],
        best="dflash",
        start_s={"baseline": 20.0, "dflash": 30.0},
        started_at="2026-01-01T00:00:00+00:00",
        command="agentrt compare",
        machine="x86_64 Linux",
        cores=2,
        versions={"python": "3.11"},
        prompts=[],
        samples=[*SLOW, *FAST],
    )


def test_the_terminal_shows_ratios_with_their_spread(comparison: Comparison) -> None:
    page = io.StringIO()
    print_comparison(comparison, Console(file=page, width=140))
    told = page.getvalue()
    assert "2.00x (2.00 to 2.00)" in told
    assert "accepted by place: 46% 31%" in told


def test_the_page_is_well_formed_escaped_and_loads_nothing(comparison: Comparison) -> None:
    page = comparison_page(comparison)
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "src=" not in page
    assert "href=" not in page

    class Balanced(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []

        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in ("meta", "br"):
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    parser = Balanced()
    parser.feed(page)
    assert parser.open == []
    assert "2.00x (2.00 to 2.00)" in page


def test_the_evidence_survives_a_round_trip(comparison: Comparison) -> None:
    assert Comparison.model_validate_json(comparison.model_dump_json()) == comparison
