"""Leave to act that does not hold where text from outside has been read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from agentrt.spec.flow import Flow
from agentrt.spec.grant import Grant
from agentrt.spec.node import AgentNode, AnyNode
from agentrt.spec.surroundings import Surroundings

if TYPE_CHECKING:
    from agentrt.spec.load import Workflow


def check_approvals(workflow: Workflow, surroundings: Surroundings) -> None:
    """Warn of each ``approve: never`` whose calls a person is asked about all the same."""
    if not any(_says_never(grant) for part in workflow.parts() for _, grant in part.grants()):
        return
    reaches = {
        id(grant): surroundings.reach(grant, part.folder, part.tool_files)
        for part in workflow.parts()
        for _, grant in part.grants()
    }

    def outside(grants: Iterable[Grant]) -> list[str]:
        return [grant.name for grant in grants if reaches[id(grant)].reads_outside]

    flow = Flow(workflow, lambda grants: bool(outside(grants)))
    for part in workflow.parts():
        for node, place, grant in part.body.grants():
            if not (_says_never(grant) and reaches[id(grant)].acts):
                continue
            sources = sorted(flow.of(node)) or outside(_tools_of(node))
            if sources:
                part.source.complain(
                    "'approve: never' does not hold where the step has read text from outside "
                    f"({', '.join(sources)}): a person is asked",
                    (*place, "approve"),
                    hint="allow_tainted: true lets it act all the same",
                    key=True,
                    severity="warning",
                )


def _says_never(grant: Grant) -> bool:
    return grant.approve == "never" and not grant.allow_tainted


def _tools_of(node: AnyNode) -> list[Grant]:
    """The tools that may answer a step before it calls another."""
    return node.tools if isinstance(node, AgentNode) else []
