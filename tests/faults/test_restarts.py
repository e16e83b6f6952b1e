"""R12: `shoptalk run --workers 2` under load: workers replaced and killed, the server stopped; nothing fails or is lost."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from faultkit.project import Running, make_project

pytestmark = pytest.mark.timeout(300)
SENDERS = 8
KILLS = 3
LEASE_S = 3.0
TEXTS = ("hi", "bye")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("project"))


@dataclass
class Load:
    """Closed-loop senders; each repeats a failed request at most once, with the same message id."""

    url: str
    sent: dict[str, list[str]] = field(default_factory=dict)
    repeats: int = 0
    failed: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    stop: bool = False

    async def sender(self, name: str) -> None:
        async with httpx.AsyncClient(base_url=self.url, timeout=20) as client:
            while not self.stop:
                number = len(self.sent.setdefault(name, []))
                text, identity = TEXTS[number % 2], f"{name}-{number}"
                begin = time.monotonic()
                if not await self.deliver(client, name, text, identity):
                    self.failed.append(identity)
                    return
                self.waits.append(time.monotonic() - begin)
                self.sent[name].append(identity)

    async def deliver(self, client: httpx.AsyncClient, name: str, text: str, identity: str) -> bool:
        body = {"sender": name, "message": text, "message_id": identity}
        for attempt in range(2):
            try:
                answer = await client.post("/webhooks/rest/webhook", json=body)
                if answer.status_code == 200:
                    (reply,) = answer.json()
                    assert reply["text"] == {"hi": "Hello.", "bye": "Bye."}[text], (
                        "a reply of another message"
                    )
                    return True
                self.reasons.append(f"{identity}: {answer.status_code} {answer.text[:200]}")
            except httpx.TransportError as error:
                self.reasons.append(f"{identity}: {type(error).__name__} {error}")
            self.repeats += attempt == 0
        return False


async def check(load: Load) -> int:
    """Every message stands in its conversation once, in order; gives how many there are."""
    kept = 0
    async with httpx.AsyncClient(base_url=load.url, timeout=20) as client:
        for name, ids in load.sent.items():
            answer = await client.get(f"/conversations/{name}/tracker", params={"include_events": "ALL"})
            found = [e["message_id"] for e in answer.json()["events"] if e["event"] == "user"]
            assert found[: len(ids)] == ids, (name, [i for i in ids if i not in found][:3])
            assert len(found) == len(set(found))
            kept += len(found)
    return kept


def report(what: str, load: Load, kept: int) -> None:
    waits = sorted(load.waits)
    print(
        f"\nR12 {what}: {len(waits)} requests, {len(load.failed)} failed, {load.repeats} repeated once, {kept} kept once each, "
        f"p50 {waits[len(waits) // 2] * 1e3:.0f} ms, p99 {waits[int(len(waits) * 0.99)] * 1e3:.0f} ms, worst {waits[-1]:.2f} s"
    )


def test_rolling_restart_under_load(project: Path) -> None:
    """SIGHUP twice: both workers are replaced twice; no request fails with one repeat."""

    async def run(server: Running) -> tuple[Load, int]:
        load = Load(server.url)
        clients = [asyncio.create_task(load.sender(f"s{number}")) for number in range(SENDERS)]
        before = set(server.worker_pids())
        for _ in range(2):
            replaced = server.said().count("worker.replaced")
            server.tell(signal.SIGHUP)
            async with asyncio.timeout(120):
                while server.said().count("worker.replaced") < replaced + 2:
                    await asyncio.sleep(0.1)
        load.stop = True
        await asyncio.gather(*clients)
        assert not before & set(server.worker_pids())
        return load, await check(load)

    with Running(project, workers=2) as server:
        load, kept = asyncio.run(run(server))
    report("rolling restart", load, kept)
    assert not load.failed, load.reasons[-6:]
    assert len(load.waits) > 100


def test_killed_workers_under_load(project: Path) -> None:
    """`kill -9` of a worker, three times: its requests are served by the other when they are repeated.

    A message that was being served is taken up again when its lease ends (3 s here); only then the next worker dies.
    """

    async def run(server: Running) -> tuple[Load, int]:
        load = Load(server.url)
        clients = [asyncio.create_task(load.sender(f"k{number}")) for number in range(SENDERS)]
        for number in range(KILLS):
            await asyncio.sleep(1.0)
            os.kill(server.worker_pids()[0], signal.SIGKILL)
            async with asyncio.timeout(60):
                while server.said().count("Application startup complete") < 2 + number + 1:
                    await asyncio.sleep(0.1)
            await asyncio.sleep(LEASE_S)
        await asyncio.sleep(1.0)
        load.stop = True
        await asyncio.gather(*clients)
        return load, await check(load)

    (project / "log").write_text("")
    with Running(project, workers=2) as server:
        load, kept = asyncio.run(run(server))
    report(f"{KILLS} kills", load, kept)
    assert not load.failed, load.reasons[-6:]
    assert max(load.waits) < 10


def test_stop_under_load(project: Path) -> None:
    """SIGTERM: what was accepted is answered, and the server is gone within 10 s; what it kept is there afterwards."""

    async def run(server: Running) -> Load:
        load = Load(server.url)
        clients = [asyncio.create_task(load.sender(f"t{number}")) for number in range(SENDERS)]
        await asyncio.sleep(2.0)
        server.tell(signal.SIGTERM)
        load.stop = True
        await asyncio.gather(*clients)
        return load

    with Running(project, workers=2) as server:
        load = asyncio.run(run(server))
        begin = time.monotonic()
        assert server.process is not None
        assert server.process.wait(15) == 0
        took = time.monotonic() - begin
    # A connection that was idle at that moment may be closed under a request that was never taken.
    assert len(load.failed) <= SENDERS
    assert took < 10
    with Running(project, workers=2) as again:
        load.url = again.url
        kept = asyncio.run(check(load))
    report(f"stop ({took:.1f} s)", load, kept)


def test_conversations_in_memory_cannot_be_shared(project: Path, tmp_path: Path) -> None:
    from faultkit.project import shoptalk

    for path in project.iterdir():
        if path.name not in ("valkey", "log"):
            (tmp_path / path.name).symlink_to(path)
    (tmp_path / "endpoints.yml").unlink()
    (tmp_path / "endpoints.yml").write_text("tracker_store: {type: in_memory}\n")
    assert shoptalk(tmp_path, "run", "--workers", "2", "--port", "0").wait(60) == 1
    assert "cannot share conversations" in (tmp_path / "log").read_text()
