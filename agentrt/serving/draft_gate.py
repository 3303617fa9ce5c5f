"""When a drafter rests: where its drafts are rarely right, they cost more than they bring.

How well a drafter foresees differs far more between texts than along one (docs/speculation.md), so
what the last drafts of a request brought tells what its next ones will.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

_WEIGHT = 0.125
_SHORTEST, _LONGEST = 4, 64


@dataclass
class _Request:
    mean: float
    rest: int = _SHORTEST
    resting: int = 0
    trying: bool = False


class DraftGate:
    """Whether the next step of a request is worth a draft of the drafter.

    A request whose drafts bring fewer accepted tokens than ``worth`` (a moving mean) rests for four
    steps. One draft is then tried; where it brings nothing the next rest is twice as long, up to
    64 steps.

    Args:
        worth: accepted tokens that a draft must bring on average; 0 never rests.
    """

    def __init__(self, worth: float) -> None:
        self._worth = worth
        self._requests: dict[str, _Request] = {}

    def wants(self, request: str) -> bool:
        """Whether this step is drafted; each call is one step of the request."""
        state = self._requests.setdefault(request, _Request(mean=2 * self._worth))
        if state.resting:
            state.resting -= 1
            return False
        return True

    def verified(self, request: str, accepted: int) -> None:
        """The request's last draft of the drafter had this many tokens accepted."""
        state = self._requests[request]
        state.mean += _WEIGHT * (accepted - state.mean)
        if state.mean >= self._worth:
            state.trying = False
            return
        state.rest = min(2 * state.rest, _LONGEST) if state.trying else _SHORTEST
        state.resting, state.trying, state.mean = state.rest, True, self._worth

    def keep(self, requests: Collection[str]) -> None:
        """Forget all other requests."""
        self._requests = {name: self._requests[name] for name in requests if name in self._requests}
