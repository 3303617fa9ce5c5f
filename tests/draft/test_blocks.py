"""Sequences of different lengths that are packed for one pass, with blocks at chosen places."""

import pytest
import torch


@pytest.fixture
def drafter():
    from drafter import Drafter, DrafterConfig

    torch.manual_seed(0)
    small = {"hidden": 32, "heads": 4, "kv_heads": 2, "head_dim": 8, "intermediate": 48}
    return Drafter(DrafterConfig(layers=2, target_layer_ids=(0, 1), vocabulary=50, **small)).eval()


@pytest.fixture
def embedding() -> torch.Tensor:
    return torch.randn(50, 32, generator=torch.Generator().manual_seed(1))


def sample(length: int, *anchors: int):
    from blocks import Sample

    tokens = torch.randint(0, 50, (length,), generator=torch.Generator().manual_seed(length))
    return Sample(tokens, torch.tensor(anchors), start=2)


def features(length: int) -> torch.Tensor:
    return torch.randn(length, 64, generator=torch.Generator().manual_seed(length))


@torch.inference_mode()
def test_what_is_foreseen_does_not_depend_on_what_a_sequence_is_packed_with(
    drafter, embedding
) -> None:
    from blocks import Blocks

    several = [(sample(9, 3, 5, 7), 9), (sample(4, 2), 4), (sample(15, 4, 14), 15)]
    alone = [
        drafter(Blocks.of([each], "cpu"), features(length), embedding, 3)
        for each, length in several
    ]
    packed = Blocks.of([each for each, _ in several], "cpu")
    whole = torch.cat([features(length) for _, length in several])
    torch.testing.assert_close(drafter(packed, whole, embedding, 3), torch.cat(alone))


@torch.inference_mode()
def test_a_block_sees_what_stands_before_its_anchor_and_nothing_behind(drafter, embedding) -> None:
    from blocks import Blocks

    blocks = Blocks.of([sample(12, 6)], "cpu")
    seen = drafter(blocks, features(12), embedding, 3)
    behind, before = features(12), features(12)
    behind[6:] += 1
    before[5] += 1
    torch.testing.assert_close(drafter(blocks, behind, embedding, 3), seen)
    assert not torch.allclose(drafter(blocks, before, embedding, 3), seen)
