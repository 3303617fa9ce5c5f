"""Spans in Arize Phoenix, a real OpenTelemetry collector and viewer for model calls.

`make test` installs it into an environment of its own (`make phoenix`).
"""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from agentrt.runtime import Runtime
from agentrt.testing import Reply
from agentrt.timing.otel import otlp

pytestmark = pytest.mark.e2e
PHOENIX = Path(__file__).parents[2] / ".venv-phoenix" / "bin" / "phoenix"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def phoenix(tmp_path: Path) -> Iterator[str]:
    program = os.environ.get("PHOENIX_PROGRAM", str(PHOENIX))
    if not Path(program).is_file():
        assert "CI" not in os.environ, "CI sends spans to a real collector: make phoenix"
        pytest.skip("Phoenix is not installed: make phoenix")
    port, grpc = free_port(), free_port()
    settings = {
        "PHOENIX_WORKING_DIR": str(tmp_path), "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(port), "PHOENIX_GRPC_PORT": str(grpc),
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    with (tmp_path / "log").open("w") as log:
        running = subprocess.Popen(
            [program, "serve"], stdout=log, stderr=log, env={**os.environ, **settings}
        )
        try:
            deadline = time.monotonic() + 120
            while not answers(url):
                assert running.poll() is None, (tmp_path / "log").read_text()[-2000:]
                assert time.monotonic() < deadline, (tmp_path / "log").read_text()[-2000:]
                time.sleep(0.5)
            yield url
        finally:
            running.terminate()
            running.wait(30)


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=2).is_success
    except httpx.HTTPError:
        return False


def test_phoenix_shows_the_run_and_its_model_call(phoenix: str, fake_server) -> None:
    server = fake_server([Reply("hello", acceptance_length=2.5)])
    workflow = {
        "name": "seen",
        "nodes": {"say": {"kind": "llm", "prompt": "x"}},
        "outputs": {"answer": "{{ say }}"},
    }
    with (
        otlp(phoenix) as hook,
        Runtime(
            base_url=server.base_url, model="m", api_key=server.api_key, hooks=[hook]
        ) as runtime,
    ):
        result = runtime.run(workflow)
    deadline = time.monotonic() + 30
    spans = []
    while len(spans) < len(result.trace.spans) and time.monotonic() < deadline:
        answer = httpx.get(f"{phoenix}/v1/projects/default/spans", params={"limit": 100})
        spans = answer.json()["data"] if answer.is_success else []
        time.sleep(0.5)
    by_name = {span["name"]: span for span in spans}
    assert len(spans) == len(result.trace.spans)
    told = by_name["chat m"]["attributes"]
    assert told["gen_ai.usage.input_tokens"] == 10
    assert told["agentrt.acceptance_length"] == 2.5
    run = by_name["invoke_workflow seen"]
    node = by_name["node say"]
    assert node["parent_id"] == run["context"]["span_id"]
