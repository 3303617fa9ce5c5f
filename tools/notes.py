"""A small notebook that outlives a step: what a run notes, it can read later on."""

import json
import os
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from agentrt.bundled import state_root
from agentrt.toolbox import tool

MAX_NOTE = 2000


class NotesOptions(BaseModel):
    """What a grant of ``notes`` may say."""

    model_config = ConfigDict(extra="forbid")

    notebook: str = Field(default="notes", pattern=r"^[a-z0-9_-]{1,64}$")
    shared: bool = Field(default=False, description="all runs read the notes of all")


@tool(
    family="notes",
    effects=("write",),
    replay="idempotent",
    options=NotesOptions,
    inject=("run_id",),
)
def add_note(text: str, options: NotesOptions, run_id: str) -> str:
    """Note something down, to be read later in this run."""
    if len(text) > MAX_NOTE:
        raise ValueError(f"a note has at most {MAX_NOTE:,} characters")
    note = {"run": run_id, "text": text}
    # The same note is kept once, so that a step which is run again adds nothing.
    if note not in _notes(options):
        file = state_root() / "notes" / f"{options.notebook}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        with os.fdopen(os.open(file, flags, 0o600), "a", encoding="utf-8") as book:
            book.write(json.dumps(note, ensure_ascii=False) + "\n")
    return "noted"


@tool(family="notes", effects=("read",), options=NotesOptions, inject=("run_id",))
def read_notes(options: NotesOptions, run_id: str) -> list[str]:
    """Read what has been noted, the oldest first."""
    notes = _notes(options)
    return [note["text"] for note in notes if options.shared or note["run"] == run_id]


def _notes(options: NotesOptions) -> list[dict[str, Any]]:
    file = state_root() / "notes" / f"{options.notebook}.jsonl"
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
