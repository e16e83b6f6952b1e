"""Conversations as they were last read, so that a turn reads only what came since."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from shoptalk.core.domain import Domain
from shoptalk.core.events import Event, decode
from shoptalk.core.tracker import Tracker
from shoptalk.history import read_back
from shoptalk.stores.base import Conversation, Json, Known

ROOM = 20_000
"""Events kept in all; about a kilobyte each."""


@dataclass(frozen=True, slots=True)
class _Kept:
    known: Known
    events: Sequence[Event]
    base: Json | None


class Recent:
    """The conversations read last; events never change, so turns share them.

    Nothing depends on it but speed: a store sends the rest of a conversation only if what is kept here is still its
    beginning, and whatever another worker, `append` or `replace` did counts.

    Args:
        domain: of the assistant.
        room: events kept in all; the least recently read conversations go first.
    """

    def __init__(self, domain: Domain, room: int = ROOM) -> None:
        self._domain, self._room = domain, room
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._size = 0

    def known(self, sender_id: str) -> Known | None:
        """What need not be sent again."""
        kept = self._kept.get(sender_id)
        return None if kept is None else kept.known

    def tracker(self, sender_id: str, conversation: Conversation) -> Tracker | None:
        """The current session of a conversation; None if the rest of one came whose beginning is not kept any more."""
        kept = self._take(sender_id)
        earlier: Sequence[Event] = ()
        base = None
        if conversation.is_rest:
            begins = conversation.length - len(conversation.events)
            if kept is None or kept.known != Known(conversation.mark, conversation.first_index, begins):
                return None
            earlier, base = kept.events, kept.base
        snapshot = conversation.snapshot or {"base": base, "events": ()}
        new = [decode(event) for event in (*snapshot["events"], *conversation.events)]
        events, base = read_back([*earlier, *new], snapshot["base"], len(earlier))
        if conversation.mark:
            known = Known(conversation.mark, conversation.first_index, conversation.length)
            self._keep(sender_id, _Kept(known, events, base))
        return Tracker.from_stored(sender_id, events, self._domain, base)

    def _take(self, sender_id: str) -> _Kept | None:
        kept = self._kept.pop(sender_id, None)
        self._size -= len(kept.events) if kept is not None else 0
        return kept

    def _keep(self, sender_id: str, kept: _Kept) -> None:
        self._kept[sender_id] = kept
        self._size += len(kept.events)
        while self._size > self._room:
            _, dropped = self._kept.popitem(last=False)
            self._size -= len(dropped.events)
