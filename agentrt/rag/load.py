"""Reading a document: from the bytes of a file to its text and the places in it."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

MAX_FILE_BYTES = 50_000_000
_MAX_UNPACKED_BYTES = 200_000_000
_LINE_END = re.compile(r"\r\n?|\n")

_LANGUAGES = {
    "c": ".c .h", "cpp": ".cc .cpp .cxx .hpp", "csharp": ".cs", "elixir": ".ex", "go": ".go",
    "haskell": ".hs", "java": ".java", "js": ".js .jsx .mjs", "kotlin": ".kt", "lua": ".lua",
    "php": ".php", "powershell": ".ps1", "proto": ".proto", "python": ".py .pyi", "ruby": ".rb",
    "rust": ".rs", "scala": ".scala", "sol": ".sol", "swift": ".swift", "ts": ".ts .tsx",
}  # fmt: skip
CODE = {suffix: language for language, all_ in _LANGUAGES.items() for suffix in all_.split()}
"""The languages of source code, by suffix."""


class Unreadable(Exception):  # noqa: N818 - a reason to skip a file, and no failure of a run
    """Why a file can't be read."""


@dataclass(frozen=True)
class Places:
    """What to write behind a file's name so that it opens at a character of its text.

    Args:
        form: how a place is written; empty where a file can't be opened at one.
        starts: where each place begins in the text, in order.
        names: what each is called, else they are counted from 1.
    """

    form: str = ""
    starts: Sequence[int] = ()
    names: Sequence[object] | None = None

    def at(self, offset: int) -> str:
        """The place that a character belongs to."""
        number = bisect_right(self.starts, offset)
        if not number:
            return ""
        return self.form.format(number if self.names is None else self.names[number - 1])


@dataclass(frozen=True)
class Document:
    """A document's name inside its corpus, its text, and the places in the text."""

    source: str
    text: str
    places: Places = Places()

    @property
    def suffix(self) -> str:
        """The kind of file that it came from, such as ``.md``."""
        return PurePosixPath(self.source).suffix.lower()


def is_read(suffix: str) -> bool:
    """Whether files with that suffix are documents."""
    return suffix in _READERS


def load(source: str, content: bytes) -> Document:
    """Read a document.

    Raises:
        Unreadable: it is binary, broken, in an unknown encoding or without text.
    """
    try:
        text, places = _READERS[PurePosixPath(source).suffix.lower()](content)
    except Unreadable:
        raise
    except RecursionError as error:
        raise Unreadable("nested too deeply") from error
    except Exception as error:
        raise Unreadable(f"broken: {error or type(error).__name__}".splitlines()[0]) from error
    if not text.strip():
        raise Unreadable("no text in it")
    return Document(source, text, places)


Read = tuple[str, Places]


def _text(content: bytes) -> Read:
    text = _decoded(content)
    return text, Places(":{}", [0, *(end.end() for end in _LINE_END.finditer(text))])


def _decoded(content: bytes) -> str:
    """Text of bytes: UTF-8 where it is that, else what it most likely is."""
    utf_16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    if b"\0" in content[:8192] and not utf_16:
        raise Unreadable("binary")
    try:
        return content.decode("utf-16" if utf_16 else "utf-8-sig")
    except UnicodeDecodeError:
        pass
    from charset_normalizer import from_bytes

    best = from_bytes(content[:100_000]).best()
    if best is None:
        raise Unreadable("binary, or in an encoding that can't be told")
    try:
        return content.decode(best.encoding)
    except UnicodeDecodeError as error:
        raise Unreadable(f"neither UTF-8 nor {best.encoding} throughout") from error


# An anchor travels through the conversion as text between two characters of the private use area.
_ANCHOR = re.compile("\ue000([^\ue001]*)\ue001 ?")
_HEAD = re.compile(r"((?:<(?!h[1-6]\b|/)[^<>]*>\s*){0,8})(<h[1-6]\b[^<>]*>)")
_ID = re.compile(r"""\bid\s*=\s*["']?([^"'\s>]+)""")
_TERM = re.compile(r"<dt\b([^<>]*\bid=[^<>]*)>(.*?)</dt>", re.DOTALL)


