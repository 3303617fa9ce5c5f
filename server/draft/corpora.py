"""Real text to build prompts from.

Four corpora that are found in an installed Python serve training, and where they are asked for the
manuals of the system's packages; two are kept whole for evaluation and never trained on.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import pkgutil
import random
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from types import ModuleType

import manuals

TRAINING = ("standard-library", "package-readmes", "scipy-docstrings", "torch-docstrings")
HELD_OUT = ("python-reference", "sklearn-docstrings")

_NOISE = re.compile(r"[|=*~^`_#-]{4,}|>>>|https?://\S+|<[^>]+>|\[!\[")
_ROLE = re.compile(r":\w+:`~?\.?([^`<]*)[^`]*`")
_SENTENCE_END = re.compile(r"(?<=[.!?:]) ")


@dataclass(frozen=True)
class Passage:
    """A stretch of prose, 150 to 450 characters, and what it is about."""

    corpus: str
    topic: str
    text: str


@cache
def passages(corpus: str) -> tuple[Passage, ...]:
    """All passages of a corpus, without repeats, in an order that is always the same."""
    found: dict[str, Passage] = {}
    for topic, text in _texts(corpus):
        for chunk in _chunks(text):
            found.setdefault(chunk, Passage(corpus, topic, chunk))
    ordered = sorted(found.values(), key=lambda passage: passage.text)
    random.Random(0).shuffle(ordered)  # noqa: S311 - an order, not a secret
    return tuple(ordered)


def _texts(corpus: str) -> Iterator[tuple[str, str]]:
    match corpus:
        case "python-reference":
            from pydoc_data.topics import topics

            yield from ((name.replace("-", " "), text) for name, text in topics.items())
        case "standard-library":
            yield from _docstrings(sorted(sys.stdlib_module_names))
        case "package-readmes":
            yield from _readmes()
        case "scipy-docstrings":
            yield from _docstrings(["numpy", "scipy", "networkx", "sympy"])
        case "torch-docstrings":
            yield from _docstrings(["torch", "pydantic", "langchain_core", "openai", "rich"])
        case "sklearn-docstrings":
            yield from _docstrings(["sklearn"])
        case "manuals":
            yield from manuals.paragraphs()
        case _:
            raise ValueError(f"no corpus named {corpus!r}")


def _readmes() -> Iterator[tuple[str, str]]:
    for package in importlib.metadata.distributions():
        text = package.metadata.get_payload()
        if isinstance(text, str) and not package.metadata["Name"].startswith("scikit"):
            yield package.metadata["Name"], text


def _docstrings(roots: Iterable[str]) -> Iterator[tuple[str, str]]:
    for root in roots:
        for module in _modules(root):
            for name, member in sorted(vars(module).items()):
                if name.startswith("_") or not (
                    inspect.isclass(member) or inspect.isroutine(member)
                ):
                    continue
                if str(getattr(member, "__module__", "")).split(".")[0] == root:
                    yield name, inspect.getdoc(member) or ""
                    yield from _methods(name, member)


def _methods(owner: str, member: object) -> Iterator[tuple[str, str]]:
    if not inspect.isclass(member):
        return
    for name, method in sorted(vars(member).items()):
        if not name.startswith("_") and callable(method):
            yield f"{owner}.{name}", inspect.getdoc(method) or ""


def _modules(root: str) -> Iterator[ModuleType]:
    if root in {"antigravity", "this", "idlelib", "turtledemo", "test"} or root.startswith("_"):
        return
    module = _imported(root)
    if module is None:
        return
    yield module
    for inner in pkgutil.iter_modules(getattr(module, "__path__", []), f"{root}."):
        if not inner.name.rpartition(".")[2].startswith(("_", "test", "conftest")):
            found = _imported(inner.name)
            if found is not None:
                yield found


def _imported(name: str) -> ModuleType | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    except BaseException:
        return None


def _chunks(text: str) -> Iterator[str]:
    """Runs of whole sentences out of paragraphs that read as prose."""
    for paragraph in re.split(r"\n\s*\n", text):
        plain = " ".join(_ROLE.sub(r"\1", paragraph).replace("``", "").split())
        if len(plain) < 150 or _NOISE.search(plain) or not _is_prose(plain):
            continue
        chunk = ""
        for sentence in _SENTENCE_END.split(plain):
            if len(chunk) + len(sentence) > 450:
                if len(chunk) >= 150:
                    yield chunk.strip()
                chunk = ""
            chunk += sentence + " "
        if 150 <= len(chunk) <= 451:
            yield chunk.strip()


def _is_prose(text: str) -> bool:
    letters = sum(character.isalpha() or character == " " for character in text)
    return text[0].isupper() and text.isascii() and letters / len(text) > 0.85
