"""What every contender does: one warm-up, then runs one after another; seconds of each as JSON.

A contender gives ``work``, an async context manager of a function that does one run. Its words are
the server's address, its key and how many runs.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

STEPS = 10
PROMPT = "Add numbers with the tool until you are done."

Run = Callable[[], Awaitable[str]]


def main(work: Callable[[str, str], AbstractAsyncContextManager[Run]]) -> None:
    asyncio.run(_measure(work, sys.argv[1], sys.argv[2], int(sys.argv[3])))


async def _measure(
    work: Callable[[str, str], AbstractAsyncContextManager[Run]], url: str, key: str, runs: int
) -> None:
    seconds = []
    async with work(url, key) as run:
        for _ in range(runs + 1):
            started = time.perf_counter()
            answer = await run()
            seconds.append(time.perf_counter() - started)
            assert answer == "done", answer
    print(json.dumps(seconds[1:]))
