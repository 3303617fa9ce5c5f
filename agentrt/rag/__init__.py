"""Retrieval: load, chunk, embed, index, search, cite."""

from agentrt.rag.cite import CitationCheck, check_citations
from agentrt.rag.passage import Passage
from agentrt.rag.retrieve import Retriever, Search, open_corpus

__all__ = ["CitationCheck", "Passage", "Retriever", "Search", "check_citations", "open_corpus"]
