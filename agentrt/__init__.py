"""agentrt: a local agent runtime."""

__version__ = "0.1.0"
