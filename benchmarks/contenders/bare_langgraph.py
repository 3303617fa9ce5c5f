"""LangGraph as its documentation shows it: a model node, a tool node and an edge back.

With ``--durable``, its SQLite saver with ``durability="sync"``, which is what agentrt sets.
"""

import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from harness import PROMPT, Run, main
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@asynccontextmanager
async def work(url: str, key: str) -> AsyncIterator[Run]:
    model = ChatOpenAI(model="fake-model", base_url=url, api_key=key, temperature=0)
    bound = model.bind_tools([add])

    async def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await bound.ainvoke(state["messages"])]}

    builder = StateGraph(MessagesState)
    builder.add_node("ask", ask)
    builder.add_node("tools", ToolNode([add]))
    builder.add_edge(START, "ask")
    builder.add_conditional_edges("ask", tools_condition)
    builder.add_edge("tools", "ask")
    async with AsyncExitStack() as stack:
        saver, kept = None, {}
        if "--durable" in sys.argv:
            from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

            folder = stack.enter_context(tempfile.TemporaryDirectory())
            place = str(Path(folder) / "checkpoints.sqlite")
            saver = await stack.enter_async_context(AsyncSqliteSaver.from_conn_string(place))
            kept = {"durability": "sync"}
        graph = builder.compile(checkpointer=saver)

        async def run() -> str:
            config = {"configurable": {"thread_id": uuid4().hex}, "recursion_limit": 100}
            said = {"messages": [("user", PROMPT)]}
            found = await graph.ainvoke(said, config, **kept)
            return found["messages"][-1].content

        yield run


if __name__ == "__main__":
    main(work)
