"""From what a workflow grants to tools that can be called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from agentrt.errors import GrantError
from agentrt.spec import Grant, Workflow
from agentrt.toolbox import GrantedTool, Tool, find_tools, grant, known_tools


def check_grants(workflow: Workflow, given: Sequence[Tool]) -> None:
    """Check each grant's name and, but for tools in the workflow's own files, its options.

    Those files are not run here, so that a workflow can be checked without running anything of it.

    Args:
        given: tools that the runtime was given, which come before others of the same name.

    Raises:
        SpecError: at the first grant that can't be; the message begins with ``file:line:column``.
    """
    for part in workflow.parts():
        known = known_tools(part.tool_files, given)
        part.require_tools(sorted(known))
        own = known - known_tools((), given)
        for path, wanted in part.grants():
            if wanted.name not in own:
                _granted(part, path, wanted, given, [])


class GrantedTools:
    """The tools that each grant of a workflow gives, loaded and checked before it runs.

    Raises:
        SpecError: a grant can't be, or a file with tools fails.
    """

    def __init__(self, workflow: Workflow, given: Sequence[Tool]) -> None:
        self._workflow = workflow  # Its grants are known by their identity.
        self._tools = {
            id(wanted): _granted(part, path, wanted, given, part.tool_files)
            for part in workflow.parts()
            for path, wanted in part.grants()
        }

    def of(self, grants: Iterable[Grant]) -> list[GrantedTool]:
        """The tools that some grants of the workflow's nodes give."""
        return [tool for wanted in grants for tool in self._tools[id(wanted)]]


def _granted(
    workflow: Workflow,
    path: tuple[str | int, ...],
    wanted: Grant,
    given: Sequence[Tool],
    files: Sequence[Path],
) -> list[GrantedTool]:
    try:
        return grant(
            find_tools([wanted.name], files, given),
            wanted.options,
            only=wanted.only,
            approve=wanted.approve,
            folder=workflow.folder,
        )
    except GrantError as error:
        at = (*path, error.option) if error.option else path
        raise workflow.source.error(str(error), at, key=error.option is not None) from error
