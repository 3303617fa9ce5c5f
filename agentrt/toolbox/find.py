"""Finding tools by name: those given, those in a workflow's own Python files, those that ship."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType

from agentrt.bundled import shelf
from agentrt.errors import GrantError, SpecError
from agentrt.toolbox.decorator import Tool


def known_tools(files: Sequence[Path] = (), given: Sequence[Tool] = ()) -> set[str]:
    """The names that can be granted, of tools and of families; runs no file.

    Raises:
        SpecError: a file is missing or is not Python.
    """
    in_files = {name for path in _all_files(files) for name in _declared(path)}
    return in_files | {name for tool in given for name in _names(tool)}


def find_tools(
    names: Sequence[str], files: Sequence[Path] = (), given: Sequence[Tool] = ()
) -> list[Tool]:
    """Load tools by name; a family's name stands for its tools.

    Only the files that declare one of the names are run. A given tool comes before one of the same
    name in a file, and that before one that ships.

    Raises:
        SpecError: a file is missing, is not Python or fails.
        GrantError: nothing has one of the names.
    """
    found: dict[str, list[Tool]] = {}
    for name in names:
        found[name] = [t for t in given if name in _names(t)] or _in_files(name, files)
        if not found[name]:
            close = get_close_matches(name, sorted(known_tools(files, given)), n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            raise GrantError(f"no tool is called {name!r}{hint}")
    return list({tool.name: tool for name in names for tool in found[name]}.values())


def _names(tool: Tool) -> set[str]:
    return {tool.name, tool.family or tool.name}


def _in_files(name: str, files: Sequence[Path]) -> list[Tool]:
    for path in _all_files(files):
        if name in set(_declared(path)):
            tools = [t for t in vars(_load(path)).values() if isinstance(t, Tool)]
            return [replace(t, source=path.name) for t in tools if name in _names(t)]
    return []


def _all_files(files: Sequence[Path]) -> list[Path]:
    return [*files, *sorted(shelf("tools").glob("*.py"))]


def _declared(path: Path) -> Iterator[str]:
    """Names of functions under ``@tool``, read from the source without running it."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    except OSError as error:
        raise SpecError(f"cannot be read: {error}", source=str(path)) from error
    except SyntaxError as error:
        raise SpecError(
            f"not valid Python: {error.msg}", source=str(path), line=error.lineno
        ) from (error)
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in statement.decorator_list:
                yield from _names_under(decorator, statement.name)


def _names_under(decorator: ast.expr, function: str) -> Iterator[str]:
    call = decorator if isinstance(decorator, ast.Call) else None
    target = call.func if call else decorator
    if not (isinstance(target, ast.Name) and target.id == "tool"):
        return
    given = {
        keyword.arg: str(keyword.value.value)
        for keyword in (call.keywords if call else ())
        if isinstance(keyword.value, ast.Constant) and keyword.value.value
    }
    yield given.get("name", function)
    if "family" in given:
        yield given["family"]


def _load(path: Path) -> ModuleType:
    name = f"agentrt_tools_{path.stem}_{abs(hash(path.resolve())):x}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise SpecError("not a Python file", source=str(path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        message = f"fails when it is loaded: {type(error).__name__}: {error}"
        raise SpecError(message, source=str(path)) from error
    return module
