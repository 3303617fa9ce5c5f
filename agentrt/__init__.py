"""agentrt: a local agent runtime that shows where an agent's time goes.

from agentrt import Runtime

with Runtime() as runtime:
    print(runtime.run("workflows/research.yaml").outputs["answer"])
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from agentrt.errors import (
        AgentrtError,
        ControlFlow,
        InputError,
        RunCancelled,
        RunError,
        SpecError,
        UserError,
    )
    from agentrt.graph.events import Event
    from agentrt.result import Result
    from agentrt.runtime import Runtime
    from agentrt.timing import Span
    from agentrt.toolbox import Tool, tool

__all__ = [
    "AgentrtError",
    "ControlFlow",
    "Event",
    "InputError",
    "Result",
    "RunCancelled",
    "RunError",
    "Runtime",
    "Span",
    "SpecError",
    "Tool",
    "UserError",
    "tool",
]

_HOMES = {
    "Event": "agentrt.graph.events",
    "Result": "agentrt.result",
    "Runtime": "agentrt.runtime",
    "Span": "agentrt.timing",
    "Tool": "agentrt.toolbox",
    "tool": "agentrt.toolbox",
}


def __getattr__(name: str) -> Any:
    """Load a public name where it is first used, so that importing agentrt stays light."""
    if name in __all__:
        return getattr(import_module(_HOMES.get(name, "agentrt.errors")), name)
    raise AttributeError(f"module 'agentrt' has no attribute {name!r}")
