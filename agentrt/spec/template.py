"""Templates: Jinja2 in its sandbox, strict about names. Inserted text is never rendered again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

_WHOLE_EXPRESSION = re.compile(r"^\s*\{\{(?P<expression>(?:(?!\{\{|\}\}).)*)\}\}\s*$", re.DOTALL)


@dataclass(frozen=True)
class Reference:
    """A name that a template reads: ``inputs.topic`` has root ``inputs``, attribute ``topic``."""

    root: str
    attribute: str | None
    line: int


class TemplateFailure(Exception):  # noqa: N818 - the graph turns it into the error the user sees
    """A template could not be parsed or rendered; ``line`` is 1-based within the template."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2's sandbox, in which ``facts.items`` is what an object holds by that name."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)


@lru_cache(maxsize=1)
def _environment() -> ImmutableSandboxedEnvironment:
    environment = _Sandbox(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    # A loop or repetition over a huge range is the cheapest way to hang a sandboxed template.
    environment.globals = {"range": environment.globals["range"]}
    return environment


def references(template: str) -> Iterator[Reference]:
    """The free names that a template reads, in order.

    Raises:
        TemplateFailure: the template does not parse, or uses an unknown filter.
    """
    environment = _environment()
    try:
        tree = environment.parse(template)
        environment.from_string(template)
    except TemplateError as error:
        line = error.lineno if isinstance(error, TemplateSyntaxError) else 1
        raise TemplateFailure(str(error.message), line) from error
    from jinja2.meta import find_undeclared_variables

    for reading in tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
        raise TemplateFailure("a template can't read other templates", reading.lineno)
    free = find_undeclared_variables(tree) - set(environment.globals)
    attributes: dict[int, str] = {}
    accesses: list[nodes.Getattr | nodes.Getitem] = [
        *tree.find_all(nodes.Getattr),
        *tree.find_all(nodes.Getitem),
    ]
    for access in accesses:
        if isinstance(access.node, nodes.Name):
            attributes[id(access.node)] = _attribute(access)
    for name in tree.find_all(nodes.Name):
        if name.ctx == "load" and name.name in free:
            yield Reference(name.name, attributes.get(id(name)) or None, name.lineno)


def _attribute(access: nodes.Getattr | nodes.Getitem) -> str:
    if isinstance(access, nodes.Getattr):
        return access.attr
    key = access.arg
    return key.value if isinstance(key, nodes.Const) and isinstance(key.value, str) else ""


def render(template: str, scope: Mapping[str, Any]) -> str:
    """Render to text.

    Raises:
        TemplateFailure: a name is undefined, or an operation fails or is unsafe.
    """
    return str(_guard(lambda: _compiled(template).render(scope)))


def whole_expression(template: str) -> str | None:
    """The expression of a template that is one ``{{ expression }}`` and nothing else."""
    whole = _WHOLE_EXPRESSION.match(template)
    return whole["expression"].strip() if whole else None


def evaluate(template: str, scope: Mapping[str, Any]) -> Any:
    """A template that is one ``{{ expression }}`` gives that value as it is; any other, its text.

    Raises:
        TemplateFailure: as for ``render``.
    """
    whole = whole_expression(template)
    if whole is None:
        return render(template, scope)
    expression = _environment().compile_expression(whole, undefined_to_none=False)
    value = _guard(lambda: expression(**scope))
    if isinstance(value, StrictUndefined):
        _guard(lambda: str(value))
    return value


def evaluate_all(value: Any, scope: Mapping[str, Any]) -> Any:
    """``evaluate`` for each text inside nested lists and mappings."""
    if isinstance(value, str):
        return evaluate(value, scope)
    if isinstance(value, list):
        return [evaluate_all(item, scope) for item in value]
    if isinstance(value, dict):
        return {key: evaluate_all(item, scope) for key, item in value.items()}
    return value


@lru_cache(maxsize=512)
def _compiled(template: str) -> Any:
    return _environment().from_string(template)


def _guard(action: Any) -> Any:
    try:
        return action()
    except TemplateError as error:
        raise TemplateFailure(str(error.message)) from error
    except (TypeError, ValueError, KeyError, ArithmeticError, OverflowError) as error:
        raise TemplateFailure(f"{type(error).__name__}: {error}") from error
