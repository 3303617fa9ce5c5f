"""The chat model: langchain-openai against vLLM or any OpenAI-compatible server."""

from agentrt.llm.chat import ChatModel
from agentrt.llm.model import Completion, Endpoint, Sampling, ToolCall

__all__ = ["ChatModel", "Completion", "Endpoint", "Sampling", "ToolCall"]
