"""Waking up those who wait for something in a database: at once within the process, soon across."""

from __future__ import annotations

import asyncio
import contextlib

# A database has no notification that works everywhere; other processes' commits are looked for this often.
_LOOK_S = 0.1


class Wakeups:
    """Events by topic. Take `of` before looking, then `wait` for it: nothing in between is missed."""

    def __init__(self) -> None:
        self._topics: dict[str, asyncio.Event] = {}

    def of(self, topic: str) -> asyncio.Event:
        """The event that the next `tell` of this topic sets."""
        return self._topics.setdefault(topic, asyncio.Event())

    def tell(self, topic: str) -> None:
        """Wake everybody who waits for this topic in this process."""
        waiting = self._topics.pop(topic, None)
        if waiting is not None:
            waiting.set()

    async def wait(self, changed: asyncio.Event, timeout_s: float, look_s: float = _LOOK_S) -> None:
        """Until the event, the time to look again (`look_s`), or `timeout_s`, whichever is first."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(timeout_s, look_s)):
                await changed.wait()
