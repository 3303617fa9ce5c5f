"""Runs that survive: their store, the ledger of their effects, and their checkpoints."""

from agentrt.runs.ledger import Entry, Ledger, Replay, at_step
from agentrt.runs.record import RunRecord, RunState
from agentrt.runs.store import RunStore, runs_folder

__all__ = [
    "Entry",
    "Ledger",
    "Replay",
    "RunRecord",
    "RunState",
    "RunStore",
    "at_step",
    "runs_folder",
]
