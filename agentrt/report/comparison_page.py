"""A comparison as one HTML page that needs nothing else."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from agentrt.bench.comparison import Comparison
from agentrt.report.comparison import ratio_text


def comparison_page(comparison: Comparison) -> str:
    """The page; all text in it is escaped, and it loads nothing."""
    environment = Environment(
        loader=PackageLoader("agentrt.report"), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["ratio"] = ratio_text
    return environment.get_template("comparison.html.j2").render(comparison=comparison)
