"""``agentrt index``."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentrt.cli.console import err, out, print_json, reported
from agentrt.cli.options import JsonOption

if TYPE_CHECKING:
    from agentrt.rag.corpus import Skipped
    from agentrt.rag.index import Index
    from agentrt.rag.update import Update

_SHOWN = 20


def index(
    corpus: Annotated[
        str | None,
        typer.Argument(help="A folder of documents, a git repository, or python-reference."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="The embedding model, by name or folder [env: AGENTRT_EMBEDDING_MODEL]."),
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Say which corpora are indexed.")] = False,
    stats: Annotated[
        bool, typer.Option("--stats", help="Say what the corpus's index has.")
    ] = False,
    drop: Annotated[bool, typer.Option("--drop", help="Delete the corpus's indexes.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Index a corpus ahead of its first run: only what changed is read, what is new embedded.

    Broken off, it goes on where it was. AGENTRT_CHROMA_URL keeps vectors on a Chroma server.

    Examples:

      agentrt index ./docs

      agentrt index ./docs --model ./my-sentence-transformer

      agentrt index --list

      agentrt index ./docs --stats

      agentrt index ./docs --drop
    """
    with reported(as_json=as_json):
        from agentrt.errors import UserError

        if listed == (corpus is not None) or (corpus is None and (drop or stats)):
            raise UserError("name a corpus, or ask for the --list of them")
        if drop and stats:
            raise UserError("--drop and --stats do not go together")
        if corpus is None:
            _list(as_json=as_json)
        elif drop or stats:
            _look_at(corpus, drop=drop, as_json=as_json)
        else:
            _bring_up_to_date(corpus, model, as_json=as_json)


def _bring_up_to_date(corpus: str, model: str | None, *, as_json: bool) -> None:
    from agentrt.cli.index_progress import IndexProgress
    from agentrt.rag.corpus import corpus_at
    from agentrt.rag.retrieve import index_corpus

    with IndexProgress(err, quiet=as_json) as progress:
        index, done = index_corpus(corpus_at(corpus), model=model, on_step=progress.step)
    row = {**_row(index), **_done(done)}
    index.close()
    if as_json:
        print_json([row])
        return
    _table([row], ["corpus", "documents", "passages", "read", "embedded", "removed", "seconds"])
    _show_skipped(done.skipped)


def _list(*, as_json: bool) -> None:
    from agentrt.rag.index import indexes

    rows = []
    for index in indexes():
        rows.append(_row(index))
        index.close()
    if as_json:
        print_json(rows)
    else:
        _table(rows, ["corpus", "model", "documents", "passages", "megabytes", "indexed_at"])


def _look_at(corpus: str, *, drop: bool, as_json: bool) -> None:
    from agentrt.errors import UserError
    from agentrt.rag.corpus import corpus_name
    from agentrt.rag.index import indexes

    found = [index for index in indexes() if index.corpus == corpus_name(corpus)]
    if not found:
        raise UserError(f"{corpus}: is not indexed (agentrt index {corpus} does it)")
    rows = [_stats(index) for index in found]
    for index in found:
        if drop:
            index.drop()
        else:
            index.close()
    if as_json:
        print_json(rows)
        return
    _table(rows, ["corpus", "model", "documents", "passages", "megabytes", "indexed_at"])
    if drop:
        out.print("deleted")
        return
    for row in rows:
        kinds = ", ".join(f"{count} {kind}" for kind, count in row["kinds"].items())
        out.print(f"documents: {kinds}", highlight=False)
        out.print(f"tokens: {row['tokens']:,}, {row['tokens_a_passage']:.0f} a passage",
                  highlight=False)  # fmt: skip
        out.print(f"folder: {row['folder']}", highlight=False, soft_wrap=True)
    _show_skipped([each for index in rows for each in index["skipped"]])


def _row(index: Index) -> dict[str, Any]:
    about = index.manifest.about()
    size = index.size_on_disk()
    return {
        "corpus": index.corpus,
        "model": index.model,
        **index.manifest.counts(),
        "indexed_at": about.get("indexed_at"),
        "chroma": about.get("chroma") or None,
        "bytes": size,
        "megabytes": f"{size / 1e6:.1f}",
        "folder": str(index.folder),
    }


def _stats(index: Index) -> dict[str, Any]:
    row = _row(index)
    return {
        **row,
        "kinds": index.manifest.kinds(),
        "tokens_a_passage": row["tokens"] / max(row["passages"], 1),
        "skipped": index.manifest.skipped(),
    }


def _done(done: Update) -> dict[str, Any]:
    return {**asdict(done), "passages_added": done.passages} | {"seconds": round(done.seconds, 2)}


def _table(rows: list[dict[str, Any]], columns: list[str]) -> None:
    from rich.table import Table

    table = Table()
    for column in columns:
        left = column in ("corpus", "model", "indexed_at")
        table.add_column(column.replace("_", " "), justify="left" if left else "right",
                         overflow="fold")  # fmt: skip
    for row in rows:
        table.add_row(*(str(row[column]) for column in columns))
    out.print(table)


def _show_skipped(skipped: list[Skipped]) -> None:
    if not skipped:
        return
    out.print(f"left out: {len(skipped)}", highlight=False)
    for each in skipped[:_SHOWN]:
        out.print(f"  {each.source}: {each.reason}", highlight=False, markup=False)
    reasons = Counter(each.reason for each in skipped[_SHOWN:])
    for reason, count in reasons.most_common(_SHOWN):
        out.print(f"  and {count} more: {reason}", highlight=False, markup=False)
