"""What a turn costs over HTTP after 10, 1,000 and 10,000 turns of the same conversation, with the shop's assistant.

    python -m bench.load.constant_cost [--turns 10 1000 10000] [--json FILE] [--plot FILE]

A conversation is had once, and its events are repeated in the store until it is long enough; then real turns are
measured: waiting time, processor time of the server and its Valkey, bytes between the two.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from bench.load.run import SHOP, cpu_s, family, free_port, shoptalk
from shoptalk.stores.redis import RedisTrackerStore
from shoptalk.stores.redis_link import RedisAddress

MEASURED = 60
WARM = 20
CHUNK = 600


async def bytes_of(store: RedisTrackerStore) -> int:
    """Bytes Valkey got and gave so far."""
    facts = await store.link.command("INFO", "stats")
    return int(facts["total_net_input_bytes"]) + int(facts["total_net_output_bytes"])


async def talk(client: httpx.AsyncClient, sender: str, turns: int) -> list[float]:
    """Some turns; gives their seconds."""
    seconds = []
    for number in range(turns):
        begin = time.perf_counter()
        body = {"sender": sender, "message": SHOP[number % len(SHOP)]}
        answer = await client.post("/webhooks/rest/webhook", json=body)
        seconds.append(time.perf_counter() - begin)
        answer.raise_for_status()
    return seconds


async def lengthen(store: RedisTrackerStore, sender: str, turns: int) -> int:
    """Repeat the conversation's ten turns until there are as many as wanted; gives the number of events."""
    found = await store.load(sender, full=True)
    assert found is not None
    block = [
        event
        for event in found.events
        if event["event"] != "session_started" and event.get("name") != "action_session_start"
    ]
    missing: list[dict[str, Any]] = []
    now = time.time()
    for _ in range(max(0, turns // len(SHOP) - 1)):
        missing += [{**event, "timestamp": now} for event in block]
    for start in range(0, len(missing), CHUNK):
        await store.append(sender, missing[start : start + CHUNK])
    return len(found.events) + len(missing)


async def measure(url: str, pid: int, address: RedisAddress, lengths: list[int]) -> list[dict[str, Any]]:
    """Each length on a sender of its own."""
    store, rows = RedisTrackerStore(address), []
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        await talk(client, "warm-up", 2 * len(SHOP))
        for length in lengths:
            sender = f"long-{length}"
            await talk(client, sender, len(SHOP))
            events = await lengthen(store, sender, length)
            await talk(client, sender, WARM)
            processes = family(pid)
            cpu, moved = cpu_s(processes), await bytes_of(store)
            seconds = await talk(client, sender, MEASURED)
            cpu, moved = cpu_s(processes) - cpu, await bytes_of(store) - moved
            rows.append(
                {
                    "turns": length,
                    "events": events,
                    "p50_ms": statistics.median(seconds) * 1e3,
                    "p95_ms": statistics.quantiles(seconds, n=20)[-1] * 1e3,
                    "cpu_ms": cpu / MEASURED * 1e3,
                    "kb_with_store": moved / MEASURED / 1e3,
                }
            )
    await store.close()
    return rows


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """Processor time and bytes over the length of the conversation."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, left = pyplot.subplots(figsize=(6, 3.6))
    right = left.twinx()
    turns = [row["turns"] for row in rows]
    (cpu,) = left.plot(turns, [row["cpu_ms"] for row in rows], "o-", color="#264653", label="CPU ms a turn")
    (size,) = right.plot(
        turns, [row["kb_with_store"] for row in rows], "s--", color="#b5543c", label="KB to and from Valkey"
    )
    left.set(xscale="log", xlabel="turns of history", ylabel="CPU ms a turn", ylim=(0, None))
    right.set(ylabel="KB a turn", ylim=(0, None))
    left.legend(handles=[cpu, size], loc="lower right")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--turns", type=int, nargs="+", default=[10, 1000, 10000])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        with shoptalk(1, Path(folder), port, None) as pid:
            address = RedisAddress(unix_socket=str(Path(folder) / "valkey" / "valkey.sock"), timeout_s=10.0)
            rows = asyncio.run(measure(f"http://127.0.0.1:{port}", pid, address, options.turns))
    print(f"{'turns':>7}{'events':>8}{'p50 ms':>9}{'p95 ms':>9}{'CPU ms':>9}{'KB':>8}")
    for row in rows:
        print(
            f"{row['turns']:>7}{row['events']:>8}{row['p50_ms']:>9.1f}{row['p95_ms']:>9.1f}{row['cpu_ms']:>9.1f}{row['kb_with_store']:>8.1f}"
        )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))
    if options.plot:
        options.plot.parent.mkdir(parents=True, exist_ok=True)
        plot(rows, options.plot)


if __name__ == "__main__":
    main()
