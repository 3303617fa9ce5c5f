"""How text from outside flows through a workflow, told from the workflow alone.

A step's taint is where the text came from that its templates may hold: a retrieval, a tool that
reads the outside, or any step that read one. A step that a branch chose is tainted as the branch
is: who decides whether it runs has a say in what it does. What a person entered is clean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

from agentrt.spec.body import Body
from agentrt.spec.check import reads_in, slots
from agentrt.spec.grant import Grant
from agentrt.spec.node import (
    AgentNode,
    AnyNode,
    BranchNode,
    LoopNode,
    ParallelNode,
    RetrieveNode,
    ToolNode,
    WorkflowNode,
)

if TYPE_CHECKING:
    from agentrt.spec.load import Workflow

Taint = frozenset[str]
Env = Mapping[str, Taint]
CLEAN: Taint = frozenset()


class Flow:
    """The taint that each step of a workflow begins with, and that of its outputs.

    Args:
        reads_outside: whether the tools of some grants may answer with text from outside.
    """

    def __init__(
        self, workflow: Workflow, reads_outside: Callable[[Iterable[Grant]], bool]
    ) -> None:
        self._workflow = workflow  # Its nodes are known by their identity.
        self._reads_outside = reads_outside
        self._found: dict[int, Taint] = {}
        self.outputs = self._of_workflow(workflow, CLEAN)

    def of(self, node: AnyNode) -> Taint:
        """What a step has read before it does anything."""
        return self._found.get(id(node), CLEAN)

    def _of_workflow(self, workflow: Workflow, given: Taint) -> Taint:
        """The taint of a workflow's outputs where its inputs have that of ``given``."""
        env = {"inputs": given, "vars": given}
        values = self._body(workflow.body, env)
        return _read({**env, **values}, workflow.spec.outputs)

    def _body(self, body: Body, env: Env) -> dict[str, Taint]:
        values: dict[str, Taint] = {}
        for name in TopologicalSorter(body.needs).static_order():
            node, seen = body.nodes[name], {**env, **values}
            read = _read(seen, [slot.template for slot in slots(node) if not slot.inside])
            choosers = [other for other in values if _chooses(body.nodes[other], name)]
            read = read.union(*(values[other] for other in choosers))
            self._found[id(node)] = self._found.get(id(node), CLEAN) | read
            values[name] = self._value(body, name, seen, read)
        return values

    def _value(self, body: Body, name: str, env: Env, read: Taint) -> Taint:
        node = body.nodes[name]
        own = frozenset({_label(body, name)})
        match node:
            case RetrieveNode():
                return read | own
            case ToolNode():
                return read | own if self._reads_outside([node.tool]) else read
            case AgentNode():
                return read | own if self._reads_outside(node.tools) else read
            case LoopNode():
                return read | self._loop(node, body.inner[name], {**env, "item": read}, read)
            case ParallelNode():
                inner = self._body(body.inner[name], {**env, "item": read})
                return read.union(*inner.values())
            case WorkflowNode():
                return read | self._of_workflow(body.used[name], read)
            case _:
                return CLEAN if str(node.kind) == "human" else read

    def _loop(self, node: LoopNode, body: Body, env: Env, carried: Taint) -> Taint:
        """Rounds until no more taint is carried into the next one."""
        while True:
            seen = {**env, "loop": carried}
            inner = {**seen, **self._body(body, seen)}
            more = carried | _read(inner, node.carry) | _read(inner, node.until)
            if more == carried:
                return carried | _read(inner, node.value)
            carried = more


def _read(env: Env, value: Any) -> Taint:
    """The taint of all that the texts in a value read."""
    return CLEAN.union(*(env.get(root, CLEAN) for root, _ in reads_in(value)))


def _chooses(node: AnyNode, name: str) -> bool:
    return isinstance(node, BranchNode) and any(case.to == name for case in node.cases)


def _label(body: Body, name: str) -> str:
    nested = [str(part) for part in body.at if part != "nodes"]
    return "/".join([*nested, name])
