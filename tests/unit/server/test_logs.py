"""Where log lines go, and requests that take too long."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from shoptalk.errors import ConfigError
from shoptalk.server.limits import AnswerLimit
from shoptalk.server.logs import Logs, Syslog, install_logging

PRIVATE = "anna@shop.example asked"


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    for handler in [h for h in root.handlers if h not in before]:
        handler.close()
    root.handlers[:] = before
    root.setLevel(level)


def test_a_file_gets_every_line_without_private_words(tmp_path: Path) -> None:
    install_logging(Logs(form="json", file=tmp_path / "a.log"))
    logging.getLogger("x").warning(PRIVATE)
    (line,) = (tmp_path / "a.log").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["message"] == "[private] asked"


def test_syslog_gets_every_line() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        install_logging(Logs(syslog=Syslog("127.0.0.1", server.getsockname()[1])))
        logging.getLogger("x").warning(PRIVATE)
        line = server.recv(2000).decode().rstrip("\0")
    assert re.fullmatch(r"<\d+>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d WARNING x  \[private\] asked", line)


def test_a_configuration_decides(tmp_path: Path) -> None:
    config = tmp_path / "logging.yml"
    config.write_text(
        "version: 1\nformatters: {own: {format: '<%(message)s>'}}\n"
        "handlers: {to_file: {class: logging.FileHandler, formatter: own, filename: "
        f"{tmp_path / 'b.log'}}}}}\n"
        "root: {level: WARNING, handlers: [to_file]}\n",
        encoding="utf-8",
    )
    install_logging(Logs(config=config))
    logging.getLogger("x").info("left out")
    logging.getLogger("x").warning("kept")
    assert (tmp_path / "b.log").read_text(encoding="utf-8") == "<kept>\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "no logging configuration"), ("- 1\n", "no logging"), ("version: 2\n", "cannot be used")],
)
def test_a_wrong_configuration_is_named(tmp_path: Path, content: str | None, said: str) -> None:
    path = tmp_path / "logging.yml"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        install_logging(Logs(config=path))


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No log can be written there"):
        install_logging(Logs(file=tmp_path / "no folder" / "a.log"))


def test_a_syslog_server_that_is_away_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        with pytest.raises(ConfigError, match="cannot be reached"):
            install_logging(Logs(syslog=Syslog("127.0.0.1", taken.getsockname()[1], tcp=True)))


def _answer(seconds: float, before_s: float, after_s: float) -> list[int]:
    """The status an application's answer got, that begins and ends after so many seconds."""
    seen: list[int] = []

    async def app(scope: object, receive: object, send: object) -> None:
        assert callable(send)
        await asyncio.sleep(before_s)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(after_s)
        await send({"type": "http.response.body", "body": b""})

    async def send(message: object) -> None:
        assert isinstance(message, dict)
        seen.extend([message["status"]] if "status" in message else [])

    async def receive() -> dict[str, object]:
        return {"type": "http.request"}

    asyncio.run(AnswerLimit(app, seconds)({"type": "http"}, receive, send))
    return seen


def test_an_answer_that_does_not_begin_in_time_is_given_up() -> None:
    assert _answer(0.05, before_s=5, after_s=0) == [503]


def test_an_answer_that_has_begun_may_take_its_time() -> None:
    assert _answer(0.2, before_s=0, after_s=0.4) == [200]
