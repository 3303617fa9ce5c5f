"""No test reaches a real server by accident, or sees the settings of whoever runs it."""

import gc
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentrt.serving import load_profile, serve
from agentrt.testing import FakeOpenAIServer

_SCRUBBED = ("OPENAI_", "LANGCHAIN_", "LANGSMITH_", "AGENTRT_", "HTTP_PROXY", "HTTPS_PROXY")
_KEPT = {"AGENTRT_CACHE"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write golden texts anew")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.upper().startswith(_SCRUBBED) and name not in _KEPT:
            monkeypatch.delenv(name)
    monkeypatch.setenv("AGENTRT_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("AGENTRT_SETTINGS", str(tmp_path / "settings.yaml"))


@pytest.fixture
def no_collection() -> Iterator[None]:
    """For two clocks that are compared: collecting what other tests left on the heap stops one."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = str(address[0])  # type: ignore[index]
            assert host in ("127.0.0.1", "::1", "localhost"), f"a test tried to reach {host}"
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture
def fake_server():
    """Start scripted fake servers that stop with the test."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield lambda replies: stack.enter_context(FakeOpenAIServer(replies))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory):
    """The default profile, served by vLLM on the CPU for the length of the session."""
    state: Path = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGENTRT_STATE", str(state))
        with serve(load_profile("cpu-smollm2")) as running:
            yield running


@pytest.fixture(scope="session")
def small_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "bees.md").write_text("# Bees\n\nA bee colony stores honey in wax combs.\n")
    (folder / "volcano.txt").write_text("Lava is molten rock that a volcano throws out.\n")
    (folder / "page.html").write_text(
        "<html><script>ignored()</script><h1>Tides</h1><p>The moon causes the tides.</p></html>"
    )
    # Not written in this moment, as an index would have to look at it again.
    an_hour_ago = time.time() - 3600
    for file in folder.iterdir():
        os.utime(file, (an_hour_ago, an_hour_ago))
    return folder
