"""smolagents' tool-calling agent with the same tool; it has no async form."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from harness import PROMPT, STEPS, Run, main
from smolagents import LogLevel, OpenAIModel, ToolCallingAgent, tool


@tool
def add(a: int, b: int) -> int:
    """Add two numbers.

    Args:
        a: the first
        b: the second
    """
    return a + b


@asynccontextmanager
async def work(url: str, key: str) -> AsyncIterator[Run]:
    model = OpenAIModel("fake-model", api_base=url, api_key=key)

    async def run() -> str:
        agent = ToolCallingAgent([add], model, max_steps=STEPS + 1, verbosity_level=LogLevel.OFF)
        return str(agent.run(PROMPT))

    yield run


if __name__ == "__main__":
    main(work)
