"""What the prompts are made of, and prompts that are answered on another machine."""

from itertools import pairwise
from pathlib import Path

import pytest

PAGE = "<html><title>{title}</title><body><nav>x</nav><p>{text}</p></body></html>"
TEXT = "A cursor walks the rows of a query one by one. " * 5


def page(folder: Path, package: str, title: str, text: str) -> None:
    (folder / package / "html").mkdir(parents=True, exist_ok=True)
    file = folder / package / "html" / f"{title}.html"
    file.write_text(PAGE.format(title=title, text=text))


@pytest.fixture
def manuals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import manuals

    monkeypatch.setattr(manuals, "FOLDER", tmp_path)
    return manuals


def test_paragraphs_of_installed_manuals_come_with_what_their_page_is_about(
    manuals, tmp_path: Path
) -> None:
    page(
        tmp_path,
        "postgresql-doc",
        "4.2. Cursors &amp; rows — manual",
        "<b>Rows</b> are &lt;read&gt;.",
    )
    assert list(manuals.paragraphs()) == [("Cursors & rows", "Rows are <read>.")]


@pytest.mark.parametrize("package", ["python3.11", "python3-doc", "python-sklearn-doc"])
def test_manuals_of_what_is_held_out_are_left_out(manuals, tmp_path: Path, package: str) -> None:
    page(tmp_path, package, "Lambdas", TEXT)
    assert list(manuals.paragraphs()) == []


def test_kept_prompts_come_back_in_batches_of_like_length_shared_out(tmp_path: Path) -> None:
    from generate import read_prompts, training_prompts, write_prompts

    prompts = training_prompts(60, seed=1, corpora=("python-reference",))
    write_prompts(prompts, tmp_path / "kept.xz")
    parts = [read_prompts(tmp_path / "kept.xz", part, 2, batch=8) for part in (0, 1)]
    assert sorted(map(repr, parts[0] + parts[1])) == sorted(map(repr, prompts))
    batches = [parts[0][n : n + 8] for n in range(0, len(parts[0]) // 8 * 8, 8)]
    spans = sorted((batch[0].max_tokens, batch[-1].max_tokens) for batch in batches)
    assert all(low[1] <= high[0] for low, high in pairwise(spans))
