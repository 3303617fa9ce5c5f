"""pydantic-ai's agent with the same tool."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from harness import PROMPT, Run, main
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider


@asynccontextmanager
async def work(url: str, key: str) -> AsyncIterator[Run]:
    model = OpenAIChatModel("fake-model", provider=OpenAIProvider(base_url=url, api_key=key))
    agent = Agent(model)

    @agent.tool_plain
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    async def run() -> str:
        return (await agent.run(PROMPT)).output

    yield run


if __name__ == "__main__":
    main(work)
