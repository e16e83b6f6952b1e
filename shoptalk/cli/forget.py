"""`shoptalk forget SENDER`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from shoptalk.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("sender", nargs="+", help="id of the conversation's sender")
    parser.add_argument(
        "--endpoints", type=Path, default=Path("endpoints.yml"), help="says where conversations are"
    )
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Delete everything stored of the senders named: events, waiting messages, reminders, replies."""
    from shoptalk.cli.stored import open_store

    if not args.yes:
        if not sys.stdin.isatty():
            raise ConfigError("This deletes conversations for good.", hint="Say --yes.")
        answer = input(f"Delete everything of {', '.join(args.sender)} for good? [no] ").strip().lower()
        if answer not in ("y", "yes"):
            print("Nothing was deleted.")
            return 1
    counts = asyncio.run(_forget(open_store(args.endpoints), args.sender))
    for sender, count in counts.items():
        print(f"{sender}: {count} events deleted." if count else f"{sender}: nothing was stored.")
    return 0


async def _forget(store: object, senders: list[str]) -> dict[str, int]:
    from shoptalk.stores.base import TrackerStore

    assert isinstance(store, TrackerStore)
    try:
        return {sender: await store.forget(sender) for sender in senders}
    finally:
        await store.close()
