"""R2, action server: a real rasa-sdk server killed again and again under load; nothing is lost, doubled or silent."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest
from faultkit.project import Running, free_port, make_project

DOMAIN = """
version: "3.1"
intents: [greet, bye]
actions: [action_book]
responses:
  utter_bye: [{text: "Bye."}]
  utter_action_failed: [{text: "That did not work."}]
"""
DATA = """
version: "3.1"
nlu:
- intent: greet
  examples: |
    - book
- intent: bye
  examples: |
    - bye
rules:
- {rule: book, steps: [{intent: greet}, {action: action_book}]}
- {rule: bye, steps: [{intent: bye}, {action: utter_bye}]}
"""
ENDPOINTS = """
action_endpoint: {{url: "http://127.0.0.1:{port}/webhook", timeout: 5}}
tracker_store: {{type: embedded, folder: valkey, appendfsync: always}}
"""
ACTIONS = '''
import sqlite3, time
from rasa_sdk import Action

class Book(Action):
    """Books once for a message, however often it is called."""

    def name(self):
        return "action_book"

    def run(self, dispatcher, tracker, domain):
        key = f"{tracker.sender_id}:{tracker.latest_message['message_id']}"
        with sqlite3.connect("effects.db", timeout=10) as ledger:
            ledger.execute("INSERT INTO calls VALUES (?)", (key,))
            ledger.execute("INSERT OR IGNORE INTO effects VALUES (?)", (key,))
        time.sleep(0.02)
        dispatcher.utter_message(text="Booked.")
        return []
'''


class ActionServer:
    """`python -m rasa_sdk`, killed and started again."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port, self.kills = folder, port, 0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.folder / "actions.log").open("ab") as log:
            command = [sys.executable, "-m", "rasa_sdk", "--actions", "actions", "--port", str(self.port)]
            self.process = subprocess.Popen(
                command, cwd=self.folder, stdout=log, stderr=log, start_new_session=True
            )
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                if httpx.get(f"http://127.0.0.1:{self.port}/health", timeout=1).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            try:
                self.process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            break
        raise AssertionError((self.folder / "actions.log").read_text()[-2000:])

    def kill(self) -> None:
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)  # its server is a process below it
        self.process.wait()
        self.kills += 1


async def converse(url: str, name: str, stop: asyncio.Event, said: dict[str, str]) -> None:
    """Book until told to stop; each message is repeated with the same id until there is an answer."""
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        number = 0
        while not stop.is_set():
            identity, number = f"{name}-{number}", number + 1
            body = {"sender": name, "message": "book", "message_id": identity}
            answers = []
            for _ in range(2):  # the second is a repeat, which must say the same
                answer = await client.post("/webhooks/rest/webhook", json=body)
                assert answer.status_code == 200, (answer.status_code, answer.text)
                answers.append([part["text"] for part in answer.json()])
            assert answers[0] == answers[1]
            assert len(answers[0]) == 1, answers
            said[f"{name}:{identity}"] = answers[0][0]


async def kept(url: str, names: list[str]) -> Counter[str]:
    """How often each message stands in its conversation."""
    counts = Counter[str]()
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        for name in names:
            path = f"/conversations/{name}/tracker?include_events=ALL"
            events = (await client.get(path)).json()["events"]
            counts.update(f"{name}:{e['message_id']}" for e in events if e["event"] == "user")
    return counts


def run_kills(folder: Path, kills: int) -> None:
    port = free_port()
    make_project(folder, domain=DOMAIN, endpoints=ENDPOINTS.format(port=port), **{"data/data": DATA})
    (folder / "actions.py").write_text(ACTIONS)
    with sqlite3.connect(folder / "effects.db") as ledger:
        ledger.execute("PRAGMA journal_mode=WAL")
        ledger.execute("CREATE TABLE calls (key TEXT)")
        ledger.execute("CREATE TABLE effects (key TEXT PRIMARY KEY)")
    server, said, chance = ActionServer(folder, port), dict[str, str](), random.Random(7)
    names = [f"sender-{number}" for number in range(6)]

    async def crash(stop: asyncio.Event) -> None:
        try:
            for _ in range(kills):
                await asyncio.sleep(0.1 + chance.random() * 0.6)
                await asyncio.to_thread(server.kill)
                await asyncio.to_thread(server.start)
        finally:
            stop.set()

    async def run(url: str) -> Counter[str]:
        stop = asyncio.Event()
        await asyncio.gather(crash(stop), *(converse(url, name, stop, said) for name in names))
        return await kept(url, names)

    server.start()
    try:
        with Running(folder, 1) as running:
            counts = asyncio.run(run(running.url))
    finally:
        server.kill()
    ledger = sqlite3.connect(folder / "effects.db")
    effects = {row[0] for row in ledger.execute("SELECT key FROM effects")}
    calls = Counter(row[0] for row in ledger.execute("SELECT key FROM calls"))
    ledger.close()
    booked = {key for key, text in said.items() if text == "Booked."}
    print(
        f"\nR2, action server: {kills} kills, {len(said)} messages, {len(booked)} booked, "
        f"{len(said) - len(booked)} told that it failed ({len(effects - booked)} of them after the effect), "
        f"{sum(count > 1 for count in calls.values())} called twice"
    )
    assert set(said.values()) <= {"Booked.", "That did not work."}
    assert set(counts) == set(said)
    assert set(counts.values()) == {1}
    assert booked <= effects, "told that it was done, but it was not"
    assert len(booked) > kills
    assert effects <= set(said)


@pytest.mark.timeout(180)
def test_a_killed_action_server_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """5 kills."""
    run_kills(tmp_path, 5)


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_r2_action_server_long(tmp_path: Path) -> None:
    """200 kills."""
    run_kills(tmp_path, 200)
