"""A drafter's sequential head: guesses corrected by the tokens before them."""

from pathlib import Path

import numpy
import pytest
import torch

from agentrt.serving.sequential import Corrector, SequentialHead, alone

HIDDEN, VOCABULARY, PLACES = 16, 40, 3
TEXT = numpy.array([7, 8, 9], numpy.int64)


@pytest.fixture(autouse=True)
def _the_same_numbers_each_time():
    torch.manual_seed(0)
    with torch.inference_mode():
        yield


def block() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """An embedding, a block's states, and their logits."""
    embedding, states = torch.randn(VOCABULARY, HIDDEN), torch.randn(PLACES, HIDDEN)
    return embedding, states, states @ embedding.T


def trained() -> SequentialHead:
    head = SequentialHead(HIDDEN, width=8)
    head.out.weight.normal_(std=2.0)
    return head


def test_an_untrained_head_says_what_the_drafter_says_alone() -> None:
    embedding, states, logits = block()
    foresee = Corrector(SequentialHead(HIDDEN), embedding).foresee(states, logits)
    for place in range(PLACES):
        corrected, plain = foresee(place, TEXT), alone(logits)(place, TEXT)
        assert corrected.token == plain.token
        assert corrected.chance == pytest.approx(plain.chance, rel=1e-4)


def test_a_guess_is_the_likeliest_after_the_two_tokens_before_it() -> None:
    embedding, states, logits = block()
    head = trained()
    foresee = Corrector(head, embedding).foresee(states, logits)
    for place in range(PLACES):
        whole = (head(states[place], embedding[9], embedding[8]) @ embedding.T).softmax(-1)
        guess = foresee(place, TEXT)
        assert guess.token == int(whole.argmax())
        assert guess.chance == pytest.approx(float(whole.max()), rel=1e-4)


def test_other_tokens_before_it_make_another_guess() -> None:
    embedding, states, logits = block()
    foresee = Corrector(trained(), embedding).foresee(states, logits)
    texts = [numpy.array([1, last], numpy.int64) for last in range(VOCABULARY)]
    assert len({foresee(1, text).token for text in texts}) > 1


def test_tokens_that_are_no_candidates_keep_their_share() -> None:
    # More tokens than the head chooses between, all alike: each is one in a thousand.
    embedding = torch.zeros(1000, HIDDEN)
    foresee = Corrector(trained(), embedding).foresee(torch.zeros(1, HIDDEN), torch.zeros(1, 1000))
    assert foresee(0, TEXT).chance == pytest.approx(1 / 1000, rel=1e-3)


def test_behind_the_last_place_nothing_is_foreseen() -> None:
    embedding, states, logits = block()
    assert Corrector(trained(), embedding).foresee(states, logits)(PLACES, TEXT) is None
    assert alone(logits)(PLACES, TEXT) is None


def test_a_head_is_kept_in_a_file(tmp_path: Path) -> None:
    embedding, states, _ = block()
    head, file = trained(), tmp_path / "sequential" / "head.safetensors"
    head.save(file)
    loaded = SequentialHead.load(file)
    arguments = states, embedding[:PLACES], embedding[PLACES : 2 * PLACES]
    torch.testing.assert_close(loaded(*arguments), head(*arguments), rtol=0.05, atol=0.05)
