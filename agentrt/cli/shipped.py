"""Finding a workflow file: the user's own, or one that ships."""

from __future__ import annotations

from pathlib import Path

from agentrt.bundled import shelf


def shipped_or_given(workflow: str) -> str:
    """The path itself where it exists; else the shipped workflow of that name, if there is one."""
    path = Path(workflow)
    if path.exists():
        return workflow
    parts = path.parts
    named = len(parts) == 1 or (len(parts) == 2 and parts[0] == "workflows")
    shipped = shelf("workflows") / (path.name if path.suffix else f"{path.name}.yaml")
    return str(shipped) if named and shipped.is_file() else workflow
