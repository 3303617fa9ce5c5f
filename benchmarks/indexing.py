"""What an index costs: beside plain encoding, when nothing changed, per query, and at size.

The last part needs many vectors and not good ones: its model is random, of MiniLM's width, with one
layer, and its passages are short.

Writes benchmarks/results/indexing.json. Run: python benchmarks/indexing.py [PASSAGES_AT_SIZE]
"""

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from agentrt.bench.evidence import circumstances
from agentrt.rag.chunk import Chunker
from agentrt.rag.corpus import PYTHON_REFERENCE, corpus_at
from agentrt.rag.embed import DEFAULT_MODEL, embedder
from agentrt.rag.load import load
from agentrt.rag.retrieve import index_corpus, open_corpus

RESULTS = Path(__file__).parent / "results"
_ROUNDS = 3
_QUERIES = [f"{a} {b}" for a in ("when is", "how does", "what does", "why would") for b in (
    "a generator stop", "an exception propagate", "a class inherit", "a name resolve",
    "the import system find a module", "a lambda capture variables", "slicing work",
    "a with statement exit", "a coroutine wait", "an attribute lookup fail",
)]  # fmt: skip


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with TemporaryDirectory() as folder:
        scratch = Path(folder)
        evidence: dict[str, Any] = {
            **circumstances(" ".join(["python", "benchmarks/indexing.py", *sys.argv[1:]])),
            "model": DEFAULT_MODEL,
            **throughput(scratch),
            "query": query_overhead(scratch),
            "size": at_size(scratch, size),
        }
    (RESULTS / "indexing.json").write_text(json.dumps(evidence, indent=1) + "\n", "utf-8")
    print(json.dumps(evidence, indent=1))


def throughput(scratch: Path) -> dict[str, Any]:
    """Encoding some passages by sentence-transformers alone, and indexing them, in turn."""
    folder = some_documents(scratch / "some")
    model = embedder(DEFAULT_MODEL)
    chunker, corpus = Chunker(model.tokenizer, model.max_tokens), corpus_at(folder)
    texts = [
        chunk.embedded
        for file in corpus.scan().files
        for chunk in chunker.chunk(load(file.source, corpus.read(file.source)))
    ]
    model._model.encode(texts[:32])
    rounds = []
    for n in range(_ROUNDS):
        started = time.perf_counter()
        model._model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
        plain_s = time.perf_counter() - started
        os.environ["AGENTRT_CACHE"] = str(scratch / f"round{n}")
        first_s, again_s = timed_index(folder), timed_index(folder)
        rounds.append({"plain_s": plain_s, "index_s": first_s, "again_s": again_s})
    return {
        "passages": len(texts),
        "rounds": rounds,
        "throughput": median(each["plain_s"] / each["index_s"] for each in rounds),
        "again": median(each["again_s"] / each["index_s"] for each in rounds),
    }


def some_documents(folder: Path) -> Path:
    """Documents of the language reference, old enough to be trusted by size and time."""
    folder.mkdir()
    reference = corpus_at(PYTHON_REFERENCE)
    for file in reference.scan().files:
        path = folder / file.source
        path.write_bytes(reference.read(file.source))
        os.utime(path, (time.time() - 60, time.time() - 60))
    return folder


def timed_index(folder: Path, model: str | None = None) -> float:
    started = time.perf_counter()
    index, _ = index_corpus(corpus_at(folder), model=model)
    taken = time.perf_counter() - started
    index.close()
    return taken


def query_overhead(scratch: Path) -> dict[str, float]:
    """A hybrid search, beside embedding the query and asking Chroma, in turn."""
    retriever = open_corpus(scratch / "some")
    model, vectors = embedder(DEFAULT_MODEL), retriever._index.fresh_vectors()
    raw, whole = [], []

    async def ask() -> None:
        for query in _QUERIES:
            started = time.perf_counter()
            vectors._collection.query(
                query_embeddings=[model.embed_query(query)], n_results=4,
                include=["documents", "metadatas", "distances"],
            )  # fmt: skip
            raw.append(1000 * (time.perf_counter() - started))
            started = time.perf_counter()
            await retriever.search(query)
            whole.append(1000 * (time.perf_counter() - started))

    asyncio.run(ask())
    differences = [after - before for before, after in zip(raw, whole, strict=True)]
    return {"raw_ms": median(raw), "search_ms": median(whole), "overhead_ms": median(differences)}


def at_size(scratch: Path, passages: int) -> dict[str, Any]:
    """Many short passages: seconds to index and search them, and memory."""
    folder, model = scratch / "many", random_model(scratch / "model")
    folder.mkdir()
    per_file = 500
    for n in range(passages // per_file):
        sections = (
            f"## Section {n}.{s}\n\nThe part numbered {n * per_file + s} turns at {s * 7 % 97} "
            f"revolutions while valve {n * 13 % 89} is open, and needs oil after {s + n} hours.\n"
            for s in range(per_file)
        )
        path = folder / f"{n:05d}.md"
        path.write_text("\n".join(sections), encoding="utf-8")
        os.utime(path, (time.time() - 60, time.time() - 60))
    process = psutil.Process()
    before = process.memory_info().rss
    first_s, again_s = timed_index(folder, model), timed_index(folder, model)
    (folder / "00000.md").write_text("# One\n\nA single change.\n", encoding="utf-8")
    changed_s = timed_index(folder, model)
    retriever = open_corpus(folder, model=model)
    times = []
    for n in range(50):
        started = time.perf_counter()
        asyncio.run(retriever.search(f"oil of part numbered {n * 997}"))
        times.append(1000 * (time.perf_counter() - started))
    return {
        "passages": retriever.size,
        "index_s": first_s,
        "again_s": again_s,
        "one_file_changed_s": changed_s,
        "search_median_ms": median(times),
        "search_worst_ms": max(times),
        "memory_before_mb": before / 1e6,
        "memory_mb": process.memory_info().rss / 1e6,
        "disk_mb": retriever._index.size_on_disk() / 1e6,
    }


def random_model(folder: Path) -> str:
    """A model that knows nothing, of MiniLM's width."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=30522, hidden_size=384, num_hidden_layers=1, num_attention_heads=12,
        intermediate_size=384, max_position_embeddings=512,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder / "bert")
    embedder(DEFAULT_MODEL).tokenizer.save_pretrained(folder / "bert")
    bert = Transformer(str(folder / "bert"), max_seq_length=256)
    made = SentenceTransformer(modules=[bert, Pooling(384)], device="cpu")
    made.save_pretrained(str(folder / "random"), create_model_card=False)
    return str(folder / "random")


if __name__ == "__main__":
    main()
