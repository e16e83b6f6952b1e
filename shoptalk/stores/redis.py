"""Conversations in Redis or Valkey: every step of a turn is one Lua script."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from shoptalk.errors import LeaseLost, Overloaded
from shoptalk.stores.base import (
    Accepted,
    Conversation,
    Deferred,
    Json,
    Known,
    StoredMessage,
    StoreOptions,
)
from shoptalk.stores.codec import check_id, dump, field_of, load
from shoptalk.stores.leased import LeasedTurn
from shoptalk.stores.notify import Notifier, settle
from shoptalk.stores.redis_deferred import RedisOutbox, RedisReminders, due_ms
from shoptalk.stores.redis_keys import BUCKETS, OUTBOX_GROUP, Keys, clean_prefix
from shoptalk.stores.redis_link import RedisAddress, RedisLink

# Notifications may get lost with a connection; whoever waits looks by itself this often.
_RECHECK_S = 0.5

_COMMIT_KEYS = (
    "meta", "inbox", "bodies", "events", "snaps", "seen", "seenlog", "WORK", "SENDERS", "OUT", "queue", "remind", "DUE",
)  # fmt: skip
_FORGET_KEYS = (
    "meta", "inbox", "bodies", "events", "snaps", "seen", "seenlog", "WORK", "SENDERS", "OUT", "queue", "remind", "DUE",
    "LATER", "TRIES", "DEAD",
)  # fmt: skip


class RedisTrackerStore:
    """Conversations in Redis 7 or Valkey; see `base.TrackerStore` for the contract.

    Args:
        address: where the server is.
        key_prefix: alphanumeric text put before every key.
        options: bounds and times.
    """

    def __init__(
        self,
        address: RedisAddress | None = None,
        key_prefix: str | None = None,
        options: StoreOptions | None = None,
    ) -> None:
        self.options = options or StoreOptions()
        self.keys = Keys(clean_prefix(key_prefix))
        self.link = RedisLink(address or RedisAddress(), f"{self.keys.prefix}shoptalk:replicated")
        self.notifier = Notifier(self.link, f"{self.keys.prefix}shoptalk:alive")
        self.outbox = RedisOutbox(self.link, self.keys, self.notifier, self.options)
        self.reminders = RedisReminders(self.link, self.keys, self.options)

    async def accept(self, message: StoredMessage) -> Accepted:
        keys = self.keys.many(message.sender_id, "inbox", "bodies", "seen", "WORK")
        args = [field_of(message), dump(dict(message.body)), self.options.max_waiting, message.sender_id]
        state, value = await self.link.run("accept", keys, args)
        if state == b"done":
            return Accepted("done", load(value))
        if state == b"full":
            raise Overloaded(
                f"{value} messages of this sender are waiting already.",
                hint="Send this one again a little later.",
            )
        return Accepted("pending" if state == b"pending" else "new", None, value)

    async def begin_turn(self, sender_id: str, known: Known | None = None) -> LeasedTurn[bytes] | None:
        keys = self.keys.many(check_id("sender_id", sender_id), "meta", "inbox", "bodies", "events", "snaps")
        had = (known.mark, known.first_index, known.length) if known is not None else ("", 0, 0)
        answer = await self.link.run("begin", keys, [uuid.uuid4().hex, self.options.lease_ms, *had])
        if answer[0] != b"turn":
            return None
        _, fence, attempt, name, body, length, snapshot, tail, mark, is_rest = answer
        channel, _, message_id = name.decode().partition("\0")
        accepted_ms, _, text = body.partition(b"\n")
        message = StoredMessage(channel, sender_id, message_id, load(text), int(accepted_ms) / 1000)
        conversation = replace(
            _conversation(length, b"" if is_rest else snapshot, tail),
            mark=mark.decode(),
            is_rest=bool(is_rest),
        )
        if is_rest and known is not None:
            conversation = replace(conversation, first_index=known.first_index)
        return LeasedTurn(self, fence, attempt, message, conversation)

    async def commit(
        self,
        message: StoredMessage,
        fence: bytes,
        events: Sequence[Mapping[str, Any]],
        replies: Sequence[Mapping[str, Any]],
        snapshot: Mapping[str, Any] | None,
        deferred: Deferred,
    ) -> bool:
        """Write a turn if its lease is alive; see `LeasedTurn.commit`."""
        sender = message.sender_id
        args: list[Any] = [
            fence,
            field_of(message),
            sender,
            max(1, round(self.options.dedupe_s * 1000)),
            _exp_ms(self.options),
            self.keys.channel(sender),
            self.keys.outbox_channel,
            dump(list(replies)),
            b"" if snapshot is None else dump(snapshot),
            len(events),
            len(deferred.outbox),
            len(deferred.cancelled),
            len(deferred.reminders),
            *map(dump, events),
            *map(dump, deferred.outbox),
            *deferred.cancelled,
        ]
        for reminder in deferred.reminders:
            args += [check_id("reminder name", reminder.name), due_ms(reminder.due), dump(reminder.body)]
        return bool(await self.link.run("commit", self.keys.many(sender, *_COMMIT_KEYS), args) == b"ok")

    async def renew(self, sender_id: str, fence: bytes, lease_ms: int) -> bool:
        """Renew a lease, or give it back with 0; False when it is over."""
        args = [fence, lease_ms, self.keys.channel(sender_id)]
        return bool(await self.link.run("extend", self.keys.many(sender_id, "meta"), args))

    async def wait_for_replies(
        self, channel: str, sender_id: str, message_id: str, timeout_s: float
    ) -> list[Json] | None:
        name = field_of(StoredMessage(channel, sender_id, message_id, {}))
        deadline = time.monotonic() + timeout_s
        found = await self._replies(sender_id, name)
        if found is not None or timeout_s <= 0:
            return found
        async with self.notifier.listen(self.keys.channel(sender_id)) as event:
            while True:
                found = await self._replies(sender_id, name)
                left = deadline - time.monotonic()
                if found is not None or left <= 0:
                    return found
                await settle(event, min(left, _RECHECK_S))

    async def wait_for_turn(self, sender_id: str, timeout_s: float) -> None:
        async with self.notifier.listen(self.keys.channel(sender_id)) as event:
            left_ms = await self.link.run("left", self.keys.many(sender_id, "meta", "inbox"), [])
            if left_ms != 0:
                await settle(event, timeout_s if left_ms < 0 else min(timeout_s, left_ms / 1000 + 0.001))

    async def load(self, sender_id: str, *, full: bool = False, earlier: bool = False) -> Conversation | None:
        keys = self.keys.many(check_id("sender_id", sender_id), "events", "snaps")
        which = -1 if full else int(earlier)
        length, snapshot, tail = await self.link.run("load", keys, [which])
        return _conversation(length, snapshot, tail) if length else None

    async def append(
        self, sender_id: str, events: Sequence[Mapping[str, Any]], *, at: int | None = None
    ) -> int:
        return await self._write(sender_id, events, "append", at)

    async def replace(self, sender_id: str, events: Sequence[Mapping[str, Any]]) -> None:
        await self._write(sender_id, events, "replace", None)

    async def forget(self, sender_id: str) -> int:
        keys = self.keys.many(check_id("sender_id", sender_id), *_FORGET_KEYS)
        return int(
            await self.link.run("forget", keys, [sender_id, self.keys.channel(sender_id), OUTBOX_GROUP])
        )

    async def senders(self, limit: int = 100, cursor: str = "") -> tuple[list[str], str]:
        start, _, last = cursor.partition(":")
        bucket, found = int(start or 0), list[str]()
        while bucket < BUCKETS and len(found) < limit:
            keys = [self.keys.shared(bucket, "senders")]
            args = [last, limit - len(found), self.keys.shared(bucket, "events") + ":"]
            last_seen, *page = await self.link.run("senders", keys, args)
            found += [sender.decode() for sender in page]
            last = last_seen.decode()
            bucket += 0 if last else 1
        return found, f"{bucket}:{last}" if bucket < BUCKETS else ""

    async def stalled(self, limit: int = 100) -> list[str]:
        sizes = await self.link.commands([("ZCARD", self.keys.shared(b, "work")) for b in range(BUCKETS)])
        busy = [bucket for bucket, size in enumerate(sizes) if size]
        pages = [
            await self._stalled_in(bucket, limit) for bucket in busy
        ]  # in turn: many at once would hold up turns
        waiting = sorted((float(since), sender) for page in pages for sender, since in page)
        return [sender.decode() for _, sender in waiting[:limit]]

    async def depths(self) -> dict[str, int]:
        """What waits, for metrics: senders with messages, outbox entries, reminders."""
        kinds = {"senders": ("ZCARD", "work"), "outbox": ("XLEN", "out"), "reminders": ("ZCARD", "due")}
        asked = [(verb, self.keys.shared(b, kind)) for verb, kind in kinds.values() for b in range(BUCKETS)]
        counts = await self.link.commands(asked)
        return {name: sum(counts[at * BUCKETS : (at + 1) * BUCKETS]) for at, name in enumerate(kinds)}

    async def ping(self) -> None:
        await self.link.command("PING")

    async def close(self) -> None:
        await self.notifier.close()
        await self.link.close()

    async def _stalled_in(self, bucket: int, limit: int) -> list[tuple[bytes, bytes]]:
        keys, prefix = [self.keys.shared(bucket, "work")], self.keys.shared(bucket, "meta") + ":"
        flat = await self.link.run("stalled", keys, [limit, prefix])
        return list(zip(flat[::2], flat[1::2], strict=True))

    async def _replies(self, sender_id: str, name: str) -> list[Json] | None:
        stored = await self.link.command("HGET", self.keys.own(sender_id, "seen"), name)
        return None if stored is None else load(stored)

    async def _write(
        self, sender_id: str, events: Sequence[Mapping[str, Any]], mode: str, at: int | None
    ) -> int:
        keys = self.keys.many(check_id("sender_id", sender_id), "meta", "events", "snaps", "SENDERS")
        channel, token = self.keys.channel(sender_id), uuid.uuid4().hex
        required = "" if at is None else at
        args = [token, sender_id, _exp_ms(self.options), channel, required, mode, *map(dump, events)]
        deadline = time.monotonic() + self.options.busy_s
        state, value = await self.link.run("append", keys, args)
        if state == b"busy":
            async with self.notifier.listen(channel) as event:
                while state == b"busy" and time.monotonic() < deadline:
                    await settle(event, min(value / 1000 + 0.001, max(deadline - time.monotonic(), 0.001)))
                    state, value = await self.link.run("append", keys, args)
        if state == b"busy":
            raise Overloaded(
                f"Turns kept the conversation busy for {self.options.busy_s} s.",
                hint="Try again a little later.",
            )
        if state == b"moved":
            raise LeaseLost(
                f"The conversation has {value} events, not {at}; nothing was written.", hint="Read it anew."
            )
        return int(value)


def _exp_ms(options: StoreOptions) -> int:
    return 0 if options.record_exp_s is None else max(1, round(options.record_exp_s * 1000))


def _conversation(length: int, snapshot: bytes, tail: list[bytes]) -> Conversation:
    events = load(b"[" + b",".join(tail) + b"]")  # at once, which is faster than one by one
    if not snapshot:
        return Conversation(events, 0, None, length)
    index, _, state = snapshot.partition(b"\n")
    return Conversation(events, int(index), load(state), length)
