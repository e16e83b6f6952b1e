"""The contract of a tracker store: durable conversations, one turn at a time per sender.

A message travels `accept` -> `begin_turn` -> `Turn.commit`. `accept` puts it in the sender's inbox
once, `begin_turn` leases the head of that inbox under a growing fencing number, and `commit` writes
everything the turn did in one atomic step, or nothing. Any number of processes may share a store.

Events are Rasa's JSON dicts; a store reads nothing in them (SQL stores copy `event`, `timestamp`,
`name` and the intent into columns so that Rasa's own tools can read the table).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

Json: TypeAlias = dict[str, Any]

MAX_WAITING = 20
DEDUPE_S = 24 * 3600.0
LEASE_MS = 8_000


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """One inbound message as it waits in a sender's inbox.

    Args:
        channel: the input channel it came through.
        sender_id: whose conversation it belongs to.
        message_id: the client's idempotency key, unique per channel and sender.
        body: what the assistant needs to serve it, as JSON (`text`, `metadata`, `parse_data`, …).
        accepted_at: epoch seconds, set by the store when the message was accepted.
    """

    channel: str
    sender_id: str
    message_id: str
    body: Mapping[str, Any]
    accepted_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Accepted:
    """What `accept` did with a message.

    Args:
        state: "new" (queued now), "pending" (queued before, not answered yet) or "done".
        replies: the stored replies when `state` is "done", else None.
        waiting: messages in the sender's inbox after this one was accepted.
    """

    state: Literal["new", "pending", "done"]
    replies: list[Json] | None = None
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as far as a turn needs it: a snapshot and the events since.

    Args:
        events: the tail of the conversation, oldest first.
        first_index: position of `events[0]` in the whole conversation; where `snapshot` holds.
        snapshot: the state the assistant passed to `commit` at `first_index`; None at index 0, and where a session
            begins whose predecessors the store dropped.
        length: number of events in the whole conversation.
        mark: stands for this history; "" where a store does not tell what is new since a reading.
        is_rest: `events` are only those that came after what the caller knew; `snapshot` is left out.
    """

    events: list[Json]
    first_index: int = 0
    snapshot: Json | None = None
    length: int = 0
    mark: str = field(default="", compare=False)
    is_rest: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """What a caller has read of a conversation before, so that only the rest needs to be sent.

    Args:
        mark, first_index, length: of the `Conversation` it had.
    """

    mark: str
    first_index: int
    length: int


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One entry of the outbox: what one turn says to one recipient, to be sent in order.

    Args:
        entry_id: opaque id, unique in the store and the same at every attempt.
        sender_id: whose conversation it belongs to.
        body: JSON as pushed.
        attempt: 1 at the first delivery, counted up at each further one.
    """

    entry_id: str
    sender_id: str
    body: Json
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Reminder:
    """A message the assistant sends itself later.

    Args:
        sender_id: whose conversation it belongs to.
        name: its id within the conversation; scheduling the same name again replaces it.
        body: JSON as scheduled.
        due: epoch seconds.
    """

    sender_id: str
    name: str
    body: Json
    due: float


@dataclass(frozen=True, slots=True)
class Deferred:
    """Work a turn leaves for later, written in the same atomic step as its events.

    Args:
        outbox: messages for messengers; each dict becomes one `Outgoing.body`.
        reminders: reminders to schedule; `sender_id` is the turn's own.
        cancelled: names of reminders to cancel (before `reminders` are scheduled).
    """

    outbox: Sequence[Mapping[str, Any]] = ()
    reminders: Sequence[Reminder] = ()
    cancelled: Sequence[str] = ()


NOTHING_DEFERRED = Deferred()


class Turn(Protocol):
    """The exclusive, fenced right to extend one conversation by one turn."""

    @property
    def message(self) -> StoredMessage:
        """The message at the head of the inbox."""

    @property
    def conversation(self) -> Conversation:
        """The conversation as it stood when the turn began."""

    @property
    def attempt(self) -> int:
        """1 when the message is served first, more after a worker died or gave it back."""

    async def extend(self) -> None:
        """Renew the lease for another `lease_ms`.

        Raises:
            LeaseLost: the lease ran out or the conversation was taken over.
        """

    async def commit(
        self,
        events: Sequence[Mapping[str, Any]],
        replies: Sequence[Mapping[str, Any]],
        snapshot: Mapping[str, Any] | None = None,
        deferred: Deferred = NOTHING_DEFERRED,
    ) -> None:
        """Write the whole turn in one atomic step and give the lease back.

        Safe to call again with the same arguments after `Unavailable`: a turn is written once.

        Args:
            events: what is new in the conversation.
            replies: what the client gets, now and at every repeat of the message.
            snapshot: state of the tracker after `events`, if it is time for a new one.
            deferred: outbound messages and reminders.

        Raises:
            LeaseLost: another worker has taken over; nothing was written.
            Unavailable: the store does not answer; whether it was written is unknown.
        """

    async def release(self) -> None:
        """Give the turn back without effect; the message stays at the head of the inbox."""


class Outbox(Protocol):
    """Outbound messages waiting to be sent: at least once, in order per sender."""

    async def push(self, sender_id: str, body: Mapping[str, Any]) -> str:
        """Add one entry outside a turn; returns its id."""

    async def claim(self, consumer: str, limit: int = 10, wait_s: float = 0.0) -> list[Outgoing]:
        """Take entries to send; those of a consumer that went silent are handed out again.

        Args:
            consumer: name of the calling worker.
            limit: at most this many.
            wait_s: how long to wait when nothing is there.
        """

    async def done(self, entry: Outgoing) -> None:
        """The entry was sent; the sender's next one may go."""

    async def retry(self, entry: Outgoing, delay_s: float) -> None:
        """Sending failed; hand the entry out again after a delay."""

    async def bury(self, entry: Outgoing, reason: str) -> None:
        """Give up on an entry; it is kept apart for people to look at."""

    async def buried(self, limit: int = 100) -> list[Outgoing]:
        """Entries given up on, newest first; `body` holds `reason` beside the original `body`."""


