"""Closed-loop load on `shoptalk run` with the shop's own model, with one and with two workers, beside Rasa if it is there.

    python -m bench.load.run [--senders 100] [--seconds 30] [--workers 1 2] [--json FILE] [--plot FILE]
                             [--rasa COMMAND --rasa-project FOLDER]

Each sender says one thing, waits for the reply, and says the next, so the servers set the pace. Every 10 turns it
becomes a new sender. Beside turns a second and waiting times it prints processor time a turn (of the server's
processes alone), which does not depend on what else the machine does. Rasa runs as a program of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shlex
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

ROOT = Path(__file__).resolve().parents[2]
SHOP = [
    "hi", "where is my order 10234", "stop", "what is your return policy", "do you have wool scarves", "thanks",
    "运费多少钱", "recommend me a jacket under 100 euros", "how long does shipping take", "bye",
]  # fmt: skip
MOOD = ["hi", "great", "I am sad", "yes", "no", "bye", "are you a bot?", "hello", "so sad", "no"]
TURNS_A_SENDER = 10


@dataclass
class Served:
    """What one server did under load."""

    name: str
    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)
    empty: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    cpu_s: float = 0.0
    memory_mb: float = 0.0
    machine_load: float = 0.0

    def row(self) -> dict[str, Any]:
        """Its figures."""
        waits = sorted(self.waits)
        cuts = statistics.quantiles(waits, n=100) if len(waits) > 1 else [0.0] * 99
        return {
            "server": self.name,
            "turns": len(waits),
            "turns_per_s": len(waits) / self.seconds,
            "p50_ms": cuts[49] * 1e3,
            "p95_ms": cuts[94] * 1e3,
            "p99_ms": cuts[98] * 1e3,
            "cpu_ms_per_turn": self.cpu_s / max(1, len(waits)) * 1e3,
            "memory_mb": self.memory_mb,
            "failed": sum(self.failures.values()),
            "failures": dict(self.failures),
            "empty": self.empty,
            "machine_load": self.machine_load,
        }


def family(pid: int) -> list[psutil.Process]:
    """A process and all below it."""
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def cpu_s(processes: Sequence[psutil.Process]) -> float:
    """Processor time of processes so far."""
    return sum(times.user + times.system for times in (process.cpu_times() for process in processes))


class Caller:
    """One kept connection that posts JSON; next to no processor time of its own, so that the server is measured."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: Any) -> tuple[int, bytes]:
        """Status and content of the answer.

        Raises:
            OSError, EOFError: the connection was lost.
        """
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        content = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        named = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        answer = await reader.readexactly(int(named.get("content-length", "0")))
        if named.get("connection") == "close":
            self.close()
        return int(lines[0].split(" ")[1]), answer

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def load(
    port: int, texts: Sequence[str], senders: int, seconds: float, served: Served, pid: int
) -> Served:
    """Let senders talk for some time."""
    stop = time.monotonic() + seconds
    path = "/webhooks/rest/webhook"
    warm = Caller(port)
    for text in [*texts, *texts]:
        await warm.post(path, {"sender": "warm-up", "message": text})
    warm.close()
    processes = family(pid)
    before, begin = cpu_s(processes), time.monotonic()

    async def talk(number: int) -> None:
        caller = Caller(port)
        said = number  # senders are at different places of the script
        while time.monotonic() < stop:
            body = {"sender": f"load-{number}-{said // TURNS_A_SENDER}", "message": texts[said % len(texts)]}
            said += 1
            asked = time.monotonic()
            try:
                status, answer = await caller.post(path, body)
            except (OSError, EOFError) as error:
                served.failures[type(error).__name__] += 1
                caller.close()
                continue
            served.waits.append(time.monotonic() - asked)
            if status != 200:
                served.failures[f"{status} {answer[:200]!r}"] += 1
            served.empty += status == 200 and not json.loads(answer)
        caller.close()

    await asyncio.gather(*(talk(number) for number in range(senders)))
    served.seconds = time.monotonic() - begin
    served.cpu_s = cpu_s(processes) - before
    served.memory_mb = sum(process.memory_info().rss for process in processes) / 1e6
    served.machine_load = os.getloadavg()[0]
    return served


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: list[str], folder: Path, log: Path, ready: str, environment: dict[str, str]
) -> Iterator[int]:
    """A server, from when it is ready until the block ends; gives its process id."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **environment}, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        until = time.monotonic() + 300
        while True:
            try:
                if httpx.get(ready, timeout=5).status_code == 200:
                    break
            except httpx.TransportError:
                pass
            try:
                process.wait(0.2)
            except subprocess.TimeoutExpired:
                if time.monotonic() < until:
                    continue
            raise SystemExit(f"{command} did not start: {log.read_text(errors='replace')[-2000:]}")
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def shoptalk(
    workers: int, work: Path, port: int, project: Path | None, action_server: str = ""
) -> Iterator[int]:
    """`shoptalk run` with the shop's model and actions, or on another project, over a Valkey of its own."""
    endpoints, credentials = work / "endpoints.yml", work / "credentials.yml"
    store = {"type": "embedded", "folder": str(work / "valkey")}
    served = {"url": action_server} if action_server else {"actions_module": "actions"}
    actions = {} if project else {"action_endpoint": served}
    endpoints.write_text(json.dumps({**actions, "tracker_store": store}))
    credentials.write_text("rest:\nsocketio:\n")
    command = [sys.executable, "-m", "shoptalk.cli", "run", "--port", str(port), "--workers", str(workers)]
    command += [
        "--endpoints",
        str(endpoints),
        "--credentials",
        str(credentials),
        "--sender-rate",
        "0",
        "--quiet",
    ]
    environment = {"OMP_NUM_THREADS": "1", "SHOP_DATABASE_URL": f"sqlite:///{work / 'shop.db'}"}
    environment["PYTHONPATH"] = os.environ.get("PYTHONPATH", str(ROOT))
    if project is None:
        subprocess.run(
            [sys.executable, "-m", "shop.seed"], cwd=ROOT, env={**os.environ, **environment}, check=True
        )
    with running(
        command, project or ROOT, work / "log", f"http://127.0.0.1:{port}/ready", environment
    ) as pid:
        yield pid


