"""A scripted fake of an OpenAI-compatible server. No model is behind it: for tests only.

It speaks real HTTP on loopback, streams with set delays where a stream is asked for, tells set
acceptance figures the way vLLM does, and fails in set ways.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal

_PIECE = 4


@dataclass(frozen=True)
class Reply:
    """One scripted answer. Delays in seconds; the first piece comes after queue_s + ttft_s.

    ``computed_s``, prefill and decode, is only told as the server's own measure.
    """

    text: str = "ok"
    tool_calls: tuple[tuple[str, dict[str, Any] | str], ...] = ()
    queue_s: float | None = None
    computed_s: tuple[float, float] | None = None
    ttft_s: float = 0.0
    itl_s: float = 0.0
    acceptance_length: float | None = None
    prompt_tokens: int = 10
    cached_tokens: int = 0
    status: int = 200
    message: str = "scripted failure"
    fault: Literal["disconnect", "hang"] | None = None
    finish_reason: str = "stop"


@dataclass
class Timeline:
    """When the server really did what, on the clock of ``time.perf_counter``."""

    received: float = 0.0
    first: float = 0.0
    last: float = 0.0


@dataclass
class _Record:
    requests: list[dict[str, Any]] = field(default_factory=list)
    timelines: list[Timeline] = field(default_factory=list)
    cancelled: int = 0


Script = Sequence[Reply] | Callable[[dict[str, Any]], Reply]


class FakeOpenAIServer:
    """Serves scripted replies while its ``with`` block lasts; the last reply repeats.

    Attributes:
        base_url, api_key: what a client needs.
        requests: the bodies received so far.
        timelines: for each request, what was sent when.
        cancelled: how many clients went away in the middle of an answer.
    """

    api_key = "fake-key"
    model = "fake-model"

    def __init__(self, replies: Script = (Reply(),)) -> None:
        self._replies, self._record = replies, _Record()
        self._given = 0
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The bodies received so far."""
        return self._record.requests

    @property
    def timelines(self) -> list[Timeline]:
        """What was sent when, by request."""
        return self._record.timelines

    @property
    def cancelled(self) -> int:
        """How many clients went away in the middle of an answer."""
        return self._record.cancelled

    def __enter__(self) -> FakeOpenAIServer:
        import uvicorn

        config = uvicorn.Config(self._app(), log_level="critical", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), daemon=True
        )
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(10)
        self._socket.close()

    def _app(self) -> Any:
        from starlette.applications import Starlette
        from starlette.requests import Request
        from starlette.responses import JSONResponse, Response, StreamingResponse
        from starlette.routing import Route

        async def chat(request: Request) -> Response:
            if request.headers.get("authorization") != f"Bearer {self.api_key}":
                return JSONResponse({"error": {"message": "wrong key"}}, 401)
            timeline = Timeline(received=time.perf_counter())
            body = await request.json()
            reply = self._next(body)
            self._record.requests.append(body)
            self._record.timelines.append(timeline)
            if reply.status != 200:
                return JSONResponse({"error": {"message": reply.message}}, reply.status)
            if not body.get("stream"):
                return JSONResponse(_whole(reply))
            stream = self._stream(reply, timeline)
            return StreamingResponse(stream, media_type="text/event-stream")

        return Starlette(routes=[Route("/v1/chat/completions", chat, methods=["POST"])])

    def _next(self, body: dict[str, Any]) -> Reply:
        if callable(self._replies):
            return self._replies(body)
        reply = self._replies[min(self._given, len(self._replies) - 1)]
        self._given += 1
        return reply

    async def _stream(self, reply: Reply, timeline: Timeline) -> AsyncIterator[str]:
        finished = False
        try:
            deltas = list(_deltas(reply))
            due = timeline.received + (reply.queue_s or 0.0) + reply.ttft_s
            for number, delta in enumerate(deltas):
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                timeline.last = time.perf_counter()
                timeline.first = timeline.first or timeline.last
                yield _event({"choices": [_choice(delta)]})
                due += reply.itl_s
                if reply.fault == "disconnect" and number == 0:
                    raise ConnectionResetError("scripted disconnect")
                if reply.fault == "hang":
                    await asyncio.sleep(3600)
            yield _event({"choices": [_choice({}, reply.finish_reason)]})
            yield _event({"choices": [], "usage": _usage(reply, len(deltas)), **_metrics(reply)})
            yield "data: [DONE]\n\n"
            finished = True
        finally:
            if not finished and reply.fault != "disconnect":
                self._record.cancelled += 1


def _whole(reply: Reply) -> dict[str, Any]:
    """An answer in one piece, at once: delays and faults are for streams."""
    calls = [call for delta in _deltas(reply) for call in delta.get("tool_calls", [])]
    message: dict[str, Any] = {"role": "assistant", "content": None if calls else reply.text}
    if calls:
        message["tool_calls"] = calls
    finish = "tool_calls" if calls else reply.finish_reason
    choice = {"index": 0, "message": message, "finish_reason": finish}
    told = {"choices": [choice], "usage": _usage(reply, 1), **_metrics(reply)}
    return {"id": "fake", "object": "chat.completion", "created": 0, "model": "fake-model", **told}


def _deltas(reply: Reply) -> list[dict[str, Any]]:
    """The pieces of an answer: one token each, a token being four characters."""
    if reply.tool_calls:
        return [
            {
                "tool_calls": [
                    {
                        "index": index,
                        "id": f"call_{index}",
                        "type": "function",
                        "function": {"name": name, "arguments": _as_text(arguments)},
                    }
                ]
            }
            for index, (name, arguments) in enumerate(reply.tool_calls)
        ]
    text = reply.text
    return [{"content": text[i : i + _PIECE]} for i in range(0, len(text), _PIECE)]


def _as_text(arguments: dict[str, Any] | str) -> str:
    """Arguments as a model writes them; a text stands for what a model got wrong."""
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


def _choice(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    return {
        "index": 0,
        "delta": {"role": "assistant", **delta},
        "finish_reason": finish_reason,
    }


def _usage(reply: Reply, tokens: int) -> dict[str, Any]:
    return {
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": tokens,
        "total_tokens": reply.prompt_tokens + tokens,
        "prompt_tokens_details": {"cached_tokens": reply.cached_tokens},
    }


def _metrics(reply: Reply) -> dict[str, Any]:
    metrics: dict[str, Any] = {}
    if reply.queue_s is not None:
        metrics["queue_time_ms"] = reply.queue_s * 1000
    if reply.computed_s is not None:
        prefill_s, decode_s = reply.computed_s
        metrics["time_to_first_token_ms"] = prefill_s * 1000
        metrics["generation_time_ms"] = decode_s * 1000
    if reply.acceptance_length is not None:
        metrics["speculative_decoding"] = {
            "num_spec_steps": 4,
            "num_accepted_draft_tokens": round(4 * (reply.acceptance_length - 1)),
            "mean_acceptance_length": reply.acceptance_length,
            "draft_acceptance_rate": 0.5,
        }
    return {"metrics": metrics} if metrics else {}


def _event(payload: dict[str, Any]) -> str:
    whole = {"id": "fake", "object": "chat.completion.chunk", "created": 0, "model": "fake-model"}
    return f"data: {json.dumps({**whole, **payload})}\n\n"
