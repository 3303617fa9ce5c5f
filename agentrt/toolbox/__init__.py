"""Tools: making them from functions, finding, granting and calling them."""

from agentrt.toolbox.decorator import Tool, tool
from agentrt.toolbox.find import find_tools, known_tools
from agentrt.toolbox.toolbox import Toolbox

__all__ = ["Tool", "Toolbox", "find_tools", "known_tools", "tool"]
