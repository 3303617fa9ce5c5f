"""Tools that the bad workflows call in bad ways."""

from typing import Any, Literal

from agentrt.toolbox import tool


@tool
def find_city(
    name: str, limit: int = 3, order: Literal["name", "size"] = "name"
) -> list[dict[str, Any]]:
    """Find cities by name."""
    return [{"name": name, "order": order}][:limit]
