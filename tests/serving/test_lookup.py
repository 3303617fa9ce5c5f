"""Drafts of two sources: copies of what stands already, and the drafter's guesses."""

import json

import numpy
import pytest

from agentrt.errors import ProfileError
from agentrt.serving import load_profile
from agentrt.serving.command import command
from agentrt.serving.lookup import Copy, Guess, draft, last_copy


def drafted(history: list[int], *guesses: tuple[int, float], worth: float = 0, **how) -> list[int]:
    settings = {"longest": 4, "most": 3, "worth": worth, **how}
    foreseen = dict(enumerate(Guess(*guess) for guess in guesses))
    text = numpy.array(history, numpy.int64)
    return draft(text, lambda place, _: foreseen.get(place), **settings)


class TestCopies:
    def test_what_followed_the_last_tokens_before_is_copied(self) -> None:
        assert drafted([1, 2, 3, 4, 5, 9, 1, 2]) == [3, 4, 5]

    def test_the_longest_agreement_is_taken_and_of_several_the_last(self) -> None:
        assert drafted([7, 1, 2, 50, 1, 2, 60, 7, 1, 2], most=1) == [50]
        assert drafted([1, 2, 50, 1, 2, 60, 1, 2], most=1) == [60]

    def test_agreement_beyond_the_longest_does_not_count(self) -> None:
        assert drafted([7, 1, 2, 50, 1, 2, 60, 7, 1, 2], longest=2, most=1) == [60]

    def test_a_text_that_goes_round_in_circles_is_foreseen_for_any_length(self) -> None:
        assert drafted([1, 2, 3, 1, 2, 3, 1, 2], most=7) == [3, 1, 2, 3, 1, 2, 3]
        assert drafted([5, 5, 5], most=4) == [5, 5, 5, 5]

    @pytest.mark.parametrize("history", [[], [1], [1, 2, 3, 4]])
    def test_nothing_that_stood_before_copies_nothing(self, history: list[int]) -> None:
        assert drafted(history) == []

    def test_the_more_tokens_agree_the_likelier_a_copy_is(self) -> None:
        text = numpy.array([8, 1, 2, 3, 9, 1, 2, 3], numpy.int64)
        assert last_copy(text, longest=12) == Copy(place=3, agreed=3)
        chances = [Copy(0, agreed).chance for agreed in range(1, 13)]
        assert chances == sorted(chances)
        assert 0 < chances[0] < chances[-1] < 1

    def test_a_copy_ends_where_the_draft_gets_too_unlikely(self) -> None:
        # Two tokens agree: 0.55, then three of them 0.7, four 0.775.
        history = [1, 2, 3, 4, 5, 9, 1, 2]
        assert drafted(history, worth=0.6) == []
        assert drafted(history, worth=0.5) == [3]
        assert drafted(history, worth=0.3) == [3, 4]
        assert drafted(history, worth=0.2) == [3, 4, 5]


class TestBesideADrafter:
    HISTORY = (1, 2, 3, 4, 5, 9, 1, 2)  # 3 is copied, with 0.55

    def test_its_guesses_are_taken_where_nothing_stood_before(self) -> None:
        assert drafted([1, 2, 3], (7, 0.1), (8, 0.1), worth=0.9) == [7, 8]

    @pytest.mark.parametrize(("chance", "taken"), [(0.9, 7), (0.2, 3)])
    def test_the_likelier_of_a_copy_and_a_guess_is_taken(self, chance: float, taken: int) -> None:
        assert drafted(list(self.HISTORY), (7, chance), most=1) == [taken]

    def test_a_guess_that_was_taken_is_looked_up_for_what_followed_it(self) -> None:
        assert drafted([7, 8, 9, 1, 2, 3], (7, 0.9), (6, 0.05), most=3) == [7, 8, 9]

    def test_where_both_agree_the_draft_may_go_on_for_longer(self) -> None:
        history = list(self.HISTORY)
        assert drafted(history, (3, 0.1), worth=0.45) == [3]
        assert drafted(history, (3, 0.9), worth=0.45) == [3, 4, 5]

    def test_it_is_copied_behind_the_last_guess(self) -> None:
        assert drafted(list(self.HISTORY), (3, 0.9)) == [3, 4, 5]
        assert drafted([1, 2, 3], (7, 0.9)) == [7]

    def test_guesses_are_verified_however_unlikely(self) -> None:
        assert drafted(list(self.HISTORY), (3, 0.0), (8, 0.9), (9, 0.9), worth=0.99) == [3, 8, 9]


class TestProfile:
    def test_vllm_is_told_of_the_worker_and_its_settings(self) -> None:
        profile = load_profile("cpu-smollm2")
        words = command(profile, "model", 1)
        assert words[words.index("--worker-cls") + 1].startswith("agentrt.serving.lookup_worker.")
        settings = json.loads(words[words.index("--additional-config") + 1])
        assert settings == {"agentrt_lookup": profile.lookup.model_dump()}

    def test_without_speculation_there_is_no_lookup(self) -> None:
        plain = load_profile("cpu-smollm2").without_speculation()
        assert plain.lookup is None
        assert "--worker-cls" not in command(plain, "model", 1)

    @pytest.mark.parametrize(
        ("before", "after", "told"),
        [
            ("method: dflash", "method: eagle3", "dflash"),
            ("engine: vllm-cpu", "engine: vllm", "vllm-cpu"),
            ("lookup:", "lookup:\n  drafter: 99\n#", "lookup.drafter"),
        ],
    )
    def test_a_lookup_out_of_place_is_refused(self, before, after, told, tmp_path) -> None:
        from agentrt.bundled import shelf

        text = (shelf("server") / "cpu-smollm2.yaml").read_text()
        file = tmp_path / "profile.yaml"
        file.write_text(text.replace(before, after))
        with pytest.raises(ProfileError, match=told):
            load_profile(str(file))
