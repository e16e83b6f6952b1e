"""The server we start ourselves: its data survives, its folder has one owner, it ends when it should."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shoptalk.errors import StoreError
from shoptalk.stores.build import build_store
from shoptalk.stores.embedded import EmbeddedValkey
from shoptalk.stores.redis import RedisTrackerStore


async def append(server: EmbeddedValkey, name: str) -> list[str]:
    store = RedisTrackerStore(server.address)
    await store.append("a", [{"event": name}])
    found = await store.load("a", full=True)
    await store.close()
    assert found is not None
    return [event["event"] for event in found.events]


def test_data_survives_stop_and_crash(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path / "data", appendfsync="always")
    with server:
        assert asyncio.run(append(server, "1")) == ["1"]
    with server:
        assert asyncio.run(append(server, "2")) == ["1", "2"]
        server.kill()
        server.start()
        assert asyncio.run(append(server, "3")) == ["1", "2", "3"]


def test_a_folder_has_one_server(tmp_path: Path) -> None:
    with (
        EmbeddedValkey(tmp_path),
        pytest.raises(StoreError, match=r"running over .* already.*own data folder"),
    ):
        EmbeddedValkey(tmp_path).start()
    with EmbeddedValkey(tmp_path) as server:
        assert server.pid > 0


def test_the_server_ends_with_its_parent(tmp_path: Path) -> None:
    code = f"""
import os, signal
from shoptalk.stores.embedded import EmbeddedValkey
server = EmbeddedValkey({str(tmp_path)!r}).start()
print(server.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=os.environ | {"PYTHONPATH": os.getcwd()}
    )
    assert ended.returncode == -9
    deadline = time.monotonic() + 5
    while True:
        try:
            with EmbeddedValkey(tmp_path) as server:
                assert server.pid != int(ended.stdout)
                return
        except StoreError:
            assert time.monotonic() < deadline, "the server outlived its parent"


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"ended at once|not ready"):
        EmbeddedValkey(tmp_path, settings=["--no-such-setting", "1"]).start()
    with pytest.raises(StoreError, match="does not run"):
        _ = EmbeddedValkey(tmp_path).pid


def test_long_folder_names_work(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 90)
    with EmbeddedValkey(folder) as server:
        assert asyncio.run(append(server, "1")) == ["1"]


def test_a_built_embedded_store_stops_its_server(tmp_path: Path) -> None:
    async def run() -> None:
        store = build_store({"type": "embedded", "folder": str(tmp_path), "appendfsync": "always"})
        await store.append("a", [{"event": "x"}])
        await store.close()

    asyncio.run(run())
    with EmbeddedValkey(tmp_path) as server:
        assert asyncio.run(append(server, "y")) == ["x", "y"]
