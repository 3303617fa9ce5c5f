"""Serving profiles, and the vLLM server of one."""

from agentrt.serving.command import printable
from agentrt.serving.profile import Profile, load_profile, profile_names, why_not_here
from agentrt.serving.registry import Server, running_servers
from agentrt.serving.server import find_shared, serve, stop_servers

__all__ = [
    "Profile",
    "Server",
    "find_shared",
    "load_profile",
    "printable",
    "profile_names",
    "running_servers",
    "serve",
    "stop_servers",
    "why_not_here",
]
