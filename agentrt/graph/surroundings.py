"""What workflows may name here: the tools that there are, and the corpora."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from agentrt.errors import GrantError
from agentrt.rag import Passage
from agentrt.rag.corpus import PYTHON_REFERENCE
from agentrt.spec import Grant, GrantProblem, Reach, Surroundings
from agentrt.toolbox import GrantedTool, Tool, find_tools, grant, known_tools
from agentrt.toolbox.policy import ACTING, OUTSIDE
from agentrt.toolbox.signature import UNKNOWN, Signature, declared_signatures, signatures_of


def surroundings(tools: Sequence[Tool], servers: Collection[str]) -> Surroundings:
    """What a workflow may name.

    Args:
        tools: those of the runtime, beside those that ship.
        servers: the MCP servers of the user's settings.
    """

    def signatures(files: Sequence[Path]) -> dict[str, Signature]:
        found = {**declared_signatures(files), **signatures_of(tools)}
        return {**dict.fromkeys(known_tools(files, tools), UNKNOWN), **found}

    passage = Passage.model_json_schema()
    properties = {"n": {"type": "integer"}, **passage["properties"]}
    return Surroundings(
        tools=signatures,
        refuse=lambda wanted, folder: _refusal(wanted, folder, tools),
        reach=lambda wanted, folder, files: _reach(wanted, folder, tools, signatures(files)),
        servers=servers,
        corpora=(PYTHON_REFERENCE,),
        passage={**passage, "properties": properties, "required": list(properties)},
    )


def _refusal(wanted: Grant, folder: Path, tools: Sequence[Tool]) -> GrantProblem | None:
    """Why a grant can't be; a workflow's own tool files, which may do anything, are not run."""
    try:
        _granted(wanted, folder, tools)
    except GrantError as error:
        return GrantProblem(str(error), error.option)
    return None


def _granted(wanted: Grant, folder: Path, tools: Sequence[Tool]) -> list[GrantedTool] | None:
    """What is granted; None where only a tool file or a server knows."""
    if wanted.name not in known_tools((), tools):
        return None
    found = find_tools([wanted.name], (), tools)
    return grant(found, wanted.options, only=wanted.only, approve=wanted.approve, folder=folder)


def _reach(
    wanted: Grant, folder: Path, tools: Sequence[Tool], signatures: Mapping[str, Signature]
) -> Reach:
    try:
        granted = _granted(wanted, folder, tools)
    except GrantError:
        # It was complained of already.
        granted = []
    if granted is not None:
        effects = frozenset[str]().union(*(each.tool.effects for each in granted))
    elif wanted.name in signatures:
        effects = signatures[wanted.name].effects
    else:
        # A server's: what it answers comes from outside, and only it knows whether it acts.
        return Reach(acts=False, reads_outside=True)
    return Reach(bool(effects & ACTING), bool(effects & OUTSIDE))
