"""What a tool's arguments may be: said by a pydantic model, or by a JSON Schema."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from pydantic import BaseModel, ValidationError

from agentrt.errors import ToolError


class Arguments(Protocol):
    """The arguments that a tool takes."""

    @property
    def schema(self) -> dict[str, Any]:
        """Their JSON Schema, as a model is shown it."""
        ...

    def validated(self, given: dict[str, Any]) -> dict[str, Any]:
        """The arguments as the tool's function takes them.

        Raises:
            ToolError: one is missing, unknown or wrong; begins with its name.
        """
        ...


@dataclass(frozen=True)
class ModelArguments:
    """Arguments of a Python function, as a pydantic model."""

    model: type[BaseModel]

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The model's JSON Schema, without the titles that pydantic makes up."""
        schema = self.model.model_json_schema()
        schema.pop("title", None)
        schema.pop("description", None)
        for argument in schema.get("properties", {}).values():
            argument.pop("title", None)
        return schema

    def validated(self, given: dict[str, Any]) -> dict[str, Any]:
        """The model's fields, converted to their types."""
        try:
            valid = self.model.model_validate(given)
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            argument = ".".join(str(part) for part in fault["loc"]) or "arguments"
            raise ToolError(f"{argument}: {fault['msg']}") from error
        return {name: getattr(valid, name) for name in self.model.model_fields}


@dataclass(frozen=True)
class SchemaArguments:
    """Arguments of a tool that lives elsewhere, as a JSON Schema.

    They reach the function together, as its parameter ``arguments``: their names are not ours.
    """

    schema: dict[str, Any]

    def validated(self, given: dict[str, Any]) -> dict[str, Any]:
        """The arguments as they are, where they fit the schema."""
        from jsonschema import Draft202012Validator

        fault = next(iter(Draft202012Validator(self.schema).iter_errors(given)), None)
        if fault is not None:
            argument = ".".join(str(part) for part in fault.absolute_path) or "arguments"
            raise ToolError(f"{argument}: {fault.message[:300]}")
        return {"arguments": given}
