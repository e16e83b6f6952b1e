"""The real server with remote actions, beside the one of all tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from chatting import Chat
from serving import ActionServer, Server, Shop

MODES = ("in-process", "remote")


@pytest.fixture(scope="session")
def remote(
    model: Path, make_shop: Callable[[], Shop], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server that asks a `rasa_sdk` process to run the custom actions."""
    shop = make_shop()
    actions = ActionServer(tmp_path_factory.mktemp("actions"), shop)
    server = Server(tmp_path_factory.mktemp("server"), shop, model, actions.url)
    try:
        actions.start()
        server.start()
        yield server
    finally:
        server.stop()
        actions.stop()


@pytest.fixture(params=MODES)
def server(request: pytest.FixtureRequest) -> Server:
    """Both variants in turn, the shop as seeded."""
    found: Server = request.getfixturevalue("remote" if request.param == "remote" else "in_process")
    found.shop.reset()
    return found


@pytest.fixture
def chat(in_process: Server) -> Iterator[Callable[..., Chat]]:
    """Opens sessions at the server with actions of its own, the shop as seeded."""
    in_process.shop.reset()
    opened: list[Chat] = []

    def open_chat(customer: str | None = None, language: str = "en") -> Chat:
        opened.append(Chat(in_process.url, customer, language))
        return opened[-1]

    yield open_chat
    for one in opened:
        one.http.close()
