"""What workflows may name here: the tools that there are, and the corpora."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from agentrt.errors import GrantError
from agentrt.rag import Passage
from agentrt.rag.corpus import PYTHON_REFERENCE
from agentrt.spec import Grant, GrantProblem, Surroundings
from agentrt.toolbox import Tool, find_tools, grant, known_tools
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
        servers=servers,
        corpora=(PYTHON_REFERENCE,),
        passage={**passage, "properties": properties, "required": list(properties)},
    )


def _refusal(wanted: Grant, folder: Path, tools: Sequence[Tool]) -> GrantProblem | None:
    """Why a grant can't be; a workflow's own tool files, which may do anything, are not run."""
    if wanted.name not in known_tools((), tools):
        return None
    try:
        grant(
            find_tools([wanted.name], (), tools),
            wanted.options,
            only=wanted.only,
            approve=wanted.approve,
            folder=folder,
        )
    except GrantError as error:
        return GrantProblem(str(error), error.option)
    return None
