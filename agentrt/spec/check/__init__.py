"""Checks of a workflow as a whole: names, types, order, tools, files, and what nobody uses."""

from agentrt.spec.check.reading import reads_in
from agentrt.spec.check.slots import slots
from agentrt.spec.check.workflow import Checked, check_workflow

__all__ = ["Checked", "check_workflow", "reads_in", "slots"]
