"""The same actions behind a real action server process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from talks import Talk

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def server(shop: None, tmp_path: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"SANIC_HOST": "127.0.0.1", "PYTHONPATH": str(ROOT)}
    log = (tmp_path / "server.log").open("wb")
    command = [sys.executable, "-m", "rasa_sdk", "--actions", "actions", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(10)
        log.close()


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, "the action server ended"
        try:
            httpx.get(f"{url}/health", timeout=1)
            return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the action server did not start")


def test_a_cancellation_over_http_happens_once(server: str, talk: Talk) -> None:
    names = {entry["name"] for entry in httpx.get(f"{server}/actions").json()}
    assert names == set(talk.domain["actions"])
    talk.slots |= {"order_id": "10412", "confirm": True}
    talk.hear("yes", "affirm", message_id="only-once")
    call = {
        "next_action": "action_cancel_order",
        "sender_id": talk.sender,
        "tracker": talk.tracker(),
        "domain": talk.domain,
    }
    first = httpx.post(f"{server}/webhook", json=call).json()
    second = httpx.post(f"{server}/webhook", json=call).json()
    assert first["responses"][0]["response"] == "utter_cancelled_refund"
    assert first["responses"] == second["responses"]
    asked = {"next_action": "action_order_status"}
    talk.hear("where is it", "order_status", order_id="10412")
    status = httpx.post(f"{server}/webhook", json=call | asked | {"tracker": talk.tracker()}).json()
    assert status["responses"][0]["response"] == "utter_order_cancelled"
    assert httpx.post(f"{server}/webhook", json=call | {"next_action": "action_unknown"}).status_code == 404
