"""What is wrong with a workflow file: a sentence at a place, as a compiler gives it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agentrt.errors import SpecError

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Complaint:
    """One thing that is wrong, or looks so.

    Attributes:
        message: what is wrong, in one sentence.
        source: the file's name, or ``<string>``.
        line: 1-based line; ``column`` likewise.
        length: how many characters it is about.
        excerpt: the line that it is on.
        hint: what would mend it, such as the nearest valid name.
        severity: a warning keeps no workflow from running.
    """

    message: str
    source: str
    line: int
    column: int
    length: int = 1
    excerpt: str = ""
    hint: str | None = None
    severity: Severity = "error"

    @property
    def place(self) -> str:
        """``file:line:column``."""
        return f"{self.source}:{self.line}:{self.column}"

    @property
    def text(self) -> str:
        """The sentence with its hint."""
        return self.message + (f" ({self.hint})" if self.hint else "")


def error_of(complaints: list[Complaint]) -> SpecError:
    """The first complaint as the error to raise, with the others in ``others``."""
    first, *others = [
        SpecError(c.message, source=c.source, line=c.line, column=c.column, hint=c.hint)
        for c in complaints
    ]
    if not others:
        return first
    return SpecError(
        first.message, source=first.source, line=first.line, column=first.column, hint=first.hint,
        others=tuple(others),
    )  # fmt: skip
