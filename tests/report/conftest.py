"""Traces to report on, and a browser to read the reports in."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agentrt.timing import Phase, Span, Trace, TraceWriter
from agentrt.timing.trace import TraceHeader

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def make_trace(steps: int, *, decode_s: float = 2.0, workflow: str = "notes") -> Trace:
    """``steps`` nodes one after the other, each of one model call and one tool call."""
    spans, now = [], 0.0
    for n in range(steps):
        start, first = now, now + 0.5
        last = first + decode_s
        end = last + 0.5
        node, llm = f"n{n}", f"l{n}"
        phases = (
            Phase(category="prefill", start_s=start, end_s=first),
            Phase(category="decode", start_s=first, end_s=last),
        )
        attributes = {
            "prompt_tokens": 100, "cached_tokens": 64, "output_tokens": 41, "ttft_s": 0.5,
            "queue_s": 0.0, "decode_s": decode_s, "acceptance_length": 2.5,
            "verify_steps": 16, "accepted_draft_tokens": 24,
            "messages": [{"role": "user", "content": f"question {n} </script><b>bold</b>"}],
            "text": f"a secret answer {n}",
        }  # fmt: skip
        spans += [
            Span(id=llm, parent=node, kind="llm", name=f"step {n}", node=f"step {n}", status="ok",
                 start_s=start, end_s=last, phases=phases, attributes=attributes),
            Span(id=f"t{n}", parent=node, kind="tool", name="look|up", node=f"step {n}",
                 status="ok", start_s=last, end_s=end),
            Span(id=node, parent="r", kind="node", name=f"step {n}", node=f"step {n}",
                 status="ok", start_s=start, end_s=end),
        ]  # fmt: skip
        now = end
    run = Span(id="r", parent=None, kind="run", name=workflow, node=None, start_s=0.0, end_s=now,
               status="ok")  # fmt: skip
    header = TraceHeader(
        workflow=workflow,
        started_at="2026-11-24T12:00:00+00:00",
        attributes={"inputs": {"question": "a private question"}},
    )
    return Trace(header=header, spans=[*spans, run])


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Trace, str], Path]:
    def to_file(trace: Trace, name: str) -> Path:
        with TraceWriter(tmp_path / name, trace.header) as writer:
            for span in trace.spans:
                writer("close", span)
        return tmp_path / name

    return to_file


# No wider scope: while it is open, playwright keeps an event loop running in this thread.
@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        assert "CI" not in os.environ, "CI reads the report in a real browser: install Chromium"
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        found = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield found
        found.close()
