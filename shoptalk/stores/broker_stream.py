"""Events told on a Redis Stream, for insights and whatever else reads along in consumer groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shoptalk.stores.broker import broker_message
from shoptalk.stores.codec import dump_ascii
from shoptalk.stores.redis_link import RedisAddress, RedisLink


class StreamBroker:
    """One entry an event: `sender_id`, `event` (its kind) and `data` (its JSON).

    Args:
        address: the server.
        stream: the stream's key.
        keep: entries kept, about; the oldest go, read or not.
    """

    def __init__(self, address: RedisAddress, stream: str = "shoptalk:events", keep: int = 1_000_000) -> None:
        self._link, self._stream, self._keep = RedisLink(address), stream, keep

    async def publish(self, sender_id: str, events: Sequence[Mapping[str, Any]]) -> None:
        await self._link.commands(
            [
                ("XADD", self._stream, "MAXLEN", "~", self._keep, "*", "sender_id", sender_id,
                 "event", str(event.get("event")), "data", dump_ascii(broker_message(sender_id, event)))
                for event in events
            ]
        )  # fmt: skip

    async def close(self) -> None:
        await self._link.close()
