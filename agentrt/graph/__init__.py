"""Compiling a workflow to LangGraph and running its nodes."""

from agentrt.graph.compile import compile_workflow, invoke
from agentrt.graph.events import (
    Event,
    NodeFinished,
    NodeRetried,
    NodeStarted,
    Output,
    RoundFinished,
    SpanClosed,
    Token,
    ToolCalled,
    ToolProgress,
)
from agentrt.graph.nested import opening_state
from agentrt.graph.services import Chat, Services
from agentrt.graph.state import State

__all__ = [
    "Chat",
    "Event",
    "NodeFinished",
    "NodeRetried",
    "NodeStarted",
    "Output",
    "RoundFinished",
    "Services",
    "SpanClosed",
    "State",
    "Token",
    "ToolCalled",
    "ToolProgress",
    "compile_workflow",
    "invoke",
    "opening_state",
]
