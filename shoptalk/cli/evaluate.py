"""`shoptalk evaluate markers`."""

from __future__ import annotations

import argparse
import asyncio
import random
from pathlib import Path
from typing import TYPE_CHECKING

from shoptalk.errors import ConfigError

if TYPE_CHECKING:
    from shoptalk.core.events import Event


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command and its parts; those of Rasa's `evaluate markers` mean the same."""
    from shoptalk.cli.flags import add_logging_arguments, asks_for_help

    parser.set_defaults(run=asks_for_help(parser, 1))
    parts = parser.add_subparsers(dest="part", metavar="PART")
    markers = parts.add_parser("markers", help="seek markers in stored conversations")
    markers.set_defaults(run=asks_for_help(markers, 1))
    add_logging_arguments(markers)
    ways = markers.add_subparsers(dest="way", metavar="WHICH")
    for name, text in (
        ("first_n", "look at the first conversations"),
        ("sample_n", "look at conversations drawn by chance"),
        ("all", "look at all conversations"),
    ):
        way = ways.add_parser(name, help=text)
        if name != "all":
            way.add_argument("count", type=int, help="how many conversations")
        if name == "sample_n":
            way.add_argument("--seed", type=int, help="makes the choice repeatable")
        way.add_argument("output", type=Path, help="CSV file to write")
        way.add_argument("--config", type=Path, default=Path("markers.yml"), help="markers: file or folder")
        way.add_argument(
            "--stats-file-prefix",
            type=Path,
            nargs="?",
            default=Path("stats"),
            const=Path("stats"),
            help="first part of the names of statistics",
        )
        way.add_argument("--no-stats", action="store_true", help="write no statistics")
        way.add_argument(
            "--endpoints", type=Path, default=Path("endpoints.yml"), help="says where conversations are"
        )
        way.add_argument("-d", "--domain", type=Path, help="domain that must know what markers name")
        add_logging_arguments(way)
        way.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Seek, and write the tables."""
    from shoptalk.cli.stored import open_store
    from shoptalk.formats import markers as format_
    from shoptalk.testing import markers as testing

    targets = [args.output]
    if not args.no_stats:
        prefix = args.stats_file_prefix
        targets += [prefix.with_name(f"{prefix.name}-{kind}.csv") for kind in ("overall", "per-session")]
    for path in targets:
        if path.exists():
            raise ConfigError(
                "The file is already there.", hint="Move it, or name another one.", file=str(path)
            )
    markers = format_.load(args.config)
    _check(list(markers.values()), args.domain)
    found = testing.search(asyncio.run(_read(open_store(args.endpoints), args)), markers)
    tables = [testing.as_csv, testing.overall_csv, testing.per_session_csv]
    for path, table in zip(targets, tables, strict=False):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(table(found), encoding="utf-8")
    _say(found, targets)
    return 0


def _check(markers: list[object], domain: Path | None) -> None:
    from shoptalk.formats import markers as format_
    from shoptalk.formats.project import load_project

    if domain is not None or Path("domain.yml").exists() or Path("domain").is_dir():
        known = load_project(Path(), domain=domain).domain
        format_.check([m for m in markers if isinstance(m, format_.Marker)], known)


async def _read(store: object, args: argparse.Namespace) -> list[tuple[str, list[Event]]]:
    from shoptalk.cli.stored import conversations, senders
    from shoptalk.core.events import decode
    from shoptalk.stores.base import TrackerStore

    assert isinstance(store, TrackerStore)
    try:
        names = sorted([sender async for sender in senders(store)])
        if args.way == "first_n":
            names = names[: args.count]
        elif args.way == "sample_n":
            names = sorted(random.Random(args.seed).sample(names, min(args.count, len(names))))
        return [(sender, [decode(e) for e in events]) async for sender, events in conversations(store, names)]
    finally:
        await store.close()


def _say(found: object, targets: list[Path]) -> None:
    from rich.console import Console
    from rich.table import Table

    from shoptalk.testing.markers import Search

    assert isinstance(found, Search)
    total = len(found.sessions)
    table = Table("marker", "sessions", "share", "times", title=f"{total} sessions")
    for name in found.markers:
        at = [f for f in found.found if f.marker == name]
        sessions = len({(f.sender_id, f.session) for f in at})
        table.add_row(name, str(sessions), f"{sessions / total:.0%}" if total else "", str(len(at)))
    console = Console(highlight=False)
    console.print(table)
    console.print("Written: " + ", ".join(str(path) for path in targets))
