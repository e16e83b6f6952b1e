"""A sender's record as one document, changed by compare-and-set, with rows of events and replies beside it."""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Protocol, Self, TypeVar

from shoptalk.errors import Overloaded
from shoptalk.stores.base import Conversation, Json, StoreOptions
from shoptalk.stores.codec import dump_ascii, load

T = TypeVar("T")

RANKS = ("work", "out", "due", "dead", "talk")
"""What a record may be found by: the last is text, the others are numbers."""
STATE = "state"
EVERYTHING = 2

_ROWS = ("e/", "r/~")
_ROW_CHARS = 128 * 1024
_RECORD_CHARS = 360_000  # DynamoDB takes documents of up to 400 KB
_CROWDED_S = 10.0
_PAUSE_S = 0.005


@dataclass(frozen=True, slots=True)
class Item:
    """One document.

    Args:
        sender: whose; every document of a sender can be found and deleted by it.
        name: which of theirs; documents of a sender are ordered by it.
        body: JSON, in ASCII.
        version: grows with every change.
        ranks: by what the document is found among everybody's; any of `RANKS`.
        expires_s: epoch seconds after which the database may drop it; None keeps it.
    """

    sender: str
    name: str
    body: str
    version: int
    ranks: Mapping[str, int | str] = field(default_factory=dict)
    expires_s: int | None = None


class Documents(Protocol):
    """What a database must be able to do; each call is atomic for each document, and none for several."""

    async def get(self, sender: str, name: str) -> Item | None:
        """The newest version of a document."""

    async def put(self, item: Item, after: int | None) -> bool:
        """Write a document, or return False.

        Args:
            item: what.
            after: only in place of this version (0: of nothing); None: of any version not above the item's.
        """

    async def between(self, sender: str, first: str, last: str) -> list[str]:
        """Bodies of a sender's documents of these names and those between, in order of their names."""

    async def delete(self, sender: str, first: str, last: str, upto: int) -> int:
        """Delete those of at most version `upto`; returns how many there were."""

    async def ranked(self, rank: str, bound: int | str, limit: int) -> list[str]:
        """Senders in order of a rank: of a number at most `bound`, of a text after `bound`."""

    async def ping(self) -> None:
        """Raises `Unavailable` when the database does not answer."""

    async def close(self) -> None:
        """Release connections."""


@dataclass(slots=True)
class State:
    """All that changes about a sender. Events and replies stand in rows of their own.

    Args:
        born: fence before the first; also the number of the first row. No two lives of a sender share numbers.
        fence, until_ms, span_ms, head, attempt, committed: the lease, as in the other stores.
        first, end: numbers of the rows of the conversation, half-open.
        length: number of events.
        expires_ms: when the conversation is dropped.
        snapshots: row and length of the newest two, newest first; the row holds the state.
        inbox, outbox, dead, reminders: what waits, oldest first.
        writer: makes every written text another, so that a writer knows its own.
    """

    born: int
    fence: int
    first: int
    end: int
    until_ms: int = 0
    span_ms: int = 0
    head: str = ""
    attempt: int = 0
    committed: int = 0
    length: int = 0
    expires_ms: int | None = None
    snapshots: list[tuple[int, int]] = field(default_factory=list)
    inbox: list[Json] = field(default_factory=list)
    outbox: list[Json] = field(default_factory=list)
    dead: list[Json] = field(default_factory=list)
    reminders: dict[str, Json] = field(default_factory=dict)
    writer: str = ""

    @classmethod
    def new(cls, now: int) -> Self:
        """A record that begins now."""
        born = now * 1000
        return cls(born, born, born, born)

    def text(self) -> str:
        """The record as JSON."""
        return dump_ascii({one.name: getattr(self, one.name) for one in fields(self)})

    def is_live(self, now: int) -> bool:
        """Whether somebody holds the lease; one that ends far beyond its span is from before a clock was set back."""
        return 0 < self.until_ms - now <= 2 * self.span_ms

    def is_held(self, fence: int, now: int) -> bool:
        """Whether the lease is this one."""
        return self.fence == fence and self.is_live(now)

    def lease(self, now: int, span_ms: int) -> int:
        """Give the lease to the caller; returns its fencing number."""
        self.fence = max(self.fence + 1, now * 1000)
        self.until_ms, self.span_ms = now + span_ms, span_ms
        return self.fence

    def is_over(self, now: int) -> bool:
        """Whether the conversation is to be dropped."""
        return self.expires_ms is not None and self.expires_ms <= now

    def drop_events(self) -> None:
        """Let the conversation begin anew, after the rows it had."""
        self.first, self.length, self.snapshots, self.expires_ms = self.end, 0, [], None

    def ranks(self, sender: str) -> dict[str, int | str]:
        """By what it is found: when it should be looked at for this or that."""
        found: dict[str, int | str] = {}
        if self.inbox:
            found["work"] = self.until_ms or self.inbox[0]["at"]
        if self.outbox:
            found["out"] = self.outbox[0]["free"]
        if self.reminders:
            found["due"] = min(one["free"] for one in self.reminders.values())
        if self.dead:
            found["dead"] = -self.dead[-1]["at"]
        if self.length:
            found["talk"] = sender
        return found


def rows_of(events: Sequence[Mapping[str, Any]], snapshot: Mapping[str, Any] | None) -> list[tuple[int, str]]:
    """Events as rows of bounded size: how many are in each, and the text; the snapshot is in the last."""
    groups, size = [list[str]()], 0
    for text in map(dump_ascii, events):
        if size and size + len(text) > _ROW_CHARS:
            groups.append([])
            size = 0
        groups[-1].append(text)
        size += len(text)
    state = "null" if snapshot is None else dump_ascii(snapshot)
    found = [(len(group), f'{{"events":[{",".join(group)}],"snapshot":null}}') for group in groups[:-1]]
    if groups[-1] or snapshot is not None:
        found.append((len(groups[-1]), f'{{"events":[{",".join(groups[-1])}],"snapshot":{state}}}'))
    return found


