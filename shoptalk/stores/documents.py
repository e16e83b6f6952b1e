"""Conversations in a database of documents: all that changes about a sender is one document, changed by compare-and-set.

What a turn adds to the conversation is written as rows first, each under the turn's fencing number, and seen when the
sender's document says so; a turn that lost its lease cannot change that document, so nothing of it is ever seen.
"""

from __future__ import annotations

import time
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
from shoptalk.stores.codec import check_id, copies, copy, dump_ascii, field_of
from shoptalk.stores.documents_deferred import OUTBOX_TOPIC, DocumentOutbox, DocumentReminders, defer
from shoptalk.stores.documents_records import EVERYTHING, Documents, Records, State, rows_of
from shoptalk.stores.leased import LeasedTurn
from shoptalk.stores.wakeups import Wakeups

_LOOK_S = (0.05, 0.5)
"""How soon and how seldom other processes' commits are looked for, as these databases cannot wake us."""


class DocumentTrackerStore:
    """Conversations as documents; see `base.TrackerStore` for the contract.

    Waiting is by looking again, ever more seldom; what happens in the same process is noticed at once. What waits for
    one sender (messages, outbox, reminders) must fit into one document.

    Args:
        documents: the database.
        options: bounds and times.
    """

    def __init__(self, documents: Documents, options: StoreOptions | None = None) -> None:
        self.options = options or StoreOptions()
        self.documents = documents
        self.records = Records(documents, self.options)
        self._wakeups = Wakeups()
        self.outbox = DocumentOutbox(documents, self.records, self._wakeups, self.options)
        self.reminders = DocumentReminders(documents, self.records, self.options)

    async def accept(self, message: StoredMessage) -> Accepted:
        name, sender = field_of(message), message.sender_id
        ids = {"field": name, "channel": message.channel, "id": message.message_id}
        waiting: Json = {**ids, "body": copy(message.body)}

        async def edit(state: State, now: int) -> Accepted:
            if any(one["field"] == name for one in state.inbox):
                return Accepted("pending", None, len(state.inbox))
            if (replies := await self.records.replies(sender, state, name)) is not None:
                return Accepted("done", replies)
            if len(state.inbox) >= self.options.max_waiting:
                raise Overloaded(
                    f"{len(state.inbox)} messages of this sender are waiting already.",
                    hint="Send this one again a little later.",
                )
            state.inbox.append({**waiting, "at": now})
            return Accepted("new", None, len(state.inbox))

        return await self.records.change(sender, edit)

    async def begin_turn(self, sender_id: str, known: Known | None = None) -> LeasedTurn[int] | None:
        async def edit(state: State, now: int) -> State | None:
            if not state.inbox or state.is_live(now):
                return None
            head = state.inbox[0]["field"]
            state.attempt = state.attempt + 1 if state.head == head else 1
            state.head = head
            state.lease(now, self.options.lease_ms)
            return state

        state = await self.records.change(check_id("sender_id", sender_id), edit)
        conversation = None if state is None else await self.records.tail(sender_id, state, 0)
        if state is None or conversation is None:
            return None
        head = state.inbox[0]
        message = StoredMessage(head["channel"], sender_id, head["id"], head["body"], head["at"] / 1000)
        return LeasedTurn(self, state.fence, state.attempt, message, conversation)

    async def renew(self, sender_id: str, fence: int, lease_ms: int) -> bool:
        """Renew a lease, or (0) give it back; False when it is not the caller's any more."""

        async def edit(state: State, now: int) -> bool:
            if not state.is_held(fence, now):
                return False
            state.until_ms, state.span_ms = now + lease_ms if lease_ms else 0, lease_ms
            return True

        mine = await self.records.change(sender_id, edit)
        self._wakeups.tell(sender_id)
        return mine

    async def commit(
        self,
        message: StoredMessage,
        fence: int,
        events: Sequence[Mapping[str, Any]],
        replies: Sequence[Mapping[str, Any]],
        snapshot: Mapping[str, Any] | None,
        deferred: Deferred,
    ) -> bool:
        """Write a whole turn; False (and nothing to be seen of it) when its lease is over."""
        sender, name = message.sender_id, field_of(message)
        rows, said = rows_of(events, snapshot), dump_ascii(list(replies))
        later = _copied(deferred)

        async def edit(state: State, now: int) -> bool:
            if state.committed == fence:
                return True
            if not state.is_held(fence, now) or not await self.records.add(sender, state, fence, rows):
                return False
            if not await self.records.add_replies(sender, fence, name, said, now):
                return False
            if snapshot is not None:
                state.snapshots = [(state.end - 1, state.length), *state.snapshots[:1]]
            state.inbox = [one for one in state.inbox if one["field"] != name]
            state.committed, state.until_ms, state.head, state.attempt = fence, 0, "", 0
            state.expires_ms = self._expires_ms(now)
            defer(state, later)
            return True

        written = await self.records.change(sender, edit)
        if not written:
            await self.records.discard(sender, fence)
        self._wakeups.tell(sender)
        if deferred.outbox:
            self._wakeups.tell(OUTBOX_TOPIC)
        return written

    async def wait_for_replies(
        self, channel: str, sender_id: str, message_id: str, timeout_s: float
    ) -> list[Json] | None:
        name = field_of(StoredMessage(channel, sender_id, message_id, {}))
        deadline, look_s = time.monotonic() + timeout_s, _LOOK_S[0]
        while True:
            changed = self._wakeups.of(sender_id)
            state = await self.records.state(sender_id)
            found = None if state is None else await self.records.replies(sender_id, state, name)
            left = deadline - time.monotonic()
            if found is not None or left <= 0:
                return found
            await self._wakeups.wait(changed, left, look_s)
            look_s = min(1.5 * look_s, _LOOK_S[1])

    async def wait_for_turn(self, sender_id: str, timeout_s: float) -> None:
        changed = self._wakeups.of(sender_id)
        state, now = await self.records.state(sender_id), self.records.now_ms()
        if state is None or not state.inbox:
            await self._wakeups.wait(changed, timeout_s, _LOOK_S[1])
        elif state.is_live(now):
            left = (state.until_ms - now) / 1000
            await self._wakeups.wait(changed, timeout_s, min(left, _LOOK_S[1]))

    async def load(self, sender_id: str, *, full: bool = False, earlier: bool = False) -> Conversation | None:
        while True:
            state = await self.records.state(check_id("sender_id", sender_id))
            if state is None or not state.length or state.is_over(self.records.now_ms()):
                return None
            found = await self.records.tail(sender_id, state, EVERYTHING if full else int(earlier))
            if found is not None:
                return found

    async def append(
        self, sender_id: str, events: Sequence[Mapping[str, Any]], *, at: int | None = None
    ) -> int:
        return await self._write(sender_id, events, at, anew=False)

    async def replace(self, sender_id: str, events: Sequence[Mapping[str, Any]]) -> None:
        await self._write(sender_id, events, None, anew=True)

    async def forget(self, sender_id: str) -> int:
        count = await self.records.forget(check_id("sender_id", sender_id))
        self._wakeups.tell(sender_id)
        return count

    async def senders(self, limit: int = 100, cursor: str = "") -> tuple[list[str], str]:
        found = await self.documents.ranked("talk", cursor, limit)
        after = found[-1] if len(found) == limit else ""
        if self.options.record_exp_s is not None:
            states = [(sender, await self.records.state(sender)) for sender in found]
            now = self.records.now_ms()
            found = [sender for sender, state in states if state is not None and not state.is_over(now)]
        return found, after

    async def stalled(self, limit: int = 100) -> list[str]:
        found: list[tuple[int, str]] = []
        for sender in await self.documents.ranked("work", self.records.now_ms(), limit):
            state = await self.records.state(sender)
            if state is not None and state.inbox and not state.is_live(self.records.now_ms()):
                found.append((state.inbox[0]["at"], sender))
        return [sender for _, sender in sorted(found)]

    async def ping(self) -> None:
        await self.documents.ping()

    async def close(self) -> None:
        await self.documents.close()

    async def _write(
        self, sender_id: str, added: Sequence[Mapping[str, Any]], at: int | None, *, anew: bool
    ) -> int:
        rows = rows_of(added, None)
        fence = await self._between_turns(check_id("sender_id", sender_id), at)

        async def edit(state: State, now: int) -> int | None:
            if not state.is_held(fence, now):
                return None
            if anew:
                state.drop_events()
            if not await self.records.add(sender_id, state, fence, rows):
                return None
            state.until_ms, state.expires_ms = 0, self._expires_ms(now)
            return state.length

        length = await self.records.change(sender_id, edit)
        self._wakeups.tell(sender_id)
        if length is None:
            await self.records.discard(sender_id, fence)
            raise LeaseLost("Writing took too long; nothing was written.", hint="Try again.")
        return length

    async def _between_turns(self, sender_id: str, at: int | None) -> int:
        """Lease a conversation without serving a message, as soon as nobody does."""

        async def edit(state: State, now: int) -> tuple[int, int]:
            if state.is_live(now):
                return 0, state.until_ms - now
            if at is not None and at != state.length:
                raise LeaseLost(
                    f"The conversation has {state.length} events, not {at}; nothing was written.",
                    hint="Read it anew.",
                )
            return state.lease(now, self.options.lease_ms), 0

        deadline, look_s = time.monotonic() + self.options.busy_s, _LOOK_S[0]
        while True:
            changed = self._wakeups.of(sender_id)
            fence, left_ms = await self.records.change(sender_id, edit)
            left = deadline - time.monotonic()
            if fence:
                return fence
            if left <= 0:
                raise Overloaded(
                    f"Turns kept the conversation busy for {self.options.busy_s} s.",
                    hint="Try again a little later.",
                )
            await self._wakeups.wait(changed, left, min(look_s, left_ms / 1000))
            look_s = min(1.5 * look_s, _LOOK_S[1])

    def _expires_ms(self, now: int) -> int | None:
        keep_s = self.options.record_exp_s
        return None if keep_s is None else now + round(keep_s * 1000)


def _copied(deferred: Deferred) -> Deferred:
    reminders = [
        replace(one, name=check_id("reminder name", one.name), body=copy(one.body))
        for one in deferred.reminders
    ]
    return Deferred(copies(deferred.outbox), reminders, [*deferred.cancelled])
