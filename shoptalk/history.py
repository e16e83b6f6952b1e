"""Stored conversations <-> trackers, so that a turn costs the same however long the conversation is.

A tracker holds the current session only. Of a long session it holds a window of recent events on top of a base
state; both are the snapshot that the store keeps. A conversation that takes back more than its window holds (rewind
after rewind) is read again from its first event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shoptalk.core.domain import ACTION_SESSION_START, Domain
from shoptalk.core.events import ActionExecuted, Event, decode
from shoptalk.core.tracker import Tracker
from shoptalk.stores.base import Conversation, Json

SNAPSHOT_EVERY = 200
"""Take a snapshot when the store would have to send more events than this without one."""
WINDOW = 200
"""Events a snapshot keeps."""


def tracker_of(sender_id: str, conversation: Conversation | None, domain: Domain) -> Tracker:
    """The current session of a stored conversation (an empty one for None); look at its `ran_out`."""
    if conversation is None:
        return Tracker(sender_id, domain.all_slots)
    snapshot = conversation.snapshot or {}
    events = [decode(event) for event in (*snapshot.get("events", ()), *conversation.events)]
    events, base = read_back(events, snapshot.get("base"))
    return Tracker.from_stored(sender_id, events, domain, base)


def read_back(events: list[Event], base: Json | None, since: int = 0) -> tuple[list[Event], Json | None]:
    """The events of the current session, and the state they go on from.

    Args:
        events: in order.
        base: the state the first of them goes on from.
        since: no session begins before this place, but maybe at the first event.
    """
    start = session_start(events, since)
    return (events, base) if start is None else (events[start:], None)


def full_tracker(sender_id: str, events: Iterable[Mapping[str, Any]], domain: Domain) -> Tracker:
    """A whole conversation, with all its sessions."""
    return Tracker.from_stored(sender_id, events, domain)


def session_start(events: Sequence[Event], since: int = 0) -> int | None:
    """Place of the action that began the last session, if it is not before `since`."""
    for place in range(len(events) - 1, since - 1, -1):
        event = events[place]
        if isinstance(event, ActionExecuted) and event.name == ACTION_SESSION_START:
            return place
    return None


def snapshot_of(tracker: Tracker, domain: Domain, stored_tail: int) -> dict[str, Any] | None:
    """The snapshot to store after a turn, or None when it is not time for one.

    Args:
        tracker: after the turn.
        domain: of the assistant.
        stored_tail: events the store would send without a new snapshot.
    """
    if stored_tail < SNAPSHOT_EVERY:
        return None
    start = session_start(tracker.events)
    events = tracker.events[start or 0 :]
    base = tracker.snapshot if start is None else None
    cut = len(events) - WINDOW
    if cut > 0:
        earlier = Tracker.from_stored(tracker.sender_id, events[:cut], domain, base)
        shortened = Tracker.from_stored(tracker.sender_id, events[cut:], domain, earlier.take_snapshot())
        if not earlier.ran_out and not shortened.ran_out:
            base, events = earlier.take_snapshot(), events[cut:]
    return {"base": None if base is None else dict(base), "events": [event.as_dict() for event in events]}
