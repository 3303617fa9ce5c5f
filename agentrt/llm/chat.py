"""The chat model: one streamed call, timed from the first byte sent to the last token."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_exponential

from agentrt.errors import LLMError
from agentrt.llm.failure import explain, is_passing
from agentrt.llm.model import Completion, Endpoint, Request, ToolCall
from agentrt.llm.stream import AT_ONCE, on_send, open_client
from agentrt.llm.structured import parse, response_format
from agentrt.timing import OpenSpan, Tracer, current_tracer, timed

OnToken = Callable[[str], None]


@dataclass
class _Received:
    """What a stream has brought so far. Times in seconds since the run began."""

    message: Any = None
    metrics: dict[str, Any] = field(default_factory=dict)
    sent_s: float = 0.0
    first_s: float | None = None
    last_s: float | None = None
    longest_gap_s: float = 0.0

    def piece(self, now: float) -> None:
        """Note that a piece of the answer came."""
        if self.first_s is None or self.last_s is None:
            self.first_s = now
        else:
            self.longest_gap_s = max(self.longest_gap_s, now - self.last_s)
        self.last_s = now


class ChatModel:
    """Asks one endpoint through langchain-openai; safe for any number of calls at once.

    Args:
        endpoint: the server and model.
        timeout_s: seconds to wait for the server's next sign of life.
        record_text: keep messages and answer in each span, as ``messages`` and ``text``.
        at_once: how many calls may be under way; more wait for their turn, which counts as queue.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        timeout_s: float = 600.0,
        record_text: bool = False,
        at_once: int = AT_ONCE,
    ) -> None:
        self.endpoint, self._timeout_s = endpoint, timeout_s
        self._record_text = record_text
        self._gate = asyncio.Semaphore(at_once)
        self._client: Any = None

    async def complete(self, request: Request, *, on_token: OnToken | None = None) -> Completion:
        """Make one model call, as one ``llm`` span with its queue, prefill and decode phases.

        Args:
            on_token: given each piece of text as it arrives.

        Raises:
            LLMError: the server can't be reached, refuses or breaks off, or the output does not
                fit the schema.
        """
        with timed("llm", request.name, model=self.endpoint.model) as span:
            tracer = current_tracer()
            assert tracer is not None, "timed() always has one"
            await self.open()
            async with self._turn(span, tracer):
                received = await self._stream(request, tracer, on_token)
            completion = _record(span, received, tracer)
            span.set(constrained=request.schema is not None)
            if self._record_text:
                span.set(
                    messages=list(request.messages), text=completion.text, schema=request.schema
                )
            if request.schema is None:
                return completion
            finish, began = span.attributes.get("finish_reason"), tracer.now()
            try:
                data = parse(completion.text, request.schema, finish)
            finally:
                span.phase("orchestration", began, tracer.now())
        return replace(completion, data=data)

    async def open(self) -> None:
        """Load the client, where no call has done so yet; importing it takes a second or two."""
        if self._client is None:
            opened = await asyncio.to_thread(open_client, self.endpoint, self._timeout_s)
            # A call beside this one may have been first: its connections have to be closed later.
            if self._client is None:
                self._client = opened

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.root_async_client.close()

    @asynccontextmanager
    async def _turn(self, span: OpenSpan, tracer: Tracer) -> AsyncIterator[None]:
        """A turn at the endpoint; waiting for it is queueing."""
        full, began = self._gate.locked(), tracer.now()
        async with self._gate:
            if full:
                span.phase("queue", began, tracer.now())
            yield

    async def _stream(
        self, request: Request, tracer: Tracer, on_token: OnToken | None
    ) -> _Received:
        """One answer; what fails before its first chunk for a passing reason is tried again."""
        received, options = _Received(), _options(request)
        try:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception(lambda e: is_passing(e) and received.message is None),
                stop=stop_after_attempt(3),
                wait=wait_exponential(multiplier=0.2, max=2),
                reraise=True,
            ):
                with attempt:
                    received.sent_s = tracer.now()
                    on_send.set(lambda: setattr(received, "sent_s", tracer.now()))
                    stream = self._client.astream(request.messages, **options)
                    await _receive(stream, received, tracer, on_token)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            raise explain(error, self.endpoint.base_url) from None
        return received


def _options(request: Request) -> dict[str, Any]:
    """What the client is given beside the messages."""
    sampling = request.sampling
    known = sampling.model_dump(exclude_none=True, exclude={"repetition_penalty"})
    if not known["stop"]:
        del known["stop"]
    extra: dict[str, Any] = {}
    if sampling.repetition_penalty is not None:
        extra["repetition_penalty"] = sampling.repetition_penalty
    if request.schema is not None:
        # In the body and not as an argument: langchain-openai would switch to another stream,
        # which parses the answer itself and drops the metrics.
        extra["response_format"] = response_format(request.schema)
    if extra:
        known["extra_body"] = extra
    if request.tools:
        known["tools"] = request.tools
        known["tool_choice"] = request.tool_choice or "auto"
    return known