class Records:
    """Reads and changes the documents of senders.

    Leases and times go by the clocks of the workers, which must agree to about a second. If they do not, a turn may be
    taken over too soon; its number still makes sure that it writes nothing.
    """

    def __init__(self, documents: Documents, options: StoreOptions) -> None:
        self._documents, self._options = documents, options

    @staticmethod
    def now_ms() -> int:
        """This machine's clock."""
        return time.time_ns() // 1_000_000

    async def state(self, sender: str) -> State | None:
        """A sender's record."""
        item = await self._documents.get(sender, STATE)
        return None if item is None else State(**load(item.body))

    async def change(self, sender: str, edit: Callable[[State, int], Awaitable[T]]) -> T:
        """Read, edit and write a record, again and again until nobody was quicker; unchanged, it is not written.

        Args:
            sender: whose.
            edit: changes the record, given the time in ms; may be called more than once.

        Raises:
            Overloaded: others change it all the time, or it would grow too large.
        """
        deadline, pause = time.monotonic() + _CROWDED_S, _PAUSE_S
        tried: tuple[str, T] | None = None
        while time.monotonic() < deadline:
            item, now = await self._documents.get(sender, STATE), self.now_ms()
            if tried is not None and item is not None and item.body == tried[0]:
                return tried[1]  # the answer to our last `put` got lost on its way
            state = State.new(now) if item is None else State(**load(item.body))
            before, first = state.text(), state.first
            if state.is_over(now):
                state.drop_events()
            result = await edit(state, now)
            if state.text() == before:
                return result
            state.writer = uuid.uuid4().hex
            written, had = state.text(), item.version if item is not None else 0
            tried = written, result
            if len(written) > max(_RECORD_CHARS, len(before)):
                raise Overloaded(
                    f"Too much waits for this sender: {len(written)} characters of messages and reminders.",
                    hint="Try again when some of it is sent.",
                )
            new = Item(sender, STATE, written, max(had + 1, now * 1000), state.ranks(sender))
            if await self._documents.put(new, had):
                if state.first > first:
                    await self._documents.delete(sender, _row(first), _row(state.first - 1), state.fence)
                return result
            await asyncio.sleep(random.uniform(0, pause))
            pause = min(2 * pause, 0.2)
        raise Overloaded("Others change the conversation all the time.", hint="Try again a little later.")

    async def forget(self, sender: str) -> int:
        """Delete all documents of a sender; returns how many events there were."""
        while (item := await self._documents.get(sender, STATE)) is not None:
            state = State(**load(item.body))
            if await self._documents.delete(sender, STATE, STATE, item.version):
                await self._documents.delete(sender, *_ROWS, state.fence)
                return 0 if state.is_over(self.now_ms()) else state.length
        return 0

    async def discard(self, sender: str, fence: int) -> None:
        """Delete what a lost turn wrote, if its sender was forgotten meanwhile; else it is overwritten by the next."""
        state = await self.state(sender)
        if state is None or state.born > fence:
            await self._documents.delete(sender, *_ROWS, fence)

    async def add(self, sender: str, state: State, fence: int, rows: Sequence[tuple[int, str]]) -> bool:
        """Write rows of `rows_of` behind the conversation; seen once the record is. False when the lease is lost."""
        for count, text in rows:
            if not await self._documents.put(Item(sender, _row(state.end), text, fence), None):
                return False
            state.end, state.length = state.end + 1, state.length + count
        return True

    async def tail(self, sender: str, state: State, which: int) -> Conversation | None:
        """The conversation from a snapshot on: 0 the newest, 1 the one before, `EVERYTHING` from none.

        Returns:
            None when it was replaced or forgotten meanwhile.
        """
        row, index = state.snapshots[which] if which < len(state.snapshots) else (state.first, 0)
        texts = (
            await self._documents.between(sender, _row(row), _row(state.end - 1)) if row < state.end else []
        )
        if len(texts) != state.end - row:
            return None
        rows = load(f"[{','.join(texts)}]")
        if which >= len(state.snapshots):
            return Conversation([event for one in rows for event in one["events"]], 0, None, state.length)
        found = [event for one in rows[1:] for event in one["events"]]
        return Conversation(found, index, rows[0]["snapshot"], state.length)

    async def add_replies(self, sender: str, fence: int, name: str, replies: str, now: int) -> bool:
        """Write the replies to a message; seen once it is out of the inbox. False when the lease is lost."""
        text, until = f'{{"at":{now},"replies":{replies}}}', now / 1000 + self._options.dedupe_s
        return await self._documents.put(
            Item(sender, _reply(name), text, fence, expires_s=int(until) + 60), None
        )

    async def replies(self, sender: str, state: State, name: str) -> list[Json] | None:
        """Stored replies of a message; `state` must have been read before."""
        if any(waiting["field"] == name for waiting in state.inbox):
            return None
        item = await self._documents.get(sender, _reply(name))
        if item is None or not state.born < item.version <= state.fence:
            return None
        stored = load(item.body)
        found: list[Json] = stored["replies"]
        return found if stored["at"] > self.now_ms() - self._options.dedupe_s * 1000 else None


def _row(number: int) -> str:
    return f"e/{number:020d}"


def _reply(name: str) -> str:
    return f"r/{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()}"
