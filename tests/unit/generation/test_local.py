"""A model in this process: lazy, off the event loop, one reply at a time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence

import pytest

from shoptalk.errors import GenerationError
from shoptalk.generation import ChatMessage, Limits
from shoptalk.generation.local import QUEUE_LIMIT, LocalModel

ASKED = [ChatMessage("user", "hi")]


class Counting:
    """An engine that counts words until told to stop."""

    def __init__(self, words: int = 3, pause_s: float = 0.0) -> None:
        self.words, self.pause_s, self.said = words, pause_s, 0
        self.thread: threading.Thread | None = None
        self.closed = False

    def close(self) -> None:
        self.closed = True

    def run(self, messages: Sequence[ChatMessage], limits: Limits, emit: Callable[[str], bool]) -> None:
        self.thread = threading.current_thread()
        for number in range(self.words):
            time.sleep(self.pause_s)
            self.said += 1
            if emit(f"{number} "):
                return


async def said(model: LocalModel, limits: Limits | None = None) -> str:
    return "".join([piece async for piece in model.stream(ASKED, limits or Limits())])


async def test_it_loads_at_the_first_reply_and_only_then() -> None:
    loads: list[int] = []

    def load() -> Counting:
        loads.append(1)
        return Counting()

    model = LocalModel("m", load)
    assert loads == []
    assert not model.is_loaded
    assert await said(model) == "0 1 2 "
    assert await said(model) == "0 1 2 "
    assert loads == [1]
    assert model.is_loaded
    await model.close()


async def test_the_loop_goes_on_while_it_works() -> None:
    engine = Counting(words=5, pause_s=0.05)
    model = LocalModel("m", lambda: engine)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    assert await said(model) == "0 1 2 3 4 "
    ticking.cancel()
    assert ticks > 8
    assert engine.thread is not threading.current_thread()
    await model.close()
    assert engine.closed


async def test_closing_the_stream_stops_the_engine() -> None:
    engine = Counting(words=1000, pause_s=0.01)
    model = LocalModel("m", lambda: engine)
    stream = model.stream(ASKED, Limits())
    assert await anext(stream) == "0 "
    await stream.aclose()
    await asyncio.sleep(0.1)
    heard = engine.said
    await asyncio.sleep(0.1)
    assert engine.said == heard < 50
    await model.close()


async def test_the_deadline_stops_the_engine() -> None:
    engine = Counting(words=1000, pause_s=0.01)
    model = LocalModel("m", lambda: engine)
    await said(model, Limits(seconds=0.1))
    assert engine.said < 100
    await model.close()


async def test_a_full_queue_declines_at_once() -> None:
    model = LocalModel("m", lambda: Counting(words=20, pause_s=0.01))
    waiting = [asyncio.create_task(said(model)) for _ in range(QUEUE_LIMIT)]
    await asyncio.sleep(0.02)
    with pytest.raises(GenerationError, match="too many"):
        await said(model)
    assert len(await asyncio.gather(*waiting)) == QUEUE_LIMIT
    assert await said(model)
    await model.close()


async def test_a_model_that_cannot_load_says_so_each_time() -> None:
    def load() -> Counting:
        raise GenerationError("damaged")

    model = LocalModel("m", load)
    for _ in range(2):
        with pytest.raises(GenerationError, match="damaged"):
            await said(model)
    await model.close()
