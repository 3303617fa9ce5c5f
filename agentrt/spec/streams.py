"""Outputs that are shown while a model writes them."""

from __future__ import annotations

from agentrt.spec.model import LLMNode, WorkflowSpec
from agentrt.spec.names import known_name
from agentrt.spec.source import Source
from agentrt.spec.template import references


def streamed(spec: WorkflowSpec, source: Source) -> dict[str, str]:
    """The nodes whose text is shown while it is written, each with the output that it feeds.

    Raises:
        SpecError: a name under ``stream`` is no output, or no model call writes its text.
    """
    nodes: dict[str, str] = {}
    for index, output in enumerate(spec.stream):
        known_name(source, ("stream", index), "output", output, spec.outputs)
        feeding = [
            name.root for name in references(spec.outputs[output]) if _writes(spec, name.root)
        ]
        if not feeding:
            message = f"the output {output!r} reads no text that an llm node writes"
            raise source.error(message, ("stream", index))
        nodes |= dict.fromkeys(feeding, output)
    return nodes


def _writes(spec: WorkflowSpec, name: str) -> bool:
    node = spec.nodes.get(name)
    return isinstance(node, LLMNode) and node.schema_ is None and node.for_each is None
