"""The report of traces: one file that needs nothing else, read in a real browser."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import make_trace
from typer.testing import CliRunner

from agentrt.cli.main import app
from agentrt.timing import Trace

Write = Callable[[Trace, str], Path]


def report(out: Path, *traces: Path, options: tuple[str, ...] = ()) -> Path:
    words = ["report", *map(str, traces), "-o", str(out), *options]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture
def page(browser):
    """A page that fails the test on any console message of weight or any request."""
    context = browser.new_context()
    context.set_default_timeout(20_000)
    found = context.new_page()
    troubles: list[str] = []
    found.on("console", lambda m: m.type in ("error", "warning") and troubles.append(m.text))
    found.on("pageerror", lambda error: troubles.append(str(error)))
    found.on("request", lambda r: r.url.startswith("http") and troubles.append(r.url))
    yield found
    context.close()
    assert not troubles


def opened(page, path: Path) -> float:
    started = time.perf_counter()
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-drawn]", state="attached")
    return time.perf_counter() - started


def test_the_page_draws_a_waterfall_of_each_run(page, write: Write, tmp_path: Path) -> None:
    one, two = write(make_trace(3), "1.jsonl"), write(make_trace(3, decode_s=1.0), "2.jsonl")
    opened(page, report(tmp_path / "r.html", one, two))
    assert page.locator(".chart canvas").count() == 3
    runs = page.locator("#runs tbody tr")
    assert runs.count() == 2
    assert "9.00" in runs.first.inner_text()
    assert "6.00" in runs.last.inner_text()


def test_the_slider_moves_the_projection(page, write: Write, tmp_path: Path) -> None:
    opened(page, report(tmp_path / "r.html", write(make_trace(3), "1.jsonl")))
    slider = page.get_by_role("slider")
    figures = page.locator(".figures")
    before = figures.inner_text()
    slider.focus()
    slider.press("Home")
    slowest = figures.inner_text()
    slider.press("End")
    fastest = figures.inner_text()
    assert len({before, slowest, fastest}) == 3
    # 3 steps of 40 tokens after the first at 5 and 2,000 tokens a second, 1 s of each is fixed.
    assert re.search(r"→ 27\.00 s", slowest)
    assert re.search(r"→ 3\.06 s, 2\.94x; ceiling 3\.00x", fastest)


def test_a_step_opens_by_keyboard_and_shows_its_texts(page, write: Write, tmp_path: Path) -> None:
    opened(page, report(tmp_path / "r.html", write(make_trace(2), "1.jsonl")))
    button = page.get_by_role("button", name="step 1").last
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    assert "a secret answer 1" in dialog.inner_text()
    assert "</script><b>bold</b>" in dialog.inner_text()
    page.keyboard.press("Escape")
    assert not dialog.is_visible()


def test_a_click_in_the_chart_opens_the_step(page, write: Write, tmp_path: Path) -> None:
    opened(page, report(tmp_path / "r.html", write(make_trace(1), "1.jsonl")))
    chart = page.locator("#waterfall-0 canvas")
    box = chart.bounding_box()
    chart.click(position={"x": box["width"] / 2, "y": box["height"] / 2})
    assert page.get_by_role("dialog").is_visible()


def test_light_and_dark(page, write: Write, tmp_path: Path) -> None:
    path = report(tmp_path / "r.html", write(make_trace(1), "1.jsonl"))
    grounds = set()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        opened(page, path)
        grounds.add(page.evaluate("getComputedStyle(document.body).color"))
    assert len(grounds) == 2


def test_redacted_texts_are_not_in_the_file(write: Write, tmp_path: Path) -> None:
    trace = write(make_trace(2), "1.jsonl")
    shown = report(tmp_path / "r.html", trace).read_text()
    hidden = report(tmp_path / "h.html", trace, options=("--redact",)).read_text()
    for private in ("a secret answer", "question 1", "a private question"):
        assert private in shown
        assert private not in hidden


def test_ten_thousand_spans_open(page, write: Write, tmp_path: Path) -> None:
    opened(page, report(tmp_path / "r.html", write(make_trace(3334), "1.jsonl")))
    page.get_by_role("button", name="Show all 10002 steps").click()
    assert page.locator("table.steps tbody tr").count() == 3 * 3334
    # By its row: the names of ten thousand buttons take a browser long to work out.
    row = page.locator("table.steps tbody tr", has_text="step 3333").last
    row.get_by_role("button", name="step 3333").click()
    assert "a secret answer 3333" in page.get_by_role("dialog").inner_text()


def test_markdown_keeps_its_table(write: Write, tmp_path: Path) -> None:
    text = report(tmp_path / "r.md", write(make_trace(1), "1.jsonl")).read_text()
    assert "| step 0 | 3.00 | decode |" in text
    assert "look\\|up" in text


def test_pictures(write: Write, tmp_path: Path) -> None:
    trace = write(make_trace(2), "1.jsonl")
    assert report(tmp_path / "w.svg", trace).read_text().startswith("<svg")
    assert report(tmp_path / "w.png", trace).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("output", "traces", "complaint"),
    [("r.pdf", 1, ".html, .md, .svg, .png"), ("r.svg", 2, "one trace, not 2")],
)
def test_a_wrong_request(
    write: Write, tmp_path: Path, output: str, traces: int, complaint: str
) -> None:
    files = [str(write(make_trace(1), f"{n}.jsonl")) for n in range(traces)]
    result = CliRunner().invoke(app, ["report", *files, "-o", str(tmp_path / output)])
    assert result.exit_code == 2
    assert complaint in result.output
    assert not (tmp_path / output).exists()
