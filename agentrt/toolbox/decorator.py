"""``@tool``: from a typed Python function with a docstring to a tool."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_type_hints, overload

from pydantic import BaseModel, ConfigDict, Field, create_model

from agentrt.errors import UserError
from agentrt.toolbox.arguments import Arguments, ModelArguments

Effect = Literal["read", "write", "network", "execute"]
Replay = Literal["pure", "idempotent", "once"]
Function = Callable[..., Any]

MAX_OUTPUT_CHARACTERS = 4000


@dataclass(frozen=True)
class Tool:
    """Something that a workflow may grant to a model.

    Attributes:
        name: what it is granted by.
        description: what models choose it by.
        function: what is called, sync or async, with arguments by name.
        arguments: what the model gives.
        effects: what it does to the world beyond giving an answer.
        replay: what may happen to a call when a run goes on after a crash: ``pure`` is run again,
            ``idempotent`` too with the same key, ``once`` never without asking.
        reconcile: for ``once``: asked with the same arguments whether a call that broke off
            happened; gives its answer, or None where it did not.
        inject: parameters that the runtime gives.
        options: the model of what a grant may say; injected as ``options`` where the function
            has such a parameter.
        when: whether it is offered under the options of a grant.
        family: a name that grants it together with others.
        timeout_s: seconds a call may take.
        max_concurrency: calls under way at the same time.
        max_output: characters of an answer that are kept.
        source: where it comes from, such as a file or a server.
    """

    name: str
    description: str
    function: Function
    arguments: Arguments
    effects: frozenset[Effect] = frozenset()
    replay: Replay = "pure"
    reconcile: Function | None = None
    inject: tuple[str, ...] = ()
    options: type[BaseModel] | None = None
    when: Callable[[Any], bool] | None = None
    family: str | None = None
    timeout_s: float = 30.0
    max_concurrency: int | None = None
    max_output: int = MAX_OUTPUT_CHARACTERS
    source: str = ""

    @property
    def spoken_name(self) -> str:
        """What a model calls it by: model servers take no dots, as in ``SERVER.TOOL``."""
        return self.name.replace(".", "__")

    @property
    def parameters(self) -> dict[str, Any]:
        """The JSON Schema of the arguments."""
        return self.arguments.schema


@overload
def tool(function: Function, /) -> Tool: ...
@overload
def tool(
    *,
    name: str | None = None,
    effects: tuple[Effect, ...] = (),
    replay: Replay | None = None,
    reconcile: Function | None = None,
    inject: tuple[str, ...] = (),
    options: type[BaseModel] | None = None,
    when: Callable[[Any], bool] | None = None,
    family: str | None = None,
    timeout_s: float = 30.0,
    max_concurrency: int | None = None,
    max_output: int = MAX_OUTPUT_CHARACTERS,
) -> Callable[[Function], Tool]: ...
def tool(
    function: Function | None = None,
    /,
    *,
    name: str | None = None,
    effects: tuple[Effect, ...] = (),
    replay: Replay | None = None,
    reconcile: Function | None = None,
    inject: tuple[str, ...] = (),
    options: type[BaseModel] | None = None,
    when: Callable[[Any], bool] | None = None,
    family: str | None = None,
    timeout_s: float = 30.0,
    max_concurrency: int | None = None,
    max_output: int = MAX_OUTPUT_CHARACTERS,
) -> Tool | Callable[[Function], Tool]:
    """Make a tool of a function, sync or async.

    Args:
        name: its name, else the function's.
        effects: what it does to the world beyond giving an answer.
        replay: whether a call may be run again after a crash; without it ``pure`` where it has no
            effect beyond reading, else ``once``.
        reconcile: for ``once``: a function of the same parameters that finds out whether a call
            that broke off happened, and gives the call's answer, or None where it did not.
        inject: parameters that the runtime fills in and the model never sees. Any tool may ask for
            ``report``, to say in a sentence how far it is, and for ``effect_key``, which stays the
            same when the very same call is tried again after a crash.
        options: a pydantic model of what a workflow's grant may say. Where the function has a
            parameter ``options``, it is given the granted ones.
        when: whether the tool is offered at all under the granted options.
        family: a name that grants this tool together with others of the family.
        timeout_s: seconds a call may take.
        max_concurrency: calls under way at the same time, in all runs of a runtime together.
        max_output: characters of an answer that the model is given.

    Raises:
        UserError: the function has no docstring, or a parameter without a type.
    """

    def make(function: Function) -> Tool:
        called = name or function.__name__
        description = inspect.getdoc(function)
        if not description:
            raise UserError(f"tool {called!r} needs a docstring: models choose tools by it")
        given = _injected(function, inject, options)
        return Tool(
            name=called,
            description=description.split("\n\n")[0].replace("\n", " "),
            function=function,
            arguments=ModelArguments(_model(called, function, given)),
            effects=frozenset(effects),
            replay=replay or ("once" if set(effects) - {"read"} else "pure"),
            reconcile=reconcile,
            inject=given,
            options=options,
            when=when,
            family=family,
            timeout_s=timeout_s,
            max_concurrency=max_concurrency,
            max_output=max_output,
        )

    return make if function is None else make(function)


def _injected(
    function: Function, inject: tuple[str, ...], options: type[BaseModel] | None
) -> tuple[str, ...]:
    takes_options = options is not None and "options" in inspect.signature(function).parameters
    return (*inject, "options") if takes_options and "options" not in inject else inject


def _model(name: str, function: Function, inject: tuple[str, ...]) -> type[BaseModel]:
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in inject:
            continue
        if parameter.name not in hints:
            raise UserError(f"tool {name!r}: parameter {parameter.name!r} needs a type")
        required = parameter.default is inspect.Parameter.empty
        default = Field() if required else Field(default=parameter.default)
        fields[parameter.name] = (hints[parameter.name], default)
    return create_model(name, __config__=ConfigDict(extra="forbid"), **fields)
