"""Tools: making them from functions, finding, granting and calling them."""

from agentrt.toolbox.artefact import Artefact, ArtefactStore
from agentrt.toolbox.decorator import Tool, tool
from agentrt.toolbox.find import all_tools, find_tools, known_tools
from agentrt.toolbox.granted import GrantedTool, WorkflowPath, grant
from agentrt.toolbox.langchain import as_tools, langchain_tool
from agentrt.toolbox.toolbox import Call, Policy, Run, Toolbox, ToolLedger

__all__ = [
    "Artefact",
    "ArtefactStore",
    "Call",
    "GrantedTool",
    "Policy",
    "Run",
    "Tool",
    "ToolLedger",
    "Toolbox",
    "WorkflowPath",
    "all_tools",
    "as_tools",
    "find_tools",
    "grant",
    "known_tools",
    "langchain_tool",
    "tool",
]
