"""LangChain callbacks, which LangSmith and Langfuse build on, see runs and model calls."""

from contextvars import ContextVar

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.tracers.context import register_configure_hook

from agentrt.runtime import Runtime
from agentrt.testing import Reply


class Recorder(BaseCallbackHandler):
    def __init__(self) -> None:
        self.parents, self.chats, self.answers = {}, [], []

    def on_chain_start(self, serialized, inputs, *, run_id, parent_run_id=None, **kwargs) -> None:
        self.parents[run_id] = (parent_run_id, kwargs.get("name"))

    def on_chat_model_start(self, serialized, messages, *, run_id, parent_run_id=None, **_) -> None:
        self.chats.append((parent_run_id, messages[0][-1].content))

    def on_llm_end(self, response, **_) -> None:
        self.answers.append(response.generations[0][0].text)


recorder: ContextVar[Recorder | None] = ContextVar("recorder", default=None)
register_configure_hook(recorder, inheritable=True)


def test_a_handler_sees_each_model_call_inside_its_node(fake_server) -> None:
    server = fake_server([Reply("Hello there")])
    workflow = {
        "name": "w",
        "nodes": {"say": {"kind": "llm", "prompt": "Greet"}},
        "outputs": {"answer": "{{ say }}"},
    }
    handler = Recorder()
    token = recorder.set(handler)
    try:
        with Runtime(base_url=server.base_url, model="m", api_key=server.api_key) as runtime:
            runtime.run(workflow)
    finally:
        recorder.reset(token)
    [(parent, prompt)] = handler.chats
    assert prompt == "Greet"
    assert handler.answers == ["Hello there"]
    assert handler.parents[parent][1] == "say"
    graph = handler.parents[parent][0]
    assert handler.parents[graph] == (None, "w")
