"""The syntax trees of Python files, so that what is in one is known without running it."""

from __future__ import annotations

import ast
from functools import lru_cache
from pathlib import Path
from threading import Lock

from agentrt.errors import SpecError

# CPython 3.11 counts the depth of parsing for all threads together, and fails where two parse.
_parsing = Lock()


def syntax_tree(path: Path) -> ast.Module:
    """Parse a file; one that has not changed is parsed once.

    Raises:
        SpecError: it is missing, or is not Python.
    """
    try:
        with _parsing:
            return _parsed(path, path.stat().st_mtime_ns)
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"cannot be read: {error}", source=str(path)) from error
    except SyntaxError as error:
        message, column = f"not valid Python: {error.msg}", error.offset
        raise SpecError(message, source=str(path), line=error.lineno, column=column) from error


@lru_cache(maxsize=256)
def _parsed(path: Path, changed_at: int) -> ast.Module:
    """As ``syntax_tree``; ``changed_at`` makes a changed file another one."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
