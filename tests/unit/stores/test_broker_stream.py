"""Events on a Redis Stream: readers of a group share them, and what a dead one left is taken up by another."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from shoptalk.assistant import Assistant
from shoptalk.core.domain import Domain
from shoptalk.core.messages import UserMessage
from shoptalk.errors import Unavailable
from shoptalk.server.publishing import Publisher
from shoptalk.stores.build import build_broker
from shoptalk.stores.embedded import EmbeddedValkey
from shoptalk.stores.redis_link import RedisLink


def fields(entry: dict[bytes, bytes]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in entry.items()}


async def test_a_group_reads_every_event_once_though_a_reader_dies(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path, port=0) as server:
        broker = build_broker(
            {"type": "redis", "url": "127.0.0.1", "port": server.address.port, "stream": "shop:events"}
        )
        link = RedisLink(server.address)
        await link.command("XGROUP", "CREATE", "shop:events", "insights", "0", "MKSTREAM")
        publisher = Publisher(broker)
        assistant = Assistant(Domain(), None, watch=publisher.watch)
        publishing = asyncio.create_task(publisher.run())
        for number in range(20):
            await assistant.handle(UserMessage(f"text {number}", f"sender-{number % 3}"))
        async with asyncio.timeout(10):
            while await link.command("XLEN", "shop:events") < 3 * 3 + 20:  # each sender's session, each text
                await asyncio.sleep(0.01)
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)
        await assistant.close()

        async def read(reader: str, count: int) -> list[tuple[bytes, dict[str, str]]]:
            command = (
                "XREADGROUP",
                "GROUP",
                "insights",
                reader,
                "COUNT",
                count,
                "STREAMS",
                "shop:events",
                ">",
            )
            found = await link.command(*command)
            return [(identity, fields(entry)) for identity, entry in found[0][1]] if found else []

        lost = await read("dies", 7)  # read, never acknowledged
        seen = []
        while some := await read("lives", 10):
            seen += some
        _, claimed, _ = await link.command("XAUTOCLAIM", "shop:events", "insights", "lives", 0, "0")
        taken_up = [
            (identity, fields(entry)) for identity, entry in claimed if (identity, fields(entry)) in lost
        ]
        everything = sorted(dict([*seen, *taken_up]).items())
        assert len(everything) == len(seen) + len(lost)
        said = [entry for _, entry in everything if entry["event"] == "user"]
        assert [json.loads(entry["data"])["text"] for entry in said] == [f"text {n}" for n in range(20)]
        assert [entry["sender_id"] for entry in said] == [f"sender-{n % 3}" for n in range(20)]
        await link.close()


async def test_a_server_that_is_away_is_unavailable() -> None:
    broker = build_broker({"type": "redis", "url": "127.0.0.1", "port": 1})
    assert broker is not None
    with pytest.raises(Unavailable):
        await broker.publish("a", [{"event": "user"}])
    await broker.close()
