"""Outputs that are shown while a model writes them."""

from __future__ import annotations

from agentrt.spec.check.reading import roots
from agentrt.spec.check.slots import Slot
from agentrt.spec.model import WorkflowSpec
from agentrt.spec.node import LLMNode
from agentrt.spec.source import Source
from agentrt.spec.suggest import nearest


def streamed(spec: WorkflowSpec, source: Source) -> dict[str, str]:
    """The nodes whose text is shown while it is written, each with the output that it feeds.

    What is under ``stream`` and is no output, or none that a model call writes, is complained of.
    """
    nodes: dict[str, str] = {}
    for index, output in enumerate(spec.stream):
        place = ("stream", index)
        if output not in spec.outputs:
            hint = nearest(output, spec.outputs)
            source.complain(f"no output is called {output!r}", place, hint=hint)
            continue
        slot = Slot(("outputs", output), spec.outputs[output])
        feeding = [name for name in roots(slot) if _writes(spec, name)]
        if not feeding:
            source.complain(f"the output {output!r} reads no text that an llm node writes", place)
        nodes |= dict.fromkeys(feeding, output)
    return nodes


def _writes(spec: WorkflowSpec, name: str) -> bool:
    node = spec.nodes.get(name)
    return isinstance(node, LLMNode) and node.schema_ is None and node.for_each is None
