"""Options that several commands take."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from agentrt.errors import InputError, UserError

if TYPE_CHECKING:
    from agentrt.llm import Endpoint
    from agentrt.runtime import Runtime
    from agentrt.spec import Workflow

WorkflowArgument = Annotated[str, typer.Argument(metavar="WORKFLOW", help="A workflow file.")]
InputOption = Annotated[
    list[str] | None,
    typer.Option("--input", "-i", metavar="NAME=VALUE", help="An input; may be repeated."),
]
InputsFileOption = Annotated[
    Path | None, typer.Option("--inputs", metavar="FILE", help="Inputs from a YAML or JSON file.")
]
ProfileOption = Annotated[
    str, typer.Option("--profile", "-p", help="A serving profile, by name or path.")
]
SpeculationOption = Annotated[
    Literal["on", "off"], typer.Option("--speculation", help="Serve with or without speculation.")
]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or its beginning.")]
AllowChangesOption = Annotated[
    bool,
    typer.Option(
        "--allow-changes", help="Go on although files that the workflow builds on have changed."
    ),
]
BaseUrlOption = Annotated[
    str | None,
    typer.Option(help="Use this OpenAI-compatible server; the key is read from OPENAI_API_KEY."),
]
ModelOption = Annotated[str | None, typer.Option(help="The model's name there.")]
TraceOption = Annotated[Path | None, typer.Option(help="Where to write the trace.")]
RecordTextOption = Annotated[
    bool, typer.Option("--record-text", help="Keep prompts and answers in the trace.")
]
WatchOption = Annotated[bool, typer.Option("--watch", help="Show the waterfall while it grows.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Only the outputs.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
PerfettoOption = Annotated[
    Path | None,
    typer.Option("--perfetto", metavar="FILE", help="Write the trace for ui.perfetto.dev as well."),
]
ModelRoleOption = Annotated[
    list[str] | None,
    typer.Option(
        "--model-role",
        metavar="ROLE=URL#MODEL",
        help="The server and model of a role under the workflow's `models`; may be repeated. The "
        "key is read from OPENAI_API_KEY.",
    ),
]
NoCacheOption = Annotated[
    bool, typer.Option("--no-cache", help="Make the values of nodes with `cache` anew, keep none.")
]
OtlpOption = Annotated[
    str | None,
    typer.Option(
        "--otlp",
        metavar="ENDPOINT",
        help="Send OpenTelemetry spans (GenAI conventions) to this collector by OTLP over HTTP.",
    ),
]


def load_with_inputs(
    runtime: Runtime, path: str, pairs: list[str] | None, file: Path | None
) -> tuple[Workflow, dict[str, Any]]:
    """A checked workflow and its checked inputs, before any server starts.

    Raises:
        SpecError, InputError: something is wrong with one or the other.
    """
    from agentrt.spec import resolve_inputs

    loaded = runtime.load(path)
    from_file, words = read_inputs(pairs, file)
    return loaded, resolve_inputs(loaded, {**from_file, **words}, as_text=True)


def read_roles(words: list[str] | None) -> dict[str, Endpoint]:
    """The models that roles are mapped to.

    Raises:
        UserError: a word is not ROLE=URL#MODEL.
    """
    from agentrt.llm import Endpoint

    roles: dict[str, Endpoint] = {}
    for word in words or []:
        name, _, address = word.partition("=")
        url, _, model = address.rpartition("#")
        if not (name and url and model):
            raise UserError(f"--model-role takes ROLE=URL#MODEL, not {word!r}")
        roles[name] = Endpoint(url, model, os.environ.get("OPENAI_API_KEY", "none"))
    return roles


def require_roles(roles: Collection[str], workflow: Workflow) -> None:
    """Check that a workflow has the roles that are mapped.

    Raises:
        UserError: it lacks one.
    """
    known = {name for part in workflow.parts() for name in part.spec.models}
    for name in roles:
        if name not in known:
            found = ", ".join(sorted(known)) or "none"
            raise UserError(f"{workflow.spec.name} has no model role {name!r} (known: {found})")


def read_inputs(
    pairs: list[str] | None, file: Path | None, *, what: str = "--input"
) -> tuple[dict[str, Any], dict[str, str]]:
    """Inputs from a file, and those from ``name=value`` words, which are still text.

    Raises:
        InputError: a word has no ``=``, or the file is not a mapping.
    """
    import yaml

    from_file: Any = {}
    if file is not None:
        try:
            from_file = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise InputError(f"{file}: cannot be read: {error}") from error
        if not isinstance(from_file, dict):
            raise InputError(f"{file}: inputs are a mapping of names to values")
    words: dict[str, str] = {}
    for pair in pairs or []:
        name, equals, value = pair.partition("=")
        if not equals:
            raise InputError(f"{what} takes NAME=VALUE, not {pair!r}")
        words[name] = value
    return from_file, words
