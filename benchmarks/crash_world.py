"""The world outside a run that is killed: a model server, and a service that counts effects.

It is a process of its own, so that what it has counted does not die with the run. Run by crash.py.
"""

from __future__ import annotations

import json
import socketserver
import sys
import threading
import zlib
from collections import Counter
from typing import Any

from agentrt.testing import FakeOpenAIServer, Reply


class World:
    """What happened outside: effects by what they were, model calls by what was asked."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        self.effects: Counter[str] = Counter()
        self.answers: dict[str, str] = {}
        self.keys: set[str] = set()
        self.asked: Counter[str] = Counter()
        self.violations: list[str] = []

    def handle(self, message: dict[str, Any]) -> Any:
        with self.lock:
            return getattr(self, f"do_{message.pop('do')}")(**message)

    def do_effect(self, name: str, what: str, key: str = "") -> str:
        """An effect happens; one with a key happens once, as a service with keys has it."""
        effect = f"{name} {what}"
        if not key or key not in self.keys:
            self.effects[effect] += 1
        if key:
            self.keys.add(key)
        return self.answers.setdefault(effect, f"receipt {zlib.crc32(effect.encode())}")

    def do_happened(self, name: str, what: str, **_: Any) -> str | None:
        return self.answers.get(f"{name} {what}")

    def do_violation(self, text: str) -> None:
        self.violations.append(text)

    def do_report(self) -> dict[str, Any]:
        return {
            "effects": dict(self.effects),
            "asked": dict(self.asked),
            "violations": self.violations,
        }

    def do_reset(self) -> None:
        self.reset()

    def reply(self, body: dict[str, Any]) -> Reply:
        said = body["messages"][-1]["content"]
        with self.lock:
            self.asked[json.dumps(body["messages"], sort_keys=True)] += 1
        return Reply(_answer(body, said), itl_s=0.002)


def _answer(body: dict[str, Any], said: str) -> str:
    if "response_format" not in body:
        return f"answer to {said[:60]}"
    steps = len([message for message in body["messages"] if message["role"] == "assistant"])
    if steps == 0:
        return json.dumps({"tool": "ship", "arguments": {"what": "from the agent"}})
    if steps == 1:
        return json.dumps({"tool": "lookup", "arguments": {"what": "the agent's question"}})
    return json.dumps({"finish": "the agent is done"})


def main() -> None:
    world = World()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                answer = world.handle(json.loads(line))
                self.wfile.write(json.dumps(answer).encode() + b"\n")

    class Service(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with FakeOpenAIServer(world.reply) as model, Service(("127.0.0.1", 0), Handler) as service:
        told = {"model": model.base_url, "key": model.api_key, "port": service.server_address[1]}
        print(json.dumps(told), flush=True)
        threading.Thread(target=service.serve_forever, daemon=True).start()
        sys.stdin.read()


if __name__ == "__main__":
    main()
