"""The langchain-openai client, with vLLM's per-request metrics carried through its stream."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from agentrt.llm.model import Endpoint

# The client's pool looks through all its connections and waiting requests for each request, so a
# thousand of them would wait for the pool and not for the server.
AT_ONCE = 100

# Told when the request of the current call really goes out: building it takes milliseconds, which
# are ours and not the server's.
on_send: ContextVar[Callable[[], None] | None] = ContextVar("on_send", default=None)


@lru_cache(maxsize=1)
def _client_class() -> type[Any]:
    from langchain_openai import ChatOpenAI

    class MeasuredChatOpenAI(ChatOpenAI):
        """ChatOpenAI drops what it does not know; vLLM's ``metrics`` ride on the usage chunk."""

        def _convert_chunk_to_generation_chunk(
            self, chunk: dict[str, Any], *args: Any, **kwargs: Any
        ) -> Any:
            generation = super()._convert_chunk_to_generation_chunk(chunk, *args, **kwargs)
            if generation is not None and chunk.get("metrics"):
                generation.message.response_metadata["metrics"] = chunk["metrics"]
            return generation

        def _get_request_payload(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
            """The same request; its long parts go where OpenAI's client leaves them as they are.

            It walks through messages and tools to rename what is named right already: the longer
            the conversation, the more milliseconds a call.
            """
            payload = super()._get_request_payload(*args, **kwargs)
            long = {name: payload.pop(name) for name in ("messages", "tools") if name in payload}
            return {
                **payload,
                "messages": [],
                "extra_body": {**payload.get("extra_body", {}), **long},
            }

    return MeasuredChatOpenAI


def open_client(endpoint: Endpoint, timeout_s: float) -> Any:
    """A streaming client for an endpoint. Retries are the caller's, so none are hidden here."""
    import httpx

    return _client_class()(
        # langchain-openai shares one connection pool between all clients of an address, so closing
        # one client would close the others': each gets its own.
        http_async_client=httpx.AsyncClient(
            timeout=timeout_s,
            limits=httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE),
            event_hooks={"request": [_tell_sent]},
        ),
        model=endpoint.model,
        base_url=endpoint.base_url,
        api_key=endpoint.api_key,
        timeout=timeout_s,
        stream_chunk_timeout=timeout_s,
        stream_usage=True,
        max_retries=0,
        use_responses_api=False,
    )


async def _tell_sent(request: Any) -> None:
    tell = on_send.get()
    if tell is not None:
        tell()
