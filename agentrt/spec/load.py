"""From a file, a text or a dict to a checked workflow; every complaint has its line and column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from agentrt.errors import SpecError
from agentrt.spec.approvals import check_approvals
from agentrt.spec.body import Body
from agentrt.spec.cached import check_cached
from agentrt.spec.check import check_workflow
from agentrt.spec.complaint import Complaint, error_of
from agentrt.spec.files import below, put_prompts_in
from agentrt.spec.grant import Grant
from agentrt.spec.model import WorkflowSpec
from agentrt.spec.source import Path as Loc
from agentrt.spec.source import Source, read_yaml
from agentrt.spec.streams import streamed
from agentrt.spec.structure import read_structure
from agentrt.spec.suggest import nearest
from agentrt.spec.surroundings import Surroundings
from agentrt.spec.value_type import Type


@dataclass(frozen=True, eq=False)
class Workflow:
    """A checked workflow; no other one is equal to it.

    Attributes:
        spec: what the file says.
        body: its nodes, and what waits for what.
        folder: what relative paths in the file are relative to.
        source: where each value stands, for errors that come up later.
        output_types: what is known of its outputs before it runs.
        streams: the nodes whose text is shown while it is written, with the output it is part of.
    """

    spec: WorkflowSpec
    body: Body
    folder: Path
    source: Source
    output_types: Mapping[str, Type] = field(default_factory=dict)
    streams: Mapping[str, str] = field(default_factory=dict)

    @property
    def needs(self) -> Mapping[str, tuple[str, ...]]:
        """For each node the nodes it waits for."""
        return self.body.needs

    @property
    def warnings(self) -> list[Complaint]:
        """What looks wrong, and keeps it from nothing."""
        return self.source.complaints

    @property
    def tool_files(self) -> list[Path]:
        """The files with tools of its own."""
        return [self.folder / name for name in self.spec.tool_files]

    def parts(self) -> Iterator[Workflow]:
        """The workflow itself, and each that its nodes use."""
        yield self
        for used in _used(self.body):
            yield from used.parts()

    def grants(self) -> Iterator[tuple[Loc, Grant]]:
        """Each grant of its own nodes with its path in the file."""
        return ((place, grant) for _, place, grant in self.body.grants())


def load_workflow(
    workflow: str | Path | dict[str, Any],
    surroundings: Surroundings | None = None,
    *,
    folder: Path | None = None,
) -> Workflow:
    """Read and check a workflow.

    Args:
        workflow: a path, YAML text (anything with a line break in it), or a dict.
        surroundings: the tools and corpora that it may name; without them those are not checked.
        folder: what relative paths in it are relative to; else its file's folder, or the current
            one where it is no file.

    Raises:
        SpecError: anything wrong with it; the message begins with ``file:line:column``, and
            ``others`` has what else is wrong.
    """
    loaded, complaints = examine(workflow, surroundings, folder=folder)
    errors = [complaint for complaint in complaints if complaint.severity == "error"]
    if errors or loaded is None:
        raise error_of(errors)
    return loaded


def examine(
    workflow: str | Path | dict[str, Any],
    surroundings: Surroundings | None = None,
    *,
    folder: Path | None = None,
) -> tuple[Workflow | None, list[Complaint]]:
    """Read and check a workflow; give it, and all complaints in the order of the file.

    Args: as for ``load_workflow``. It is None where there is not enough to check.
    """
    loading = _Loading(surroundings)
    loaded = loading.load(workflow, (), folder)
    broken = any(c.severity == "error" for source in loading.sources for c in source.complaints)
    if loaded is not None and surroundings is not None and not broken:
        check_approvals(loaded, surroundings)
    complaints = dict.fromkeys(c for source in loading.sources for c in _in_order(source))
    return loaded, list(complaints)


class _Loading:
    """One workflow with those that it uses.

    Attributes:
        sources: of the files that were read, the first one first.
    """

    def __init__(self, surroundings: Surroundings | None) -> None:
        self._surroundings = surroundings
        self.sources: list[Source] = []

    def load(
        self,
        workflow: str | Path | dict[str, Any],
        users: tuple[Path, ...],
        given: Path | None = None,
    ) -> Workflow | None:
        """Load a workflow; ``users`` are the files that led here, each using the next."""
        source, folder = _read(workflow)
        folder = given or folder
        self.sources.append(source)
        if source.data is None:
            return None
        put_prompts_in(source, folder)
        structure = read_structure(source)
        if structure is None:
            return None
        file = Path(source.name).resolve()
        chain = (*users, *([file] if file.is_file() else []))

        def open_used(use: str, place: Loc) -> Workflow | None:
            return self._use(source, folder, use, place, chain)

        checked = check_workflow(structure, source, folder, open_used, self._surroundings)
        check_cached(checked.body, source)
        streams = streamed(structure.spec, source)
        return Workflow(structure.spec, checked.body, folder, source, checked.outputs, streams)

    def _use(
        self, source: Source, folder: Path, use: str, place: Loc, chain: tuple[Path, ...]
    ) -> Workflow | None:
        file = below(source, place, folder, use)
        if file is None:
            return None
        if file in chain:
            circle = " → ".join(path.name for path in (*chain[chain.index(file) :], file))
            source.complain(f"these workflows use each other: {circle}", place)
            return None
        return self.load(file, chain)


def _in_order(source: Source) -> Iterator[Complaint]:
    yield from sorted(source.complaints, key=lambda c: (c.source, c.line, c.column))


def _used(body: Body) -> list[Workflow]:
    """The workflows that nodes of a body, and of the bodies inside, use."""
    return [*body.used.values(), *(w for inner in body.inner.values() for w in _used(inner))]


def json_schema() -> dict[str, Any]:
    """The JSON Schema of workflow files, for editors."""
    schema = WorkflowSpec.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _read(workflow: str | Path | dict[str, Any]) -> tuple[Source, Path]:
    if isinstance(workflow, dict):
        try:
            text = yaml.safe_dump(workflow, sort_keys=False)
        except yaml.YAMLError as error:
            raise SpecError(f"not plain data: {error}", source="<dict>") from error
        return read_yaml(text, "<dict>"), Path.cwd()
    if isinstance(workflow, str) and "\n" in workflow:
        return read_yaml(workflow, "<string>"), Path.cwd()
    path = Path(workflow)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise SpecError("no such workflow file", source=str(path), hint=_nearby(path)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"cannot be read: {error}", source=str(path)) from error
    return read_yaml(text, str(path)), path.resolve().parent


def _nearby(path: Path) -> str | None:
    folder = path.parent
    names = [str(p) for p in folder.glob("*.y*ml")] if folder.is_dir() else []
    return nearest(str(path), names) if names else None
