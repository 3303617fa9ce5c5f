"""From a file, a text or a dict to a checked workflow; every complaint has its line and column."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from agentrt.errors import SpecError
from agentrt.spec.body import Body
from agentrt.spec.cached import check_cached
from agentrt.spec.check import check, check_tools, grants
from agentrt.spec.files import below, put_prompts_in
from agentrt.spec.grant import Grant
from agentrt.spec.model import (
    NODE_KINDS,
    BranchCase,
    BudgetSpec,
    CacheSpec,
    ChooseSpec,
    InputSpec,
    RetrySpec,
    SamplingSpec,
    WorkflowSpec,
)
from agentrt.spec.source import Path as Loc
from agentrt.spec.source import Source, read_yaml
from agentrt.spec.streams import streamed


@dataclass(frozen=True)
class Workflow:
    """A checked workflow.

    Attributes:
        spec: what the file says.
        body: its nodes, and what waits for what.
        folder: what relative paths in the file are relative to.
        source: where each value stands, for errors that come up later.
        streams: the nodes whose text is shown while it is written, with the output it is part of.
    """

    spec: WorkflowSpec
    body: Body
    folder: Path
    source: Source
    streams: Mapping[str, str] = field(default_factory=dict)

    @property
    def needs(self) -> Mapping[str, tuple[str, ...]]:
        """For each node the nodes it waits for."""
        return self.body.needs

    @property
    def tool_files(self) -> list[Path]:
        """The files with tools of its own."""
        return [self.folder / name for name in self.spec.tool_files]

    def parts(self) -> Iterator[Workflow]:
        """The workflow itself, and each that its nodes use."""
        yield self
        for used in _used(self.body):
            yield from used.parts()

    def require_tools(self, known: Collection[str]) -> None:
        """Check that each tool that its own nodes grant is one of ``known``.

        Raises:
            SpecError: one is not; the message begins with ``file:line:column``.
        """
        check_tools(self.body, self.source, known)

    def grants(self) -> Iterator[tuple[Loc, Grant]]:
        """Each grant of its own nodes with its path in the file."""
        return grants(self.body)


def load_workflow(workflow: str | Path | dict[str, Any], *, folder: Path | None = None) -> Workflow:
    """Read and check a workflow, all but its tools: ``Workflow.require_tools`` checks those.

    Args:
        workflow: a path, YAML text (anything with a line break in it), or a dict.
        folder: what relative paths in it are relative to; else its file's folder, or the current
            one where it is no file.

    Raises:
        SpecError: anything wrong with it; the message begins with ``file:line:column``.
    """
    return _load(workflow, (), folder)


def _load(
    workflow: str | Path | dict[str, Any], users: tuple[Path, ...], given: Path | None = None
) -> Workflow:
    """As ``load_workflow``; ``users`` are the files that led here, each using the next."""
    source, folder = _read(workflow)
    folder = given or folder
    if not isinstance(source.data, dict):
        raise source.error("a workflow is a mapping with name, nodes and outputs")
    put_prompts_in(source, folder)
    try:
        spec = WorkflowSpec.model_validate(source.data)
    except ValidationError as error:
        raise _explain(source, error) from error

    def open_used(use: str, place: Loc) -> Workflow:
        file = below(source, place, folder, use)
        chain = (*users, *([Path(source.name).resolve()] if Path(source.name).is_file() else []))
        if file in chain:
            circle = " → ".join(path.name for path in (*chain[chain.index(file) :], file))
            raise source.error(f"these workflows use each other: {circle}", place)
        return _load(file, chain)

    body = check(spec, source, open_used)
    check_cached(body, source)
    return Workflow(spec, body, folder, source, streamed(spec, source))


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
    names = [p.name for p in folder.glob("*.y*ml")] if folder.is_dir() else []
    close = get_close_matches(path.name, names, n=1)
    return f"did you mean {folder / close[0]}?" if close else None


def _explain(source: Source, error: ValidationError) -> SpecError:
    """The first complaint of pydantic, in the words and at the place of the file."""
    complaints = error.errors(include_url=False)
    # A misspelt field is also a missing one: the misspelling is what the user can see.
    complaint = min(complaints, key=lambda found: found["type"] != "extra_forbidden")
    kind = complaint["type"]
    path, model = _locate(source, complaint["loc"])
    field = str(path[-1]) if path else "workflow"
    if kind == "extra_forbidden":
        return source.error(f"unknown field {field!r}", path, hint=_suggest(field, model), key=True)
    if kind == "missing":
        return source.error(f"{_owner(path[:-1])} lacks {field!r}", path[:-1], key=True)
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _unknown_kind(source, path, complaint["input"])
    if kind == "string_pattern_mismatch":
        hint = "small letters, digits and _, a letter first"
        return source.error(f"{path[-1]!r} can't be a name", path, hint=hint, key=True)
    given = json.dumps(complaint["input"], default=str)
    return source.error(f"{field!r}: {complaint['msg']}, not {given[:60]}", path)


def _owner(path: Loc) -> str:
    return ".".join(str(part) for part in path) if path else "the workflow"


def _unknown_kind(source: Source, path: Loc, given: Any) -> SpecError:
    kinds = ", ".join(NODE_KINDS)
    if not isinstance(given, dict) or "kind" not in given:
        return source.error(f"{_owner(path)} lacks 'kind'", path, hint=f"one of {kinds}", key=True)
    close = get_close_matches(str(given["kind"]), list(NODE_KINDS), n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"one of {kinds}"
    return source.error(f"unknown kind {given['kind']!r}", (*path, "kind"), hint=hint)


def _locate(source: Source, loc: tuple[int | str, ...]) -> tuple[Loc, type[BaseModel] | None]:
    """pydantic's location without union tags and key marks, and the model it is about."""
    path: Loc = ()
    tagged: Loc = ()
    model: type[BaseModel] | None = WorkflowSpec
    for part in loc:
        if part == "[key]":
            continue
        if path[-2:-1] == ("nodes",) and part in NODE_KINDS and path != tagged:
            model, tagged = NODE_KINDS[str(part)], path
            continue
        if path == ("inputs",):
            model = InputSpec
        path = (*path, part)
        model = _PARTS.get(part, model) if isinstance(part, str) else model
    return path, model


_PARTS: dict[str, type[BaseModel]] = {
    "sampling": SamplingSpec,
    "cases": BranchCase,
    "choose": ChooseSpec,
    "retry": RetrySpec,
    "cache": CacheSpec,
    "budget": BudgetSpec,
}


def _suggest(field: str, model: type[BaseModel] | None) -> str | None:
    if model is None:
        return None
    names = [info.alias or name for name, info in model.model_fields.items()]
    close = get_close_matches(field, names, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names)}"
