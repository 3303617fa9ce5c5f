"""Grants: which tools a step may use, and how far each may go."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class Grant(BaseModel):
    """A tool, a family of tools or an MCP server's tools, by exact name, with the tool's options.

    A plain string in a workflow grants the tool of that name without options. Fields that are not
    listed here are options; the tool itself says which it has.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str = Field(
        description="of a tool, of a family such as `files`, of an MCP server, or `SERVER.TOOL`"
    )
    only: list[str] | None = Field(
        default=None, min_length=1, description="of a family or server, these tools and no others"
    )
    approve: Literal["ask", "never"] | None = Field(
        default=None,
        description="`ask`: a person must approve each call; `never`: none; without it those of "
        "tools that write, send or execute",
    )
    allow_tainted: bool = Field(
        default=False,
        description="let the tool write, send or execute after the step has read text from "
        "outside; without it a person must approve those calls",
    )

    @property
    def options(self) -> dict[str, Any]:
        """What the workflow says beyond the fields that every grant has."""
        return dict(self.model_extra or {})


def _from_name(given: Any) -> Any:
    return {"name": given} if isinstance(given, str) else given


Granted = Annotated[Grant, BeforeValidator(_from_name, json_schema_input_type=str | Grant)]
