"""A GGUF file run by llama.cpp in a process of its own.

Loading a model inside the server would hold the interpreter's lock for seconds, a fault of native code would end the
server, and its memory would never come back. The child knows no secrets of the server's environment, and ends when its
standard input does.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shoptalk.errors import GenerationError
from shoptalk.generation.base import ChatMessage, Limits
from shoptalk.generation.engines import Emit

KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR", "SYSTEMROOT")
END_S = 5.0


class LlamaProcess:
    """Talks to a worker; starts it again when it died.

    Args:
        path: the model.
        threads: of one generation.

    Raises:
        GenerationError: xllamacpp is not installed, or the model cannot be loaded.
    """

    def __init__(self, path: Path, threads: int) -> None:
        if importlib.util.find_spec("xllamacpp") is None:
            raise GenerationError(
                "A .gguf model needs the package xllamacpp.", hint="Run: pip install 'shoptalk[generation]'"
            )
        self._path, self._threads = path, threads
        self._process = self._start()

    @property
    def pid(self) -> int:
        """Of the worker."""
        return self._process.pid

    def run(self, messages: Sequence[ChatMessage], limits: Limits, emit: Emit) -> None:
        """Generate a reply, greedily."""
        if self._process.poll() is not None:
            self.close()
            self._process = self._start()
        self._send(
            {"messages": [{"role": m.role, "content": m.content} for m in messages], "tokens": limits.tokens}
        )
        stopped = False
        while True:
            heard = self._hear(self._process)
            if "error" in heard:
                raise GenerationError(f"The language model failed: {heard['error']}")
            if "piece" not in heard:
                return
            if not stopped and emit(heard["piece"]):
                stopped = True
                self._send({"stop": True})

    def close(self) -> None:
        """End the worker."""
        self._process.kill()
        self._process.wait(END_S)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _start(self) -> subprocess.Popen[str]:
        command = [
            sys.executable,
            "-I",
            "-m",
            "shoptalk.generation.worker",
            str(self._path.resolve()),
            str(self._threads),
        ]
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            env={name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ},
        )
        heard = self._hear(process)
        if "error" in heard:
            process.kill()
            process.communicate()
            raise GenerationError(f"{self._path} cannot be loaded: {heard['error']}")
        return process

    def _send(self, message: dict[str, Any]) -> None:
        pipe = self._process.stdin
        if pipe is None:
            raise GenerationError("The language model's process has no input.")
        try:
            pipe.write(json.dumps(message) + "\n")
            pipe.flush()
        except OSError as error:
            raise GenerationError("The language model's process has ended.") from error

    def _hear(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        line = "" if process.stdout is None else process.stdout.readline()
        if not line:
            return {"error": f"its process has ended with status {process.wait(END_S)}"}
        heard: dict[str, Any] = json.loads(line)
        return heard
