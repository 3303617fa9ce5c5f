"""Paragraphs of the HTML manuals that the system's packages installed.

Only for a training that asks for them (``--corpora manuals``): which manuals a machine has differs,
so the drafter that ``make draft`` makes from nothing does without.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path("/usr/share/doc")
# Held-out text stays out: Python's own manuals repeat its language reference.
_LEFT_OUT = re.compile(r"^python3[.\d]*(-doc)?$|sklearn|scikit")
# Pages read of a package, evenly spread: some have tens of thousands, much alike.
_PAGES = 700
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.DOTALL | re.IGNORECASE)
_PARAGRAPH = re.compile(r"<p\b[^>]*>(.*?)</p>", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")
_TITLE_END = re.compile(r"\s+[-—–|·»:(].*| in [a-z_:]+ *$")
_LEADING = re.compile(r"^(\d+\.)+\s*|^(Chapter|Appendix|Section) \w+\.\s*")


def paragraphs() -> Iterator[tuple[str, str]]:
    """(what a page is about, one of its paragraphs), of all packages."""
    for package in sorted(FOLDER.iterdir()):
        if not package.is_dir() or package.is_symlink() or _LEFT_OUT.search(package.name):
            continue
        pages = sorted(page for page in package.rglob("*.html") if page.is_file())
        for page in pages[:: max(1, len(pages) // _PAGES)]:
            yield from _of_page(page.read_text("utf-8", errors="replace"))


def _of_page(page: str) -> Iterator[tuple[str, str]]:
    found = _TITLE.search(page)
    topic = _LEADING.sub("", _TITLE_END.sub("", _plain(found[1]))) if found else ""
    if 2 < len(topic) <= 60:
        for paragraph in _PARAGRAPH.finditer(page):
            yield topic, _plain(paragraph[1])


def _plain(marked: str) -> str:
    return " ".join(html.unescape(_TAG.sub("", marked)).split())
