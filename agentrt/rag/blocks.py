"""The structure of a document: blocks that belong together, each under its path of headings."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from agentrt.rag.load import CODE, Document

_LINE_END = re.compile(r"\r\n?|\n")
_BLANK_LINES = re.compile(r"\n(?:[ \t\r]*\n)+")
_MARKUP = re.compile(r"[`*¶]+")
_FRONT_MATTER = re.compile(r"---\r?\n.*?\n---[ \t]*(?:\r?\n|$)", re.DOTALL)
_MAX_HEADING = 100

Path = tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """A paragraph, a list item, a code block, a function: ``text[start:end]`` of its document."""

    start: int
    end: int
    path: Path


def blocks(document: Document) -> Iterator[Block]:
    """The blocks of a document, in order, without overlap and without white space around."""
    for block in _outline(document)(document.text):
        piece = document.text[block.start : block.end]
        start = block.start + len(piece) - len(piece.lstrip())
        end = block.start + len(piece.rstrip())
        if start < end:
            yield Block(start, end, block.path)


def _outline(document: Document) -> Callable[[str], Iterator[Block]]:
    suffix = document.suffix
    if suffix in (".md", ".markdown", ".html", ".htm", ".xhtml", ".docx"):
        return _markdown
    if suffix == ".rst":
        return _restructured
    if suffix in (".py", ".pyi"):
        return _python
    if suffix in CODE:
        return lambda text: _code(text, CODE[suffix])
    return _paragraphs


def _paragraphs(
    text: str, start: int = 0, end: int | None = None, path: Path = ()
) -> Iterator[Block]:
    """What blank lines part."""
    stop = len(text) if end is None else end
    at = start
    for gap in _BLANK_LINES.finditer(text, start, stop):
        yield Block(at, gap.start(), path)
        at = gap.end()
    yield Block(at, stop, path)


class _Lines:
    """Where each line, counted from 0, begins."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(end.end() for end in _LINE_END.finditer(text))]
        self._length = len(text)

    def start(self, line: int) -> int:
        return self._starts[line] if line < len(self._starts) else self._length


class _Headings:
    """The path of headings as a document goes on."""

    def __init__(self) -> None:
        self._open: list[tuple[int, str]] = []

    def enter(self, level: int, title: str) -> Path:
        self._open = [entry for entry in self._open if entry[0] < level]
        title = " ".join(_MARKUP.sub("", title).split())
        self._open.append((level, title[:_MAX_HEADING]))
        return self.path

    @property
    def path(self) -> Path:
        return tuple(title for _, title in self._open if title)


def _markdown(text: str) -> Iterator[Block]:
    """Each heading begins a block; code blocks, tables and list items stay whole."""
    from markdown_it import MarkdownIt

    front = _FRONT_MATTER.match(text)
    skipped = front.end() if front else 0
    if front:
        yield Block(0, skipped, ())
    body = text[skipped:]
    lines, headings = _Lines(body), _Headings()
    # Only the blocks are wanted: parsing what is inside them would take most of the time.
    tokens = MarkdownIt("commonmark").enable("table").disable("inline").parse(body)
    for place, token in enumerate(tokens):
        if token.map is None or token.nesting < 0 or token.type == "inline":
            continue
        if token.level == 0 and token.type == "heading_open":
            headings.enter(int(token.tag[1]), tokens[place + 1].content)
        is_item = token.level == 1 and token.type == "list_item_open"
        is_list = token.type in ("bullet_list_open", "ordered_list_open")
        if is_item or (token.level == 0 and not is_list):
            first, last = token.map
            yield Block(skipped + lines.start(first), skipped + lines.start(last), headings.path)


_UNDERLINE = re.compile(r"^(?P<sign>[=\-~^\"*+#`'.:_])(?P=sign){2,}[ \t]*$")


def _restructured(text: str) -> Iterator[Block]:
    """Titles are lines with a line of signs under them; each new sign is a level deeper."""
    headings, levels = _Headings(), list[str]()
    lines = text.splitlines(keepends=True)
    at, begun = 0, 0
    for number, line in enumerate(lines):
        under = _UNDERLINE.match(lines[number + 1]) if number + 1 < len(lines) else None
        title = line.strip()
        is_title = under and title and not line[0].isspace() and not _UNDERLINE.match(line)
        if under and is_title and len(lines[number + 1].rstrip()) >= min(len(title), 4):
            yield from _literal_kept(text, begun, at, headings.path)
            begun = at
            if under["sign"] not in levels:
                levels.append(under["sign"])
            headings.enter(levels.index(under["sign"]), title)
        at += len(line)
    yield from _literal_kept(text, begun, at, headings.path)


def _literal_kept(text: str, start: int, end: int, path: Path) -> Iterator[Block]:
    """Paragraphs; what is indented after one that ends in ``::`` belongs to it."""
    held: Block | None = None
    literal = False
    for block in _paragraphs(text, start, end, path):
        indented = text[block.start : block.start + 1].isspace()
        if held and indented and (literal or text[: held.end].rstrip().endswith("::")):
            held, literal = Block(held.start, block.end, path), True
            continue
        if held:
            yield held
        held, literal = block, False
    if held:
        yield held


def _python(text: str) -> Iterator[Block]:
    """Functions and methods whole, with their decorators."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        yield from _code(text, "python")
        return
    at = 0
    for start, end, path in _definitions(tree, _Lines(text), ()):
        yield from _paragraphs(text, at, start, path[:-1])
        yield Block(start, end, path)
        at = end
    yield from _paragraphs(text, at)


def _definitions(
    node: ast.Module | ast.ClassDef, lines: _Lines, path: Path
) -> Iterator[tuple[int, int, Path]]:
    for child in node.body:
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            own = (*path, child.name)
            first = min([child.lineno, *(each.lineno for each in child.decorator_list)]) - 1
            inner = list(_definitions(child, lines, own)) if isinstance(child, ast.ClassDef) else []
            end = lines.start(child.end_lineno or child.lineno)
            if inner:
                # What a class says before its first method, with its own name.
                yield lines.start(first), inner[0][0], own
                yield from inner
            else:
                yield lines.start(first), end, own


# What LangChain's lists have besides definitions, and what may stand before one.
_CONTROL = {"if", "for", "while", "switch", "case", "do", "loop", "match", "return", "unless"}
_EXPORTED = r"(?:(?:pub(?:\([^)]*\))?|export|default|async|public|static) +)*"
_ABOVE = re.compile(r"(?:^[ \t]*(?://|/\*|\*|#|--|@)[^\n]*\n)*\Z", re.MULTILINE)


def _code(text: str, language: str) -> Iterator[Block]:
    """Cut where a line begins a definition, by LangChain's lists of the words that do."""
    from langchain_text_splitters import Language, RecursiveCharacterTextSplitter

    separators = RecursiveCharacterTextSplitter.get_separators_for_language(Language(language))
    words = [s.strip() for s in separators if s.startswith("\n") and s.strip()]
    begins = "|".join(re.escape(word) for word in words if word not in _CONTROL)
    at, path = 0, Path()
    for line in re.finditer(rf"^(?: {{4}}|\t)?{_EXPORTED}(?:{begins})\b.*$", text, re.MULTILINE):
        if line[0].rstrip().endswith(";"):
            continue
        above = _ABOVE.search(text, max(at, line.start() - 4000), line.start())
        start = above.start() if above else line.start()
        yield Block(at, start, path)
        at, path = start, (" ".join(line[0].rstrip(" {:\r").split())[:_MAX_HEADING],)
    yield Block(at, len(text), path)
