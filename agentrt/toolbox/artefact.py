"""Artefacts: files that tools make, kept beside the trace rather than told to the model."""

from __future__ import annotations

import mimetypes
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agentrt.errors import ToolError


@dataclass(frozen=True)
class Artefact:
    """Something that a tool made, such as a picture or a table.

    Args:
        name: its file name.
        media_type: such as ``image/png``; by the name's ending where it is left out.
        content: what it holds, or
        path: the file that holds it.
        tool: the tool that made it, which the runtime fills in.
    """

    name: str
    media_type: str = ""
    content: bytes | None = None
    path: Path | None = None
    tool: str = ""

    def __post_init__(self) -> None:
        if (self.content is None) == (self.path is None):
            raise ValueError(f"the artefact {self.name!r} needs either content or a path")
        guessed = mimetypes.guess_type(self.name)[0] or "application/octet-stream"
        object.__setattr__(self, "media_type", self.media_type or guessed)

    @property
    def size(self) -> int:
        """Its bytes."""
        return len(self.content) if self.content is not None else self._path.stat().st_size

    @property
    def _path(self) -> Path:
        assert self.path is not None, "an artefact without content has a path"
        return self.path

    def described(self) -> dict[str, Any]:
        """What a model is told of it."""
        return {"artefact": self.name, "media_type": self.media_type, "bytes": self.size}


class ArtefactStore:
    """Keeps a run's artefacts: in a folder where there is one, else in memory.

    Args:
        folder: made when the first artefact comes.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self.kept: list[Artefact] = []

    def keep(self, artefact: Artefact, tool: str) -> Artefact:
        """Keep one; where its name is taken it gets a number.

        Raises:
            ToolError: its name is no file name, or it can't be written.
        """
        if Path(artefact.name).name != artefact.name:
            raise ToolError(f"an artefact's name is a file name, not {artefact.name!r}")
        kept = replace(artefact, name=self._free(artefact.name), tool=tool)
        if self._folder is not None:
            kept = _written(kept, self._folder)
        self.kept.append(kept)
        return kept

    def _free(self, name: str) -> str:
        taken, path, number = {artefact.name for artefact in self.kept}, Path(name), 1
        while name in taken or (self._folder is not None and (self._folder / name).exists()):
            number += 1
            name = f"{path.stem}-{number}{path.suffix}"
        return name


def _written(artefact: Artefact, folder: Path) -> Artefact:
    place = folder / artefact.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if artefact.content is not None:
            place.write_bytes(artefact.content)
        else:
            shutil.copyfile(artefact._path, place)
    except OSError as error:
        raise ToolError(f"the artefact {artefact.name!r} cannot be kept: {error}") from error
    return replace(artefact, content=None, path=place)
