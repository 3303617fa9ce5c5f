"""The models that a workflow's steps may name by role."""

from __future__ import annotations

import os
from collections.abc import Mapping

from agentrt.errors import UserError
from agentrt.graph.services import Chat, Model
from agentrt.llm import ChatModel, Endpoint
from agentrt.spec import ModelSpec, Workflow

DEFAULT = "the default server"


class Roles:
    """A runtime's roles. Each address is connected to once, for all runs.

    Args:
        outside: what the runtime was given by role, which comes before what workflows say.
        record_text: keep each call's messages and answer in its span.
    """

    def __init__(self, outside: Mapping[str, Endpoint | Chat], *, record_text: bool) -> None:
        self._outside, self._record_text = dict(outside), record_text
        self._opened: dict[Endpoint, ChatModel] = {}

    def open(self, name: str, spec: ModelSpec) -> Model | None:
        """The model behind a role, or None where nothing says which it is.

        Raises:
            UserError: the environment lacks its key.
        """
        found = self._found(name, spec)
        if found is None:
            return None
        if not isinstance(found, Endpoint):
            return Model(found, spec.native_tools, f"role {name}")
        if found not in self._opened:
            self._opened[found] = ChatModel(found, record_text=self._record_text)
        return Model(self._opened[found], found.native_tools, found.address)

    def described(self, workflow: Workflow) -> dict[str, str]:
        """Which model each role of a workflow stands for, those that it uses included.

        Raises:
            UserError: the environment lacks a key.
        """
        described = {}
        for part in workflow.parts():
            for name, spec in part.spec.models.items():
                model = self.open(name, spec)
                described[name] = model.identity if model else DEFAULT
        return described

    def leaves_to_default(self, workflow: Workflow) -> bool:
        """Whether a step of a workflow asks the default model, be it by a role without another.

        Raises:
            UserError: the environment lacks a key.
        """
        for part in workflow.parts():
            roles = part.spec.models
            for name in part.body.asked():
                if name is None or self._found(name, roles[name]) is None:
                    return True
        return False

    @property
    def addresses(self) -> dict[str, str]:
        """What the runtime was given by role, as ``URL#MODEL``; never the key."""
        return {
            name: given.address
            for name, given in self._outside.items()
            if isinstance(given, Endpoint)
        }

    def _found(self, name: str, spec: ModelSpec) -> Endpoint | Chat | None:
        return self._outside.get(name) or _endpoint(name, spec)

    async def aclose(self) -> None:
        """Close all connections."""
        for chat in self._opened.values():
            await chat.aclose()
        self._opened.clear()


def _endpoint(name: str, spec: ModelSpec) -> Endpoint | None:
    if spec.base_url is None or spec.model is None:
        return None
    key = "none"
    if spec.api_key_env is not None:
        key = os.environ.get(spec.api_key_env, "")
        if not key:
            raise UserError(f"the model role {name!r} needs its key in ${spec.api_key_env}")
    return Endpoint(spec.base_url, spec.model, key, spec.native_tools)
