"""`shoptalk export`."""

from __future__ import annotations

import argparse
import asyncio
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shoptalk.errors import ConfigError, ShoptalkError, StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shoptalk.stores.base import Json, TrackerStore
    from shoptalk.stores.broker import EventBroker

MARK = "rasa-export-process-id"
"""Metadata key that tells exported events from those of live conversations."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command; those of Rasa's `export` mean the same."""
    parser.add_argument(
        "--endpoints", type=Path, default=Path("endpoints.yml"), help="names store and broker"
    )
    parser.add_argument(
        "--minimum-timestamp", type=float, help="only events from this moment on (epoch seconds)"
    )
    parser.add_argument("--maximum-timestamp", type=float, help="only events before this moment")
    parser.add_argument("--offset-timestamps-by-seconds", type=float, help="added to every timestamp")
    parser.add_argument("--conversation-ids", help="only these conversations: a,b,c")
    parser.set_defaults(run=run)


@dataclass(slots=True)
class Export:
    """What is exported, and how far it got.

    Args:
        since, until: half-open range of timestamps.
        shift_s: added to every timestamp.
        told: events published so far.
        latest: timestamp (unshifted) of the last of them.
    """

    since: float | None = None
    until: float | None = None
    shift_s: float = 0.0
    told: int = 0
    latest: float | None = None

    def choose(self, events: Sequence[Json]) -> list[Json]:
        """The events in range."""
        return [
            event
            for event in events
            if (self.since is None or event["timestamp"] >= self.since)
            and (self.until is None or event["timestamp"] < self.until)
        ]

    def shifted(self, event: Json) -> Json:
        """An event with the offset added."""
        return {**event, "timestamp": event["timestamp"] + self.shift_s}


def run(args: argparse.Namespace) -> int:
    """Publish stored events, oldest first."""
    from shoptalk.cli.assistants import read_endpoints
    from shoptalk.cli.stored import open_store
    from shoptalk.stores.build import build_broker

    since, until = args.minimum_timestamp, args.maximum_timestamp
    if since is not None and until is not None and until < since:
        raise ConfigError("--maximum-timestamp lies before --minimum-timestamp.", hint="Swap them.")
    section = read_endpoints(args.endpoints).event_broker
    if not section:
        raise ConfigError(
            "There is no event broker to send to.",
            hint="Name an `event_broker:` in endpoints.yml, for example `type: file`.",
            file=str(args.endpoints),
        )
    export = Export(since, until, args.offset_timestamps_by_seconds or 0.0)
    store, broker = open_store(args.endpoints), build_broker(section)
    assert broker is not None
    wanted = [name for name in (args.conversation_ids or "").split(",") if name] or None
    try:
        asyncio.run(publish(export, store, broker, wanted))
    except StoreError as error:
        again = f"shoptalk export --endpoints {args.endpoints}"
        if export.latest is not None:
            again += f" --minimum-timestamp {export.latest!r}"
        if until is not None:
            again += f" --maximum-timestamp {until!r}"
        if wanted:
            again += f" --conversation-ids {','.join(wanted)}"
        raise type(error)(
            f"The export stopped after {export.told} events: {error.message}", hint=f"Go on with: {again}"
        ) from error
    print(f"{export.told} events were sent to the event broker.")
    return 0


async def publish(
    export: Export, store: TrackerStore, broker: EventBroker, wanted: Sequence[str] | None = None
) -> None:
    """Send the events of all conversations in the order in which they happened.

    Raises:
        ShoptalkError: nothing is there to send.
        StoreError: store or broker failed on the way; `export` says how far it got.
    """
    from shoptalk.cli.stored import conversations

    process = uuid.uuid4().hex
    try:
        chosen: list[tuple[float, int, str, Json]] = []
        missing: list[str] = []
        async for sender, events in conversations(store, wanted):
            if wanted is not None and not events:
                missing.append(sender)
            chosen += [
                (e["timestamp"], len(chosen) + n, sender, e) for n, e in enumerate(export.choose(events))
            ]
        if missing:
            raise ShoptalkError(
                f"There are no conversations {', '.join(missing)}.", hint="Check --conversation-ids."
            )
        if not chosen:
            raise ShoptalkError("There are no events to send.", hint="Check the timestamps.")
        for timestamp, _, sender, event in sorted(chosen, key=lambda entry: entry[:2]):
            marked = {**event, "metadata": {**(event.get("metadata") or {}), MARK: process}}
            await broker.publish(sender, [export.shifted(marked)])
            export.told += 1
            export.latest = timestamp
    finally:
        await broker.close()
        await store.close()
