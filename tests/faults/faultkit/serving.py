"""From a message to its replies by the store alone: the shortest loop around `accept`, `begin_turn` and `commit`.

The product's own is `shoptalk/worker.py`; this one has nothing else that could hide a fault of the store.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from shoptalk.errors import LeaseLost, StoreError, Unavailable
from shoptalk.stores.base import Json, StoredMessage, TrackerStore, Turn

Handle: TypeAlias = Callable[[Turn], Awaitable[list[Json]]]


async def serve(
    store: TrackerStore, message: StoredMessage, handle: Handle, timeout_s: float = 30.0
) -> list[Json]:
    """The replies of a message, served here or by whichever worker gets to it first.

    While it waits for its own message this worker serves those before it, unless another one does.

    Args:
        store: the conversations, shared by all workers.
        message: what came in; a repeat gets the stored replies.
        handle: serves one turn: commits it and gives its replies.
        timeout_s: after this long the caller is told to come back (the message stays accepted).

    Raises:
        Overloaded: too many messages of this sender are waiting.
        Unavailable: the store does not answer, or the message was not served in time.
    """
    deadline = time.monotonic() + timeout_s
    accepted = await store.accept(message)
    replies = accepted.replies
    while replies is None:
        turn = await store.begin_turn(message.sender_id)
        if turn is not None:
            served = await serve_turn(turn, handle)
            if _same(turn.message, message) and served is not None:
                return served
            continue
        replies = await store.wait_for_replies(message.channel, message.sender_id, message.message_id, 0)
        if replies is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Unavailable(
                    f"Message {message.message_id!r} was not served within {timeout_s} s.",
                    hint="It is kept; send it again with the same message id to get its replies.",
                )
            await store.wait_for_turn(message.sender_id, left)
    return replies


async def serve_stalled(store: TrackerStore, handle: Handle, limit: int = 100) -> int:
    """Serve messages whose worker died and whose client went away; returns how many turns it did.

    A server calls this every few seconds.
    """
    count = 0
    for sender in await store.stalled(limit):
        while (turn := await store.begin_turn(sender)) is not None:
            count += await serve_turn(turn, handle) is not None
    return count


async def serve_turn(turn: Turn, handle: Handle) -> list[Json] | None:
    """Serve one turn; None when its lease was lost. A turn that fails is given back before it raises."""
    try:
        return await handle(turn)
    except LeaseLost:
        return None
    except BaseException:
        # Also when cancelled: without the release the next worker would wait for the whole lease.
        with contextlib.suppress(StoreError):
            await asyncio.shield(turn.release())
        raise


def _same(one: StoredMessage, other: StoredMessage) -> bool:
    return (one.channel, one.message_id) == (other.channel, other.message_id)
