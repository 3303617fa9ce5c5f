"""A node of a workflow, ready to be carried out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from agentrt.errors import RunError
from agentrt.graph.services import Services
from agentrt.graph.state import Scope
from agentrt.spec import AnyNode, TemplateFailure, Workflow, evaluate_all
from agentrt.spec.source import Path

Work = Callable[[str, Scope, Services], Awaitable[Any]]
"""What a node does: from its label, what its templates see and the world to its value."""


@dataclass(frozen=True)
class Step:
    """A node, where it stands in its file, and what it does."""

    workflow: Workflow
    path: Path
    node: AnyNode
    work: Work

    @property
    def name(self) -> str:
        """The node's name."""
        return str(self.path[-1])

    def located(self, field: Path, template: Any, scope: Scope) -> Any:
        """The value of a template of the node."""
        return located(self.workflow, (*self.path, *field), template, scope)

    def failed(self, failure: TemplateFailure) -> RunError:
        """The failure of one of the node's templates, with the node's place."""
        return template_error(self.workflow, self.path, failure)


def located(workflow: Workflow, path: Path, template: Any, scope: Scope) -> Any:
    """A template's value; its failure names the place in the file.

    Raises:
        RunError: the template failed on the values of this run.
    """
    try:
        return evaluate_all(template, scope)
    except TemplateFailure as failure:
        raise template_error(workflow, path, failure) from failure


def template_error(workflow: Workflow, path: Path, failure: Exception) -> RunError:
    """A template's failure, with its place in the file."""
    where = ".".join(str(part) for part in path)
    return RunError(f"{workflow.source.where(path)}: {where}: {failure}")
