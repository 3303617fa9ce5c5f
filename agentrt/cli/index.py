"""``agentrt index``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentrt.cli.console import err, out, print_json, reported
from agentrt.cli.options import JsonOption

if TYPE_CHECKING:
    from agentrt.rag.catalog import Entry


def index(
    corpus: Annotated[
        str | None, typer.Argument(help="A folder of documents, or python-reference.")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Say which corpora are indexed.")] = False,
    drop: Annotated[bool, typer.Option("--drop", help="Delete the corpus's indexes.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Index a corpus ahead of its first run; only what is new to it is embedded.

    Examples:

      agentrt index ./docs

      agentrt index --list

      agentrt index ./docs --drop
    """
    with reported(as_json=as_json):
        from agentrt.errors import UserError
        from agentrt.rag import catalog

        if listed == (corpus is not None) or (drop and corpus is None):
            raise UserError("name a corpus, or ask for the --list of them")
        if corpus is None:
            _show(catalog.entries(), as_json=as_json)
        elif drop:
            dropped = catalog.drop(corpus)
            if dropped is None:
                raise UserError(f"{corpus}: is not indexed")
            _show([dropped], as_json=as_json)
        else:
            _show([_index(corpus, quiet=as_json)], as_json=as_json)


def _index(corpus: str, *, quiet: bool) -> Entry:
    from agentrt.cli.progress import RunProgress
    from agentrt.rag import catalog, open_corpus

    with RunProgress(err, quiet=quiet) as progress:
        open_corpus(corpus, on_progress=progress.say)
    entry = catalog.find(corpus)
    assert entry is not None, "an opened corpus is in the catalog"
    return entry


def _show(entries: Iterable[Entry], *, as_json: bool) -> None:
    rows = [_row(entry) for entry in entries]
    if as_json:
        print_json(rows)
        return
    from rich.table import Table

    table = Table()
    for head in ("corpus", "documents", "passages", "embedded", "megabytes", "indexed at"):
        table.add_column(head, justify="left" if head in ("corpus", "indexed at") else "right")
    for row in rows:
        table.add_row(
            row["corpus"], str(row["documents"]), str(row["passages"]), str(row["embedded"]),
            f"{row['bytes'] / 1e6:.1f}", row["indexed_at"],
        )  # fmt: skip
    out.print(table)


def _row(entry: Entry) -> dict[str, Any]:
    size = sum(file.stat().st_size for file in entry.folder.rglob("*") if file.is_file())
    return {**entry.model_dump(exclude={"superseded"}), "bytes": size}
