"""Finding tools by name: those that ship, and those in a workflow's own Python files."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

from agentrt.bundled import shelf
from agentrt.errors import SpecError, ToolError
from agentrt.toolbox.decorator import Tool


def known_tools(files: Sequence[Path] = ()) -> set[str]:
    """The names of the tools that ship and of those in the given files; runs none of them.

    Raises:
        SpecError: a file is missing or is not Python.
    """
    return {name for path in _all_files(files) for name in _declared(path)}


def find_tools(names: Sequence[str], files: Sequence[Path] = ()) -> list[Tool]:
    """Load tools by name. Only the files that declare one of them are run.

    Raises:
        SpecError: a file is missing, is not Python or fails.
        ToolError: no file declares one of the names.
    """
    wanted, found = set(names), {}
    for path in _all_files(files):
        if wanted & set(_declared(path)):
            module = _load(path)
            found.update({t.name: t for t in vars(module).values() if isinstance(t, Tool)})
    missing = [name for name in names if name not in found]
    if missing:
        raise ToolError(f"no tool is called {missing[0]!r}")
    return [found[name] for name in names]


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
                yield from _name_under(decorator, statement.name)


def _name_under(decorator: ast.expr, function: str) -> Iterator[str]:
    call = decorator if isinstance(decorator, ast.Call) else None
    target = call.func if call else decorator
    if not (isinstance(target, ast.Name) and target.id == "tool"):
        return
    given = [k.value for k in call.keywords if k.arg == "name"] if call else []
    named = given[0].value if given and isinstance(given[0], ast.Constant) else None
    yield str(named) if named else function


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