async def _receive(
    stream: AsyncIterator[Any], received: _Received, tracer: Tracer, on_token: OnToken | None
) -> None:
    task = asyncio.current_task()
    cancelling = task.cancelling() if task else 0
    async for chunk in stream:
        # Python 3.11's wait_for, in which the client waits for each piece, drops a cancellation
        # that comes together with one.
        if task and task.cancelling() > cancelling:
            raise asyncio.CancelledError
        if chunk.content or chunk.tool_call_chunks:
            received.piece(tracer.now())
            if on_token and isinstance(chunk.content, str) and chunk.content:
                on_token(chunk.content)
        received.metrics.update(chunk.response_metadata.pop("metrics", {}))
        received.message = chunk if received.message is None else received.message + chunk


def _record(span: OpenSpan, received: _Received, tracer: Tracer) -> Completion:
    """Put what the call was made of into its span."""
    message = received.message
    if message is None:
        raise LLMError("the server sent an empty stream")
    usage = message.usage_metadata or {}
    output_tokens = usage.get("output_tokens")
    spec = received.metrics.get("speculative_decoding") or {}
    span.set(
        prompt_tokens=usage.get("input_tokens"),
        cached_tokens=(usage.get("input_token_details") or {}).get("cache_read"),
        output_tokens=output_tokens,
        finish_reason=message.response_metadata.get("finish_reason"),
        acceptance_length=spec.get("mean_acceptance_length"),
        acceptance_rate=spec.get("draft_acceptance_rate"),
        accepted_draft_tokens=spec.get("num_accepted_draft_tokens"),
        verify_steps=spec.get("num_spec_steps"),
        acceptance_histogram=spec.get("acceptance_histogram"),
    )
    _record_phases(span, received, tracer.now(), output_tokens)
    return Completion(
        text=message.text if isinstance(message.text, str) else str(message.content),
        tool_calls=_tool_calls(message),
        prompt_tokens=usage.get("input_tokens"),
        output_tokens=output_tokens,
        acceptance_length=spec.get("mean_acceptance_length"),
    )


def _record_phases(
    span: OpenSpan, received: _Received, now: float, output_tokens: int | None
) -> None:
    """Cut the call into phases that cover it: set-up, queue, prefill, decode and the tail.

    The client sees pieces only. A server that tells how long it computed (vLLM with
    ``--enable-per-request-metrics``) tells the rest: what it did not compute is queue, and the
    first token is then when it was made, which is before its piece where the server holds a tool
    call's beginning back. vLLM's own queue time leaves out the wait until an engine that is busy
    with other requests takes notice of this one. Elsewhere the queue counts as prefill.
    """
    sent = received.sent_s
    piece = received.first_s if received.first_s is not None else now
    last = received.last_s if received.last_s is not None else now
    queue_s = told_queue_s = _seconds(received.metrics.get("queue_time_ms"))
    prefill_s = _seconds(received.metrics.get("time_to_first_token_ms"))
    generated_s = _seconds(received.metrics.get("generation_time_ms"))
    first = piece
    if prefill_s is not None and generated_s is not None:
        queue_s = max(last - sent - prefill_s - generated_s, 0.0)
        first = min(sent + queue_s + prefill_s, piece)
    queued = min(queue_s or 0.0, first - sent)
    span.phase("orchestration", span.start_s, sent)
    span.phase("queue", sent, sent + queued)
    span.phase("prefill", sent + queued, first)
    span.phase("decode", first, last)
    span.phase("orchestration", last, now)
    decode_s = last - first
    after_first = (output_tokens or 0) - 1
    span.set(
        ttft_s=first - sent,
        first_piece_s=piece - sent,
        queue_s=None if queue_s is None else queued,
        server_queue_s=told_queue_s,
        server_prefill_s=prefill_s,
        server_decode_s=generated_s,
        decode_s=decode_s,
        longest_gap_s=received.longest_gap_s,
        tpot_s=decode_s / after_first if after_first > 0 else None,
    )


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _tool_calls(message: Any) -> tuple[ToolCall, ...]:
    """The calls that the stream's pieces add up to."""
    return tuple(_tool_call(chunk) for chunk in message.tool_call_chunks)


def _tool_call(chunk: dict[str, Any]) -> ToolCall:
    """A call; where its arguments can't be read, that is its fault and not the run's end."""
    arguments, fault = {}, None
    try:
        arguments = json.loads(chunk["args"] or "{}")
    except ValueError:
        fault = f"the arguments are not JSON: {str(chunk['args'])[:80]!r}"
    if not isinstance(arguments, dict):
        arguments, fault = {}, "the arguments are not an object with a value for each name"
    return ToolCall(chunk["id"] or "", chunk["name"] or "", arguments, fault)
