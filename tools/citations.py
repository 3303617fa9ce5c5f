"""Checking that an answer cites what was retrieved."""

from typing import Any

from agentrt.toolbox import tool


@tool(inject=("check_citations",))
def check_citations(
    answer: str, passages: list[dict[str, Any]], check_citations: Any
) -> dict[str, Any]:
    """Check that each citation such as [1] in an answer is one of the numbered passages."""
    checked = check_citations(answer, passages)
    return {"ok": checked.ok, "cited": checked.cited, "unknown": checked.unknown}
