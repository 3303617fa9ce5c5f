"""Pictures of the report for README and docs, from the traces under benchmarks/results/traces/.

Run: python docs/screenshots.py   (needs Chromium and playwright)
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from agentrt.report.image import waterfall_svg
from agentrt.report.page import report_page
from agentrt.timing import read_trace

ROOT = Path(__file__).parent.parent
TRACES = ROOT / "benchmarks" / "results" / "traces"
IMAGES = ROOT / "docs" / "images"


def main() -> None:
    """Write the waterfall as SVG, and the whole report in light and dark."""
    IMAGES.mkdir(exist_ok=True)
    traces = [read_trace(path) for path in sorted(TRACES.glob("*.jsonl"))]
    judged = next(t for t in traces if t.header.attributes.get("speculation") == "dflash")
    (IMAGES / "waterfall.svg").write_text(waterfall_svg(judged), encoding="utf-8")
    with TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        page.write_text(report_page(traces), encoding="utf-8")
        _shoot(page)


def _shoot(page: Path) -> None:
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser: Any = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        for scheme in ("light", "dark"):
            shown = browser.new_page(viewport={"width": 1100, "height": 1500}, color_scheme=scheme)
            shown.goto(page.as_uri())
            shown.wait_for_selector("html[data-drawn]", state="attached")
            shown.screenshot(path=str(IMAGES / f"report-{scheme}.png"))
        browser.close()


if __name__ == "__main__":
    main()
