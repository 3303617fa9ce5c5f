"""Secrets come from the environment or from a file, never from a workflow's text."""

from __future__ import annotations

import os
from pathlib import Path

from agentrt.errors import UserError
from agentrt.redact import keep_secret


def read_secret(where: str) -> str:
    """The secret that ``env:NAME`` or ``file:PATH`` names; it is redacted wherever it would show.

    Raises:
        UserError: it is neither, or there is nothing there.
    """
    kind, _, place = where.partition(":")
    if kind == "env" and place:
        found = os.environ.get(place, "")
    elif kind == "file" and place:
        found = _first_line(Path(place).expanduser())
    else:
        raise UserError("a secret is named env:NAME or file:PATH, and never written out")
    if not found:
        raise UserError(f"there is no secret in {where}")
    return keep_secret(found)


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip().partition("\n")[0]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"the secret file {path} cannot be read") from error
