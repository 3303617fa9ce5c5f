"""The types of the expressions in a template, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from jinja2 import nodes

from agentrt.spec import filters
from agentrt.spec.access import Problem, attribute, element
from agentrt.spec.access import field as field_of
from agentrt.spec.operators import added, incomparable, misapplied
from agentrt.spec.suggest import nearest
from agentrt.spec.template import environment
from agentrt.spec.value_type import (
    ANY,
    BOOLEAN,
    INTEGER,
    STRING,
    Type,
    list_of,
    object_of,
    type_of,
    union,
)


@dataclass(frozen=True)
class Scope:
    """The names that a template may read.

    Attributes:
        types: by name.
        elsewhere: names that only other templates may read, and why.
    """

    types: Mapping[str, Type]
    elsewhere: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fault:
    """What is wrong at a word on a line of a template."""

    problem: Problem
    line: int
    word: str | None


class ExpressionReader:
    """Types expressions, with the names that are in scope at each point.

    Attributes:
        reads: each name that is read from outside, with the first field taken of it.
        faults: what is wrong.
        frames: the names that the template itself binds, innermost last.
        guarded: names that an enclosing condition asks about.
    """

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.reads: list[tuple[str, str | None]] = []
        self.faults: list[Fault] = []
        self.frames: list[dict[str, Type]] = [{}]
        self.guarded: set[str] = set()
        self._lenient = False

    def fault(self, problem: Problem | None, line: int, word: str | None) -> None:
        """Note a problem, where there is one."""
        if problem is not None:
            self.faults.append(Fault(problem, line, word))

    def bind(self, target: nodes.Node, value: Type) -> None:
        """Give a name that a loop or `set` binds its type."""
        if isinstance(target, nodes.Name):
            self.frames[-1][target.name] = value
        for name in target.find_all(nodes.Name):
            self.frames[-1].setdefault(name.name, ANY)

    @contextmanager
    def frame(self) -> Iterator[None]:
        """Within it, names may be bound that are gone afterwards."""
        self.frames.append({})
        yield
        self.frames.pop()

    @contextmanager
    def guard(self, test: nodes.Node) -> Iterator[None]:
        """Within it, names that the test asks about may be taken to be there."""
        before = self.guarded
        names = {name.name for name in test.find_all(nodes.Name)}
        self.guarded = before | names | ({test.name} if isinstance(test, nodes.Name) else set())
        yield
        self.guarded = before

    def type(self, node: nodes.Node) -> Type:
        """The type of an expression; what it reads and what is wrong with it is noted."""
        method = getattr(self, f"_of_{type(node).__name__.lower()}", None)
        if method is not None:
            found: Type = method(node)
            return found
        for child in node.iter_child_nodes():
            self.type(child)
        return ANY

    def _of_const(self, node: nodes.Const) -> Type:
        return type_of(node.value)

    def _of_templatedata(self, node: nodes.TemplateData) -> Type:
        return STRING

    def _of_list(self, node: nodes.List) -> Type:
        return list_of(union([self.type(item) for item in node.items]))

    _of_tuple = _of_list

    def _of_dict(self, node: nodes.Dict) -> Type:
        fields = {constant_of(pair.key): self.type(pair.value) for pair in node.items}
        known = all(isinstance(name, str) for name in fields)
        return object_of({str(k): v for k, v in fields.items()}) if known else Type("object")

    def _bound(self, name: str) -> bool:
        return name in environment().globals or any(name in frame for frame in self.frames)

    def _of_name(self, node: nodes.Name) -> Type:
        if self._bound(node.name):
            found = [frame[node.name] for frame in self.frames if node.name in frame]
            return found[-1] if found else ANY
        self.reads.append((node.name, None))
        if node.name in self.scope.types:
            return self.scope.types[node.name]
        hint = self.scope.elsewhere.get(node.name) or nearest(node.name, self.scope.types)
        self.fault(Problem(f"no node is called {node.name!r}", hint), node.lineno, node.name)
        return ANY

    def _of_getattr(self, node: nodes.Getattr, *, called: bool = False) -> Type:
        return self._part(node, node.attr, called=called)

    def _of_getitem(self, node: nodes.Getitem) -> Type:
        name = constant_of(node.arg)
        if isinstance(name, str):
            return self._part(node, name)
        base = self.type(node.node)
        if isinstance(node.arg, nodes.Slice):
            self.type(node.arg)
            return replace(base, values=())
        given, problem = element(base, self.type(node.arg), text_of(node.node))
        self.fault(problem, node.lineno, text_of(node.node))
        return given

    def _part(
        self, node: nodes.Getattr | nodes.Getitem, name: str, *, called: bool = False
    ) -> Type:
        lenient, self._lenient = self._lenient, False
        base = self.type(node.node)
        root = root_of(node.node)
        if isinstance(node.node, nodes.Name) and not self._bound(node.node.name):
            self.reads[-1] = (node.node.name, name)
        text = text_of(node.node)
        if isinstance(node, nodes.Getattr):
            given, problem = attribute(base, name, text, called=called)
        else:
            given, problem = field_of(base, name, text)
        if problem is None and base.optional:
            message = f"{text} may be skipped, and has no {name!r} then"
            problem = Problem(message, f"guard it with `{{% if {root} %}}`", "warning")
        asked = lenient or (root in self.guarded and problem and problem.severity == "warning")
        self.fault(None if asked else problem, node.lineno, name)
        return given

    def _of_filter(self, node: nodes.Filter) -> Type:
        if node.node is None:
            return STRING
        self._lenient = node.name in ("default", "d")
        given = self.type(node.node)
        self._lenient = False
        arguments = [self.type(argument) for argument in node.args]
        for keyword in node.kwargs:
            self.type(keyword.value)
        if node.name not in environment().filters:
            hint = nearest(node.name, environment().filters)
            self.fault(Problem(f"no filter is called {node.name!r}", hint), node.lineno, node.name)
            return ANY
        if node.name in ("default", "d"):
            return filters.of_default(given, arguments[0] if arguments else STRING)
        self.fault(misapplied(node.name, given, text_of(node.node)), node.lineno, node.name)
        named = constant_of(node.args[0]) if node.args else None
        named = named if isinstance(named, str) else None
        return filters.gives(node.name, given, self._by_field(node, given, named), named)

    def _by_field(self, node: nodes.Filter, given: Type, named: str | None) -> Type | None:
        """The type of the field of each item that a filter such as ``map(attribute=…)`` takes."""
        by_name = named if node.name in filters.BY_ATTRIBUTE else None
        if node.name in filters.WITH_ATTRIBUTE:
            values = [k.value for k in node.kwargs if k.key == "attribute"]
            constant = constant_of(values[0]) if values else None
            by_name = constant if isinstance(constant, str) else None
        if by_name is None or given.kind not in ("list", "generator"):
            return None
        found: Type = given.items
        for part in by_name.split("."):
            if not part.isdigit():
                found, problem = field_of(found, part, f"each item of {text_of(node.node)}")
                self.fault(problem, node.lineno, part)
        return found

    def _of_test(self, node: nodes.Test) -> Type:
        self._lenient = node.name in ("defined", "undefined")
        self.type(node.node)
        self._lenient = False
        for argument in node.args:
            self.type(argument)
        if node.name not in environment().tests:
            hint = nearest(node.name, environment().tests)
            self.fault(Problem(f"no test is called {node.name!r}", hint), node.lineno, node.name)
        return BOOLEAN

    def _of_call(self, node: nodes.Call) -> Type:
        if isinstance(node.node, nodes.Getattr):
            given = self._of_getattr(node.node, called=True)
        else:
            given = self.type(node.node)
        for argument in [*node.args, *(keyword.value for keyword in node.kwargs)]:
            self.type(argument)
        if given.kind != "any":
            text = text_of(node.node)
            self.fault(Problem(f"{text} is {given}, and can't be called"), node.lineno, text)
        known = isinstance(node.node, nodes.Name) and node.node.name == "range"
        return Type("generator", item=INTEGER) if known else ANY

    def _of_condexpr(self, node: nodes.CondExpr) -> Type:
        self.type(node.test)
        with self.guard(node.test):
            branches = [node.expr1, *([node.expr2] if node.expr2 is not None else [])]
            return union([self.type(branch) for branch in branches])

    def _of_and(self, node: nodes.And) -> Type:
        left = self.type(node.left)
        with self.guard(node.left):
            return union([left, self.type(node.right)])

    def _of_or(self, node: nodes.Or) -> Type:
        left = self.type(node.left)
        with self.guard(node.left):
            right = self.type(node.right)
        # Where one of several routes is always taken, none of them is no longer possible.
        optional = right.optional and not left.optional
        return replace(union([left, right]), optional=optional)

    def _of_not(self, node: nodes.Not) -> Type:
        self.type(node.node)
        return BOOLEAN

    def _of_compare(self, node: nodes.Compare) -> Type:
        left = self.type(node.expr)
        for operand in node.ops:
            right = self.type(operand.expr)
            self.fault(incomparable(left, right, operand.op, text_of(node.expr)), node.lineno,
                       text_of(node.expr))  # fmt: skip
            left = right
        return BOOLEAN

    def _of_concat(self, node: nodes.Concat) -> Type:
        for part in node.nodes:
            self.type(part)
        return STRING

    def _of_add(self, node: nodes.Add) -> Type:
        given, problem = added(self.type(node.left), self.type(node.right))
        self.fault(problem, node.lineno, text_of(node.left))
        return given


def constant_of(node: nodes.Node) -> Any:
    """The value of a constant; None for what has to be worked out."""
    return node.value if isinstance(node, nodes.Const) else None


def root_of(node: nodes.Node) -> str | None:
    """The name that an expression such as ``plan.queries[0]`` begins with."""
    while isinstance(node, nodes.Getattr | nodes.Getitem | nodes.Filter) and node.node is not None:
        node = node.node
    return node.name if isinstance(node, nodes.Name) else None


def text_of(node: nodes.Node | None) -> str:
    """How a template writes an expression, for complaints."""
    match node:
        case nodes.Name():
            return str(node.name)
        case nodes.Getattr():
            return f"{text_of(node.node)}.{node.attr}"
        case nodes.Getitem():
            key = constant_of(node.arg)
            return f"{text_of(node.node)}[{'…' if key is None else repr(key)}]"
        case nodes.Filter():
            return f"{text_of(node.node)} | {node.name}"
        case nodes.Call():
            return f"{text_of(node.node)}(…)"
        case nodes.Or():
            return f"{text_of(node.left)} or {text_of(node.right)}"
    return "this"
