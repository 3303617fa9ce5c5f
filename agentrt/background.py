"""An event loop in a thread of its own, so that sync and async callers share one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from agentrt.errors import UserError

T = TypeVar("T")


class BackgroundLoop:
    """Carries out coroutines from its start to its stop."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to carry out what is submitted."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="agentrt", daemon=True)
        self._thread.start()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Carry out a coroutine there.

        Raises:
            UserError: the loop does not run.
        """
        if self._loop is None:
            work.close()
            raise UserError("this Runtime is not open: use it in a `with` block")
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Carry out a coroutine there, and wait for it here."""
        return self.submit(work).result()

    def stop(self) -> None:
        """Cancel what is left, and end the thread."""
        loop, thread = self._loop, self._thread
        assert loop is not None
        assert thread is not None
        self.wait(_cancel_all())
        self._loop = None
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _cancel_all() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()
    await asyncio.get_running_loop().shutdown_default_executor()
