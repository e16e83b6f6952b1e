"""R6: a thousand senders for half an hour; does memory stay what it was?

    python -m bench.load.soak --project FOLDER [--senders 1000] [--minutes 30] [--warm-up 5] [--json FILE]

Senders talk in a closed loop and become new ones every 10 turns, so that whatever is
kept of a sender piles up if it is kept too long. The server's memory (without Valkey, which holds the conversations)
is read every half minute; the demand is that its mean over the last quarter is within 5 % of the one after warming up.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path

import psutil

from bench.load.run import MOOD, Served, family, free_port, load, shoptalk

EVERY_S = 30.0


async def watch(pid: int, rows: list[dict[str, float]]) -> None:
    """Read memory until cancelled."""
    begin = time.monotonic()
    while True:
        await asyncio.sleep(EVERY_S)
        mine = [(process.name(), process.memory_info().rss / 1e6) for process in family(pid)]
        rows.append(
            {
                "minute": (time.monotonic() - begin) / 60,
                "server_mb": sum(size for name, size in mine if "valkey" not in name),
                "valkey_mb": sum(size for name, size in mine if "valkey" in name),
                "threads": float(psutil.Process(pid).num_threads()),
                "files": float(psutil.Process(pid).num_fds()),
            }
        )
        print(json.dumps(rows[-1]), flush=True)


async def soak(port: int, pid: int, senders: int, minutes: float, rows: list[dict[str, float]]) -> Served:
    """Talk and watch."""
    served = Served("soak")
    watching = asyncio.create_task(watch(pid, rows))
    await load(port, MOOD, senders, minutes * 60, served, pid)
    watching.cancel()
    return served


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--senders", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--warm-up", type=float, default=5.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        with shoptalk(1, Path(folder), port, options.project) as pid:
            served = asyncio.run(soak(port, pid, options.senders, options.minutes, rows))
    warm = [row["server_mb"] for row in rows if row["minute"] >= options.warm_up]
    first, last = statistics.mean(warm[:4]), statistics.mean(warm[-max(4, len(warm) // 4) :])
    row = {**served.row(), "first_mb": first, "last_mb": last, "growth": last / first - 1, "memory": rows}
    print(json.dumps({key: value for key, value in row.items() if key != "memory"}, indent=1))
    if options.json:
        options.json.write_text(json.dumps(row, indent=1))


if __name__ == "__main__":
    main()
