"""Files that a workflow names: prompts and other workflows, all below its own folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agentrt.spec.source import MAX_BYTES, Source
from agentrt.spec.source import Path as Loc
from agentrt.spec.suggest import nearest

_PROMPTS = ("prompt", "system")


def below(source: Source, place: Loc, folder: Path, name: str) -> Path | None:
    """The file of a name in a workflow; None, with a complaint, where it can't be had."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        source.complain(f"{name!r} is outside the workflow's folder", place)
        return None
    if not path.is_file():
        beside = sorted(path.parent.iterdir()) if path.parent.is_dir() else []
        named = [str(Path(name).parent / other.name) for other in beside]
        hint = nearest(name, named) if named else None
        source.complain(f"there is no file {name!r}", place, hint=hint)
        return None
    return path


def put_prompts_in(source: Source, folder: Path) -> None:
    """Replace each ``{file: PATH}`` by the file's text, whose place is then in that file."""
    if isinstance(source.data, dict):
        _in_nodes(source, folder, ("nodes",), source.data.get("nodes"))


def _in_nodes(source: Source, folder: Path, at: Loc, nodes: Any) -> None:
    for name, node in nodes.items() if isinstance(nodes, dict) else ():
        if isinstance(node, dict):
            _in_fields(source, folder, (*at, name), node)
            _in_fields(source, folder, (*at, name, "choose"), node.get("choose"))
            _in_nodes(source, folder, (*at, name, "nodes"), node.get("nodes"))


def _in_fields(source: Source, folder: Path, at: Loc, fields: Any) -> None:
    for field in _PROMPTS if isinstance(fields, dict) else ():
        given = fields.get(field)
        if isinstance(given, dict) and set(given) == {"file"} and isinstance(given["file"], str):
            place = (*at, field)
            fields[field] = ""
            path = below(source, (*place, "file"), folder, given["file"])
            text = _read(source, (*place, "file"), path) if path else None
            if path and text is not None:
                fields[field] = text
                source.take_in(place, str(path), text)


def _read(source: Source, place: Loc, path: Path) -> str | None:
    try:
        data = path.read_bytes()
        if len(data) <= MAX_BYTES:
            return data.decode()
        source.complain(f"{path.name} is larger than {MAX_BYTES:,} bytes", place)
    except (OSError, UnicodeDecodeError) as error:
        source.complain(f"{path.name} can't be read: {error}", place)
    return None
