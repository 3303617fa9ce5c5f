"""Model calls: what they carry, and how they fail. Against the scripted fake server."""

import asyncio
import contextlib
import socket

import pytest
from langchain_core.messages import AIMessageChunk

from agentrt.errors import LLMError
from agentrt.llm import ChatModel, Endpoint, Request, Sampling, ToolCall
from agentrt.testing import Reply
from agentrt.timing import Tracer

ASK = [{"role": "user", "content": "hello"}]
SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}


async def ask(server, **options):
    endpoint = Endpoint(server.base_url, "m", options.pop("key", server.api_key))
    chat = ChatModel(endpoint, timeout_s=options.pop("timeout_s", 10))
    tracer = Tracer()
    try:
        with tracer.span("run", "test"):
            on_token = options.pop("on_token", None)
            completion = await chat.complete(Request(ASK, **options), on_token=on_token)
    finally:
        await chat.aclose()
    return completion, tracer.spans[0].attributes


async def test_tokens_and_acceptance_come_from_that_very_call(fake_server) -> None:
    reply = Reply("12345678", prompt_tokens=40, cached_tokens=32, acceptance_length=3.25)
    pieces: list[str] = []
    completion, told = await ask(fake_server([reply]), on_token=pieces.append)
    assert completion.text == "12345678"
    assert pieces == ["1234", "5678"]
    assert (told["prompt_tokens"], told["cached_tokens"], told["output_tokens"]) == (40, 32, 2)
    assert told["acceptance_length"] == completion.acceptance_length == 3.25


async def test_acceptance_is_unknown_where_the_server_does_not_tell(fake_server) -> None:
    completion, told = await ask(fake_server([Reply("hi")]))
    assert completion.acceptance_length is None
    assert told["acceptance_length"] is None
    assert told["queue_s"] is None


async def test_what_the_server_did_not_compute_is_queue(fake_server) -> None:
    reply = Reply("12345678", queue_s=0.01, ttft_s=0.2, itl_s=0.1, computed_s=(0.05, 0.1))
    _, told = await ask(fake_server([reply]))
    assert told["server_queue_s"] == pytest.approx(0.01)
    assert told["queue_s"] == pytest.approx(told["ttft_s"] - 0.05, abs=0.03)
    assert told["queue_s"] > 0.14


async def test_the_first_token_was_made_before_its_piece_where_the_server_held_it_back(
    fake_server,
) -> None:
    reply = Reply("12345678", ttft_s=0.3, itl_s=0.1, computed_s=(0.05, 0.3))
    _, told = await ask(fake_server([reply]))
    assert told["first_piece_s"] > 0.29
    assert told["ttft_s"] + told["decode_s"] > 0.39
    assert told["decode_s"] == pytest.approx(0.3)


async def test_a_request_carries_its_messages_tools_and_sampling_as_they_are(fake_server) -> None:
    tool = {
        "type": "function",
        "function": {"name": "look", "description": "Look.", "parameters": SCHEMA, "strict": True},
    }
    server = fake_server([Reply("hi")])
    await ask(server, tools=[tool], sampling=Sampling(repetition_penalty=1.1, stop=["."]))
    [sent] = server.requests
    assert sent["messages"] == ASK
    assert sent["tools"] == [tool]
    assert (sent["tool_choice"], sent["repetition_penalty"], sent["stop"]) == ("auto", 1.1, ["."])


async def test_calls_beyond_those_at_once_wait_their_turn_and_the_wait_is_queue(
    fake_server,
) -> None:
    server = fake_server([Reply("hi", ttft_s=0.3)])
    chat = ChatModel(Endpoint(server.base_url, "m", server.api_key), at_once=1)
    tracer = Tracer()
    await chat.open()
    try:
        with tracer.span("run", "test"):
            await asyncio.gather(*(chat.complete(Request(ASK)) for _ in range(2)))
    finally:
        await chat.aclose()
    first, second = server.timelines
    assert second.received >= first.last
    queued = [
        sum(phase.end_s - phase.start_s for phase in span.phases if phase.category == "queue")
        for span in tracer.spans[:2]
    ]
    assert queued[0] == 0
    assert queued[1] >= 0.3


