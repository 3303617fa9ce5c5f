"""Test doubles that ship: a scripted fake model server, a scripted model, an obedient one."""

from agentrt.testing.fake_server import FakeOpenAIServer, Reply
from agentrt.testing.obedient_model import ObedientModel
from agentrt.testing.scripted_model import ScriptedModel

__all__ = ["FakeOpenAIServer", "ObedientModel", "Reply", "ScriptedModel"]
