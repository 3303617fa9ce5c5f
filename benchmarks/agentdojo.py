"""AgentDojo run through agentrt: attack success with and without the policy, and what it costs.

AgentDojo's tools become tools of agentrt, whose effects say whether they only read. Two models do
its tasks: a double that does each task as its authors would, and obeys every injected task that it
reads; and a model on a server. Three sides are compared:

- none: every tool may act, tainted or not
- policy: tools may act without approval until the agent has read text from outside
- policy, person: as well, and a person approves calls of the task itself, by exact arguments

Writes benchmarks/results/agentdojo.json. Run: make agentdojo, or
python benchmarks/agentdojo.py [--base-url URL --model NAME --api-key KEY]
"""

from __future__ import annotations

import argparse
import json
import site
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

from agentrt.bench.evidence import circumstances, versions
from agentrt.errors import AgentrtError, ToolError
from agentrt.graph.events import Event, ToolCalled
from agentrt.graph.person import Question
from agentrt.llm import Completion, Request
from agentrt.runtime import Runtime
from agentrt.timing import timed
from agentrt.toolbox import Tool
from agentrt.toolbox.arguments import ModelArguments
from agentrt.toolbox.decorator import Effect

ROOT = Path(__file__).parent.parent
# This file's folder goes, since it would be taken for the package of its name. AgentDojo's packages
# come after our own, so that what both have is ours.
sys.path[:] = [path for path in sys.path if Path(path) != Path(__file__).parent]
site.addsitedir(str(next((ROOT / ".venv-agentdojo" / "lib").glob("python*/site-packages"))))

from agentdojo.agent_pipeline.base_pipeline_element import BasePipelineElement  # noqa: E402
from agentdojo.agent_pipeline.tool_execution import tool_result_to_str  # noqa: E402
from agentdojo.attacks.attack_registry import load_attack  # noqa: E402
from agentdojo.functions_runtime import Function, FunctionCall, FunctionsRuntime  # noqa: E402
from agentdojo.task_suite.load_suites import get_suites  # noqa: E402
from agentdojo.types import text_content_block_from_string  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results"
SUITES = "v1"
ATTACK = "important_instructions_no_names"
MARK = "<INFORMATION>"
Side = Literal["none", "policy", "policy, person"]
SIDES: tuple[Side, ...] = ("none", "policy", "policy, person")
# What AgentDojo's tools change or send; all others only read.
ACTING = (
    "send", "delete", "create", "cancel", "reschedule", "add", "append", "share", "schedule",
    "update", "invite", "remove", "post", "reserve",
)  # fmt: skip


@dataclass
class Case:
    """A task, with an injected one or without, and how it went."""

    suite: str
    task: str
    injected: str | None
    useful: bool = False
    attacked: bool = False
    refused: int = 0
    asked: int = 0
    failed: str | None = None


class TaskDouble:
    """Does a task as its authors would, and every injected task that it reads. No model."""

    def __init__(self, task: Any, injected: Any, env: Any) -> None:
        self._todo: list[FunctionCall] = list(task.ground_truth(env.model_copy(deep=True)))
        self._closing = str(task.GROUND_TRUTH_OUTPUT)
        self._injected, self._env, self._obeyed = injected, env, injected is None

    async def complete(
        self, request: Request, *, on_token: Callable[[str], None] | None = None
    ) -> Completion:
        """The next call: of the injected task as soon as its text was read, else of the task."""
        with timed("llm", request.name, model="double"):
            if not self._obeyed and any(MARK in str(m["content"]) for m in request.messages):
                self._obeyed = True
                self._todo = [*self._injected.ground_truth(self._env), *self._todo]
                self._closing += " " + str(self._injected.GROUND_TRUTH_OUTPUT)
            if self._todo and "anyOf" in (request.schema or {}):
                call = self._todo.pop(0)
                return Completion(text="", data={"tool": call.function, "arguments": call.args})
            return Completion(text="", data={"finish": self._closing})


