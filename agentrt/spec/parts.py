"""What a workflow is made of beside its own text, so that a change of it is noticed."""

from __future__ import annotations

import hashlib
from pathlib import Path

from agentrt.spec.body import Body
from agentrt.spec.load import Workflow


def parts(workflow: Workflow) -> dict[str, str]:
    """A hash of each part: the workflow with its prompts, those it uses, and its tool files."""
    found = {"the workflow": _hash(workflow.spec.model_dump_json().encode())}
    for used in _used(workflow.body):
        found.update({f"{used.folder / name}": digest for name, digest in _named(used)})
    for path in workflow.tool_files:
        found[str(path)] = _hash(path.read_bytes()) if path.is_file() else "missing"
    return found


def changed_parts(workflow: Workflow, before: dict[str, str]) -> list[str]:
    """The parts that are no longer what they were, or are new or gone."""
    now = parts(workflow)
    return sorted(name for name in now | before if now.get(name) != before.get(name))


def _named(used: Workflow) -> list[tuple[str, str]]:
    return [
        (Path(used.source.name).name if name == "the workflow" else name, digest)
        for name, digest in parts(used).items()
    ]


def _used(body: Body) -> list[Workflow]:
    inner = [used for nested in body.inner.values() for used in _used(nested)]
    return [*body.used.values(), *inner]


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
