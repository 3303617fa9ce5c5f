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
from agentrt.toolbox.langchain import as_tools, is_langchain
from agentrt.toolbox.syntax import syntax_tree


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


def all_tools(files: Sequence[Path] = ()) -> list[Tool]:
    """All tools of some files and those that ship; runs the files.

    Raises:
        SpecError: a file is missing, is not Python or fails.
    """
    return [tool for path in _all_files(files) for tool in _tools_in(path)]


def _names(tool: Tool) -> set[str]:
    return {tool.name, tool.family or tool.name}


def _in_files(name: str, files: Sequence[Path]) -> list[Tool]:
    for path in _all_files(files):
        if name in _declared(path):
            return [tool for tool in _tools_in(path) if name in _names(tool)]
    return []


def _tools_in(path: Path) -> list[Tool]:
    values = vars(_load(path)).values()
    tools = as_tools(value for value in values if isinstance(value, Tool) or is_langchain(value))
    return [replace(tool, source=path.name) for tool in tools]


def _all_files(files: Sequence[Path]) -> list[Path]:
    return [*files, *sorted(shelf("tools").glob("*.py"))]


def _declared(path: Path) -> frozenset[str]:
    """Names of the tools and families in a file, read from its source without running it."""
    return frozenset(name for made in syntax_tree(path).body for name in _names_made(made))


def _names_made(statement: ast.stmt) -> Iterator[str]:
    """What a function under ``@tool``, or ``x = langchain_tool(…, name="…")``, can be granted by.

    LangChain's own ``@tool`` is read too, and gives the name as its first argument.
    """
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        for decorator in statement.decorator_list:
            if _called(decorator) == "tool":
                yield from _names_given(decorator, statement.name)
    elif isinstance(statement, ast.Assign) and _called(statement.value) == "langchain_tool":
        yield from _names_given(statement.value, None)


def _called(expression: ast.expr) -> str | None:
    target = expression.func if isinstance(expression, ast.Call) else expression
    return target.id if isinstance(target, ast.Name) else None


def _names_given(made: ast.expr, otherwise: str | None) -> Iterator[str]:
    call = made if isinstance(made, ast.Call) else ast.Call(made, [], [])
    given = {k.arg: _text(k.value) for k in call.keywords}
    name = given.get("name") or (_text(call.args[0]) if call.args else None) or otherwise
    yield from (found for found in (name, given.get("family")) if found)


def _text(expression: ast.expr) -> str | None:
    value = expression.value if isinstance(expression, ast.Constant) else None
    return value if isinstance(value, str) else None


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
