"""The drafter rests where its drafts bring nothing, and is tried again ever more rarely."""

from itertools import pairwise

from agentrt.serving.draft_gate import DraftGate


def drafted(gate: DraftGate, accepted: list[int], name: str = "r") -> list[bool]:
    """Which of the next steps are drafted, where a draft at step n has ``accepted[n]``."""
    steps = []
    for brought in accepted:
        wanted = gate.wants(name)
        if wanted:
            gate.verified(name, brought)
        steps.append(wanted)
    return steps


def test_a_drafter_that_is_often_right_never_rests() -> None:
    assert all(drafted(DraftGate(0.5), [1, 0, 2, 0, 0, 3] * 20))


def test_one_that_is_never_right_rests_after_a_few_drafts_and_then_longer_and_longer() -> None:
    steps = drafted(DraftGate(0.5), [0] * 210)
    tries = [step for step, wanted in enumerate(steps) if wanted]
    gaps = [after - before - 1 for before, after in pairwise(tries)]
    first = next(n for n, gap in enumerate(gaps) if gap)
    assert first < 8
    assert gaps[first:] == [4, 8, 16, 32, 64, 64]


def test_a_try_that_is_right_ends_the_rest() -> None:
    gate = DraftGate(0.5)
    drafted(gate, [0] * 20)
    steps = drafted(gate, [4] * 80)
    assert all(steps[steps.index(True) :])


def test_requests_are_judged_apart_and_forgotten_when_they_are_over() -> None:
    gate = DraftGate(0.5)
    drafted(gate, [0] * 20, "poor")
    assert all(drafted(gate, [2] * 20, "good"))
    gate.keep({"good"})
    assert gate.wants("poor")


def test_with_nothing_to_be_worth_no_request_rests() -> None:
    assert all(drafted(DraftGate(0), [0] * 50))
