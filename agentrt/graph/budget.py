"""What a run may spend: counted as it goes, refused when it is gone."""

from __future__ import annotations

from dataclasses import dataclass

from agentrt.errors import BudgetError
from agentrt.spec import BudgetSpec


@dataclass
class Budget:
    """One run's budget. Seconds are watched where the run is started, the rest is counted here.

    A workflow that is a step of another spends from its own budget and from the other's,
    ``around`` it.
    """

    spec: BudgetSpec
    around: Budget | None = None
    llm_calls: int = 0
    tool_calls: int = 0
    output_tokens: int = 0

    def inside(self, spec: BudgetSpec) -> Budget:
        """The budget of a workflow that is a step of this one."""
        return Budget(spec, self)

    def add(self, llm_calls: int, tool_calls: int, output_tokens: int) -> None:
        """Count what a run's earlier processes spent."""
        self.llm_calls += llm_calls
        self.tool_calls += tool_calls
        self.output_tokens += output_tokens

    def before_llm_call(self, max_tokens: int) -> int:
        """Count a model call, and give how many tokens it may write.

        Raises:
            BudgetError: no call or no token is left.
        """
        if self.around is not None:
            max_tokens = self.around.before_llm_call(max_tokens)
        self.llm_calls += 1
        _within("llm_calls", self.llm_calls, self.spec.llm_calls)
        if self.spec.output_tokens is None:
            return max_tokens
        _within("output_tokens", self.output_tokens + 1, self.spec.output_tokens)
        return min(max_tokens, self.spec.output_tokens - self.output_tokens)

    def after_llm_call(self, output_tokens: int | None) -> None:
        """Count what a call wrote; a server that does not tell counts as nothing."""
        if self.around is not None:
            self.around.after_llm_call(output_tokens)
        self.output_tokens += output_tokens or 0

    def before_tool_call(self) -> None:
        """Count a tool call.

        Raises:
            BudgetError: none is left.
        """
        if self.around is not None:
            self.around.before_tool_call()
        self.tool_calls += 1
        _within("tool_calls", self.tool_calls, self.spec.tool_calls)


def spent(seconds: float) -> BudgetError:
    """The error for a workflow that has taken the seconds that it may."""
    return BudgetError(f"the run has spent its budget: seconds {seconds:g}")


def _within(name: str, spent: int, allowed: int | None) -> None:
    if allowed is not None and spent > allowed:
        raise BudgetError(f"the run has spent its budget: {name} {allowed}")
