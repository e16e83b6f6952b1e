"""Models from a model server: fetched, followed by their tag, and refused when they are no models."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from shoptalk.assistant import Assistant
from shoptalk.core.messages import UserMessage
from shoptalk.errors import ConfigError
from shoptalk.model import Model
from shoptalk.server.holder import Holder
from shoptalk.server.pulling import ModelServer
from shoptalk.settings import Endpoint
from shoptalk.stores.memory import MemoryTrackerStore
from shoptalk.training.train import Options, train

PROJECT = """\
language: en
pipeline: []
policies:
- name: RulePolicy
intents: [greet]
responses:
  utter_greet:
  - text: {greeting}
rules:
- rule: greet
  steps:
  - intent: greet
  - action: utter_greet
"""


class Source(ThreadingHTTPServer):
    """Rasa's side of the bargain: an archive with a tag, 304 for those who have it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.archive, self.tag, self.status = b"", "", 200
        self.asked: list[tuple[str, str | None, str | None]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Source

    def do_GET(self) -> None:
        had = self.headers.get("If-None-Match")
        self.server.asked.append((self.path, had, self.headers.get("Authorization")))
        status = 304 if had == self.server.tag else self.server.status
        self.send_response(status)
        if status == 200:
            self.send_header("ETag", self.server.tag)
            self.send_header("filename", "../../newest.tar.gz")
            self.send_header("Content-Length", str(len(self.server.archive)))
        self.end_headers()
        if status == 200:
            self.wfile.write(self.server.archive)

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def source() -> Iterator[Source]:
    with Source() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def archive(tmp_path: Path) -> Callable[[str], bytes]:
    def make(greeting: str) -> bytes:
        config, _, domain = PROJECT.format(greeting=greeting).partition("intents:")
        domain, _, rules = domain.partition("rules:")
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "config.yml").write_text(config)
        (tmp_path / "domain.yml").write_text("intents:" + domain)
        (tmp_path / "data" / "rules.yml").write_text("rules:" + rules)
        path = train(tmp_path, Options(out=tmp_path / "models")).path
        assert path is not None
        return path.read_bytes()

    return make


@pytest.fixture
async def holder() -> Any:
    store = MemoryTrackerStore()
    held = Holder(make=lambda model: Assistant.from_model(model, store=store))
    yield held
    await held.close()


async def _said(holder: Holder, model: Model | None = None) -> str:
    return (await holder.assistant.handle(UserMessage("/greet", "ann")))[0]["text"]


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def test_newer_models_are_served_as_they_come(
    source: Source, archive: Callable[[str], bytes], holder: Holder
) -> None:
    source.archive, source.tag = archive("Hello."), '"one"'
    options = {"wait_time_between_pulls": 0.05}
    endpoint = Endpoint(
        f"http://127.0.0.1:{source.server_port}/m", token="t", user="u", password="p", options=options
    )
    following = asyncio.ensure_future(ModelServer(endpoint).follow(holder))
    await _until(lambda: holder.is_ready)
    assert await _said(holder) == "Hello."
    assert holder.model is not None
    assert Path(holder.model.path or "").name == "newest.tar.gz"

    source.archive, source.tag = b"no archive at all", '"broken"'
    seen = len(source.asked)
    await _until(lambda: len(source.asked) > seen + 2)
    assert await _said(holder) == "Hello.", "a broken one changes nothing"

    source.archive, source.tag = archive("Welcome."), '"two"'
    first = holder.model
    await _until(lambda: holder.model is not first)
    assert await _said(holder) == "Welcome."
    await _until(lambda: source.asked[-1][1] == '"two"')
    following.cancel()
    path, had, authorization = source.asked[0]
    assert (path, had, authorization) == ("/m?token=t", None, "Basic dTpw")


async def test_a_server_without_a_model_is_asked_once_and_leaves_none(source: Source, holder: Holder) -> None:
    source.status = 404
    endpoint = Endpoint(f"http://127.0.0.1:{source.server_port}/", options={"wait_time_between_pulls": None})
    await ModelServer(endpoint).follow(holder)
    assert len(source.asked) == 1
    assert not holder.is_ready


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        (Endpoint(None), "has no `url`"),
        (Endpoint("http://x", options={"wait_time_between_pulls": "soon"}), "no number of seconds"),
    ],
)
def test_what_is_wrong_in_the_settings_is_said(endpoint: Endpoint, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        ModelServer(endpoint)
