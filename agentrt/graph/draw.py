"""A workflow's graph as a drawing."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

from agentrt.errors import UserError
from agentrt.graph.compile import compile_workflow
from agentrt.spec import Workflow
from agentrt.spec.body import Body


def mermaid(workflow: Workflow) -> str:
    """The compiled graph as Mermaid text, nested graphs included."""
    return compile_workflow(workflow).get_graph(xray=True).draw_mermaid()


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
    style = '  node [fontname="sans-serif", style=rounded];'
    head = ["digraph {", "  rankdir=LR;", "  compound=true;", style]
    return "\n".join([*head, *_dot_lines(workflow.body, ""), "}"])


def _dot_lines(body: Body, prefix: str) -> Iterator[str]:
    """A body's nodes and edges; a node with a graph of its own has a frame around that."""
    for name, node in body.nodes.items():
        known, shape = f"{prefix}{name}", _SHAPES.get(node.kind, "box")
        yield f'  "{known}" [label="{name}\\n{node.kind}", shape={shape}];'
        inner = body.used[name].body if name in body.used else body.inner.get(name)
        if inner is not None:
            yield f'  subgraph "cluster_{known}" {{ label="{name}"; style=dashed;'
            yield from _dot_lines(inner, f"{known}/")
            yield "  }"
            first = next(inside for inside, needs in inner.needs.items() if not needs)
            yield f'  "{known}" -> "{known}/{first}" [lhead="cluster_{known}", style=dashed];'
    for name, needs in body.needs.items():
        for need in needs:
            yield f'  "{prefix}{need}" -> "{prefix}{name}";'


_SHAPES = {"branch": "diamond", "retrieve": "cylinder", "tool": "component", "loop": "hexagon"}
