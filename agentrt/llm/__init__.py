"""The chat model: langchain-openai against vLLM or any OpenAI-compatible server."""

from agentrt.llm.chat import ChatModel
from agentrt.llm.model import Completion, Endpoint, Request, Sampling, ToolCall

__all__ = ["ChatModel", "Completion", "Endpoint", "Request", "Sampling", "ToolCall"]