def rasa(command: str, project: Path, work: Path, port: int) -> Any:
    """Rasa's server on a project of its own."""
    whole = [*shlex.split(command), "run", "--port", str(port)]
    environment = {"RASA_TELEMETRY_ENABLED": "false", "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    return running(whole, project, work / "rasa.log", f"http://127.0.0.1:{port}/", environment)


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """All servers, one after the other."""
    rows = []
    plans = [(workers, None) for workers in options.workers]
    plans += [(workers, options.same_project) for workers in options.workers if options.same_project]
    for workers, project in plans:
        with tempfile.TemporaryDirectory() as folder:
            port = free_port()
            with shoptalk(workers, Path(folder), port, project) as pid:
                what = "the same project" if project else "shop with BERT"
                served = Served(f"Shoptalk, {what}, {workers} worker{'s' * (workers > 1)}")
                rows.append(
                    asyncio.run(
                        load(port, MOOD if project else SHOP, options.senders, options.seconds, served, pid)
                    ).row()
                )
                print(json.dumps(rows[-1]), file=sys.stderr)
    if options.rasa:
        with tempfile.TemporaryDirectory() as folder:
            port = free_port()
            with rasa(options.rasa, options.rasa_project, Path(folder), port) as pid:
                served = Served("Rasa 3.6, its init project")
                rows.append(
                    asyncio.run(load(port, MOOD, options.senders, options.seconds, served, pid)).row()
                )
    return rows


def show(rows: list[dict[str, Any]]) -> None:
    """Print the table; Rasa's row last, and the others against it."""
    print(
        f"{'server':<40}{'turns/s':>9}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'CPU ms':>8}{'MB':>7}{'failed':>8}{'load':>6}"
    )
    for row in rows:
        print(
            f"{row['server']:<40}{row['turns_per_s']:>9.1f}{row['p50_ms']:>9.0f}{row['p95_ms']:>9.0f}{row['p99_ms']:>9.0f}"
            f"{row['cpu_ms_per_turn']:>8.1f}{row['memory_mb']:>7.0f}{row['failed']:>8}{row['machine_load']:>6.1f}"
        )
    last = rows[-1]
    if last["server"].startswith("Rasa"):
        for row in rows[:-1]:
            print(
                f"{row['server']}: {row['turns_per_s'] / last['turns_per_s']:.1f} times the throughput, "
                f"{last['p95_ms'] / row['p95_ms']:.1f} times lower p95, "
                f"{last['cpu_ms_per_turn'] / row['cpu_ms_per_turn']:.1f} times less processor time a turn"
            )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--senders", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--rasa", help="how Rasa is called, as in /opt/rasa/bin/rasa")
    parser.add_argument("--rasa-project", type=Path, help="a trained Rasa project")
    parser.add_argument("--same-project", type=Path, help="the Rasa project, trained by Shoptalk as well")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = measure(options)
    show(rows)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
