"""Make a workflow a node of a LangGraph graph of your own, and watch it write."""

import asyncio
import os
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph

from agentrt import Runtime
from agentrt.graph import Token

WORKFLOW = """
name: say
inputs: {topic: {type: string}}
nodes:
  say: {kind: llm, prompt: "Write one sentence about {{ inputs.topic }}.",
        sampling: {max_tokens: 40}}
outputs: {answer: "{{ say }}"}
"""


class State(TypedDict, total=False):
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    loud: str


def shout(state: State) -> State:
    return {"loud": state["outputs"]["answer"].upper()}


async def main() -> None:
    url = os.environ.get("OPENAI_BASE_URL")
    server = {"base_url": url, "model": os.environ["OPENAI_MODEL"]} if url else {}
    key = os.environ.get("OPENAI_API_KEY", "none")
    async with Runtime(**server, api_key=key) as runtime:
        builder = StateGraph(State)
        builder.add_node("say", runtime.graph(WORKFLOW))
        builder.add_node("shout", shout)
        builder.add_edge(START, "say")
        builder.add_edge("say", "shout")
        builder.add_edge("shout", END)
        graph = builder.compile()
        given = {"inputs": {"topic": "bees"}}
        async for _, mode, part in graph.astream(
            given, stream_mode=["custom", "updates"], subgraphs=True
        ):
            if mode == "custom" and isinstance(part, Token):
                print(part.text, end="", flush=True)
            elif mode == "updates" and "shout" in part:
                print("\n" + part["shout"]["loud"])


if __name__ == "__main__":
    asyncio.run(main())
