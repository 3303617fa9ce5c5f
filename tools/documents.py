"""Looking things up in the corpus that a step was given."""

from typing import Any

from agentrt.toolbox import tool


@tool(effects=("read",), inject=("retriever",))
async def search_documents(query: str, retriever: Any) -> str:
    """Search the documents; gives the best passages with their ids."""
    found = await retriever.search(query, top_k=2)
    return "\n\n".join(f"id {p.id} ({p.heading})\n{p.text[:400]}" for p in found)


@tool(effects=("read",), inject=("retriever",))
async def list_documents(retriever: Any) -> list[str]:
    """List all documents of the corpus by name."""
    return list(await retriever.documents())


@tool(effects=("read",), inject=("retriever",))
async def read_document(source: str, retriever: Any) -> str:
    """Read a whole document of the corpus by its name."""
    return str(await retriever.text(source))


@tool(effects=("read",), inject=("retriever",))
async def read_passage(passage_id: str, retriever: Any) -> str:
    """Read one passage in full by the id that a search gave."""
    passage = await retriever.read(passage_id)
    return str(passage.text)
