"""Understanding texts that come in the same moment together, without a thread."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from shoptalk.core.messages import ParseData

MOST = 8
"""Texts understood at once; more would keep the event loop too long."""

Parse = Callable[[Sequence[str]], list[ParseData]]


class Together:
    """Parses in the event loop: whatever its present round brought, in one call.

    Under load rounds bring several texts, and several cost little more than one; a text alone waits for nobody.

    Args:
        parse: texts to their results, one each.
        most: texts at once.
    """

    def __init__(self, parse: Parse, most: int = MOST) -> None:
        self._parse, self._most = parse, most
        self._waiting: deque[tuple[str, asyncio.Future[ParseData]]] = deque()

    async def parse(self, text: str) -> ParseData:
        """The result of one text."""
        loop = asyncio.get_running_loop()
        result: asyncio.Future[ParseData] = loop.create_future()
        self._waiting.append((text, result))
        if len(self._waiting) == 1:
            loop.call_soon(self._round)
        return await result

    def _round(self) -> None:
        batch = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._round)
        batch = [(text, result) for text, result in batch if not result.done()]
        for (_, result), found in zip(batch, self._results([text for text, _ in batch]), strict=True):
            if isinstance(found, Exception):
                result.set_exception(found)
            else:
                result.set_result(found)

    def _results(self, texts: Sequence[str]) -> Sequence[ParseData | Exception]:
        try:
            return self._parse(texts)
        except Exception as error:
            # Components may be a user's own. One text's failure is not the others'.
            return [error] if len(texts) == 1 else [self._results([text])[0] for text in texts]
