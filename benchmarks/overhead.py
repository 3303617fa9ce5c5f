"""What timing costs: a span with and without it, and how long a report of many spans takes.

Writes benchmarks/results/overhead.json. Run: python benchmarks/overhead.py
"""

import json
import shutil
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from agentrt.bench.evidence import circumstances
from agentrt.report.page import report_page
from agentrt.runtime import Runtime
from agentrt.testing import FakeOpenAIServer, Reply
from agentrt.timing import Phase, Span, Trace, Tracer, TraceWriter
from agentrt.timing.trace import TraceHeader

RESULTS = Path(__file__).parent / "results"
_SPANS = 10_000


def main() -> None:
    with TemporaryDirectory() as folder:
        evidence: dict[str, Any] = {
            **circumstances("python benchmarks/overhead.py"),
            "span_us": [_span_us(Path(folder)) for _ in range(7)],
            "run": _share_of_a_run(Path(folder)),
            "report": _report(Path(folder)),
        }
    (RESULTS / "overhead.json").write_text(json.dumps(evidence, indent=1) + "\n", "utf-8")
    print(json.dumps(evidence, indent=1))


def _span_us(folder: Path) -> float:
    """Microseconds of opening, closing and writing a span with a few attributes."""
    header = TraceHeader(workflow="w", started_at="")
    with TraceWriter(folder / "spans.jsonl", header) as writer:
        tracer = Tracer((writer,))
        started = time.perf_counter()
        for n in range(_SPANS):
            with tracer.span("llm", "call", model="m") as span:
                span.set(prompt_tokens=n, output_tokens=n, ttft_s=0.1)
        return (time.perf_counter() - started) / _SPANS * 1e6


def _share_of_a_run(folder: Path) -> dict[str, float]:
    """Spans of a run times the cost of each, as a share of a run of a second or two."""
    workflow = {
        "name": "w",
        "nodes": {f"n{n}": {"kind": "llm", "prompt": "x"} for n in range(5)},
        "outputs": {"o": "{{ n0 }}"},
    }
    with (
        FakeOpenAIServer([Reply("word " * 40, ttft_s=0.1, itl_s=0.02)]) as server,
        Runtime(base_url=server.base_url, model="m", api_key=server.api_key) as runtime,
    ):
        trace = runtime.run(workflow, trace_file=folder / "run.jsonl").trace
    cost_s = len(trace.spans) * _span_us(folder) / 1e6
    return {
        "spans": len(trace.spans),
        "wall_s": trace.run.duration_s,
        "share": cost_s / trace.run.duration_s,
    }


def _report(folder: Path) -> dict[str, Any]:
    """Seconds to make the page of 10,000 spans, and to open it until its charts are drawn."""
    trace = _long_trace()
    started = time.perf_counter()
    page = folder / "report.html"
    page.write_text(report_page([trace]), encoding="utf-8")
    found: dict[str, Any] = {
        "spans": len(trace.spans),
        "made_s": time.perf_counter() - started,
        "megabytes": page.stat().st_size / 1e6,
    }
    opened = _opened(page)
    return {**found, "opened_s": opened, "opened_median_s": median(opened)}


def _opened(page: Path) -> list[float]:
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("no Chromium on this machine")
    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        for _ in range(5):
            shown = browser.new_page()
            started = time.perf_counter()
            shown.goto(page.as_uri())
            shown.wait_for_selector("html[data-drawn]", state="attached")
            found.append(time.perf_counter() - started)
            shown.close()
        browser.close()
    return found


def _long_trace() -> Trace:
    spans: list[Span] = []
    for n in range(_SPANS // 2):
        start, end = n * 1.0, n + 0.9
        phases = (
            Phase(category="prefill", start_s=start, end_s=start + 0.2),
            Phase(category="decode", start_s=start + 0.2, end_s=end),
        )
        told = {"prompt_tokens": 100, "output_tokens": 20, "decode_s": 0.7, "ttft_s": 0.2,
                "text": f"the answer of step {n}"}  # fmt: skip
        named = {"name": f"step {n}", "node": f"step {n}", "status": "ok"}
        spans.append(Span(id=f"l-{n}", parent=f"n-{n}", kind="llm", start_s=start, end_s=end,
                          phases=phases, attributes=told, **named))  # fmt: skip
        spans.append(
            Span(id=f"n-{n}", parent="r-0", kind="node", start_s=start, end_s=end, **named)
        )
    run = Span(id="r-0", parent=None, kind="run", name="long", node=None, start_s=0.0,
               end_s=_SPANS / 2, status="ok")  # fmt: skip
    header = TraceHeader(workflow="long", started_at="2026-11-24T12:00:00+00:00")
    return Trace(header=header, spans=[*spans, run])


if __name__ == "__main__":
    main()
