"""Work that may take so long and no longer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from agentrt.errors import RunError

T = TypeVar("T")


async def within(
    seconds: float | None, work: Awaitable[T], error: Callable[[float], RunError]
) -> T:
    """Wait for work, and break it off when its seconds are over; None waits for ever.

    Raises:
        RunError: what ``error`` makes of the seconds, when they are over. A ``TimeoutError`` of
            the work's own goes on up.
    """
    try:
        async with asyncio.timeout(seconds) as deadline:
            return await work
    except TimeoutError as timeout:
        if seconds is None or not deadline.expired():
            raise
        raise error(seconds) from timeout
