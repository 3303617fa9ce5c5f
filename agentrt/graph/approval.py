"""Asking a person before a tool acts; the approval holds for exactly what was asked about."""

from __future__ import annotations

from copy import deepcopy

from agentrt.errors import RefusedError, RunError
from agentrt.graph.person import Question, ask_person
from agentrt.graph.services import Services
from agentrt.toolbox import Call
from agentrt.toolbox.policy import fingerprint, reason_to_ask
from agentrt.toolbox.taint import taint


async def approve(node: str, call: Call, services: Services) -> str | None:
    """Let a call pass: because it needs no approval, or because a person gave it.

    Returns:
        The fingerprint of what the person approved.

    Raises:
        RefusedError: nobody can be asked, or the person said no. The tool has not been called.
    """
    name, reason = call.tool.name, reason_to_ask(call.granted, taint())
    if reason is None:
        return None
    asked = fingerprint(name, call.arguments)
    question = Question(
        node=node,
        ask="approve",
        message=f"May {name} be called? It is asked because {reason}.",
        value={"tool": name, "arguments": deepcopy(call.arguments), "sha256": asked},
    )
    try:
        answer = await ask_person(question, services)
    except RunError as error:
        message = f"refused: {name} needs a person's approval, because {reason}"
        raise RefusedError(message) from error
    if answer is not True:
        raise RefusedError(f"refused: a person did not approve this call of {name}")
    if fingerprint(name, call.arguments) != asked:
        raise RefusedError(f"refused: the arguments of {name} are not those that were approved")
    return asked
