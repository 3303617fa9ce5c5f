"""Decode rates that others published, with their sources."""

from __future__ import annotations

from difflib import get_close_matches
from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict

from agentrt.errors import UserError


class Setup(BaseModel):
    """A published set-up: what it is, its decode rate in tokens a second, and who says so."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    about: str
    decode: float
    source: str


def setups() -> dict[str, Setup]:
    """All of them, by name."""
    text = files("agentrt.bench").joinpath("setups.yaml").read_text(encoding="utf-8")
    return {name: Setup.model_validate(found) for name, found in yaml.safe_load(text).items()}


def setup(name: str) -> Setup:
    """One of them.

    Raises:
        UserError: there is none of that name.
    """
    known = setups()
    if name not in known:
        close = get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
        raise UserError(f"no set-up is called {name!r} ({hint})")
    return known[name]
