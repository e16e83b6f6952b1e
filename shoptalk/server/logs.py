"""Where log records go: standard error, and beside it a file, syslog, or what a logging configuration says."""

from __future__ import annotations

import logging
import logging.config
import logging.handlers
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shoptalk.errors import ConfigError
from shoptalk.server.observe import JsonFormatter, TextFormatter

CLOCK, FULL_DATE = "%H:%M:%S", "%Y-%m-%dT%H:%M:%S"
NOISY = ("httpx", "httpcore", "urllib3", "asyncio", "matplotlib", "rasa_sdk")
"""Loggers of libraries that are heard at WARNING only, unless everything is wanted."""


@dataclass(frozen=True, slots=True)
class Syslog:
    """A syslog server.

    Args:
        address, port: where it listens.
        tcp: reached over TCP instead of UDP.
    """

    address: str = "localhost"
    port: int = 514
    tcp: bool = False


@dataclass(frozen=True, slots=True)
class Logs:
    """Which log records are kept, how and where.

    Args:
        level: the least that is kept.
        form: of lines: `text` or `json`.
        file: receives a copy of every line.
        syslog: receives a copy of every line.
        config: YAML file in the form of `logging.config.dictConfig`; it decides instead of `form`.
    """

    level: int = logging.INFO
    form: str = "text"
    file: Path | None = None
    syslog: Syslog | None = None
    config: Path | None = None


def install_logging(logs: Logs) -> None:
    """Send log records where they are wanted.

    Raises:
        ConfigError: a place cannot be used, or the configuration is no logging configuration.
    """
    if logs.config is None:
        logging.basicConfig(
            level=logs.level, handlers=[_formatted(logging.StreamHandler(), logs)], force=True
        )
        if logs.level != logging.DEBUG:
            for name in NOISY:
                logging.getLogger(name).setLevel(logging.WARNING)
    else:
        _configure(logs.config)
    for handler in _copies(logs):
        logging.getLogger().addHandler(handler)


def _copies(logs: Logs) -> Iterator[logging.Handler]:
    if logs.file is not None:
        try:
            yield _formatted(logging.FileHandler(logs.file, encoding="utf-8"), logs, FULL_DATE)
        except OSError as error:
            raise ConfigError(
                f"No log can be written there: {error.strerror}.",
                hint="Name a file in a folder that exists with --log-file.",
                file=str(logs.file),
            ) from error
    if logs.syslog is not None:
        where = logs.syslog
        kind = socket.SOCK_STREAM if where.tcp else socket.SOCK_DGRAM
        try:
            handler = logging.handlers.SysLogHandler((where.address, where.port), socktype=kind)
        except OSError as error:
            raise ConfigError(
                f"The syslog server {where.address}:{where.port} cannot be reached: {error.strerror or error}.",
                hint="See --syslog-address, --syslog-port and --syslog-protocol, or leave out --use-syslog.",
            ) from error
        yield _formatted(handler, logs, FULL_DATE)


def _formatted(handler: logging.Handler, logs: Logs, clock: str = CLOCK) -> logging.Handler:
    shows_texts = logs.level <= logging.DEBUG
    if logs.form == "json":
        formatter: logging.Formatter = JsonFormatter(open_texts=shows_texts)
    else:
        shape = "%(asctime)s %(levelname)-7s %(name)s  %(message)s"
        formatter = TextFormatter(shape, clock, open_texts=shows_texts)
    handler.setFormatter(formatter)
    return handler


def _configure(path: Path) -> None:
    from shoptalk.formats.yaml import read_file

    content = read_file(path, environment=True) if path.exists() else None
    if not isinstance(content, dict):
        raise ConfigError(
            "There is no logging configuration here.",
            hint="Write a mapping as Python's logging.config.dictConfig takes it, with `version: 1`.",
            file=str(path),
        )
    try:
        logging.config.dictConfig({"disable_existing_loggers": False, **content})
    except (ValueError, TypeError, AttributeError, ImportError) as error:
        reason = error.__cause__ or error
        raise ConfigError(
            f"This logging configuration cannot be used: {error}. {reason if reason is not error else ''}".strip(),
            hint="See docs.python.org/3/library/logging.config.html.",
            file=str(path),
        ) from error