class Reminders(Protocol):
    """Reminders that survive restarts and go off once."""

    async def schedule(self, sender_id: str, reminder: Mapping[str, Any], due: float) -> Reminder:
        """Schedule one; `reminder["name"]` is its id, made up when absent."""

    async def cancel(self, sender_id: str, names: Sequence[str] | None = None) -> int:
        """Cancel some or (None) all reminders of a sender; returns how many there were."""

    async def pending(self, sender_id: str) -> list[Reminder]:
        """A sender's reminders, soonest first."""

    async def due(self, now: float, limit: int = 100) -> list[Reminder]:
        """Claim reminders due by `now`; one not `done` within a minute is handed out again."""

    async def done(self, reminder: Reminder) -> None:
        """The reminder went off; forget it, unless it was scheduled anew meanwhile."""


@runtime_checkable
class TrackerStore(Protocol):
    """Durable conversations shared by any number of workers."""

    @property
    def outbox(self) -> Outbox:
        """Outbound messages."""

    @property
    def reminders(self) -> Reminders:
        """Messages the assistant sends itself later."""

    async def accept(self, message: StoredMessage) -> Accepted:
        """Put a message in its sender's inbox, once per (channel, sender_id, message_id) in 24 h.

        Raises:
            Overloaded: 20 messages of this sender are waiting already.
            Unavailable: the store does not answer.
        """

    async def begin_turn(self, sender_id: str, known: Known | None = None) -> Turn | None:
        """Lease the head of the inbox; None when it is empty or leased by someone else.

        Args:
            sender_id: whose inbox.
            known: what the caller has of the conversation; only given to stores whose conversations have a `mark`.
                If it is still a beginning of the same history, with the same newest snapshot, the turn's conversation
                may be the rest (`is_rest`).
        """

    async def wait_for_replies(
        self, channel: str, sender_id: str, message_id: str, timeout_s: float
    ) -> list[Json] | None:
        """The replies of a message once it is served, by whichever worker; None on timeout."""

    async def wait_for_turn(self, sender_id: str, timeout_s: float) -> None:
        """Return when `begin_turn` may succeed or a turn was committed, at the latest after `timeout_s`."""

    async def load(self, sender_id: str, *, full: bool = False, earlier: bool = False) -> Conversation | None:
        """A conversation for reading; None when there is none.

        Args:
            sender_id: whose.
            full: every event the store keeps, without a snapshot.
            earlier: start at the snapshot before the newest (for a rewind past the newest one).
        """

    async def append(
        self, sender_id: str, events: Sequence[Mapping[str, Any]], *, at: int | None = None
    ) -> int:
        """Add events outside a turn, between turns; returns the new length.

        Args:
            sender_id: whose conversation.
            events: what to add.
            at: write only if the conversation is this long (what the caller read is still true).

        Raises:
            LeaseLost: the conversation is not `at` events long; nothing was written.
            Overloaded: turns kept the conversation busy for too long.
        """

    async def replace(self, sender_id: str, events: Sequence[Mapping[str, Any]]) -> None:
        """Make these the whole conversation, between turns; its snapshots are dropped."""

    async def forget(self, sender_id: str) -> int:
        """Delete everything kept about a sender; returns how many events there were.

        A turn in progress then fails with `LeaseLost`.
        """

    async def senders(self, limit: int = 100, cursor: str = "") -> tuple[list[str], str]:
        """A page of senders with a conversation and the cursor of the next ("" at the end)."""

    async def stalled(self, limit: int = 100) -> list[str]:
        """Senders with waiting messages that nobody serves, longest waiting first."""

    async def ping(self) -> None:
        """Raises `Unavailable` when the store does not answer."""

    async def close(self) -> None:
        """Release connections; the store is not used afterwards."""


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """Bounds and times every store takes.

    Args:
        lease_ms: how long a turn may go without `extend`.
        max_waiting: bound of a sender's inbox.
        dedupe_s: how long replies are kept for repeats, at least.
        busy_s: how long `append` and `replace` wait for a turn to end.
        reclaim_s: after this long a claimed outbox entry or reminder is handed out again.
        record_exp_s: drop a conversation this long after its last turn; None keeps it.
    """

    lease_ms: int = LEASE_MS
    max_waiting: int = MAX_WAITING
    dedupe_s: float = DEDUPE_S
    busy_s: float = 10.0
    reclaim_s: float = 60.0
    record_exp_s: float | None = field(default=None)
