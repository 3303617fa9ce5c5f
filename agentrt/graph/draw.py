"""A workflow's graph as a drawing."""

from __future__ import annotations

import shutil
import subprocess

from agentrt.errors import UserError
from agentrt.graph.compile import compile_workflow
from agentrt.spec import Workflow


def mermaid(workflow: Workflow) -> str:
    """The compiled graph as Mermaid text, which GitHub and many editors draw."""
    return compile_workflow(workflow).get_graph().draw_mermaid()


def graphviz(workflow: Workflow, form: str) -> bytes:
    """The graph as a picture that Graphviz draws; ``form`` is ``svg`` or ``png``.

    Raises:
        UserError: Graphviz is not installed.
    """
    program = shutil.which("dot")
    if program is None:
        raise UserError("a picture needs Graphviz's `dot`; without it, write Mermaid (.mmd)")
    drawn = subprocess.run(
        [program, f"-T{form}"], input=_dot(workflow).encode(), capture_output=True, check=True
    )
    return drawn.stdout


def _dot(workflow: Workflow) -> str:
    nodes = [
        f'  "{name}" [label="{name}\\n{node.kind}", shape={_SHAPES.get(node.kind, "box")}];'
        for name, node in workflow.spec.nodes.items()
    ]
    edges = [f'  "{need}" -> "{name}";' for name, needs in workflow.needs.items() for need in needs]
    style = '  node [fontname="sans-serif", style=rounded];'
    return "\n".join(["digraph {", "  rankdir=LR;", style, *nodes, *edges, "}"])


_SHAPES = {"branch": "diamond", "retrieve": "cylinder", "tool": "component"}
