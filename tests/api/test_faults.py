"""The store away, the action server away: said at once, and afterwards nothing is missing."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from chatting import Chat
from serving import ActionServer, Server, Shop

pytestmark = pytest.mark.timeout(400)
QUICKLY_S = 4.0


@pytest.fixture
def frozen_store(in_process: Server) -> Iterator[Callable[[], None]]:
    """Stops the store's process with its memory intact; it goes on at the end at the latest."""
    pid = in_process.store_pid()
    yield lambda: os.kill(pid, signal.SIGSTOP)
    os.kill(pid, signal.SIGCONT)


def test_a_store_that_hangs_is_said_and_everything_goes_on_afterwards(
    chat: Callable[..., Chat], in_process: Server, frozen_store: Callable[[], None]
) -> None:
    talk = chat("C0001")
    talk.say("please cancel order 10412")
    before = talk.history()
    frozen_store()
    begin = time.monotonic()
    reply = talk.say("yes", "while-frozen")
    took = time.monotonic() - begin
    assert reply.status == 503
    assert reply.error["message"]
    assert took < QUICKLY_S
    begin = time.monotonic()
    assert httpx.get(f"{in_process.url}/health", timeout=5).status_code == 200
    assert time.monotonic() - begin < 3
    assert in_process.shop.one("SELECT state FROM orders WHERE number = 10412") == "paid"

    os.kill(in_process.store_pid(), signal.SIGCONT)
    assert in_process.process is not None
    in_process.process.await_answer(f"{in_process.url}/ready")
    assert talk.history()[: len(before)] == before
    again = talk.say("yes", "while-frozen")
    assert again.status == 200
    assert "cancelled" in again.text
    assert in_process.shop.one("SELECT count(*) FROM refunds WHERE order_number = 10412") == 1
    said = [entry["text"] for entry in talk.history() if entry["from"] == "user"]
    assert said == ["please cancel order 10412", "yes"]


@pytest.fixture
def fragile(
    model: Path, make_shop: Callable[[], Shop], tmp_path: Path
) -> Iterator[tuple[Server, ActionServer]]:
    """A server with an action server of its own, to be ended by the test."""
    shop = make_shop()
    actions = ActionServer(tmp_path, shop)
    server = Server(tmp_path, shop, model, actions.url)
    try:
        actions.start()
        server.start()
        yield server, actions
    finally:
        server.stop()
        actions.stop()


@pytest.mark.parametrize(
    ("language", "hello", "wish", "yes", "sorry"),
    [
        ("en", "hello", "please cancel order 10412", "yes", "I am sorry"),
        ("zh", "你好", "取消订单10412", "是的", "抱歉"),
    ],
)
def test_an_action_server_that_is_gone_costs_an_apology_and_nothing_else(
    fragile: tuple[Server, ActionServer], language: str, hello: str, wish: str, yes: str, sorry: str
) -> None:
    server, actions = fragile
    with Chat(server.url, "C0001", language) as talk:
        talk.say(wish)
        assert talk.inspect()["active_loop"]["name"] == "cancel_form"
        actions.stop()
        reply = talk.say(yes)
        assert reply.status == 200
        assert sorry in reply.text
        assert reply.buttons, "no way on"
        assert server.shop.one("SELECT state FROM orders WHERE number = 10412") == "paid"
        with Chat(server.url, None, language) as other:
            assert other.say(hello).text
            assert sorry not in other.last.text

        actions.start()
        assert [entry["from"] for entry in talk.history()] == ["user", "bot"] * 2
        talk.say(yes)
        assert server.shop.one("SELECT state FROM orders WHERE number = 10412") == "cancelled"
        assert server.shop.one("SELECT count(*) FROM refunds WHERE order_number = 10412") == 1


def test_a_server_killed_between_turns_goes_on_where_it_was(
    model: Path, make_shop: Callable[[], Shop], tmp_path: Path
) -> None:
    server = Server(tmp_path, make_shop(), model)
    try:
        server.start()
        with Chat(server.url, "C0001") as talk:
            talk.say("please cancel order 10412")
            assert server.process is not None
            server.process.child.kill()
            server.process.child.wait(10)
            server.start()
            reply = talk.say("yes")
            assert "is cancelled" in reply.text
            assert [entry["from"] for entry in talk.history()] == ["user", "bot"] * 2
    finally:
        server.stop()
