"""Templates: Jinja2 in its sandbox, strict about names. Inserted text is never rendered again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

_WHOLE_EXPRESSION = re.compile(r"^\s*\{\{(?P<expression>(?:(?!\{\{|\}\}).)*)\}\}\s*$", re.DOTALL)


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
def environment() -> ImmutableSandboxedEnvironment:
    """The one environment that all templates are parsed and rendered in."""
    made = _Sandbox(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    made.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    # A loop or repetition over a huge range is the cheapest way to hang a sandboxed template.
    made.globals = {"range": made.globals["range"]}
    return made


@lru_cache(maxsize=512)
def parse(template: str) -> nodes.Template:
    """The template's syntax tree.

    Raises:
        TemplateFailure: it does not parse.
    """
    try:
        return environment().parse(template)
    except TemplateSyntaxError as error:
        raise TemplateFailure(str(error.message), error.lineno) from error


def is_expression(template: str) -> bool:
    """Whether a template is one ``{{ expression }}``, which gives its value as it is."""
    return _WHOLE_EXPRESSION.match(template) is not None


def render(template: str, scope: Mapping[str, Any]) -> str:
    """Render to text.

    Raises:
        TemplateFailure: a name is undefined, or an operation fails or is unsafe.
    """
    return str(_guard(lambda: _compiled(template).render(scope)))


def evaluate(template: str, scope: Mapping[str, Any]) -> Any:
    """A template that is one ``{{ expression }}`` gives that value as it is; any other, its text.

    Raises:
        TemplateFailure: as for ``render``.
    """
    whole = _WHOLE_EXPRESSION.match(template)
    if not whole:
        return render(template, scope)
    expression = environment().compile_expression(
        whole["expression"].strip(), undefined_to_none=False
    )
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
    return environment().from_string(template)


def _guard(action: Any) -> Any:
    try:
        return action()
    except TemplateError as error:
        raise TemplateFailure(str(error.message)) from error
    except (TypeError, ValueError, KeyError, ArithmeticError, OverflowError) as error:
        raise TemplateFailure(f"{type(error).__name__}: {error}") from error
