"""Outbox (streams with a consumer group) and reminders in Redis."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from shoptalk.stores.base import Json, Outgoing, Reminder, StoreOptions
from shoptalk.stores.codec import check_id, dump, load
from shoptalk.stores.notify import Notifier, settle
from shoptalk.stores.redis_keys import BUCKETS, OUTBOX_GROUP, Keys
from shoptalk.stores.redis_link import RedisLink

_LOOK_S = 1.0


def due_ms(due: float) -> int:
    """Epoch seconds as the milliseconds reminders are kept with."""
    return max(0, round(due * 1000))


class RedisOutbox:
    """Outbound messages on one stream per bucket; see `base.Outbox`."""

    def __init__(self, link: RedisLink, keys: Keys, notifier: Notifier, options: StoreOptions) -> None:
        self._link, self._keys, self._notifier, self._options = link, keys, notifier, options

    async def push(self, sender_id: str, body: Mapping[str, Any]) -> str:
        keys = self._keys.many(check_id("sender_id", sender_id), "OUT", "queue")
        entry = await self._link.run("push", keys, [sender_id, dump(body), self._keys.outbox_channel])
        return f"{self._keys.bucket(sender_id)}/{entry.decode()}"

    async def claim(self, consumer: str, limit: int = 10, wait_s: float = 0.0) -> list[Outgoing]:
        deadline = time.monotonic() + wait_s
        found = await self._claim(consumer, limit)
        if found or wait_s <= 0:
            return found
        async with self._notifier.listen(self._keys.outbox_channel) as event:
            while not found and (left := deadline - time.monotonic()) > 0:
                found = await self._claim(consumer, limit)
                if not found:
                    await settle(event, min(left, _LOOK_S))  # retries come due without a notification
        return found

    async def done(self, entry: Outgoing) -> None:
        await self._finish(entry, "")

    async def retry(self, entry: Outgoing, delay_s: float) -> None:
        keys = self._keys.many(entry.sender_id, "queue", "LATER")
        await self._link.run("retry", keys, [_stream_id(entry), max(0, round(delay_s * 1000))])

    async def bury(self, entry: Outgoing, reason: str) -> None:
        await self._finish(entry, reason or "given up")

    async def buried(self, limit: int = 100) -> list[Outgoing]:
        pages = await self._link.commands(
            [("XREVRANGE", self._keys.shared(b, "dead"), "+", "-", "COUNT", limit) for b in range(BUCKETS)]
        )
        rows = sorted(
            ((bucket, entry, _fields(values)) for bucket, page in enumerate(pages) for entry, values in page),
            key=lambda row: _stream_order(row[1]),
            reverse=True,
        )
        return [
            Outgoing(
                f"{bucket}/{entry.decode()}",
                values["sender"].decode(),
                {"reason": values["reason"].decode(), "body": load(values["body"])},
                int(values["attempt"]),
            )
            for bucket, entry, values in rows[:limit]
        ]

    async def _claim(self, consumer: str, limit: int) -> list[Outgoing]:
        found: list[Outgoing] = []
        sizes = await self._link.commands([("XLEN", self._keys.shared(b, "out")) for b in range(BUCKETS)])
        filled = [bucket for bucket, size in enumerate(sizes) if size]
        for bucket in random.sample(filled, len(filled)):  # no bucket is always last
            if len(found) >= limit:
                break
            found += await self._claim_in(bucket, consumer, limit - len(found))
        return found

    async def _claim_in(self, bucket: int, consumer: str, limit: int) -> list[Outgoing]:
        keys = [self._keys.shared(bucket, kind) for kind in ("out", "later", "tries")]
        reclaim_ms = max(1, round(self._options.reclaim_s * 1000))
        args = [OUTBOX_GROUP, consumer, limit, reclaim_ms, self._keys.shared(bucket, "queue") + ":"]
        rows = await self._link.run("claim", keys, args)
        return [
            Outgoing(f"{bucket}/{entry.decode()}", sender.decode(), load(body), attempt)
            for entry, sender, body, attempt in rows
        ]

    async def _finish(self, entry: Outgoing, reason: str) -> None:
        keys = self._keys.many(entry.sender_id, "OUT", "queue", "LATER", "TRIES", "DEAD")
        body = dump(entry.body) if reason else b""
        args = [OUTBOX_GROUP, _stream_id(entry), self._keys.outbox_channel, entry.sender_id, reason, body]
        await self._link.run("done", keys, args)


class RedisReminders:
    """Reminders in a hash per sender and a schedule per bucket; see `base.Reminders`."""

    def __init__(self, link: RedisLink, keys: Keys, options: StoreOptions) -> None:
        self._link, self._keys, self._options = link, keys, options

    async def schedule(self, sender_id: str, reminder: Mapping[str, Any], due: float) -> Reminder:
        name = check_id("reminder name", str(reminder.get("name") or uuid.uuid4().hex))
        body: Json = {**reminder, "name": name}
        keys = self._keys.many(check_id("sender_id", sender_id), "remind", "DUE")
        await self._link.run("remind", keys, [sender_id, name, due_ms(due), dump(body)])
        return Reminder(sender_id, name, body, due_ms(due) / 1000)

    async def cancel(self, sender_id: str, names: Sequence[str] | None = None) -> int:
        if names is not None and not names:
            return 0
        return await self._cancel(sender_id, "", names or ())

    async def pending(self, sender_id: str) -> list[Reminder]:
        flat = await self._link.command("HGETALL", self._keys.own(sender_id, "remind"))
        pairs = flat.items() if isinstance(flat, dict) else zip(flat[::2], flat[1::2], strict=True)
        found = [_reminder(sender_id.encode(), name, stored) for name, stored in pairs]
        return sorted(found, key=lambda reminder: (reminder.due, reminder.name))

    async def due(self, now: float, limit: int = 100) -> list[Reminder]:
        found: list[Reminder] = []
        counts = await self._link.commands(
            [("ZCOUNT", self._keys.shared(b, "due"), "-inf", due_ms(now)) for b in range(BUCKETS)]
        )
        filled = [bucket for bucket, count in enumerate(counts) if count]
        for bucket in random.sample(filled, len(filled)):
            if len(found) >= limit:
                break
            keys = [self._keys.shared(bucket, "due")]
            reclaim_ms = max(1, round(self._options.reclaim_s * 1000))
            args = [due_ms(now), limit - len(found), reclaim_ms, self._keys.shared(bucket, "remind") + ":"]
            flat = await self._link.run("due", keys, args)
            found += [_reminder(*row) for row in zip(flat[::3], flat[1::3], flat[2::3], strict=True)]
        return sorted(found, key=lambda reminder: (reminder.due, reminder.name))

    async def done(self, reminder: Reminder) -> None:
        await self._cancel(reminder.sender_id, due_ms(reminder.due), [reminder.name])

    async def _cancel(self, sender_id: str, required: int | str, names: Sequence[str]) -> int:
        keys = self._keys.many(check_id("sender_id", sender_id), "remind", "DUE")
        return int(await self._link.run("cancel", keys, [sender_id, required, *names]))


def _reminder(sender: bytes, name: bytes, stored: bytes) -> Reminder:
    due, _, body = stored.partition(b"\n")
    return Reminder(sender.decode(), name.decode(), load(body), int(due) / 1000)


def _stream_id(entry: Outgoing) -> str:
    return entry.entry_id.partition("/")[2]


def _stream_order(entry: bytes) -> tuple[int, int]:
    ms, _, number = entry.partition(b"-")
    return int(ms), int(number)


def _fields(values: list[bytes] | Mapping[bytes, bytes]) -> dict[str, bytes]:
    if isinstance(values, Mapping):
        return {key.decode(): value for key, value in values.items()}
    return {key.decode(): value for key, value in zip(values[::2], values[1::2], strict=True)}