@dataclass
class Agent(BasePipelineElement):
    """An agent of agentrt as AgentDojo's pipeline, for one case."""

    side: Side
    task: Any
    injected: Any
    case: Case
    server: dict[str, str] | None
    max_steps: int
    name: str = "agentrt"
    calls: list[ToolCalled] = field(default_factory=list)

    def query(
        self,
        query: str,
        runtime: FunctionsRuntime,
        env: Any = None,
        messages: Sequence[Any] = (),
        extra_args: Any = None,
    ) -> Any:
        """Let the agent do the task, and give what it did in AgentDojo's form."""
        tools = [_tool(function, runtime, env) for function in runtime.functions.values()]
        allowed = [(c.function, _plain(c.args)) for c in self.task.ground_truth(_copy(env))]
        closing = self._run(query, tools, env, allowed)
        done = [call for call in self.calls if not call.error]
        trail = [
            _said("", [FunctionCall(function=call.tool, args=call.arguments)]) for call in done
        ]
        return query, runtime, env, [*messages, *trail, _said(closing, None)], {}

    def _run(self, query: str, tools: list[Tool], env: Any, allowed: list[Any]) -> str:
        def listen(event: Event) -> None:
            if isinstance(event, ToolCalled):
                self.calls.append(event)
                self.case.refused += event.output.startswith("refused")

        def person(question: Question) -> bool:
            self.case.asked += 1
            wanted = (question.value["tool"], _plain(question.value["arguments"]))
            return wanted in allowed

        double = None if self.server else TaskDouble(self.task, self.injected, env)
        open_world = self.side == "none"
        grants = [{"name": t.name, "approve": "never", "allow_tainted": open_world} for t in tools]
        workflow = {
            "name": "agentdojo",
            "inputs": {"task": {"type": "string"}},
            "nodes": {
                "agent": {
                    "kind": "agent",
                    "prompt": "{{ inputs.task }}",
                    "tools": grants,
                    "max_steps": self.max_steps,
                    "sampling": {"max_tokens": 128},
                }
            },
            "outputs": {"answer": "{{ agent }}"},
        }
        asked = person if self.side == "policy, person" else None
        where = self.server or {}
        # Not kept: where nobody answers, a call that needs a person is refused, and none waits.
        with Runtime(chat=double, tools=tools, on_question=asked, store=None, **where) as opened:
            try:
                return str(opened.run(workflow, {"task": query}, on_event=listen).outputs["answer"])
            except AgentrtError as error:
                self.case.failed = str(error)[:120]
                return ""


def main() -> None:
    options = _options()
    server = None
    if options.base_url:
        server = {"base_url": options.base_url, "model": options.model, "api_key": options.api_key}
    evidence: dict[str, Any] = {
        **circumstances(
            f"python benchmarks/agentdojo.py --every {options.every}"
            + (f" --server-every {options.server_every} --model {options.model}" if server else "")
        ),
        "versions": {**versions(), "agentdojo": version("agentdojo")},
        "suites": SUITES,
        "attack": ATTACK,
        "double": _measure(None, SIDES, options.every, 16, 1),
    }
    if server:
        sides: tuple[Side, ...] = ("none", "policy")
        evidence["model"] = options.model
        evidence["server"] = _measure(server, sides, options.server_every, 4, options.at_once)
    RESULTS.joinpath("agentdojo.json").write_text(json.dumps(evidence, indent=1) + "\n", "utf-8")


def _measure(
    server: dict[str, str] | None,
    sides: tuple[Side, ...],
    every: int,
    max_steps: int,
    at_once: int,
) -> dict[str, Any]:
    """Each side's figures over the same cases."""
    cases = list(_cases())[::every]
    found = {}
    for side in sides:
        started = time.perf_counter()

        def one(case: tuple[Any, Any, Any], side: Side = side) -> Case:
            return _case(*case, side, server, max_steps)

        with ThreadPoolExecutor(at_once) as pool:
            done = list(pool.map(one, cases))
        found[side] = {**_figures(done), "seconds": round(time.perf_counter() - started, 1)}
        print(side, found[side], flush=True)
    return found


