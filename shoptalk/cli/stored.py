"""The stored conversations of the project in this folder, for commands that read them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shoptalk.errors import ConfigError

if TYPE_CHECKING:
    from shoptalk.stores.base import Json, TrackerStore

PAGE = 200


def open_store(endpoints: Path) -> TrackerStore:
    """The store that endpoints.yml names.

    Raises:
        ConfigError: it names none; conversations in another process's memory cannot be read.
    """
    from shoptalk.cli.assistants import read_endpoints
    from shoptalk.stores.build import build_store

    section = read_endpoints(endpoints).tracker_store
    if not section or section.get("type") in ("in_memory", "memory"):
        raise ConfigError(
            "Conversations are kept in memory only, where this command cannot see them.",
            hint="Name a `tracker_store:` in endpoints.yml (redis, sql or embedded).",
            file=str(endpoints),
        )
    return build_store(section)


async def senders(store: TrackerStore) -> AsyncIterator[str]:
    """Every sender there is."""
    cursor, seen = "", set[str]()
    while True:
        page, cursor = await store.senders(PAGE, cursor)
        for sender in page:
            if sender not in seen:
                seen.add(sender)
                yield sender
        if not cursor:
            return


async def conversations(
    store: TrackerStore, wanted: Sequence[str] | None = None
) -> AsyncIterator[tuple[str, list[Json]]]:
    """Sender and all events of each conversation.

    Args:
        store: that has them.
        wanted: only these senders.
    """
    if wanted is not None:
        for sender in wanted:
            conversation = await store.load(sender, full=True)
            yield sender, conversation.events if conversation else []
        return
    async for sender in senders(store):
        conversation = await store.load(sender, full=True)
        if conversation is not None:
            yield sender, conversation.events
