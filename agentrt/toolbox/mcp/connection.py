"""One MCP server: started or reached, listened to, stopped."""

from __future__ import annotations

import asyncio
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any

from agentrt.errors import ToolError
from agentrt.toolbox.secrets import read_secret

_TAIL_LINES = 8


@dataclass(frozen=True)
class Server:
    """Where an MCP server is, or how it is started.

    Attributes:
        name: what its tools' names begin with.
        command: the program and its arguments, for stdio.
        env: its environment beside what every program gets; none of ours is passed on.
        folder: where it is started.
        url: its address, for streamable HTTP.
        headers: sent with each request.
        start_s: seconds it may take to answer at first.
        timeout_s: seconds a call may take.
    """

    name: str
    command: tuple[str, ...] | None = None
    env: Mapping[str, str] = field(default_factory=dict, hash=False)
    folder: Path = Path()
    url: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)
    start_s: float = 30.0
    timeout_s: float = 60.0


class Connection:
    """A session with a server, held by a task of its own until it is closed.

    The task is what the SDK needs: its cancel scopes are entered and left in the same one.
    """

    def __init__(self, server: Server) -> None:
        import anyio

        self.server = server
        # The SDK stops a server's process under shields that only anyio's own cancelling minds.
        self._scope = anyio.CancelScope()
        self._stderr: IO[str] | None = None
        self._refusals: list[int] = []
        self._ready: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(self._hold(), name=f"mcp {server.name}")

    @property
    def is_open(self) -> bool:
        """Whether the session still stands, or is about to."""
        return not self._task.done() and not self._stop.is_set()

    async def client(self) -> Any:
        """The SDK's client, once the server has answered.

        Raises:
            ToolError: it did not start or answer; tells the last that it wrote to stderr.
        """
        return await asyncio.shield(self._ready)

    async def close(self) -> None:
        """End the session, and the server's process where we started it."""
        self._stop.set()
        if not self._ready.done():
            self._scope.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def failed(self, message: str) -> ToolError:
        """The error that tells of a failure of the server, with the end of its stderr."""
        lines: list[str] = []
        if self._stderr is not None and not self._stderr.closed:
            self._stderr.seek(0)
            lines = [line.rstrip() for line in self._stderr.readlines() if line.strip()]
        told = "".join(f"\n  {line}" for line in lines[-_TAIL_LINES:])
        return ToolError(f"the MCP server {self.server.name!r}: {message}{told}")

    def abandon(self) -> None:
        """Give the session up; whoever needs the server begins another one."""
        self._stop.set()

    async def _hold(self) -> None:
        with tempfile.TemporaryFile("a+", encoding="utf-8", errors="replace") as self._stderr:
            try:
                await self._talk(self._stderr)
            except asyncio.CancelledError:
                self._ready.cancel()
                raise
            except BaseException as error:
                if not self._ready.done():
                    reason = _reason(error, self.server, self._refusals)
                    self._ready.set_exception(self.failed(reason))

    async def _talk(self, stderr: IO[str]) -> None:
        import anyio
        from mcp import Client

        self._scope.deadline = anyio.current_time() + self.server.start_s
        with self._scope:
            async with AsyncExitStack() as stack:
                transport = (
                    _stdio(self.server, stderr)
                    if self.server.command is not None
                    else _http(self.server, stack, self._refusals)
                )
                client = Client(transport, read_timeout_seconds=self.server.timeout_s)
                await stack.enter_async_context(client)
                self._scope.deadline = math.inf
                self._ready.set_result(client)
                await self._stop.wait()
        if not self._ready.done():
            raise TimeoutError


def _stdio(server: Server, stderr: IO[str]) -> Any:
    from mcp import StdioServerParameters
    from mcp.client.stdio import stdio_client

    program, *arguments = server.command or ()
    parameters = StdioServerParameters(
        command=program, args=arguments, env=_revealed(server.env), cwd=server.folder
    )
    # The SDK asks for a TextIO, and hands its descriptor to the program.
    return stdio_client(parameters, errlog=stderr)  # type: ignore[arg-type]


def _http(server: Server, stack: AsyncExitStack, refusals: list[int]) -> Any:
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    async def note(response: Any) -> None:
        # The SDK's errors do not tell the status.
        if response.status_code >= 400:
            refusals.append(response.status_code)

    http = httpx2.AsyncClient(
        headers=_revealed(server.headers),
        timeout=httpx2.Timeout(30, read=server.timeout_s),
        event_hooks={"response": [note]},
    )
    stack.push_async_exit(http)
    return streamable_http_client(server.url or "", http_client=http)


def _revealed(values: Mapping[str, str]) -> dict[str, str]:
    return {
        name: read_secret(value) if value.startswith(("env:", "file:")) else value
        for name, value in values.items()
    }


def _reason(error: BaseException, server: Server, refusals: list[int]) -> str:
    """The first cause among those that task groups have gathered, as a sentence."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, TimeoutError):
        return f"it did not answer within {server.start_s:g} s"
    if isinstance(error, FileNotFoundError) and server.command is not None:
        return f"there is no program {server.command[0]!r}"
    if refusals:
        return f"{server.url} answers {refusals[-1]} ({HTTPStatus(refusals[-1]).phrase})"
    where = server.url or "its command"
    return f"{where} does not work: {error or type(error).__name__}"


@contextmanager
def explained(connection: Connection, tool: str) -> Iterator[None]:
    """Turn the SDK's errors of a call into ours."""
    from mcp.shared.exceptions import MCPError
    from mcp_types import CONNECTION_CLOSED

    try:
        yield
    except MCPError as error:
        if error.code == CONNECTION_CLOSED:
            connection.abandon()
            raise connection.failed("it went away in the middle of a call") from error
        raise ToolError(f"{tool}: {error.message}") from error


Report = Callable[[str], None]
