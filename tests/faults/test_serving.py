"""The loop around `accept`, `begin_turn` and `commit` that the workers under fault tests run."""

from __future__ import annotations

import asyncio

import pytest
from faultkit.serving import serve, serve_stalled

from shoptalk.errors import Unavailable
from shoptalk.stores.base import StoredMessage
from shoptalk.stores.memory import MemoryTrackerStore


def test_serving_answers_in_order_and_repeats() -> None:
    async def run() -> None:
        store, served = MemoryTrackerStore(), []

        async def handle(turn) -> list[dict]:
            await asyncio.sleep(0.002)
            served.append(turn.message.message_id)
            replies = [{"text": turn.message.message_id}]
            await turn.commit([], replies)
            return replies

        def message(number: int) -> StoredMessage:
            return StoredMessage("rest", "a", f"m{number}", {})

        answers = await asyncio.gather(*(serve(store, message(n % 6), handle) for n in range(12)))
        assert answers == [[{"text": f"m{n % 6}"}] for n in range(12)]
        assert served == [f"m{n}" for n in range(6)]
        await store.accept(message(9))
        assert await serve_stalled(store, handle) == 1

        async def broken(turn) -> list[dict]:
            raise RuntimeError("a bug in the handler")

        with pytest.raises(RuntimeError, match="a bug"):
            await serve(store, message(10), broken)
        assert (await store.begin_turn("a")).attempt == 2, "the turn was not given back"
        with pytest.raises(Unavailable, match="not served within"):
            await serve(store, message(10), handle, 0.05)

    asyncio.run(run())
