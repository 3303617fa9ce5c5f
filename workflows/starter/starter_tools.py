"""Tools of starter.yaml: each is a typed function with a docstring, by which models choose it."""

from agentrt.toolbox import tool


@tool
def count_words(before: str, after: str) -> dict[str, int]:
    """Count the words of a text before and after it was shortened."""
    counts = {"before": len(before.split()), "after": len(after.split())}
    return {**counts, "saved": counts["before"] - counts["after"]}
