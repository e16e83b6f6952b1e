"""Reminders that a turn's events schedule and cancel."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from shoptalk.core.events import Event, ReminderCancelled, ReminderScheduled
from shoptalk.stores.base import Reminder, Reminders

logger = logging.getLogger(__name__)


def due_time(date_time: str) -> float:
    """Epoch seconds of an ISO 8601 time; without a zone it is this machine's.

    Raises:
        ValueError: it is no such time.
    """
    return datetime.fromisoformat(date_time).timestamp()


def cancels(event: ReminderCancelled, name: str, intent: Any, entities: Any) -> bool:
    """Whether a cancellation means this reminder: all it names must fit, and naming nothing means all."""
    return (
        (event.name is None or event.name == name)
        and (event.intent is None or event.intent == intent)
        and (not event.entities or _plain(event.entities) == _plain(entities))
    )


async def deferred_reminders(
    store: Reminders, sender_id: str, channel: str, events: Iterable[Event]
) -> tuple[list[str], list[Reminder]]:
    """What the events of a turn mean for the store: names to cancel, and reminders to schedule after that.

    A reminder's body holds the event it was scheduled by and the channel its answer goes to.
    """
    cancelled: list[str] = []
    scheduled: dict[str, Reminder] = {}
    pending: Sequence[Reminder] | None = None
    for event in events:
        if isinstance(event, ReminderScheduled):
            body = {"event": event.as_dict(), "channel": channel}
            try:
                due = due_time(event.date_time)
            except ValueError:
                logger.error("Reminder %r is not scheduled: %r is no time.", event.name, event.date_time)
                continue
            scheduled[event.name] = Reminder(sender_id, event.name, body, due)
        elif isinstance(event, ReminderCancelled):
            pending = await store.pending(sender_id) if pending is None else pending
            for reminder in (*pending, *scheduled.values()):
                wanted = reminder.body["event"]
                if cancels(event, reminder.name, wanted["intent"], wanted.get("entities")):
                    cancelled.append(reminder.name)
                    scheduled.pop(reminder.name, None)
    return list(dict.fromkeys(cancelled)), list(scheduled.values())


def _plain(entities: Any) -> Any:
    if isinstance(entities, dict):
        return sorted((str(name), str(value)) for name, value in entities.items())
    return sorted((str(e.get("entity")), str(e.get("value"))) for e in entities or [])
