"""Test doubles that ship: a scripted fake model server and a scripted model."""

from agentrt.testing.fake_server import FakeOpenAIServer, Reply
from agentrt.testing.scripted_model import ScriptedModel

__all__ = ["FakeOpenAIServer", "Reply", "ScriptedModel"]
