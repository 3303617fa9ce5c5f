"""Drawings of a workflow."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agentrt.cli.main import app

BRANCHES = """
name: w
nodes:
  choose: {kind: branch, cases: [{when: "{{ true }}", to: a}, {to: b}]}
  a: {kind: llm, prompt: x}
  b: {kind: llm, prompt: x}
outputs: {o: "{{ a or b }}"}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "w.yaml").write_text(BRANCHES)
    return tmp_path / "w.yaml"


def test_mermaid_shows_what_waits_for_what(file: Path) -> None:
    done = CliRunner().invoke(app, ["graph", str(file)])
    assert done.exit_code == 0
    for edge in ("choose --> a", "choose --> b"):
        assert edge in done.output


def test_a_picture_needs_graphviz_and_says_so(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = file.parent / "w.svg"
    monkeypatch.setenv("PATH", "")
    done = CliRunner().invoke(app, ["graph", str(file), "-o", str(out)])
    assert done.exit_code == 2
    assert "needs Graphviz" in done.output
    assert not out.exists()


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_graphviz_draws_it(file: Path) -> None:
    out = file.parent / "w.svg"
    assert CliRunner().invoke(app, ["graph", str(file), "-o", str(out)]).exit_code == 0
    assert "<svg" in out.read_text()


def test_another_kind_of_file_is_refused(file: Path) -> None:
    done = CliRunner().invoke(app, ["graph", str(file), "-o", "w.pdf"])
    assert done.exit_code == 2
    assert ".mmd, .svg or .png" in done.output


def test_what_is_nested_is_drawn_inside_its_node(tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    file.write_text("""
name: w
nodes:
  again:
    kind: loop
    nodes: {say: {kind: llm, prompt: x}, judge: {kind: llm, prompt: "{{ say }}"}}
    until: "{{ judge }}"
    max_rounds: 2
    value: "{{ say }}"
outputs: {o: "{{ again }}"}
""")
    drawn = CliRunner().invoke(app, ["graph", str(file)]).output
    assert "subgraph again" in drawn
    assert r"again\3asay --> again\3ajudge" in drawn
    assert r"again\3aoutputs -.-> again\3asay" in drawn, "the way back to the next round"
