"""Granting tools: the options of a grant, checked against what each tool declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ValidationError, ValidationInfo

from agentrt.errors import GrantError
from agentrt.toolbox.decorator import Tool


def _from_workflow(path: Path, info: ValidationInfo) -> Path:
    folder = (info.context or {}).get("folder")
    return Path(folder or ".", path.expanduser()).resolve()


Approve = Literal["ask", "never"]
WorkflowPath = Annotated[Path, AfterValidator(_from_workflow)]
"""The type of an option that is a path: a relative one starts at the workflow's folder."""


@dataclass(frozen=True)
class GrantedTool:
    """A tool with what its grant says of it.

    Attributes:
        options: the granted options, None where the tool has none.
        approve: whether a person must approve each call; None leaves it to the effects.
        allow_tainted: whether it may act after the step has read text from outside.
    """

    tool: Tool
    options: BaseModel | None = None
    approve: Approve | None = None
    allow_tainted: bool = False


def grant(
    tools: Sequence[Tool],
    options: Mapping[str, Any] | None = None,
    *,
    only: Sequence[str] | None = None,
    approve: Approve | None = None,
    allow_tainted: bool = False,
    folder: Path | None = None,
) -> list[GrantedTool]:
    """Grant tools under options; those that the options rule out are left out.

    Args:
        tools: one tool, or a family that shares its options.
        options: by name, as a workflow says them.
        only: of a family, these and no others.
        folder: where relative paths among the options start.

    Raises:
        GrantError: an option is unknown, missing or wrong, or no tool is left.
    """
    chosen = _chosen(tools, only)
    granted = []
    for tool in chosen:
        valid = _validated(tool, options or {}, folder)
        if tool.when is None or tool.when(valid):
            granted.append(GrantedTool(tool, valid, approve, allow_tainted))
    if not granted:
        names = ", ".join(tool.name for tool in chosen)
        raise GrantError(f"these options leave nothing to grant of: {names}")
    return granted


def _chosen(tools: Sequence[Tool], only: Sequence[str] | None) -> list[Tool]:
    names = {tool.name: tool for tool in tools}
    # A server's tools may be named without the server.
    names |= {name.partition(".")[2]: tool for name, tool in names.items() if "." in name}
    for name in only or ():
        if name not in names:
            message = f"there is no {name!r} among them ({_nearest(name, [t.name for t in tools])})"
            raise GrantError(message, option="only")
    return list(tools) if only is None else [names[name] for name in only]


def _validated(tool: Tool, options: Mapping[str, Any], folder: Path | None) -> BaseModel | None:
    known = list(tool.options.model_fields) if tool.options else []
    for name in options:
        if name not in known:
            hint = _nearest(name, known) if known else "it has none"
            raise GrantError(f"{tool.name} has no option {name!r} ({hint})", option=name)
    if tool.options is None:
        return None
    try:
        return tool.options.model_validate(dict(options), context={"folder": folder})
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        option = str(fault["loc"][0]) if fault["loc"] else None
        if fault["type"] == "missing":
            raise GrantError(f"{tool.name} needs the option {option!r}") from error
        message = f"{tool.name}: option {option!r}: {fault['msg']}"
        raise GrantError(message, option=option) from error


def _nearest(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
