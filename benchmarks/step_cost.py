"""What a step costs beyond the model: agentrt, bare LangGraph, pydantic-ai and smolagents.

All do the same ten-step tool loop against the same scripted server, each in a process of its own,
in turn. The loop by hand with OpenAI's client is the model's share and is taken off. Then a
thousand runs of agentrt at once. `make contenders` installs the others in an environment of their
own. Writes benchmarks/results/step-cost.json.

Run: python benchmarks/step_cost.py [ROUNDS] [RUNS_A_ROUND] [RUNS_AT_ONCE]
"""

import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from agentrt.bench.evidence import circumstances, versions
from agentrt.bench.sides import in_turn
from agentrt.testing import FakeOpenAIServer, Reply

HERE = Path(__file__).parent
OTHERS = HERE.parent / ".venv-contenders" / "bin" / "python"
STEPS = 10
CLIENT = "OpenAI's client, by hand"
# The program of each contender, the Python it runs with, and further words.
CONTENDERS: dict[str, tuple[str, Path, list[str]]] = {
    CLIENT: ("openai_client.py", Path(sys.executable), []),
    "bare LangGraph": ("bare_langgraph.py", Path(sys.executable), []),
    "agentrt, nothing kept": ("with_agentrt.py", Path(sys.executable), []),
    "bare LangGraph, SQLite": ("bare_langgraph.py", Path(sys.executable), ["--durable"]),
    "agentrt (default: SQLite)": ("with_agentrt.py", Path(sys.executable), ["--durable"]),
    "pydantic-ai": ("with_pydantic_ai.py", OTHERS, []),
    "smolagents": ("with_smolagents.py", OTHERS, []),
}


def main() -> None:
    given = [int(word) for word in sys.argv[1:]]
    rounds, runs, crowd = [*given, *(3, 10, 1000)[len(given) :]]
    if not OTHERS.is_file():
        raise SystemExit("pydantic-ai and smolagents are not installed: make contenders")
    seconds: dict[str, list[list[float]]] = {label: [] for label in CONTENDERS}
    with FakeOpenAIServer(_script()) as server:
        for turn in range(rounds):
            for label in in_turn(list(CONTENDERS), turn):
                found = _run(*CONTENDERS[label], server=server, runs=runs)
                seconds[label].append(found)
                print(f"round {turn + 1}, {label}: {median(found) * 100:.2f} ms a step", flush=True)
        at_once = [
            {
                "kept": kept,
                **_run("crowd.py", Path(sys.executable), words, server=server, runs=crowd),
            }
            for kept, words in (("nothing", []), ("SQLite", ["--durable"]))
        ]
    evidence = {
        **circumstances(f"python benchmarks/step_cost.py {rounds} {runs} {crowd}"),
        "versions": {**versions(), **_others_versions()},
        "steps": STEPS,
        "seconds": seconds,
        "beyond_the_model_ms_a_step": {
            label: _beyond(seconds[label], seconds[CLIENT])
            for label in CONTENDERS
            if label != CLIENT
        },
        "at_once": at_once,
    }
    path = HERE / "results" / "step-cost.json"
    path.write_text(json.dumps(evidence, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(evidence["beyond_the_model_ms_a_step"], indent=1))
    print(json.dumps(at_once, indent=1))


def _script() -> Callable[[dict[str, Any]], Reply]:
    """Nine calls of ``add``, then the end, which smolagents wants as a tool call."""
    turns = itertools.count()

    def reply(body: dict[str, Any]) -> Reply:
        tools = {told["function"]["name"] for told in body.get("tools") or []}
        if "final_answer" in tools:
            done = next(turns) % STEPS
            last = Reply(tool_calls=(("final_answer", {"answer": "done"}),))
        else:
            done = sum(message["role"] == "tool" for message in body["messages"])
            last = Reply("done")
        return last if done == STEPS - 1 else Reply(tool_calls=(("add", {"a": done, "b": 1}),))

    return reply


def _run(
    program: str, python: Path, words: list[str], *, server: FakeOpenAIServer, runs: int
) -> Any:
    command = [python, HERE / "contenders" / program, server.base_url, server.api_key, str(runs)]
    done = subprocess.run([*command, *words], capture_output=True, text=True, check=False)
    server.requests.clear()
    if done.returncode:
        raise SystemExit(f"{program}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def _beyond(found: list[list[float]], client: list[list[float]]) -> dict[str, float]:
    """Milliseconds a step beyond the client's, by round: the median and the extremes."""
    rounds = [
        (median(mine) - median(theirs)) * 1000 / STEPS
        for mine, theirs in zip(found, client, strict=True)
    ]
    return {"median": median(rounds), "low": min(rounds), "high": max(rounds)}


def _others_versions() -> dict[str, str]:
    names = ("pydantic-ai-slim", "smolagents")
    asked = f"from importlib.metadata import version; print(*map(version, {names}))"
    told = subprocess.run([OTHERS, "-c", asked], capture_output=True, text=True, check=True)
    return dict(zip(names, told.stdout.split(), strict=True))


if __name__ == "__main__":
    main()
