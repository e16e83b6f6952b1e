"""`shoptalk telemetry [enable|disable]`."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What Rasa's command takes."""
    parser.add_argument("what", nargs="?", choices=["enable", "disable"], help="(makes no difference)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Say that there is none."""
    print("Shoptalk sends nothing to anybody. There is nothing to switch on or off.")
    return 0
