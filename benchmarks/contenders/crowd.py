"""So many runs of agentrt's agent at once, in one process: failures, seconds and memory as JSON."""

import asyncio
import json
import resource
import sys
import time

import psutil
from with_agentrt import work


async def main(url: str, key: str, count: int) -> None:
    async with work(url, key) as run:
        await run()
        before = psutil.Process().memory_info().rss
        started = time.perf_counter()
        answers = await asyncio.gather(*(run() for _ in range(count)), return_exceptions=True)
        seconds = time.perf_counter() - started
    failures = [repr(answer) for answer in answers if answer != "done"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    found = {
        "runs": count,
        "failures": len(failures),
        "first_failures": failures[:3],
        "seconds": seconds,
        "kib_a_run": (peak - before) / count / 1024,
        "rss_before_mib": before / 2**20,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
