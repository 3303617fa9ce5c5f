"""What ``value.name`` and ``value[key]`` give in a template, and why some of them can't be."""

from __future__ import annotations

from dataclasses import dataclass

from agentrt.spec.complaint import Severity
from agentrt.spec.suggest import nearest
from agentrt.spec.template import environment
from agentrt.spec.value_type import ANY, STRING, Type

_PYTHON: dict[str, type] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "list": list,
    "object": dict,
}

_NAMED = {"inputs": "input", "vars": "var", "loop": "value of the loop"}


@dataclass(frozen=True)
class Problem:
    """Why something in a template is wrong, and what would mend it."""

    message: str
    hint: str | None = None
    severity: Severity = "error"


def attribute(
    base: Type, name: str, text: str, *, called: bool = False
) -> tuple[Type, Problem | None]:
    """The type of ``text.name``.

    Args:
        base: the type of ``text``.
        name: the field or method.
        text: how the template writes what has it.
        called: whether it is called.
    """
    if name.startswith("_"):
        return ANY, Problem(f"{name!r} is unsafe: templates can't read names that begin with _")
    if base.kind in ("any", "none"):
        return ANY, None
    if base.kind == "generator":
        return ANY, Problem(f"{text} gives items one by one and has no {name!r}", "add `| list`")
    if base.kind == "object" and base.fields is not None and name in base.fields:
        return field(base, name, text)
    method = hasattr(_PYTHON[base.kind], name)
    if method and called:
        return ANY, None
    if method:
        return ANY, Problem(f"{text}.{name} is a method of every {base.kind}", _instead(text, name))
    return field(base, name, text)


def _instead(text: str, name: str) -> str:
    return f"for a field of that name write {text}[{name!r}]"


def field(base: Type, name: str, text: str) -> tuple[Type, Problem | None]:
    """The type of ``text['name']``."""
    if base.kind in ("any", "none"):
        return ANY, None
    if base.kind != "object":
        return ANY, _has_no(base, name, text)
    if base.fields is None:
        return ANY, None
    if name not in base.fields:
        message = f"{text} has no field {name!r}"
        if text in _NAMED:
            message = f"no {_NAMED[text]} is called {name!r}"
        return ANY, Problem(message, nearest(name, base.fields))
    problem = None
    if name in base.maybe:
        message = f"{text} may lack {name!r}, which its schema does not require"
        hint = "require it, or use `| default(…)`"
        problem = Problem(message, hint, "warning")
    return base.fields[name], problem


def element(base: Type, key: Type, text: str) -> tuple[Type, Problem | None]:
    """The type of ``text[key]`` where the key is worked out or a number."""
    if base.kind == "generator":
        return ANY, Problem(f"{text} gives items one by one, and none by its place", "add `| list`")
    if base.kind in ("integer", "number", "boolean"):
        return ANY, Problem(f"{text} is {base}, and has no parts")
    if base.kind in ("list", "string"):
        if key.kind not in ("any", "integer", "boolean"):
            return ANY, Problem(f"{text} is {base}: its items are counted, and {key} is no number")
        return (STRING if base.kind == "string" else base.items), None
    return ANY, None


def _has_no(base: Type, name: str, text: str) -> Problem:
    hint = None
    if base.kind == "list":
        hint = f"take one, such as {text}[0], or all: {text} | map(attribute={name!r})"
    if name in environment().filters:
        hint = f"write {text} | {name}"
    return Problem(f"{text} is {base}, and has no {name!r}", hint)
