"""Each example runs. A scripted fake server stands in for the model here."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentrt.testing import Reply

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("script", "decode"),
        ("timing_hooks", "close: llm say after"),
        ("custom_tool", "3"),
        ("notebook", "600 tok/s"),
        ("langgraph_node", "BEES MAKE HONEY."),
    ],
)
def test_the_script_runs(name: str, shown: str, fake_server) -> None:
    server = fake_server([Reply("Bees make honey.")] * 3)
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py")],
        capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "OPENAI_BASE_URL": server.base_url, "OPENAI_MODEL": "m",
             "OPENAI_API_KEY": server.api_key},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout


def test_the_web_app_streams(fake_server, monkeypatch: pytest.MonkeyPatch) -> None:
    server = fake_server([Reply("Bees make honey.")])
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setenv("OPENAI_MODEL", "m")
    monkeypatch.setenv("OPENAI_API_KEY", server.api_key)
    monkeypatch.syspath_prepend(str(EXAMPLES))
    from fastapi.testclient import TestClient
    from fastapi_app import app

    with TestClient(app) as client:
        assert (
            client.get("/ask", params={"question": "What do bees do?"}).text == "Bees make honey."
        )
