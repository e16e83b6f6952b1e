"""Starts and stops the two servers."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Any

from bench.parity.client import Server

QUIET = {
    **os.environ,
    "RASA_TELEMETRY_ENABLED": "false",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
    "OMP_NUM_THREADS": "1",
}
START_S, PAUSE_S = 240.0, 0.2
"""How long a server may take to start, and how long it is left alone between two questions."""


class Process:
    """A server's process, for a with-statement; gives the `Server` once it has a model."""

    def __init__(self, command: list[str], folder: Path, port: int, log: Path) -> None:
        self.command, self.folder, self.port, self.log = command, folder, port, log

    def __enter__(self) -> Server:
        self._out: Any = open(self.log, "wb")
        self._process = subprocess.Popen(
            self.command, cwd=self.folder, stdout=self._out, stderr=subprocess.STDOUT, env=QUIET
        )
        self.pid = self._process.pid
        server = Server(f"http://127.0.0.1:{self.port}")
        until = time.monotonic() + START_S
        while not server.is_ready():
            if self._has_ended(PAUSE_S) or time.monotonic() > until:
                self.__exit__()
                raise SystemExit(f"{' '.join(self.command)} did not start; see {self.log}")
        return server

    def _has_ended(self, within_s: float) -> bool:
        """Whether the process ends in this time; returns as soon as it does."""
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._out.close()


def command(cli: list[str], port: int, model: str) -> list[str]:
    """`CLI run` with the API; the flags are the same for both."""
    files = ["--endpoints", "endpoints.yml", "--credentials", "credentials.yml"]
    return [*cli, "run", "--enable-api", "--port", str(port), "--model", f"models/{model}.tar.gz", *files]
