"""`shoptalk x`: says that Rasa X is gone."""

from __future__ import annotations

import argparse

from shoptalk.cli.flags import add_log_targets, add_remote_storage, add_server_flags, add_unused
from shoptalk.errors import ConfigError

GONE = "Rasa X is gone"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What Rasa's command takes."""
    for flag in ("--production", "--no-prompt"):
        add_unused(parser, GONE, flag, nargs=0)
    for flags in (("--config-endpoint",), ("-m", "--model"), ("--endpoints",)):
        add_unused(parser, GONE, *flags)
    add_server_flags(parser, GONE)
    add_remote_storage(parser)
    add_log_targets(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Refuse.

    Raises:
        ConfigError: always.
    """
    raise ConfigError(
        "Rasa X and Rasa Enterprise are not supported: Rasa X is no longer made.",
        hint="Serve with `shoptalk run --enable-api`; `shoptalk interactive` teaches by talking.",
    )
