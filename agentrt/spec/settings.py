"""The user's settings, for all workflows: ``settings.yaml`` in agentrt's configuration folder."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agentrt.errors import SpecError
from agentrt.spec.complaint import error_of
from agentrt.spec.mcp import McpServerSpec
from agentrt.spec.source import read_yaml


class Settings(BaseModel):
    """What a user sets for all workflows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mcp: dict[str, McpServerSpec] = Field(
        default_factory=dict, description="MCP servers that any workflow may name"
    )


def load_settings(file: Path) -> Settings:
    """Read a settings file; one that is not there sets nothing.

    Raises:
        SpecError: it can't be read, or something in it is wrong.
    """
    if not file.is_file():
        return Settings()
    try:
        source = read_yaml(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"cannot be read: {error}", source=str(file)) from error
    if source.complaints:
        raise error_of(source.complaints)
    try:
        return Settings.model_validate(source.data)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        raise source.error(f"{fault['loc'][-1]!r}: {fault['msg']}", fault["loc"]) from error
