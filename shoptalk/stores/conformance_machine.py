"""A random test of the contract: any sequence of operations, on a store and on a model of plain dicts.

    TestMyStore = conformance_machine(lambda options: MyStore(options)).TestCase

Needs hypothesis. `expire`, if given, makes the leases of these senders run out at once; without it
leases end only by `release` and `commit`.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shoptalk.errors import LeaseLost, Overloaded
from shoptalk.stores.base import (
    Conversation,
    Deferred,
    Json,
    Known,
    Reminder,
    StoredMessage,
    StoreOptions,
    TrackerStore,
    Turn,
)
from shoptalk.stores.conformance import OpenStore

Expire: TypeAlias = Callable[[Any, list[str]], Awaitable[None]]

_OPTIONS = StoreOptions(lease_ms=600_000, max_waiting=3, busy_s=0.0)
_run_number = itertools.count()

_senders = st.sampled_from(["s0", "s1", "用户"])
_ids = st.integers(0, 5)
_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip
_dicts = st.dictionaries(st.text(max_size=4), _values, max_size=2)
_events = st.lists(st.builds(lambda d: {"event": "slot", "timestamp": 1.0, **d}, _dicts), max_size=3)


@dataclass
class _Model:
    """What a sender's record must look like."""

    events: list[Json] = field(default_factory=list)
    snapshots: list[tuple[int, Json]] = field(default_factory=list)
    inbox: list[tuple[int, Json]] = field(default_factory=list)
    seen: dict[int, list[Json]] = field(default_factory=dict)
    turn: int | None = None  # number of the turn that holds the lease
    attempts: int = 0
    outbox: list[Json] = field(default_factory=list)
    reminders: dict[str, float] = field(default_factory=dict)


