"""Drafts that are copied from what stands already."""

import json

import numpy
import pytest

from agentrt.errors import ProfileError
from agentrt.serving import load_profile
from agentrt.serving.command import command
from agentrt.serving.lookup import copied


def drafts(history: list[int], *, least: int = 2, longest: int = 4, drafts: int = 3) -> list[int]:
    return copied(numpy.array(history), least=least, longest=longest, drafts=drafts)


def test_what_followed_the_last_tokens_before_is_copied() -> None:
    assert drafts([1, 2, 3, 4, 5, 9, 1, 2]) == [3, 4, 5]


def test_too_short_an_agreement_copies_nothing() -> None:
    assert drafts([1, 2, 3, 9, 2]) == []
    assert drafts([1, 2, 3, 9, 2], least=1) == [3, 9, 2]


def test_the_longest_agreement_is_taken_and_of_several_the_last() -> None:
    assert drafts([7, 1, 2, 50, 1, 2, 60, 7, 1, 2], drafts=1) == [50]
    assert drafts([1, 2, 50, 1, 2, 60, 1, 2], drafts=1) == [60]


def test_agreement_beyond_the_longest_does_not_count() -> None:
    assert drafts([7, 1, 2, 50, 1, 2, 60, 7, 1, 2], longest=2, drafts=1) == [60]


def test_a_text_that_goes_round_in_circles_is_foreseen_for_any_length() -> None:
    assert drafts([1, 2, 3, 1, 2, 3, 1, 2], drafts=7) == [3, 1, 2, 3, 1, 2, 3]
    assert drafts([5, 5, 5], drafts=4) == [5, 5, 5, 5]


@pytest.mark.parametrize("history", [[], [1], [1, 2, 3, 4]])
def test_nothing_that_stood_before_copies_nothing(history: list[int]) -> None:
    assert drafts(history, least=1) == []


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
