"""The nearest valid name, for whoever misspelt one."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches


def nearest(name: str, known: Collection[str], *, many: int = 12) -> str:
    """A hint: the name that was likely meant, or else which ones there are."""
    close = get_close_matches(name, list(known), n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    shown = ", ".join(list(known)[:many]) or "none"
    return f"known: {shown}" + (", …" if len(known) > many else "")


def meant(names: Collection[str], known: Collection[str]) -> set[str]:
    """The known names that some misspelt ones were likely meant to be."""
    return {close for name in names for close in get_close_matches(name, list(known), n=1)}