class _StoreMachine(RuleBasedStateMachine):
    """The rules; `conformance_machine` fills in the store."""

    store: TrackerStore
    expire: Expire | None

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.loop = loop
        self.run_id = f"{os.getpid()}-{next(_run_number)}-"
        self.models: dict[str, _Model] = {}
        self.turns: list[tuple[str, int, Turn, list[Any] | None]] = []  # sender, message, turn, committed
        self.read: dict[str, list[Conversation]] = {}  # what turns have seen, of stores that tell what is new

    def wait(self, call: Awaitable[Any]) -> Any:
        """The result of a call."""
        return self.loop.run_until_complete(_awaited(call))

    def model(self, sender: str) -> _Model:
        """The sender's model."""
        return self.models.setdefault(sender, _Model())

    def name(self, sender: str) -> str:
        """The sender's name in the store."""
        return self.run_id + sender

    @rule(sender=_senders, number=_ids, body=_dicts)
    def accept(self, sender: str, number: int, body: Json) -> None:
        model = self.model(sender)
        call = self.store.accept(StoredMessage("rest", self.name(sender), f"m{number}", body))
        if number in model.seen:
            accepted = self.wait(call)
            assert (accepted.state, accepted.replies) == ("done", model.seen[number])
        elif number in [waiting for waiting, _ in model.inbox]:
            assert self.wait(call).state == "pending"
        elif len(model.inbox) >= 3:
            self.must_raise(Overloaded, call)
        else:
            model.inbox.append((number, body))
            accepted = self.wait(call)
            assert (accepted.state, accepted.waiting) == ("new", len(model.inbox))

    @rule(sender=_senders, data=st.data())
    def begin(self, sender: str, data: Any) -> None:
        model, read = self.model(sender), self.read.setdefault(sender, [])
        had = read[data.draw(st.integers(0, len(read) - 1))] if read and data.draw(st.booleans()) else None
        known = () if had is None else (Known(had.mark, had.first_index, had.length),)
        turn = self.wait(self.store.begin_turn(self.name(sender), *known))
        if not model.inbox or model.turn is not None:
            assert turn is None
            return
        model.turn, model.attempts = len(self.turns), model.attempts + 1
        number, body = model.inbox[0]
        assert turn.message.message_id == f"m{number}"
        assert turn.message.body == body
        assert turn.attempt == model.attempts
        found = turn.conversation
        if found.is_rest:
            assert had is not None
            found = replace(found, events=[*had.events, *found.events], snapshot=had.snapshot)
        self.must_be_tail(found, model, 0)
        if found.mark:
            read.append(found)
        self.turns.append((sender, number, turn, None))

    @precondition(lambda self: self.turns)
    @rule(
        data=st.data(), events=_events, replies=st.lists(_dicts, max_size=2), snapshot=st.none() | _dicts,
        outbox=st.lists(_dicts, max_size=1), due=st.none() | st.integers(0, 9),
    )  # fmt: skip
    def commit(
        self,
        data: Any,
        events: list[Json],
        replies: list[Json],
        snapshot: Json | None,
        outbox: list[Json],
        due: int | None,
    ) -> None:
        place = data.draw(st.integers(0, len(self.turns) - 1))
        sender, number, turn, committed = self.turns[place]
        model = self.model(sender)
        reminders = (
            [] if due is None else [Reminder(self.name(sender), f"r{due % 3}", {"due": due}, float(due))]
        )
        cancelled = [] if due is None else [f"r{(due + 1) % 3}"]
        arguments = (events, replies, snapshot, Deferred(outbox, reminders, cancelled))
        if committed is not None and committed[0] is model and model.seen.get(number) is committed[1]:
            # The very same turn again, possibly after others: nothing may happen.
            try:
                self.wait(turn.commit(events, replies, snapshot, arguments[3]))
            except LeaseLost:
                return
            return
        if model.turn != place:
            self.must_raise(LeaseLost, turn.commit(*arguments))
            return
        self.wait(turn.commit(*arguments))
        model.events += events
        model.seen[number] = replies
        if snapshot is not None:
            model.snapshots = [(len(model.events), snapshot), *model.snapshots[:1]]
        model.outbox += outbox
        for name in cancelled:
            model.reminders.pop(name, None)
        model.reminders.update({reminder.name: reminder.due for reminder in reminders})
        model.inbox.pop(0)
        model.turn, model.attempts = None, 0
        self.turns[place] = (sender, number, turn, [model, replies])

    @precondition(lambda self: self.turns)
    @rule(data=st.data())
    def release(self, data: Any) -> None:
        place = data.draw(st.integers(0, len(self.turns) - 1))
        sender, _, turn, _ = self.turns[place]
        self.wait(turn.release())
        if self.model(sender).turn == place:
            self.model(sender).turn = None

    @precondition(lambda self: self.turns)
    @rule(data=st.data())
    def extend(self, data: Any) -> None:
        place = data.draw(st.integers(0, len(self.turns) - 1))
        sender, _, turn, _ = self.turns[place]
        if self.model(sender).turn == place:
            self.wait(turn.extend())
        else:
            self.must_raise(LeaseLost, turn.extend())

    @precondition(lambda self: self.expire is not None)
    @rule()
    def leases_run_out(self) -> None:
        assert self.expire is not None
        self.wait(
            self.expire(
                self.store, [self.name(sender) for sender, m in self.models.items() if m.turn is not None]
            )
        )
        for model in self.models.values():
            model.turn = None

    @rule(sender=_senders, events=_events, at=st.none() | st.integers(0, 3))
    def append(self, sender: str, events: list[Json], at: int | None) -> None:
        model = self.model(sender)
        call = self.store.append(self.name(sender), events, at=at)
        if model.turn is not None:
            self.must_raise(Overloaded, call)
        elif at is not None and at != len(model.events):
            self.must_raise(LeaseLost, call)
        else:
            model.events += events
            assert self.wait(call) == len(model.events)

    @rule(sender=_senders, events=_events)
    def replace(self, sender: str, events: list[Json]) -> None:
        model = self.model(sender)
        call = self.store.replace(self.name(sender), events)
        if model.turn is not None:
            self.must_raise(Overloaded, call)
        else:
            self.wait(call)
            model.events, model.snapshots = list(events), []

    @rule(sender=_senders)
    def forget(self, sender: str) -> None:
        assert self.wait(self.store.forget(self.name(sender))) == len(self.model(sender).events)
        self.models[sender] = _Model()

    @rule(sender=_senders, delay=st.booleans())
    def send_outbox(self, sender: str, delay: bool) -> None:
        for entry in self.wait(self.store.outbox.claim("machine", 100)):
            if not entry.sender_id.startswith(self.run_id):
                continue
            model = self.model(entry.sender_id.removeprefix(self.run_id))
            assert entry.body == model.outbox[0], "not the sender's oldest"
            if delay:
                self.wait(self.store.outbox.retry(entry, 0.0))
            else:
                self.wait(self.store.outbox.done(entry))
                model.outbox.pop(0)

    @rule(sender=_senders, names=st.none() | st.lists(st.sampled_from(["r0", "r1", "r2"]), unique=True))
    def cancel_reminders(self, sender: str, names: list[str] | None) -> None:
        model = self.model(sender)
        gone = [name for name in list(model.reminders) if names is None or name in names]
        assert self.wait(self.store.reminders.cancel(self.name(sender), names)) == len(gone)
        for name in gone:
            del model.reminders[name]

    @rule(sender=_senders, number=_ids)
    def read_replies(self, sender: str, number: int) -> None:
        found = self.wait(self.store.wait_for_replies("rest", self.name(sender), f"m{number}", 0))
        assert found == self.model(sender).seen.get(number)

    @invariant()
    def conversations_are_the_models(self) -> None:
        for sender, model in self.models.items():
            full = self.wait(self.store.load(self.name(sender), full=True))
            assert (full.events if full else []) == model.events

    @rule(sender=_senders, which=st.sampled_from([0, 1]))
    def read_tail(self, sender: str, which: int) -> None:
        found, model = self.wait(self.store.load(self.name(sender), earlier=bool(which))), self.model(sender)
        assert (found is None) == (not model.events)
        if found is not None:
            self.must_be_tail(found, model, which)

    @rule(sender=_senders)
    def read_reminders(self, sender: str) -> None:
        pending = self.wait(self.store.reminders.pending(self.name(sender)))
        assert {reminder.name: reminder.due for reminder in pending} == self.model(sender).reminders

    @rule()
    def stalled(self) -> None:
        stalled = [name for name in self.wait(self.store.stalled(10_000)) if name.startswith(self.run_id)]
        waiting = {self.name(s) for s, m in self.models.items() if m.inbox and m.turn is None}
        assert set(stalled) == waiting

    def must_be_tail(self, found: Any, model: _Model, which: int) -> None:
        """A conversation starts at the right snapshot."""
        first, state = model.snapshots[which] if which < len(model.snapshots) else (0, None)
        assert (found.first_index, found.snapshot, found.length) == (first, state, len(model.events))
        assert found.events == model.events[first:]

    def must_raise(self, kind: type[Exception], call: Awaitable[Any]) -> None:
        """The call must fail with this error."""
        try:
            self.wait(call)
        except kind:
            return
        raise AssertionError(f"no {kind.__name__} was raised")

    def teardown(self) -> None:
        for sender in self.models:
            self.wait(self.store.forget(self.name(sender)))


def conformance_machine(open_store: OpenStore, expire: Expire | None = None) -> type[RuleBasedStateMachine]:
    """A state machine class for a store; all its runs share one store and use senders of their own.

    Args:
        open_store: gives the store under test; may be async.
        expire: ends the leases of senders.
    """
    loop = asyncio.new_event_loop()
    opened: list[TrackerStore] = []
    expire_given = expire

    class StoreMachine(_StoreMachine):
        expire = staticmethod(expire_given) if expire_given else None

        def __init__(self) -> None:
            super().__init__(loop)
            if not opened:
                store = open_store(_OPTIONS)
                opened.append(self.wait(store) if inspect.isawaitable(store) else store)
            self.store = opened[0]

        @classmethod
        def close(cls) -> None:
            """Close the store; call once, after the last run."""
            for store in opened:
                loop.run_until_complete(store.close())
            opened.clear()
            loop.close()

    return StoreMachine


async def _awaited(call: Awaitable[Any]) -> Any:
    return await call
