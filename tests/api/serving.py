"""Processes under test: the assistant's server, an action server, each with its own folder and database."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

ROOT = Path(__file__).resolve().parents[2]
SECRET = "of-no-worth-outside-these-tests-0123456789-0123456789"
READY_S = 90.0


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """A child process with its output in a file.

    Args:
        command: what to run, from the project's root.
        log: takes its output.
        environment: beside the present one.
    """

    def __init__(self, command: list[str], log: Path, environment: dict[str, str]) -> None:
        self.log = log
        with log.open("ab") as output:
            self.child = subprocess.Popen(
                command, cwd=ROOT, env={**os.environ, **environment}, stdout=output, stderr=subprocess.STDOUT
            )

    @property
    def pid(self) -> int:
        return self.child.pid

    def await_answer(self, url: str, status: int | None = 200, deadline_s: float = READY_S) -> None:
        """Wait until a URL answers (with a status, unless None), while the process lives."""
        until = time.monotonic() + deadline_s
        while time.monotonic() < until:
            try:
                answer = httpx.get(url, timeout=2)
                if status in (None, answer.status_code):
                    return
            except httpx.TransportError:
                pass
            try:
                code = self.child.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
            raise AssertionError(f"the process ended with {code}:\n{self.tail()}")
        raise AssertionError(f"{url} did not answer within {deadline_s:.0f} s:\n{self.tail()}")

    def stop(self) -> None:
        """End it, politely first."""
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(20)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait(10)

    def tail(self, characters: int = 4000) -> str:
        """The end of what it wrote."""
        return self.log.read_text(errors="replace")[-characters:] if self.log.exists() else ""


class Shop:
    """A database of the shop that goes back to its seed before each conversation."""

    def __init__(self, seed: Path, folder: Path) -> None:
        self._seed, self.path = seed, folder / "shop.db"
        shutil.copy(seed, self.path)

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    def reset(self) -> None:
        """As seeded, under the running server's feet."""
        with closing(sqlite3.connect(self._seed)) as seed, closing(sqlite3.connect(self.path)) as live:
            seed.backup(live)

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        with closing(sqlite3.connect(self.path)) as database:
            return database.execute(query, values).fetchall()

    def one(self, query: str, *values: Any) -> Any:
        """The one value of a query; None without a row."""
        rows = self.ask(query, *values)
        return rows[0][0] if rows else None


@dataclass
class ActionServer:
    """rasa-sdk's own server on the project's actions."""

    folder: Path
    shop: Shop
    port: int = field(default_factory=free_port)
    process: Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/webhook"

    def start(self) -> None:
        command = [sys.executable, "-m", "rasa_sdk", "--actions", "actions", "--port", str(self.port)]
        environment = {
            "SHOP_DATABASE_URL": self.shop.url,
            "SANIC_HOST": "127.0.0.1",
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
        }
        self.process = Process(command, self.folder / "actions.log", environment)
        self.process.await_answer(f"http://127.0.0.1:{self.port}/health")

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()


@dataclass
class Server:
    """`shoptalk run` on a free port.

    Args:
        folder: takes settings, conversations and the log.
        shop: the database its actions use.
        model: an archive or a folder of them.
        action_url: of an action server; None runs actions in the server's own process.
        channels: further sections of credentials.yml.
    """

    folder: Path
    shop: Shop
    model: Path
    action_url: str | None = None
    channels: dict[str, Any] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def valkey_folder(self) -> Path:
        return self.folder / "valkey"

    def start(self) -> None:
        actions = {"url": self.action_url} if self.action_url else {"actions_module": "actions"}
        store = {"type": "embedded", "folder": str(self.valkey_folder)}
        web = {"secret": SECRET, "customers": "shop.web.demo_customers", "inspector": True}
        endpoints = _write(
            self.folder / "endpoints.yml", {"action_endpoint": actions, "tracker_store": store}
        )
        credentials = _write(self.folder / "credentials.yml", {"web": web, "rest": None, **self.channels})
        files = ["--model", str(self.model), "--endpoints", str(endpoints), "--credentials", str(credentials)]
        where = [
            "--port",
            str(self.port),
            "--enable-api",
            "--page",
            "--router",
            "shop.web.router",
            "--address-rate",
            "0",
        ]
        command = [sys.executable, "-m", "shoptalk.cli", "run", *files, *where]
        environment = {"SHOP_DATABASE_URL": self.shop.url, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        self.process = Process(command, self.folder / "server.log", environment)
        self.process.await_answer(f"{self.url}/ready")

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()

    def store_pid(self) -> int:
        """The process that keeps the conversations: the one child of the server that runs in its folder."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        pids = [int(pid) for file in children for pid in file.read_text().split()]
        (found,) = [pid for pid in pids if b"valkey" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        return found


def _write(path: Path, content: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path
