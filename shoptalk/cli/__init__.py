"""The command line: one verb a module, imported when asked for."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

import shoptalk
from shoptalk.cli.flags import add_logging_arguments, say_unused, set_up_logging
from shoptalk.errors import ShoptalkError

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
    "telemetry": "nothing is ever sent; the command is there for scripts made for Rasa",
    "x": "(gone: `shoptalk run` serves; Rasa X is no longer made)",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit status: 0 for success.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = make_parser(next((word for word in arguments if word in VERBS), None))
    args = parser.parse_args(arguments)
    if getattr(args, "command", None) is None:
        parser.print_help()
        return 1
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        set_up_logging(args)
        say_unused(args)
        return int(args.run(args) or 0)
    except ShoptalkError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130


def make_parser(verb: str | None) -> argparse.ArgumentParser:
    """The parser of the command line, with the flags of one command; the others are named only."""
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
            add_logging_arguments(command)
            command.set_defaults(quiet=False, log_format="text")
    return parser


class _Formatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows a default only where there is one to show."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default in (None, False, [], argparse.SUPPRESS):
            return action.help
        return super()._get_help_string(action)
