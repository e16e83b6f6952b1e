"""The process that holds a GGUF model: one JSON message a line in, one a line out.

In: `{"messages": […], "tokens": n}` asks for a reply, `{"stop": true}` ends the one being made. Out: `{"ready": true}`
once, then per reply `{"piece": "…"}` again and again and `{"done": true}`, or `{"error": "…"}`.
"""

from __future__ import annotations

import json
import os
import queue
import secrets
import sys
import threading
from typing import Any, TextIO

CONTEXT = 3072


def main() -> int:
    """Serve until standard input ends."""
    path, threads = sys.argv[1], int(sys.argv[2])
    out = _own_output()
    try:
        server = _load(path, threads)
    except (RuntimeError, ValueError, OSError) as error:
        _say(out, {"error": str(error) or type(error).__name__})
        return 1
    _say(out, {"ready": True})
    requests: queue.Queue[dict[str, Any] | None] = queue.Queue()
    stop = threading.Event()
    threading.Thread(target=_listen, args=(requests, stop), daemon=True).start()
    while (request := requests.get()) is not None:
        stop.clear()
        _reply(server, request, out, stop)
    return 0


def _own_output() -> TextIO:
    """Standard output for messages alone; what the library prints goes to standard error."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return out


def _load(path: str, threads: int) -> Any:
    """The library opens an HTTP port on this machine as well; a key nobody knows keeps it shut."""
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path = path
    settings.n_ctx, settings.n_parallel, settings.n_gpu_layers = CONTEXT, 1, 0
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = threads
    settings.warmup, settings.ui, settings.endpoint_slots = False, False, False
    settings.hostnames, settings.api_keys = ["127.0.0.1"], [secrets.token_urlsafe(32)]
    settings.verbosity = 0
    return xllamacpp.Server(settings)


def _listen(requests: queue.Queue[dict[str, Any] | None], stop: threading.Event) -> None:
    for line in sys.stdin:
        message = json.loads(line)
        if message.get("stop"):
            stop.set()
        else:
            requests.put(message)
    stop.set()
    requests.put(None)


def _reply(server: Any, request: dict[str, Any], out: TextIO, stop: threading.Event) -> None:
    faults: list[str] = []

    def take(chunk: Any) -> bool:
        if not isinstance(chunk, dict) or "error" in chunk or "choices" not in chunk:
            faults.append(str(chunk)[:200])
            return True
        piece = chunk["choices"][0]["delta"].get("content") if chunk["choices"] else None
        if piece:
            _say(out, {"piece": piece})
        return stop.is_set()

    body = {
        "messages": request["messages"],
        "max_tokens": request["tokens"],
        "temperature": 0,
        "stream": True,
        "cache_prompt": True,
    }
    try:
        server.handle_chat_completions(body, take)
    except (RuntimeError, ValueError) as error:
        faults.append(str(error))
    _say(out, {"error": faults[0]} if faults else {"done": True})


def _say(out: TextIO, message: dict[str, Any]) -> None:
    out.write(json.dumps(message) + "\n")
    out.flush()


if __name__ == "__main__":
    sys.exit(main())
