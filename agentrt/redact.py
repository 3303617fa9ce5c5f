"""Known secrets never leave in text: spans, errors and whatever is printed pass through here."""

from __future__ import annotations

import os
import re
from functools import cache, lru_cache
from typing import Any

SHOWN = "[secret]"
_SHORTEST = 6
_SECRET_NAME = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$", re.IGNORECASE)
_known: frozenset[str] = frozenset()


def keep_secret(value: str) -> str:
    """Take a value out of all text that agentrt shows or writes from now on; gives it back.

    What is shorter than six characters is left: taking it out would garble ordinary text.
    """
    global _known
    if len(value) >= _SHORTEST:
        _known |= {value}
    return value


def redact(text: str) -> str:
    """A text without the secrets that are known, nor those that the environment names as such."""
    pattern = _pattern(_known | _from_environment())
    return pattern.sub(SHOWN, text) if pattern else text


def redact_all(value: Any) -> Any:
    """``redact`` for each text inside nested mappings, lists and tuples."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {redact_all(key): redact_all(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        redacted = [redact_all(item) for item in value]
        return redacted if isinstance(value, list) else tuple(redacted)
    return value


@cache
def _from_environment() -> frozenset[str]:
    return frozenset(
        value
        for name, value in os.environ.items()
        if _SECRET_NAME.search(name) and len(value) >= _SHORTEST
    )


@lru_cache(maxsize=8)
def _pattern(secrets: frozenset[str]) -> re.Pattern[str] | None:
    # The longest first, so that one which contains another goes whole.
    found = sorted(secrets, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, found))) if found else None
