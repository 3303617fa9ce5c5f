"""The trace file: JSON lines, a header, then each span as it closed. Format: docs/trace.md."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, TextIO

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from agentrt.errors import TraceError
from agentrt.redact import redact_all
from agentrt.timing.span import Span
from agentrt.timing.tracer import SpanMoment

SCHEMA = "agentrt.trace"
VERSION = 1


class TraceHeader(BaseModel):
    """The first line of a trace file."""

    trace: str = SCHEMA
    version: int = VERSION
    workflow: str
    started_at: str = Field(description="wall-clock start, ISO 8601 with offset")
    attributes: Annotated[dict[str, Any], AfterValidator(redact_all)] = Field(default_factory=dict)


class Trace(BaseModel):
    """One run's header and closed spans, in the order in which they closed."""

    header: TraceHeader
    spans: list[Span]

    @property
    def run(self) -> Span:
        """The span of the whole run.

        Raises:
            TraceError: the trace holds no finished run.
        """
        for span in self.spans:
            if span.kind == "run":
                return span
        raise TraceError("the trace holds no finished run")


class TraceWriter:
    """Writes a trace beside its final name and moves it there when the run has ended.

    A killed run so leaves ``NAME.partial`` at the most, never a half-written trace.
    """

    def __init__(self, path: Path, header: TraceHeader) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._partial = path, path.with_name(path.name + ".partial")
        descriptor = os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file: TextIO = os.fdopen(descriptor, "w", encoding="utf-8")
        self._line(header.model_dump())

    def __call__(self, moment: SpanMoment, span: Span) -> None:
        """Be a span hook: write each span as it closes."""
        if moment == "close":
            self._line(span.model_dump())

    def _line(self, record: dict[str, Any]) -> None:
        self._file.write(json.dumps(record, default=str, ensure_ascii=False) + "\n")

    def __enter__(self) -> TraceWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._partial.replace(self._path)


def read_trace(path: Path) -> Trace:
    """Read a trace file.

    Raises:
        TraceError: it is missing, not a trace, of a newer version, or broken; names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TraceError(f"{path}: cannot be read: {error}") from error
    number = 1
    try:
        if not lines or json.loads(lines[0]).get("trace") != SCHEMA:
            raise TraceError(f"{path}:1: not an agentrt trace")
        header = TraceHeader.model_validate_json(lines[0])
        if header.version > VERSION:
            raise TraceError(f"{path}:1: version {header.version} is newer than {VERSION}")
        spans = []
        for line in lines[1:]:
            number += 1
            spans.append(Span.model_validate_json(line))
    except (ValidationError, ValueError, AttributeError) as error:
        raise TraceError(f"{path}:{number}: {str(error).splitlines()[0]}") from error
    return Trace(header=header, spans=spans)
