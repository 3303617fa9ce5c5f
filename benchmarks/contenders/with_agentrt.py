"""agentrt's agent node; ``--durable`` keeps the run as ``agentrt run`` does."""

import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from harness import PROMPT, STEPS, Run, main

from agentrt import Runtime, tool

WORKFLOW = {
    "name": "add",
    "nodes": {
        "work": {"kind": "agent", "prompt": PROMPT, "tools": ["add"], "max_steps": STEPS + 1}
    },
    "outputs": {"answer": "{{ work }}"},
}


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@asynccontextmanager
async def work(url: str, key: str) -> AsyncIterator[Run]:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AGENTRT_STATE"] = folder
        kept = {} if "--durable" in sys.argv else {"store": None}
        async with Runtime(
            base_url=url, model="fake-model", api_key=key, native_tools=True, tools=[add], **kept
        ) as runtime:
            loaded = runtime.load(WORKFLOW)

            async def run() -> str:
                return (await runtime.arun(loaded)).outputs["answer"]

            yield run


if __name__ == "__main__":
    main(work)
