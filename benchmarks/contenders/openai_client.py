"""The loop by hand with OpenAI's client: the model's share of everybody's time."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from harness import PROMPT, Run, main
from openai import AsyncOpenAI

TOOL = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Add two numbers.",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
            "required": ["a", "b"],
        },
    },
}


@asynccontextmanager
async def work(url: str, key: str) -> AsyncIterator[Run]:
    async with AsyncOpenAI(base_url=url, api_key=key) as client:

        async def run() -> str:
            messages: list = [{"role": "user", "content": PROMPT}]
            while True:
                answer = await client.chat.completions.create(
                    model="fake-model", messages=messages, tools=[TOOL], temperature=0
                )
                said = answer.choices[0].message
                if not said.tool_calls:
                    return said.content
                messages.append(said.model_dump(exclude_none=True))
                for call in said.tool_calls:
                    given = json.loads(call.function.arguments)
                    result = str(given["a"] + given["b"])
                    messages.append({"role": "tool", "tool_call_id": call.id, "content": result})

        yield run


if __name__ == "__main__":
    main(work)
