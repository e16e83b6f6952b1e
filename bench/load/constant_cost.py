"""What a turn costs over HTTP after 10, 1,000 and 10,000 turns of the same conversation, with the shop's assistant.

    python -m bench.load.constant_cost [--turns 10 1000 10000] [--json FILE] [--plot FILE]

A conversation is had once, and its events are repeated in the store until it is long enough; then real turns are
measured: waiting time, processor time of the server and its Valkey, bytes between the two. Bytes to an action server are
counted in a second run, whose action server answers every call with nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Self

import httpx

from bench.load.run import SHOP, cpu_s, family, free_port, shoptalk
from shoptalk.stores.redis import RedisTrackerStore
from shoptalk.stores.redis_link import RedisAddress

MEASURED = 60
WARM = 20
CHUNK = 600
RASA = {20: 33, 50: 60, 100: 87, 200: 162, 300: 258, 500: 404, 646: 483, 1000: 982}
"""Rasa 3.6.21's p50 in ms by turns, its init project, conversations in memory: a real dialogue, at 1,000 a repeated one."""


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


class CountingActions:
    """An action server that counts the bytes of bodies and answers with nothing."""

    def __init__(self) -> None:
        self.calls = self.size = self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        content = b'{"events": [], "responses": []}'
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                self.size += len(await reader.readexactly(int(head.split(b"content-length: ")[1].split()[0])))
                self.calls += 1
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content)
        writer.close()


async def to_actions(folder: Path, lengths: list[int]) -> list[float]:
    """KB a call of a custom action sends, by the length of the conversation."""
    port, sizes = free_port(), []
    address = RedisAddress(unix_socket=str(folder / "valkey" / "valkey.sock"), timeout_s=10.0)
    async with CountingActions() as actions:
        running = shoptalk(1, folder, port, None, f"http://127.0.0.1:{actions.port}/webhook")
        await asyncio.to_thread(running.__enter__)
        store = RedisTrackerStore(address)
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
                for length in lengths:
                    await talk(client, f"long-{length}", len(SHOP))
                    await lengthen(store, f"long-{length}", length)
                    actions.calls = actions.size = 0
                    await talk(client, f"long-{length}", 2 * len(SHOP))
                    sizes.append(actions.size / max(1, actions.calls) / 1e3)
        finally:
            await store.close()
            await asyncio.to_thread(running.__exit__, None, None, None)
    return sizes


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """Processor time beside the time Rasa takes, and bytes, over the length of the conversation."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.6))
    turns = [row["turns"] for row in rows]
    left.plot(
        turns, [row["cpu_ms"] for row in rows], "o-", color="#264653", label="Shoptalk, the shop, Valkey: CPU"
    )
    left.plot(
        *zip(*RASA.items(), strict=True),
        "s--",
        color="#b5543c",
        label="Rasa 3.6, its init project, memory: p50",
    )
    left.set(xscale="log", yscale="log", xlabel="turns of history", ylabel="ms a turn", ylim=(5, 2000))
    right.plot(
        turns, [row["kb_with_store"] for row in rows], "o-", color="#264653", label="to and from Valkey"
    )
    right.plot(
        turns, [row["kb_a_call"] for row in rows], "^-", color="#8a7f3c", label="to the action server, a call"
    )
    right.set(xscale="log", xlabel="turns of history", ylabel="KB", ylim=(0, None))
    for axes in (left, right):
        axes.legend(fontsize=8)
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
    with tempfile.TemporaryDirectory() as folder:
        for row, size in zip(rows, asyncio.run(to_actions(Path(folder), options.turns)), strict=True):
            row["kb_a_call"] = size
    print(f"{'turns':>7}{'events':>8}{'p50 ms':>9}{'p95 ms':>9}{'CPU ms':>9}{'KB':>8}{'KB a call':>11}")
    for row in rows:
        print(
            f"{row['turns']:>7}{row['events']:>8}{row['p50_ms']:>9.1f}{row['p95_ms']:>9.1f}{row['cpu_ms']:>9.1f}{row['kb_with_store']:>8.1f}"
            f"{row['kb_a_call']:>11.1f}"
        )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))
    if options.plot:
        options.plot.parent.mkdir(parents=True, exist_ok=True)
        plot(rows, options.plot)


if __name__ == "__main__":
    main()
