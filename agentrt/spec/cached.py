"""Which nodes' values may be kept."""

from __future__ import annotations

from agentrt.spec.body import Body
from agentrt.spec.source import Source


def check_cached(body: Body, source: Source) -> None:
    """Complain of ``cache`` where a value depends on more than what its node says and reads."""
    for name, node in body.nodes.items():
        if node.cache is not None and _searches(body, name):
            message = "what a corpus holds may change, so a search of it can't have 'cache'"
            source.complain(message, (*body.at, name, "cache"), key=True)
        if name in body.inner:
            check_cached(body.inner[name], source)


def _searches(body: Body, name: str) -> bool:
    """Whether a node, or one inside it, searches a corpus."""
    inner = body.used[name].body if name in body.used else body.inner.get(name)
    if inner is not None:
        return any(_searches(inner, inside) for inside in inner.nodes)
    return getattr(body.nodes[name], "corpus", None) is not None
