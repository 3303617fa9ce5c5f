"""The workflow language: models, loading with file:line errors, templates, JSON Schema."""

from agentrt.spec.check import reads_in
from agentrt.spec.complaint import Complaint
from agentrt.spec.fields import SamplingSpec
from agentrt.spec.grant import Grant
from agentrt.spec.inputs import resolve_inputs
from agentrt.spec.load import Workflow, examine, json_schema, load_workflow
from agentrt.spec.mcp import McpServerSpec
from agentrt.spec.model import BudgetSpec, ModelSpec, WorkflowSpec
from agentrt.spec.node import (
    AgentNode,
    AnyNode,
    BranchNode,
    ChooseSpec,
    HumanNode,
    LLMNode,
    LoopNode,
    ParallelNode,
    RetrieveNode,
    ToolNode,
    WorkflowNode,
)
from agentrt.spec.settings import Settings, load_settings
from agentrt.spec.surroundings import GrantProblem, Reach, Surroundings
from agentrt.spec.template import TemplateFailure, evaluate, evaluate_all, render

__all__ = [
    "AgentNode",
    "AnyNode",
    "BranchNode",
    "BudgetSpec",
    "ChooseSpec",
    "Complaint",
    "Grant",
    "GrantProblem",
    "HumanNode",
    "LLMNode",
    "LoopNode",
    "McpServerSpec",
    "ModelSpec",
    "ParallelNode",
    "Reach",
    "RetrieveNode",
    "SamplingSpec",
    "Settings",
    "Surroundings",
    "TemplateFailure",
    "ToolNode",
    "Workflow",
    "WorkflowNode",
    "WorkflowSpec",
    "evaluate",
    "evaluate_all",
    "examine",
    "json_schema",
    "load_settings",
    "load_workflow",
    "reads_in",
    "render",
    "resolve_inputs",
]
