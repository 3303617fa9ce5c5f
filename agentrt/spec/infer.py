"""The type of what a template gives, what it reads, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from jinja2 import nodes

from agentrt.spec.access import Problem
from agentrt.spec.expression import ExpressionReader, Fault, Scope, root_of, text_of
from agentrt.spec.template import is_expression, parse
from agentrt.spec.value_type import ANY, STRING, Type, type_of


@dataclass(frozen=True)
class Printed:
    """A value that becomes part of a text."""

    type: Type
    text: str
    line: int


@dataclass(frozen=True)
class Analysis:
    """What a template comes to.

    Attributes:
        gives: the type of its value.
        reads: each name it reads from outside, with the first field it takes of it.
        printed: the values that become part of its text.
        faults: what is wrong.
    """

    gives: Type
    reads: list[tuple[str, str | None]]
    printed: list[Printed]
    faults: list[Fault]


def analyse(template: str, scope: Scope) -> Analysis:
    """Work a template out without running it.

    Raises:
        TemplateFailure: it does not parse.
    """
    walk = _Walk(scope)
    walk.statements(parse(template).body)
    reader, printed = walk.reader, walk.printed
    gives = STRING
    if is_expression(template) and len(printed) == 1:
        gives = printed[0].type
    elif "{" not in template:
        gives = type_of(template)
    return Analysis(gives, reader.reads, printed, reader.faults)


class _Walk:
    """Goes through the statements of a template, with the names that each of them can see."""

    def __init__(self, scope: Scope) -> None:
        self.reader = ExpressionReader(scope)
        self.printed: list[Printed] = []

    def statements(self, body: Iterable[nodes.Node]) -> None:
        for node in body:
            self.statement(node)

    def statement(self, node: nodes.Node) -> None:
        match node:
            case nodes.Output():
                self.output(node)
            case nodes.If():
                self.reader.type(node.test)
                with self.reader.guard(node.test):
                    self.statements([*node.body, *node.elif_])
                    self.statements(node.else_)
            case nodes.For():
                self.loop(node)
            case nodes.Assign():
                self.reader.bind(node.target, self.reader.type(node.node))
            case nodes.With():
                values = [self.reader.type(value) for value in node.values]
                with self.reader.frame():
                    for target, value in zip(node.targets, values, strict=True):
                        self.reader.bind(target, value)
                    self.statements(node.body)
            case nodes.Include() | nodes.Import() | nodes.FromImport() | nodes.Extends():
                message = "a template can't take in another file"
                self.reader.fault(Problem(message), node.lineno, None)
            case _:
                self.other_statement(node)

    def other_statement(self, node: nodes.Node) -> None:
        """A macro, a filter block or the like: what it names is not typed."""
        with self.reader.frame():
            for name in node.find_all(nodes.Name):
                if name.ctx in ("store", "param"):
                    self.reader.frames[-1][name.name] = ANY
            for child in node.iter_child_nodes():
                if isinstance(child, nodes.Expr):
                    self.reader.type(child)
                else:
                    self.statement(child)
        named = node if isinstance(node, nodes.Macro) else getattr(node, "target", None)
        if isinstance(named, nodes.Macro | nodes.Name):
            self.reader.frames[-1][named.name] = ANY

    def output(self, node: nodes.Output) -> None:
        for part in node.nodes:
            if isinstance(part, nodes.TemplateData):
                continue
            given = self.reader.type(part)
            if root_of(part) in self.reader.guarded:
                given = replace(given, optional=False)
            self.printed.append(Printed(given, text_of(part), part.lineno))

    def loop(self, node: nodes.For) -> None:
        over = self.reader.type(node.iter)
        text = text_of(node.iter)
        if over.kind in ("string", "integer", "number", "boolean"):
            self.reader.fault(
                Problem(f"a loop needs a list, and {text} is {over}"), node.lineno, text
            )
        with self.reader.frame():
            self.reader.bind(node.target, STRING if over.kind == "object" else over.items)
            self.reader.frames[-1]["loop"] = ANY
            if node.test is not None:
                self.reader.type(node.test)
            self.statements(node.body)
        self.statements(node.else_)
