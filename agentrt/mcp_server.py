"""agentrt as an MCP server: workflows are tools that other agents may call."""

from __future__ import annotations

import asyncio
import hmac
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import agentrt
from agentrt.errors import AgentrtError, UserError
from agentrt.graph.events import NodeFinished, NodeStarted, Output
from agentrt.runtime import Runtime
from agentrt.spec import Workflow
from agentrt.spec.model import InputSpec

if TYPE_CHECKING:
    from mcp.server import Server
    from starlette.applications import Starlette

_TYPES = {"list": "array", "path": "string"}
Scope = MutableMapping[str, Any]


def by_tool_name(workflows: Sequence[Workflow]) -> dict[str, Workflow]:
    """Workflows by the names that their tools have.

    Raises:
        UserError: two have the same.
    """
    named: dict[str, Workflow] = {}
    for workflow in workflows:
        name = re.sub(r"[^A-Za-z0-9_-]", "_", workflow.spec.name)
        if name in named:
            raise UserError(f"two of the workflows are called {name!r}")
        named[name] = workflow
    return named


def input_schema(inputs: Mapping[str, InputSpec]) -> dict[str, Any]:
    """A workflow's inputs as JSON Schema."""
    properties = {}
    for name, spec in inputs.items():
        schema: dict[str, Any] = {"type": _TYPES.get(spec.type, spec.type)}
        if spec.description:
            schema["description"] = spec.description
        if spec.default is not None:
            schema["default"] = spec.default
        properties[name] = schema
    required = [
        name
        for name, spec in inputs.items()
        if spec.required and "default" not in spec.model_fields_set
    ]
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def workflow_server(runtime: Runtime, workflows: Mapping[str, Workflow]) -> Server[Any]:
    """An MCP server with a tool for each workflow.

    The runtime is opened when the server starts, and the first calls wait for it: a model server
    takes longer to load than clients wait for an answer to their greeting.
    """
    import mcp_types as types
    from mcp.server import Server

    opened: asyncio.Future[Any]

    @asynccontextmanager
    async def lifespan(_: Server[Any]) -> AsyncIterator[None]:
        nonlocal opened
        opened = asyncio.ensure_future(asyncio.to_thread(runtime.__enter__))
        try:
            yield
        finally:
            await asyncio.gather(opened, return_exceptions=True)
            await asyncio.to_thread(runtime.__exit__, None, None, None)

    async def list_tools(context: Any, params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(
            tools=[
                types.Tool(
                    name=name,
                    description=workflow.spec.description or workflow.spec.name,
                    input_schema=input_schema(workflow.spec.inputs),
                )
                for name, workflow in workflows.items()
            ]
        )

    async def call_tool(context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        workflow = workflows.get(params.name)
        try:
            if workflow is None:
                raise UserError(f"no workflow is called {params.name!r}")
            await asyncio.shield(opened)
            report = context.session.report_progress
            outputs = await _run(runtime, workflow, params.arguments or {}, report)
        except AgentrtError as error:
            return types.CallToolResult(content=[types.TextContent(text=str(error))], is_error=True)
        return types.CallToolResult(
            content=[types.TextContent(text=_text(outputs))], structured_content=outputs
        )

    return Server(
        "agentrt",
        version=agentrt.__version__,
        lifespan=lifespan,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


async def serve_stdio(server: Server[Any]) -> None:
    """Serve over standard input and output, until the client closes them."""
    from mcp.server.stdio import stdio_server

    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


def http_app(server: Server[Any], key: str) -> Starlette:
    """The server as a web application at ``/mcp``, for who sends ``Authorization: Bearer KEY``."""
    app = server.streamable_http_app()
    app.add_middleware(_Guarded, key=key)
    return app


class _Guarded:
    """Refuses requests without the key."""

    def __init__(self, app: Callable[..., Awaitable[None]], key: str) -> None:
        self._app, self._wanted = app, f"Bearer {key}".encode()

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, self._wanted):
                from starlette.responses import JSONResponse

                refused = JSONResponse({"error": "the key is missing or wrong"}, 401)
                await refused(scope, receive, send)
                return
        await self._app(scope, receive, send)


async def _run(
    runtime: Runtime,
    workflow: Workflow,
    inputs: dict[str, Any],
    report: Callable[..., Awaitable[None]],
) -> dict[str, Any]:
    """A workflow's outputs; the caller hears of each node that begins and ends."""
    done, outputs = 0, {}
    async for event in runtime.astream(workflow, inputs):
        match event:
            case NodeStarted(node=node):
                await report(done, message=f"{node} began")
            case NodeFinished(node=node):
                done += 1
                await report(done, message=f"{node} is done")
            case Output(outputs=found):
                outputs = found
    return outputs


def _text(outputs: dict[str, Any]) -> str:
    if len(outputs) == 1:
        [only] = outputs.values()
        if isinstance(only, str):
            return only
    return json.dumps(outputs, ensure_ascii=False, default=str)
