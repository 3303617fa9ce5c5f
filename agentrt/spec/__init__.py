"""The workflow language: models, loading with file:line errors, templates, JSON Schema."""

from agentrt.spec.grant import Grant
from agentrt.spec.inputs import resolve_inputs
from agentrt.spec.load import Workflow, json_schema, load_workflow
from agentrt.spec.mcp import McpServerSpec
from agentrt.spec.model import (
    AgentNode,
    AnyNode,
    BranchNode,
    BudgetSpec,
    ChooseSpec,
    HumanNode,
    LLMNode,
    LoopNode,
    ModelSpec,
    ParallelNode,
    RetrieveNode,
    SamplingSpec,
    ToolNode,
    WorkflowNode,
    WorkflowSpec,
)
from agentrt.spec.settings import Settings, load_settings
from agentrt.spec.template import TemplateFailure, evaluate, evaluate_all, render

__all__ = [
    "AgentNode",
    "AnyNode",
    "BranchNode",
    "BudgetSpec",
    "ChooseSpec",
    "Grant",
    "HumanNode",
    "LLMNode",
    "LoopNode",
    "McpServerSpec",
    "ModelSpec",
    "ParallelNode",
    "RetrieveNode",
    "SamplingSpec",
    "Settings",
    "TemplateFailure",
    "ToolNode",
    "Workflow",
    "WorkflowNode",
    "WorkflowSpec",
    "evaluate",
    "evaluate_all",
    "json_schema",
    "load_settings",
    "load_workflow",
    "render",
    "resolve_inputs",
]