async def test_structured_output_is_constrained_and_parsed(fake_server) -> None:
    server = fake_server([Reply('{"n": 4}')])
    completion, _ = await ask(server, schema=SCHEMA)
    assert completion.data == {"n": 4}
    assert server.requests[0]["response_format"]["json_schema"]["schema"] == SCHEMA


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply("no json"), "is not JSON: 'no json'"),
        (Reply('{"n": "x"}'), r"breaks its schema: at \$\.n: 'x' is not of type 'integer'"),
        (Reply('{"n": ', finish_reason="length"), "cut off by max_tokens; raise it"),
    ],
)
async def test_structured_output_that_is_wrong_says_how(fake_server, reply, message) -> None:
    with pytest.raises(LLMError, match=message):
        await ask(fake_server([reply]), schema=SCHEMA)


async def test_tool_calls_are_put_together(fake_server) -> None:
    server = fake_server([Reply(tool_calls=(("add", {"a": 1}), ("sub", {"b": 2})))])
    completion, _ = await ask(server, tools=[{"type": "function", "function": {"name": "add"}}])
    assert completion.tool_calls == (
        ToolCall("call_0", "add", {"a": 1}),
        ToolCall("call_1", "sub", {"b": 2}),
    )


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(status=400, message="context too long"), "refused the request: context too long"),
        (Reply(status=404, message="no model m"), "no such model or address: no model m"),
        (Reply(status=500), r"the server failed .500.: scripted failure"),
        (Reply("12345678", fault="disconnect"), "the answer broke off|no server answers"),
    ],
)
async def test_a_refusal_is_one_clear_sentence(fake_server, reply, message) -> None:
    server = fake_server([reply])
    with pytest.raises(LLMError, match=message) as caught:
        await ask(server)
    assert str(caught.value).startswith(server.base_url)
    assert len(server.requests) == 1


async def test_a_wrong_key_is_refused_and_not_repeated(fake_server) -> None:
    with pytest.raises(LLMError, match="refused the API key") as caught:
        await ask(fake_server([Reply()]), key="secret-value")
    assert "secret-value" not in str(caught.value)
    assert "secret-value" not in repr(Endpoint("u", "m", "secret-value"))


async def test_a_busy_server_is_asked_again(fake_server) -> None:
    server = fake_server([Reply(status=503), Reply(status=429), Reply("third time")])
    completion, _ = await ask(server)
    assert completion.text == "third time"
    assert len(server.requests) == 3


async def test_no_server_there() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    chat = ChatModel(Endpoint(f"http://127.0.0.1:{port}/v1", "m", "k"))
    with pytest.raises(LLMError, match="no server answers there"):
        await chat.complete(Request(ASK))
    await chat.aclose()


async def test_a_silent_server_runs_into_the_time_limit(fake_server) -> None:
    with pytest.raises(LLMError, match="did not answer in time"):
        await ask(fake_server([Reply("12345678", fault="hang")]), timeout_s=0.3)


async def test_cancelling_frees_the_server(fake_server) -> None:
    server = fake_server([Reply("12345678" * 50, itl_s=0.05)])
    task = asyncio.ensure_future(ask(server))
    while not server.timelines or not server.timelines[0].first:
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    for _ in range(100):
        if server.cancelled:
            break
        await asyncio.sleep(0.02)
    assert server.cancelled == 1


async def test_closing_one_client_leaves_others_of_the_same_server_open(fake_server) -> None:
    server = fake_server([Reply("hi")])
    endpoint = Endpoint(server.base_url, "m", server.api_key)
    first, second = ChatModel(endpoint), ChatModel(endpoint)
    await first.complete(Request(ASK))
    await second.open()
    await first.aclose()
    assert (await second.complete(Request(ASK))).text == "hi"
    await second.aclose()


async def test_a_cancellation_that_the_client_drops_is_noticed_at_the_next_piece() -> None:
    """Python 3.11's wait_for drops one that comes together with a piece of the answer."""

    class DroppingClient:
        async def astream(self, messages, **options):
            for _ in range(3):
                task = asyncio.current_task()
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(0)
                yield AIMessageChunk("more ")

    model = ChatModel(Endpoint("http://127.0.0.1:1/v1", "m", "k"))
    model._client = DroppingClient()
    received: list[str] = []
    asking = asyncio.ensure_future(model.complete(Request(ASK), on_token=received.append))
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert received == []
