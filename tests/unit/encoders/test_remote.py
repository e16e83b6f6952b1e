"""An encoder that runs in a service; with Ray installed, in two replicas of a real Ray Serve."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from shoptalk.encoders import load_encoder, use_service, wire
from shoptalk.encoders.encoder import Encoded, Encoder
from shoptalk.errors import ComponentError
from shoptalk.generation.base import ChatMessage, Limits
from shoptalk.generation.openai import OpenAIModel, Service

GGUF = Path.home() / ".cache/shoptalk/generation/smollm2-135m.gguf"
"""`shoptalk models fetch smollm2-135m`; the language model is left out where it was not fetched."""
TEXTS = ["where is my order", "red shoes", "is"]


def same(one: Encoded, other: Encoded) -> None:
    np.testing.assert_allclose(one.sentence, other.sentence, atol=1e-5)
    for name in ("hidden", "offsets", "whole", "inside"):
        for mine, theirs in zip(getattr(one, name), getattr(other, name), strict=True):
            np.testing.assert_allclose(mine, theirs, atol=1e-5)


@pytest.fixture
def encoder(tiny_bert: Path) -> Encoder:
    return load_encoder(str(tiny_bert), "onnx")


@pytest.fixture
def service(encoder: Encoder, tiny_bert: Path) -> Iterator[str]:
    """A service in a thread, that answers as the one on Ray does."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            about = {
                "name": str(tiny_bert), "fingerprint": encoder.fingerprint, "layers": encoder.layers,
                "width": encoder.width, "sentence_layers": list(encoder.sentence_layers),
            }  # fmt: skip
            self.answer(json.dumps(about).encode())

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.answer(wire.pack(encoder.encode(**body)))

        def answer(self, content: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    use_service(url)
    yield url
    use_service(None)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("more", [{}, {"layers": [0, 1, -1]}, {"whole": 1, "prefix": "my "}])
def test_a_service_says_what_the_encoder_says(
    encoder: Encoder, service: str, tiny_bert: Path, more: dict[str, Any]
) -> None:
    remote = load_encoder(str(tiny_bert))
    assert (remote.width, remote.layers) == (encoder.width, encoder.layers)
    assert remote.fingerprint == encoder.fingerprint
    same(remote.encode(TEXTS, **more), encoder.encode(TEXTS, **more))


def test_another_encoder_is_refused(service: str) -> None:
    with pytest.raises(ComponentError, match="but the model needs 'other'"):
        load_encoder("other")


def test_a_service_that_is_away_is_named() -> None:
    use_service("http://127.0.0.1:9")
    try:
        with pytest.raises(ComponentError, match="does not answer"):
            load_encoder("any")
    finally:
        use_service(None)


def test_bytes_that_are_no_vectors_are_refused() -> None:
    for bytes_ in (b"", b"nonsense", b"\xff" * 100):
        with pytest.raises(ValueError, match="no encoded texts"):
            wire.unpack(bytes_)


async def talk_to_model() -> None:
    """By our own client of OpenAI's protocol, two at a time, and without streaming."""
    model = OpenAIModel(Service(url="http://127.0.0.1:5390/v1", model=str(GGUF)))
    prompt = [ChatMessage("user", "Say hello.")]

    async def reply() -> str:
        return "".join([piece async for piece in model.stream(prompt, Limits(tokens=12, seconds=60))])

    first, second = await asyncio.gather(reply(), reply())
    await model.close()
    assert first.strip()
    assert first == second, "it is asked for the likeliest words"
    body = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 12}
    answer = httpx.post("http://127.0.0.1:5390/v1/chat/completions", json=body, timeout=60).json()
    assert answer["choices"][0]["message"]["content"] == first
    print("language model:", repr(first))


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(find_spec("ray") is None, reason="pip install 'shoptalk[ray]'")
def test_two_replicas_of_ray_serve(encoder: Encoder, tiny_bert: Path, tmp_path: Path) -> None:
    script = tmp_path / "up.py"
    script.write_text(
        "import sys, time, ray\n"
        "from ray import serve\n"
        "from shoptalk.server.ray_service import build\n"
        "ray.init(num_cpus=4, include_dashboard=False, object_store_memory=100_000_000)\n"
        "serve.start(http_options={'host': '127.0.0.1', 'port': 5390})\n"
        "serve.run(build({'encoder': sys.argv[1], 'runtime': 'onnx', 'model': sys.argv[2], 'replicas': '2', 'cpus': '0.5'}))\n"
        "print('up', flush=True)\n"
        "sys.stdin.read()\n"
        "serve.shutdown(); ray.shutdown()\n"
    )
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(script), str(tiny_bert), str(GGUF) if GGUF.exists() else ""],
            stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        until = time.monotonic() + 120
        while b"up\n" not in (tmp_path / "log").read_bytes():
            assert process.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < until, (tmp_path / "log").read_text()
            threading.Event().wait(0.5)
        use_service("http://127.0.0.1:5390")
        remote = load_encoder(str(tiny_bert))
        same(remote.encode(TEXTS, [0, -1]), encoder.encode(TEXTS, [0, -1]))
        begin = time.perf_counter()
        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(lambda n: remote.encode([TEXTS[n % 3]]), range(200)))
        print(f"\nRay Serve, 2 replicas: {200 / (time.perf_counter() - begin):.0f} requests/s, 8 at a time")
        for number, found in enumerate(results):
            same(found, encoder.encode([TEXTS[number % 3]]))
        answer = httpx.post("http://127.0.0.1:5390/encode", json={"texts": "no list"})
        assert answer.status_code == 400
        if GGUF.exists():
            asyncio.run(talk_to_model())
    finally:
        use_service(None)
        process.communicate(b"", timeout=60)