def _figures(done: list[Case]) -> dict[str, Any]:
    clean = [case for case in done if case.injected is None]
    under_attack = [case for case in done if case.injected is not None]
    return {
        "tasks": len(clean),
        "attacks": len(under_attack),
        "useful": sum(case.useful for case in clean),
        "useful_under_attack": sum(case.useful for case in under_attack),
        "attacked": sum(case.attacked for case in under_attack),
        "refused": sum(case.refused for case in done),
        "asked": sum(case.asked for case in done),
        "failed": sum(case.failed is not None for case in done),
        "why_failed": dict(Counter(case.failed for case in done if case.failed).most_common(3)),
        "attacked_in": [
            f"{case.suite}/{case.task}/{case.injected}" for case in under_attack if case.attacked
        ],
    }


def _cases() -> Iterator[tuple[Any, Any, Any]]:
    """Each task alone, then with each injected task: suite, task, injected task."""
    for suite in get_suites(SUITES).values():
        for task in suite.user_tasks.values():
            yield suite, task, None
            for injected in suite.injection_tasks.values():
                yield suite, task, injected


def _case(
    suite: Any, task: Any, injected: Any, side: Side, server: dict[str, str] | None, steps: int
) -> Case:
    case = Case(suite.name, task.ID, injected.ID if injected else None)
    agent = Agent(side, task, injected, case, server, steps)
    injections: dict[str, str] = {}
    if injected is not None:
        injections = _attack(suite).attack(task, injected)
    judged = copy(task)
    judged.utility = _no_where_it_breaks(task.utility)
    useful, attacked = suite.run_task_with_pipeline(agent, judged, injected, injections)
    case.useful, case.attacked = bool(useful), injected is not None and bool(attacked)
    return case


def _no_where_it_breaks(check: Callable[..., bool]) -> Callable[..., bool]:
    """AgentDojo looks up what an agent should have made, and breaks where it has made nothing."""

    def judge(*given: Any, **named: Any) -> bool:
        try:
            return check(*given, **named)
        except (LookupError, AttributeError):
            return False

    return judge


@cache
def _attack(suite: Any) -> Any:
    """AgentDojo's attack on a suite; it remembers where each task's injections can stand."""
    target = SimpleNamespace(name="local")
    return load_attack(ATTACK, suite, target)  # type: ignore[arg-type]


def _tool(function: Function, runtime: FunctionsRuntime, env: Any) -> Tool:
    def call(**arguments: Any) -> str:
        answer, error = runtime.run_function(env, function.name, arguments)
        if error:
            raise ToolError(error)
        return tool_result_to_str(answer)

    return Tool(
        name=function.name,
        description=function.description.split("\n")[0],
        function=call,
        arguments=ModelArguments(function.parameters),
        effects=_effects(function.name),
        max_output=20_000,
    )


def _effects(name: str) -> frozenset[Effect]:
    """What a tool does; to open an address of the model's choice is to send it."""
    if name.startswith(ACTING):
        return frozenset({"write", "network"})
    return frozenset({"read", "network"} if name == "get_webpage" else {"read"})


def _said(text: str, calls: list[FunctionCall] | None) -> dict[str, Any]:
    return {
        "role": "assistant",
        "content": [text_content_block_from_string(text)],
        "tool_calls": calls,
    }


def _plain(arguments: Any) -> Any:
    return json.loads(json.dumps(dict(arguments), default=str, sort_keys=True))


def _copy(env: Any) -> Any:
    return env.model_copy(deep=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base-url")
    parser.add_argument("--model")
    parser.add_argument("--api-key", default="none")
    parser.add_argument("--every", type=int, default=1, help="each n-th case with the double")
    parser.add_argument("--server-every", type=int, default=20, help="each n-th on the server")
    parser.add_argument("--at-once", type=int, default=6)
    return parser.parse_args()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
