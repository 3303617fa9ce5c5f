"""Every error that agentrt raises, in one tree.

AgentrtError
├── UserError              what was asked for is wrong; nothing ran      (exit code 2)
│   ├── SpecError          a workflow file is wrong: file, line, column
│   ├── InputError         an input is missing, unknown or of the wrong type
│   ├── GrantError         a tool that is asked for does not exist, or not with these options
│   └── ProfileError       a serving profile is wrong or can't run on this machine
├── RunError               the request was right, and carrying it out failed (exit code 1)
│   ├── ServingError       the model server did not start, or died
│   ├── LLMError           a model call failed
│   │   └── OutputError    its output broke its schema
│   ├── RetrievalError     a corpus could not be read, indexed or searched
│   ├── ToolError          a tool failed, was not granted or ran past its limit
│   │   └── RefusedError   a person or the policy refused a call, before any effect
│   ├── DeadlineError      a node took longer than its timeout_s
│   ├── BudgetError        the run has spent what its workflow allows
│   ├── StoreError         runs could not be kept, or not be read
│   └── TraceError         a trace file could not be read
└── ControlFlow            the run was told to stop; nothing is broken
    ├── RunWaiting         a person must answer before it goes on       (exit code 3)
    └── RunCancelled       Ctrl-C, a signal or a cancelled task        (exit code 130)
"""

from __future__ import annotations

from typing import Any, ClassVar

from agentrt.redact import redact


class AgentrtError(Exception):
    """Base of all errors of agentrt; ``exit_code`` is what the command line exits with."""

    exit_code: ClassVar[int] = 1

    def __str__(self) -> str:
        return redact(super().__str__())


class UserError(AgentrtError):
    """What was asked for is wrong; nothing ran."""

    exit_code: ClassVar[int] = 2


class SpecError(UserError):
    """A workflow file is wrong.

    Args:
        message: what is wrong, in one sentence.
        source: the file's name, or ``<string>``.
        line: 1-based line, or None where the whole file is meant.
        column: 1-based column.
        hint: what would mend it, such as the nearest valid name.
        others: what else is wrong with the file.
    """

    def __init__(
        self,
        message: str,
        *,
        source: str = "<string>",
        line: int | None = None,
        column: int | None = None,
        hint: str | None = None,
        others: tuple[SpecError, ...] = (),
    ) -> None:
        self.message, self.source, self.hint, self.others = message, source, hint, others
        self.line, self.column = line, column
        place = ":".join(str(part) for part in (source, line, column) if part is not None)
        more = f"; and {len(others)} more, see `agentrt validate`" if others else ""
        super().__init__(f"{place}: {message}" + (f" ({hint})" if hint else "") + more)


class InputError(UserError):
    """An input is missing, unknown or of the wrong type."""


class GrantError(UserError):
    """A tool that is asked for does not exist, or not with these options.

    Args:
        message: what is wrong, in one sentence.
        option: the option that it is about, where it is about one.
    """

    def __init__(self, message: str, *, option: str | None = None) -> None:
        super().__init__(message)
        self.option = option


class ProfileError(UserError):
    """A serving profile is wrong, unknown or can't run on this machine."""


class RunError(AgentrtError):
    """The request was right, and carrying it out failed."""


class ServingError(RunError):
    """The model server did not start, or died."""


class LLMError(RunError):
    """A model call failed, or its output broke its schema."""


class OutputError(LLMError):
    """A model's output broke its schema, and still did when it was shown the error.

    Args:
        message: where in the output, and what is wrong there.
        output: the output.
    """

    def __init__(self, message: str, output: str) -> None:
        super().__init__(message)
        self.output = output


class RetrievalError(RunError):
    """A corpus could not be read, indexed or searched."""


class ToolError(RunError):
    """A tool failed, was not granted or ran past its limit."""


class RefusedError(ToolError):
    """A person or the policy refused a call; the tool was not called."""


class DeadlineError(RunError):
    """A node took longer than its ``timeout_s``."""


class BudgetError(RunError):
    """The run has spent the seconds, calls or tokens that its workflow allows."""


class StoreError(RunError):
    """The store of runs could not be opened, written or read."""


class TraceError(RunError):
    """A trace file could not be read."""


class ControlFlow(AgentrtError):  # noqa: N818 - nothing is broken
    """The run was told to stop; nothing is broken."""


class RunWaiting(ControlFlow):
    """The run waits for a person; it goes on when its questions are answered.

    Args:
        run_id: what to resume.
        questions: each a ``Question``.
    """

    exit_code: ClassVar[int] = 3

    def __init__(self, run_id: str, questions: tuple[Any, ...]) -> None:
        self.run_id, self.questions = run_id, questions
        asked = "; ".join(f"{question.node}: {question.message}" for question in questions)
        super().__init__(f"run {run_id} waits for a person: {asked}")


class RunCancelled(ControlFlow):
    """The run was cancelled: Ctrl-C, a signal or a cancelled task."""

    exit_code: ClassVar[int] = 130
