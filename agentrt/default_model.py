"""The model that answers where a step names no role: a server of our own, or one that is there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from agentrt.background import BackgroundLoop
from agentrt.errors import UserError
from agentrt.graph.services import Chat
from agentrt.llm import ChatModel, Completion, Endpoint, Request
from agentrt.serving import Profile, Server, load_profile, serve


class _Absent:
    """Stands where no step was going to ask the default model."""

    async def complete(
        self, request: Request, *, on_token: Callable[[str], None] | None = None
    ) -> Completion:
        raise UserError(
            f"{request.name} asks the default model, which this Runtime was said not to need"
        )


class DefaultModel:
    """One of three: a profile that is served on connecting, an address, or a stand-in.

    Args:
        profile: name or path of the serving profile, or the profile.
        speculation: False serves it without its speculation.
        endpoint: the address of a server that is there, and its model; none is started then.
        chat: a stand-in for the model, for tests.

    Attributes:
        needed: False where no step is going to ask it: nothing is connected to then.
        server: the server that was started or found for the profile.
    """

    def __init__(
        self,
        profile: str | Profile,
        *,
        speculation: bool,
        endpoint: Endpoint | None,
        chat: Chat | None,
    ) -> None:
        self._profile, self._speculation = profile, speculation
        self._outside, self._endpoint = endpoint, endpoint
        self._stand_in, self._chat = chat, chat
        self.needed = True
        self.server: Server | None = None

    def connect(
        self,
        stack: ExitStack,
        loop: BackgroundLoop,
        *,
        record_text: bool,
        on_progress: Callable[[str], None] | None,
    ) -> None:
        """Start or find the server, and open a connection that the stack closes.

        Raises:
            ProfileError: the profile is unknown or can't run here.
            ServingError: the server did not start.
        """
        if self._stand_in is not None:
            return
        if not self.needed:
            self._chat = _Absent()
            return
        endpoint = self._endpoint = self._outside or self._serve(stack, on_progress)
        chat = ChatModel(endpoint, record_text=record_text)
        stack.callback(lambda: loop.wait(chat.aclose()))
        loop.wait(chat.open())
        self._chat = chat

    def _serve(self, stack: ExitStack, on_progress: Callable[[str], None] | None) -> Endpoint:
        profile = self._profile
        if isinstance(profile, str):
            profile = load_profile(profile)
        server = self.server = stack.enter_context(
            serve(profile, speculation=self._speculation, on_progress=on_progress)
        )
        return Endpoint(server.base_url, server.model, server.api_key, server.native_tools)

    @property
    def chat(self) -> Chat:
        """What is asked.

        Raises:
            UserError: it is not connected.
        """
        if self._chat is None:
            raise UserError("this Runtime is not open: use it in a `with` block")
        return self._chat

    @property
    def native_tools(self) -> bool:
        """Whether the server parses tool calls."""
        return bool(self._endpoint and self._endpoint.native_tools)

    @property
    def identity(self) -> str:
        """What tells this model from others: not a port that changes with each start."""
        if self.server is not None:
            return f"{self.server.profile}#{self.server.model}"
        return self._endpoint.address if self._endpoint else ""

    @property
    def described(self) -> dict[str, Any]:
        """What a trace says of it."""
        return {
            "model": self._endpoint.model if self._endpoint else "double",
            "profile": self.server.profile if self.server else None,
            "speculation": self.server.speculation if self.server else "unknown",
        }

    @property
    def serving(self) -> dict[str, Any]:
        """Which server answers, for whoever resumes a run in another process."""
        if self._outside is not None:
            return {"base_url": self._outside.base_url, "model": self._outside.model}
        name = self._profile if isinstance(self._profile, str) else self._profile.name
        return {"profile": name, "speculation": self._speculation}
