"""`shoptalk visualize`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from shoptalk.cli.flags import add_unused
from shoptalk.errors import ConfigError, DataError

if TYPE_CHECKING:
    from shoptalk.core.stories import Rule, Story


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command; those of Rasa's `visualize` mean the same."""
    parser.add_argument("-s", "--stories", type=Path, default=Path("data"), help="stories: file or folder")
    parser.add_argument("--out", type=Path, default=Path("graph.html"), help="page to write")
    parser.add_argument(
        "--max-history", type=int, default=2, help="steps before a step that tell it from others"
    )
    parser.add_argument("--rules", action="store_true", help="draw rules, too")
    add_unused(parser, "stories are drawn as they are written", "-d", "--domain")
    add_unused(parser, "messages are shown as stories have them", "-u", "--nlu")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Draw the stories."""
    from shoptalk.cli import graph
    from shoptalk.formats.edit import write_whole
    from shoptalk.formats.project import load_stories

    if args.max_history < 0:
        raise ConfigError("--max-history must not be negative.", hint="Say --max-history 2.")
    if not args.stories.exists():
        raise DataError(
            "There are no stories here.", hint="Name them with --stories.", file=str(args.stories)
        )
    found = load_stories([args.stories], lambda message, source: None, root=Path())
    chosen: list[Story | Rule] = [*found.stories, *(found.rules if args.rules else ())]
    if not chosen:
        raise DataError(
            "There are no stories here.", hint="Rules are drawn with --rules.", file=str(args.stories)
        )
    drawn = graph.build(chosen, args.max_history)
    write_whole(args.out, graph.page(drawn, f"Stories of {Path().resolve().name}"))
    print(f"{len(chosen)} stories as {len(drawn.nodes)} steps: open {args.out}")
    return 0
