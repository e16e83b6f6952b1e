"""A small project on disk and `shoptalk run` over it: real processes, a real Valkey, no model that takes long."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[3]
FILES = {
    "config.yml": """
recipe: default.v1
language: en
pipeline: [{name: WhitespaceTokenizer}, {name: KeywordIntentClassifier}]
policies: [{name: RulePolicy}]
""",
    "domain.yml": """
version: "3.1"
intents: [greet, bye]
responses:
  utter_greet: [{text: "Hello."}]
  utter_bye: [{text: "Bye."}]
""",
    "data/data.yml": """
version: "3.1"
nlu:
- intent: greet
  examples: |
    - hi
    - hello
- intent: bye
  examples: |
    - bye
    - see you
rules:
- {rule: greet, steps: [{intent: greet}, {action: utter_greet}]}
- {rule: bye, steps: [{intent: bye}, {action: utter_bye}]}
""",
    "endpoints.yml": "tracker_store: {type: embedded, folder: valkey, appendfsync: always, lease_ms: 3000}\n",
    "credentials.yml": "rest:\n",
}


def make_project(folder: Path, **changed: str) -> Path:
    """Write and train the project; `changed` are other contents of some files, by the name without its ending."""
    for name, text in {**FILES, **{f"{key}.yml": text for key, text in changed.items()}}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    shoptalk(folder, "train").wait(120)
    return folder


def shoptalk(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """A command of ours as a process of its own; what it says goes to `log`."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with (folder / "log").open("ab") as log:
        command = [sys.executable, "-m", "shoptalk.cli", *arguments]
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Running:
    """`shoptalk run` over a project."""

    folder: Path
    workers: int
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Running:
        more = [
            "--workers",
            str(self.workers),
            "--port",
            str(self.port),
            "--enable-api",
            "--sender-rate",
            "0",
        ]
        self.process = shoptalk(self.folder, "run", *more, "--log-format", "json")
        until = time.monotonic() + 90
        while time.monotonic() < until and self.process.poll() is None:
            try:
                if httpx.get(f"{self.url}/ready", timeout=2).status_code == 200:
                    return self
            except httpx.TransportError:
                pass
            try:
                self.process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
        raise AssertionError(f"the server did not start:\n{self.said()[-3000:]}")

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def said(self) -> str:
        """Its log."""
        return (self.folder / "log").read_text(errors="replace")

    def tell(self, what: signal.Signals) -> None:
        """Send a signal to the parent process."""
        assert self.process is not None
        self.process.send_signal(what)

    def worker_pids(self) -> list[int]:
        """The processes that serve now."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        pids = [int(pid) for file in children for pid in file.read_text().split()]
        return [pid for pid in pids if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def events(self) -> list[dict[str, Any]]:
        """Log lines that are JSON."""
        return [json.loads(line) for line in self.said().splitlines() if line.startswith("{")]
