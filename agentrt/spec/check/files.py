"""Corpora that a workflow names."""

from __future__ import annotations

from pathlib import Path as File
from typing import TYPE_CHECKING

from agentrt.spec.source import Path
from agentrt.spec.suggest import nearest

if TYPE_CHECKING:
    from agentrt.spec.check.bodies import Bodies


def check_corpus(bodies: Bodies, place: Path, corpus: str) -> None:
    """Complain of a corpus that is neither known by name nor a folder, where it is written out."""
    known = bodies.surroundings.corpora if bodies.surroundings else ()
    if not known or "{" in corpus or corpus in known or File(corpus).expanduser().exists():
        return
    beside = [path.name for path in File(corpus).parent.glob("[!.]*") if path.is_dir()]
    hint = nearest(File(corpus).name, [*known, *beside])
    bodies.source.complain(f"there is no corpus {corpus!r}", place, hint=hint)
