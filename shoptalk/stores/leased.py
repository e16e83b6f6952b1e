"""A turn that is leased: what all stores' turns have in common, over what a store does for its fencing numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from shoptalk.errors import LeaseLost
from shoptalk.stores.base import NOTHING_DEFERRED, Conversation, Deferred, StoredMessage, StoreOptions

Fence = TypeVar("Fence")
Taken = TypeVar("Taken", contravariant=True)


class Leases(Protocol[Taken]):
    """The part of a store that turns need."""

    options: StoreOptions

    async def renew(self, sender_id: str, fence: Taken, lease_ms: int) -> bool:
        """Let a lease last so long from now, 0 gives it back; False when it is over."""

    async def commit(
        self,
        message: StoredMessage,
        fence: Taken,
        events: Sequence[Mapping[str, Any]],
        replies: Sequence[Mapping[str, Any]],
        snapshot: Mapping[str, Any] | None,
        deferred: Deferred,
    ) -> bool:
        """Write a whole turn and give its lease back; False, and nothing written, when it is over."""


@dataclass(frozen=True, slots=True)
class LeasedTurn(Generic[Fence]):
    """A leased turn; see `base.Turn`."""

    store: Leases[Fence]
    fence: Fence
    attempt: int
    message: StoredMessage
    conversation: Conversation

    async def extend(self) -> None:
        if not await self.store.renew(self.message.sender_id, self.fence, self.store.options.lease_ms):
            raise self._lost("extend")

    async def release(self) -> None:
        await self.store.renew(self.message.sender_id, self.fence, 0)

    async def commit(
        self,
        events: Sequence[Mapping[str, Any]],
        replies: Sequence[Mapping[str, Any]],
        snapshot: Mapping[str, Any] | None = None,
        deferred: Deferred = NOTHING_DEFERRED,
    ) -> None:
        if not await self.store.commit(self.message, self.fence, events, replies, snapshot, deferred):
            raise self._lost("commit")

    def _lost(self, what: str) -> LeaseLost:
        return LeaseLost(
            f"Cannot {what} the turn of message {self.message.message_id!r}: its lease is over.",
            hint="Nothing of it was written; the message is served again by whoever takes it next.",
        )
