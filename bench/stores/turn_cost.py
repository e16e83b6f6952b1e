"""What a turn costs the store at 10, 1,000 and 10,000 turns of history: time, and bytes to and from Valkey.

    python bench/stores/turn_cost.py [--turns 10 1000 10000] [--json results.json] [--plot turn_cost.png]

A turn is `accept`, `begin_turn` and `commit` of six events (1.6 KB, as a form turn has them), with a new
snapshot every 20 turns. Beside it: what Rasa's tracker store moves for the same conversation, which reads
and writes the whole tracker at every turn (`GET`, `SET` of all events as one JSON text).
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from shoptalk.stores.base import StoredMessage
from shoptalk.stores.embedded import EmbeddedValkey
from shoptalk.stores.redis import RedisTrackerStore

SNAPSHOT_EVERY = 20
MEASURED = 200


def turn_events(number: int) -> list[dict[str, Any]]:
    """Six events of a turn, with a parse result of usual size."""
    ranking = [{"name": f"intent_{rank}", "confidence": 0.1} for rank in range(10)]
    parse = {
        "text": f"where is my order {number}",
        "intent": ranking[0],
        "intent_ranking": ranking,
        "entities": [],
    }
    common = {"timestamp": 1.7e9 + number, "metadata": {"model_id": "f" * 32}}
    return [
        {"event": "user", "text": parse["text"], "parse_data": parse, "message_id": f"m{number}", **common},
        {"event": "slot", "name": "order_id", "value": str(number), **common},
        {
            "event": "action",
            "name": "action_order_status",
            "policy": "RulePolicy",
            "confidence": 1.0,
            **common,
        },
        {"event": "slot", "name": "state", "value": "shipped", **common},
        {"event": "bot", "text": "Your order is on its way." * 3, "data": {"buttons": None}, **common},
        {"event": "action", "name": "action_listen", "policy": "RulePolicy", "confidence": 1.0, **common},
    ]


async def traffic(store: RedisTrackerStore) -> tuple[int, int]:
    """Bytes the server got and gave so far."""
    facts = await store.link.command("INFO", "stats")
    return int(facts["total_net_input_bytes"]), int(facts["total_net_output_bytes"])


async def server_cpu_s(store: RedisTrackerStore) -> float:
    """Processor time of the server so far."""
    facts = await store.link.command("INFO", "cpu")
    return float(facts["used_cpu_user"]) + float(facts["used_cpu_sys"])


async def one_turn(store: RedisTrackerStore, sender: str, number: int) -> float:
    """One turn; gives its seconds."""
    events, snapshot = turn_events(number), {"slots": {"order_id": "1"}, "latest": "x" * 1000}
    start = time.perf_counter()
    await store.accept(StoredMessage("rest", sender, f"m{number}", {"text": "where is my order"}))
    turn = await store.begin_turn(sender)
    assert turn is not None
    await turn.commit(
        events, [{"text": "Your order is on its way."}], snapshot if number % SNAPSHOT_EVERY == 0 else None
    )
    return time.perf_counter() - start


async def measure(store: RedisTrackerStore, history: int) -> dict[str, float]:
    """A turn's cost after `history` turns."""
    sender = f"after-{history}"
    past = [event for number in range(history) for event in turn_events(number)]
    for start in range(0, len(past), 600):
        await store.append(sender, past[start : start + 600])
    for number in range(history, history + SNAPSHOT_EVERY + 1):
        await one_turn(store, sender, number)
    before, server, client = await traffic(store), await server_cpu_s(store), time.process_time()
    first = history + SNAPSHOT_EVERY + 1
    seconds = [await one_turn(store, sender, number) for number in range(first, first + MEASURED)]
    cpu = (time.process_time() - client, await server_cpu_s(store) - server)
    after = await traffic(store)
    rasa = await rasa_turns(store, past, history)
    return {
        "turns": history,
        "us_p50": statistics.median(seconds) * 1e6,
        "us_p95": statistics.quantiles(seconds, n=20)[-1] * 1e6,
        "client_cpu_us": cpu[0] / MEASURED * 1e6,
        "server_cpu_us": cpu[1] / MEASURED * 1e6,
        "bytes_to_store": (after[0] - before[0]) / MEASURED,
        "bytes_from_store": (after[1] - before[1]) / MEASURED,
        **rasa,
    }


async def rasa_turns(store: RedisTrackerStore, past: list[dict[str, Any]], history: int) -> dict[str, float]:
    """The same for a store that keeps a tracker as one text (no features, no lock: only the moving of it)."""
    key, count = f"rasa:{history}", 5
    await store.link.command("SET", key, json.dumps({"events": past, "name": key}))
    before, start = await traffic(store), time.perf_counter()
    for number in range(count):
        tracker = json.loads(await store.link.command("GET", key))
        stored = json.loads(await store.link.command("GET", key))  # its save reads again, to merge
        tracker["events"] = stored["events"] + turn_events(history + number)
        await store.link.command("SET", key, json.dumps(tracker))
    seconds, after = time.perf_counter() - start, await traffic(store)
    return {
        "whole_us": seconds / count * 1e6,
        "whole_bytes_to_store": (after[0] - before[0]) / count,
        "whole_bytes_from_store": (after[1] - before[1]) / count,
    }


def plot(rows: list[dict[str, float]], path: Path) -> None:
    """Time and bytes over the length of the conversation, both axes logarithmic."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4))
    turns = [row["turns"] for row in rows]
    axes[0].loglog(turns, [row["us_p50"] for row in rows], "o-", label="Shoptalk")
    axes[0].loglog(turns, [row["whole_us"] for row in rows], "s--", label="whole tracker as one text")
    axes[0].set(xlabel="turns of history", ylabel="µs a turn")
    for name, style, label in (("", "o-", "Shoptalk"), ("whole_", "s--", "whole tracker as one text")):
        total = [row[f"{name}bytes_to_store"] + row[f"{name}bytes_from_store"] for row in rows]
        axes[1].loglog(turns, total, style, label=label)
    axes[1].set(xlabel="turns of history", ylabel="bytes a turn")
    axes[0].legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)


async def run(turns: list[int]) -> list[dict[str, float]]:
    """Measure each length on one new server."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedValkey(folder, appendfsync="everysec") as server:
        store = RedisTrackerStore(dataclasses.replace(server.address, timeout_s=10.0))
        rows = [await measure(store, history) for history in turns]
        await store.close()
        return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--turns", type=int, nargs="+", default=[10, 1000, 10000])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    rows = asyncio.run(run(options.turns))
    print(
        "CPU: processor time of a turn, here and in Valkey; it does not depend on what else the machine does."
    )
    print(
        f"{'turns':>7} {'µs p50':>8} {'µs p95':>8} {'CPU':>6} {'Valkey':>6} {'B to':>8} {'B from':>8} | {'whole µs':>10} {'B to':>11} {'B from':>11}"
    )
    for row in rows:
        print(
            f"{row['turns']:>7} {row['us_p50']:>8.0f} {row['us_p95']:>8.0f} "
            f"{row['client_cpu_us']:>6.0f} {row['server_cpu_us']:>6.0f} {row['bytes_to_store']:>8.0f} "
            f"{row['bytes_from_store']:>8.0f} | {row['whole_us']:>10.0f} {row['whole_bytes_to_store']:>11.0f} "
            f"{row['whole_bytes_from_store']:>11.0f}"
        )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2))
    if options.plot:
        plot(rows, options.plot)


if __name__ == "__main__":
    main()
