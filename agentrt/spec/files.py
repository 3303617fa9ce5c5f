"""Files that a workflow names: prompts and other workflows, all below its own folder."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any

from agentrt.spec.source import MAX_BYTES, Place, Source
from agentrt.spec.source import Path as Loc

_PROMPTS = ("prompt", "system")


def below(source: Source, place: Loc, folder: Path, name: str) -> Path:
    """The file of a name in a workflow.

    Raises:
        SpecError: it is not there, or not below the workflow's folder.
    """
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise source.error(f"{name!r} is outside the workflow's folder", place)
    if not path.is_file():
        beside = path.parent.iterdir() if path.parent.is_dir() else ()
        close = get_close_matches(path.name, [other.name for other in beside], n=1)
        hint = f"did you mean {str(Path(name).parent / close[0])!r}?" if close else None
        raise source.error(f"there is no file {name!r}", place, hint=hint)
    return path


def put_prompts_in(source: Source, folder: Path) -> None:
    """Replace each ``{file: PATH}`` by the file's text, whose place is then in that file.

    Raises:
        SpecError: a file is not there, not below the folder, not text or too large.
    """
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
            path = below(source, (*place, "file"), folder, given["file"])
            fields[field] = _read(source, (*place, "file"), path)
            source.places[place] = Place(0, 1, block=True, file=str(path))


def _read(source: Source, place: Loc, path: Path) -> str:
    try:
        data = path.read_bytes()
        if len(data) > MAX_BYTES:
            raise source.error(f"{path.name} is larger than {MAX_BYTES:,} bytes", place)
        return data.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise source.error(f"{path.name} can't be read: {error}", place) from error