def _html(content: bytes) -> Read:
    return _html_text(_decoded(content))


def _html_text(html: str) -> Read:
    """Markdown of a page; its places are the anchors of its headings and of its terms."""
    from html_to_markdown import ConversionOptions, PreprocessingOptions, convert

    # A term that can be linked to heads its definition, as a heading does.
    html = _TERM.sub(r"<h6\1>\2</h6>", re.sub("[\ue000\ue001]", "", html))
    options = ConversionOptions(
        strip_tags=["a"],
        exclude_selectors=["nav", "[role=navigation]"],
        extract_metadata=False,
        skip_images=True,
        preprocessing=PreprocessingOptions(preset="standard"),
    )
    marked = convert(_HEAD.sub(_mark, html), options).content or ""
    parts, starts, names, length = [], [], [], 0
    rest = 0
    for anchor in _ANCHOR.finditer(marked):
        parts.append(marked[rest : anchor.start()])
        length += len(parts[-1])
        rest = anchor.end()
        # A heading begins with its line: the marks stand behind its number signs.
        starts.append(length - _signs(parts[-1]))
        names.append(anchor[1])
    text = "".join([*parts, marked[rest:]]).replace("¶", " ")
    return text, Places("#{}", starts, names)


def _mark(head: re.Match[str]) -> str:
    ids = _ID.findall(head[2]) or _ID.findall(head[1])
    return f"{head[0]}\ue000{ids[-1]}\ue001" if ids else head[0]


def _signs(before: str) -> int:
    return len(before) - len(before.rstrip("# "))


def _pdf(content: bytes) -> Read:
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(content))
    if reader.is_encrypted:
        raise Unreadable("encrypted")
    return _joined([page.extract_text() or "" for page in reader.pages], "#page={}")


def _docx(content: bytes) -> Read:
    import mammoth

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(part.file_size for part in archive.infolist()) > _MAX_UNPACKED_BYTES:
            raise Unreadable(f"unpacks to more than {_MAX_UNPACKED_BYTES // 1_000_000} MB")
    no_image = mammoth.images.img_element(lambda _: {"src": ""})
    made = mammoth.convert_to_html(io.BytesIO(content), convert_image=no_image)
    return _html_text(made.value)[0], Places()


def _table(content: bytes, delimiter: str) -> Read:
    """A paragraph a row, each value with the name of its column."""
    rows = csv.DictReader(
        io.StringIO(_decoded(content), newline=""), delimiter=delimiter, restkey="more", restval=""
    )
    records, lines = [], []
    for row in rows:
        records.append("\n".join(f"{name}: {value}" for name, value in row.items() if value))
        lines.append(rows.line_num)
    return _joined(records, ":{}", lines)


def _json(content: bytes) -> Read:
    value = json.loads(_decoded(content))
    if isinstance(value, list):
        return _joined([_pretty(item) for item in value], "[{}]", range(len(value)))
    return _pretty(value), Places()


def _json_lines(content: bytes) -> Read:
    """A paragraph a line."""
    lines = [(n, line) for n, line in enumerate(_decoded(content).splitlines(), 1) if line.strip()]
    return _joined([_pretty(json.loads(line)) for _, line in lines], ":{}", [n for n, _ in lines])


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False)


def _joined(parts: Sequence[str], form: str, names: Sequence[object] | None = None) -> Read:
    """Parts as paragraphs, each one a place."""
    starts, length = [], 0
    for part in parts:
        starts.append(length)
        length += len(part) + 2
    return "\n\n".join(parts), Places(form, starts, names)


_READERS: dict[str, Callable[[bytes], Read]] = {
    **dict.fromkeys([".md", ".markdown", ".txt", ".text", ".rst", *CODE], _text),
    **dict.fromkeys([".ini", ".sh", ".sql", ".toml", ".yaml", ".yml"], _text),
    **dict.fromkeys([".html", ".htm", ".xhtml"], _html),
    ".pdf": _pdf,
    ".docx": _docx,
    ".csv": lambda content: _table(content, ","),
    ".tsv": lambda content: _table(content, "\t"),
    ".json": _json,
    **dict.fromkeys([".jsonl", ".ndjson"], _json_lines),
}
