"""Checking a workflow as a whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import TYPE_CHECKING

from agentrt.spec.body import Body
from agentrt.spec.check.bodies import Bodies
from agentrt.spec.check.reading import Known, Reads, data_type, read
from agentrt.spec.check.slots import Slot, nested
from agentrt.spec.check.tools import known_tools
from agentrt.spec.check.unused import warn_of_unused
from agentrt.spec.inputs import fits_input, input_type
from agentrt.spec.model import WorkflowSpec
from agentrt.spec.source import Path, Source
from agentrt.spec.structure import Structure
from agentrt.spec.surroundings import Surroundings
from agentrt.spec.value_type import ANY, Type, object_of

if TYPE_CHECKING:
    from agentrt.spec.load import Workflow

OpenUsed = Callable[[str, Path], "Workflow | None"]
"""Load the workflow that a node uses; the path is where its file is named, for complaints."""


@dataclass(frozen=True)
class Checked:
    """What checking a workflow finds out.

    Attributes:
        body: its nodes, and what waits for what.
        outputs: the types of its outputs.
    """

    body: Body
    outputs: Mapping[str, Type] = field(default_factory=dict)


def check_workflow(
    structure: Structure,
    source: Source,
    folder: File,
    open_used: OpenUsed,
    surroundings: Surroundings | None,
) -> Checked:
    """Check what the models can't; what is wrong is in the source's complaints."""
    spec, reads = structure.spec, Reads()
    _check_defaults(spec, source)
    known = _first_names(structure, source, reads)
    tools = known_tools(spec, source, folder, surroundings)
    bodies = Bodies(structure, source, folder, reads, tools, surroundings, open_used)
    body, inside = bodies.check(spec.nodes, ("nodes",), known)
    outputs = {}
    for name, template in spec.outputs.items():
        place = ("outputs", name)
        outputs[name] = read(source, place, Slot(place, template), inside, reads)
    if not any(complaint.severity == "error" for complaint in source.complaints):
        warn_of_unused(spec, source, body, reads, tools)
    return Checked(body, outputs)


def _check_defaults(spec: WorkflowSpec, source: Source) -> None:
    for name, declared in spec.inputs.items():
        if "default" in declared.model_fields_set and not fits_input(
            declared.type, declared.default
        ):
            article = "an" if declared.type in ("integer", "object") else "a"
            message = f"the default of {name!r} is not {article} {declared.type}"
            source.complain(message, ("inputs", name, "default"))


def _first_names(structure: Structure, source: Source, reads: Reads) -> Known:
    """What the first nodes may read: inputs, and vars that are made from them."""
    spec = structure.spec
    inputs = {name: input_type(declared) for name, declared in spec.inputs.items()}
    broken = {str(path[1]): ANY for path in structure.broken if path[0] == "inputs"}
    known = Known({"inputs": object_of({**inputs, **broken})})
    made: dict[str, Type] = {}
    for name, value in spec.vars.items():
        before = known.plus(vars=object_of(made))
        types = {
            slot.path: read(source, slot.path, slot, before, reads)
            for slot in nested(value, ("vars", name))
        }
        made[name] = data_type(value, ("vars", name), types)
    return known.plus(vars=object_of(made)) if made else known
