"""Flags that several commands share, and flags of Rasa's that change nothing here."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from shoptalk.errors import ConfigError
from shoptalk.server.logs import Logs, Syslog, install_logging
from shoptalk.settings import did_you_mean

LEVEL_VARIABLE = "LOG_LEVEL"
"""The level of logs when no flag says it, as with Rasa."""
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class Unused(argparse.Action):
    """A flag that is taken for Rasa's sake; `say_unused` tells why it changes nothing.

    Args:
        reason: why, and what to do instead.
    """

    def __init__(
        self, option_strings: Sequence[str], dest: str, *, reason: str, nargs: Any = None, **options: Any
    ) -> None:
        super().__init__(option_strings, dest, nargs=nargs, help=f"(no effect: {reason})", **options)
        self.reason = reason

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        notes = [*getattr(namespace, "unused", ()), f"{option_string} has no effect: {self.reason}."]
        namespace.unused = notes


def say_unused(args: argparse.Namespace) -> None:
    """Name the flags given that change nothing."""
    for note in getattr(args, "unused", ()):
        print(note, file=sys.stderr)


def add_unused(parser: argparse.ArgumentParser, reason: str, *flags: str, nargs: Any = None) -> None:
    """A flag that is taken and changes nothing; several spellings are one flag."""
    parser.add_argument(*flags, action=Unused, reason=reason, nargs=nargs, default=argparse.SUPPRESS)


def add_logging_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags every command has.

    They have no defaults, so that they may stand before a part of a command and after it.
    """
    group = parser.add_argument_group("logging")
    switch: dict[str, Any] = {"action": "store_true", "default": argparse.SUPPRESS}
    group.add_argument("-v", "--verbose", help="say what is going on (the default)", **switch)
    group.add_argument("-vv", "--debug", help="say everything, message texts too", **switch)
    group.add_argument("--quiet", help="say only warnings", **switch)
    group.add_argument(
        "--log-format",
        choices=("text", "json"),
        default=argparse.SUPPRESS,
        help="form of log lines",
    )
    group.add_argument(
        "--logging-config-file",
        type=Path,
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="YAML for Python's logging.config; decides instead of the other flags",
    )


def add_log_targets(parser: argparse.ArgumentParser) -> None:
    """The flags of commands that run long: copies of log lines for a file and for syslog."""
    group = parser.add_argument_group("copies of log lines")
    group.add_argument("--log-file", type=Path, metavar="FILE", help="append them to this file")
    group.add_argument("--use-syslog", action="store_true", help="send them to syslog")
    group.add_argument("--syslog-address", default="localhost", help="where it listens")
    group.add_argument("--syslog-port", type=int, default=514, help="its port")
    group.add_argument(
        "--syslog-protocol", type=str.upper, choices=("UDP", "TCP"), default="UDP", help="how it is reached"
    )


def add_server_flags(parser: argparse.ArgumentParser, reason: str) -> None:
    """What commands of Rasa take because they start a server, and ours do not."""
    for flags in (
        ("-i", "--interface"),
        ("-p", "--port"),
        ("-t", "--auth-token"),
        ("--connector",),
        ("--credentials",),
        ("--jwt-secret",),
        ("--jwt-method",),
        ("--jwt-private-key",),
        ("--ssl-certificate",),
        ("--ssl-keyfile",),
        ("--ssl-ca-file",),
        ("--ssl-password",),
        ("--response-timeout",),
        ("--request-timeout",),
    ):
        add_unused(parser, reason, *flags)
    add_unused(parser, reason, "--enable-api", nargs=0)
    add_unused(parser, reason, "--cors", nargs="*")


def add_remote_storage(parser: argparse.ArgumentParser) -> None:
    """Rasa's flag for models in a bucket; see `refuse_remote_storage`."""
    parser.add_argument(
        "--remote-storage", metavar="NAME", help="(not supported: fetch archives into the folder of --model)"
    )


def refuse_remote_storage(args: argparse.Namespace) -> None:
    """Stop rather than serve another model than the one meant.

    Raises:
        ConfigError: the flag was given.
    """
    if args.remote_storage:
        raise ConfigError(
            f"--remote-storage {args.remote_storage} is not supported: models are read from files.",
            hint="Fetch the archive first (as with `aws s3 cp s3://BUCKET/MODEL.tar.gz models/`), then name it with --model.",
        )


def logs_of(args: argparse.Namespace) -> Logs:
    """The logging asked for.

    Raises:
        ConfigError: the environment names no level.
    """
    level = os.environ.get(LEVEL_VARIABLE, "INFO").upper()
    if level not in LEVELS:
        raise ConfigError(f"{LEVEL_VARIABLE}={level} is no level of logs.", hint=did_you_mean(level, LEVELS))
    if getattr(args, "debug", False):
        level = "DEBUG"
    elif args.quiet:
        level = "WARNING"
    syslog = None
    if getattr(args, "use_syslog", False):
        syslog = Syslog(args.syslog_address, args.syslog_port, args.syslog_protocol == "TCP")
    return Logs(
        logging.getLevelNamesMapping()[level],
        args.log_format,
        getattr(args, "log_file", None),
        syslog,
        getattr(args, "logging_config_file", None),
    )


def set_up_logging(args: argparse.Namespace) -> None:
    """Log as the flags say.

    Raises:
        ConfigError: a place for logs cannot be used.
    """
    install_logging(logs_of(args))


def asks_for_help(parser: argparse.ArgumentParser, status: int) -> Callable[[argparse.Namespace], int]:
    """What a command does that was given without its part: print its help."""

    def show(args: argparse.Namespace) -> int:
        parser.print_help()
        return status

    return show
