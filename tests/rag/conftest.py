"""Models small enough to be made in a test; their weights are random, so they know nothing."""

from pathlib import Path

import pytest

from agentrt.rag.embed import DEFAULT_MODEL, embedder


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("AGENTRT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "bees.md").write_text("# Bees\n\nA bee colony stores honey in wax combs.\n")
    (folder / "lava.txt").write_text("Lava is molten rock that a volcano throws out.\n")
    return folder


def tiny_bert(**more):
    from transformers import BertConfig

    return BertConfig(
        vocab_size=30522, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=128, **more,
    )  # fmt: skip


@pytest.fixture(scope="session")
def random_embedding_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer
    from transformers import BertModel

    folder = tmp_path_factory.mktemp("embedding")
    BertModel(tiny_bert()).save_pretrained(folder / "bert")
    embedder(DEFAULT_MODEL).tokenizer.save_pretrained(folder / "bert")
    bert = Transformer(str(folder / "bert"), max_seq_length=96)
    made = SentenceTransformer(modules=[bert, Pooling(16)], device="cpu")
    made.save_pretrained(str(folder / "random"), create_model_card=False)
    return folder / "random"


@pytest.fixture(scope="session")
def random_cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import BertForSequenceClassification

    folder = tmp_path_factory.mktemp("cross-encoder")
    BertForSequenceClassification(tiny_bert(num_labels=1)).save_pretrained(folder)
    embedder(DEFAULT_MODEL).tokenizer.save_pretrained(folder)
    return folder
