"""``@tool``: from a typed Python function with a docstring to a tool."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_type_hints, overload

from pydantic import BaseModel, ConfigDict, Field, create_model

from agentrt.errors import UserError

Effect = Literal["read", "write", "network", "execute"]
Function = Callable[..., Any]


@dataclass(frozen=True)
class Tool:
    """A function that a workflow may grant to a model.

    ``arguments`` validates what the model gives; ``inject`` names what the runtime gives.
    """

    name: str
    description: str
    function: Function
    arguments: type[BaseModel]
    effects: frozenset[Effect]
    inject: tuple[str, ...]
    timeout_s: float

    @property
    def parameters(self) -> dict[str, Any]:
        """The JSON Schema of the arguments."""
        schema = self.arguments.model_json_schema()
        schema.pop("title", None)
        schema.pop("description", None)
        for argument in schema.get("properties", {}).values():
            argument.pop("title", None)
        return schema


@overload
def tool(function: Function, /) -> Tool: ...
@overload
def tool(
    *,
    name: str | None = None,
    effects: tuple[Effect, ...] = (),
    inject: tuple[str, ...] = (),
    timeout_s: float = 30.0,
) -> Callable[[Function], Tool]: ...
def tool(
    function: Function | None = None,
    /,
    *,
    name: str | None = None,
    effects: tuple[Effect, ...] = (),
    inject: tuple[str, ...] = (),
    timeout_s: float = 30.0,
) -> Tool | Callable[[Function], Tool]:
    """Make a tool of a function, sync or async.

    Args:
        name: its name, else the function's.
        effects: what it does to the world beyond giving an answer.
        inject: parameters that the runtime fills in and the model never sees.
        timeout_s: seconds it may take.

    Raises:
        UserError: the function has no docstring, or a parameter without a type.
    """

    def make(function: Function) -> Tool:
        called = name or function.__name__
        description = inspect.getdoc(function)
        if not description:
            raise UserError(f"tool {called!r} needs a docstring: models choose tools by it")
        return Tool(
            name=called,
            description=description.split("\n\n")[0].replace("\n", " "),
            function=function,
            arguments=_arguments(called, function, inject),
            effects=frozenset(effects),
            inject=inject,
            timeout_s=timeout_s,
        )

    return make if function is None else make(function)


def _arguments(name: str, function: Function, inject: tuple[str, ...]) -> type[BaseModel]:
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in inject:
            continue
        if parameter.name not in hints:
            raise UserError(f"tool {name!r}: parameter {parameter.name!r} needs a type")
        required = parameter.default is inspect.Parameter.empty
        default = Field() if required else Field(default=parameter.default)
        fields[parameter.name] = (hints[parameter.name], default)
    return create_model(name, __config__=ConfigDict(extra="forbid"), **fields)
