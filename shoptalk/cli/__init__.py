"""The command line: one verb a module, imported when asked for."""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
from collections.abc import Sequence

import shoptalk
from shoptalk.errors import ShoptalkError
from shoptalk.server.observe import install_logging

VERBS = {
    "init": "make a new project in a folder",
    "train": "train a model from the project in this folder",
    "run": "serve the assistant over HTTP and its channels",
    "shell": "talk to the assistant in the terminal",
    "test": "evaluate understanding and dialogue on test data",
    "data": "check, split, convert and migrate training data",
    "interactive": "talk, correct what is predicted, and keep it as a story",
    "visualize": "draw the stories as a graph",
    "export": "send stored conversations to the event broker",
    "evaluate": "evaluate markers on stored conversations",
    "models": "list, fetch and check pretrained models",
    "doctor": "check an installation and say what is wrong",
    "forget": "delete everything stored of a sender",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit status: 0 for success.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = _parser(next((word for word in arguments if word in VERBS), None))
    args = parser.parse_args(arguments)
    if getattr(args, "command", None) is None:
        parser.print_help()
        return 1
    _set_up_logging(args)
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        return int(args.run(args) or 0)
    except ShoptalkError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130


def _parser(verb: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="shoptalk",
        description="Conversational customer service that is trained, not prompted.",
        epilog="`shoptalk COMMAND --help` says more of a command.",
    )
    parser.add_argument("--version", action="version", version=f"Shoptalk {shoptalk.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, what in VERBS.items():
        command = commands.add_parser(
            name, help=what, description=what[0].upper() + what[1:] + ".", formatter_class=_Formatter
        )
        if name == verb:
            importlib.import_module(f"shoptalk.cli.{name}").add_arguments(command)
            if not getattr(command, "_subparsers", None):
                add_logging_arguments(command)
    return parser


class _Formatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows a default only where there is one to show."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default in (None, False, [], argparse.SUPPRESS):
            return action.help
        return super()._get_help_string(action)


def add_logging_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags every command has."""
    group = parser.add_argument_group("logging")
    group.add_argument("-v", "--verbose", action="store_true", help="say what is going on")
    group.add_argument("-vv", "--debug", action="store_true", help="say everything, message texts too")
    group.add_argument("--quiet", action="store_true", help="say only warnings")
    group.add_argument("--log-format", choices=("text", "json"), default="text", help="form of log lines")


def _set_up_logging(args: argparse.Namespace) -> None:
    level = logging.INFO
    if getattr(args, "debug", False):
        level = logging.DEBUG
    elif getattr(args, "quiet", False):
        level = logging.WARNING
    install_logging(level, getattr(args, "log_format", "text"))
    if level != logging.DEBUG:
        for noisy in ("httpx", "httpcore", "urllib3", "asyncio", "matplotlib", "rasa_sdk"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
