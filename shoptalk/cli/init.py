"""`shoptalk init`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from shoptalk.errors import ConfigError

TEMPLATE = Path(__file__).parent / "template"
RENAMED = {"gitignore": ".gitignore"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command; those of Rasa's `init` mean the same."""
    parser.add_argument("--init-dir", type=Path, help="folder for the project (default: asked for)")
    parser.add_argument("--no-prompt", action="store_true", help="ask nothing; train at once")
    parser.add_argument("--no-train", action="store_true", help="only write the files")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the project, train it, and offer to talk to it."""
    asks = not args.no_prompt and sys.stdin.isatty()
    folder = args.init_dir or (Path(ask("In which folder?", ".")) if asks else Path())
    if args.no_prompt and not folder.is_dir():
        raise ConfigError(
            f"The folder {str(folder)!r} does not exist.",
            hint=f"mkdir -p {folder}, or leave out --no-prompt.",
        )
    written = create(folder)
    print(f"Your project is in {folder.resolve()}:")
    for path in written:
        print(f"  {path}")
    if args.no_train or (asks and ask("Train a first model now?", "yes")[:1].lower() != "y"):
        print("Next: shoptalk train, then shoptalk shell.")
        return 0
    return _train(folder, talk=asks)


def create(folder: Path) -> list[Path]:
    """Copy the template.

    Returns:
        The files written, relative to the folder.

    Raises:
        ConfigError: one of them is already there; nothing is written then.
    """
    files = sorted(p for p in TEMPLATE.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    targets = [p.relative_to(TEMPLATE).with_name(RENAMED.get(p.name, p.name)) for p in files]
    there = [target for target in targets if (folder / target).exists() and target.name != ".gitignore"]
    if there:
        raise ConfigError(
            f"There is already a file {str(there[0])!r} in {str(folder)!r}.",
            hint="Take an empty folder: shoptalk init --init-dir my-assistant.",
        )
    written = []
    for source, target in zip(files, targets, strict=True):
        place = folder / target
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(source.read_bytes())
            written.append(target)
    return written


def ask(question: str, default: str) -> str:
    """Ask on the terminal; an empty answer means the default."""
    return input(f"{question} [{default}] ").strip() or default


def _train(folder: Path, *, talk: bool) -> int:
    from shoptalk.cli.progress import Progress
    from shoptalk.training.train import train

    with Progress() as progress:
        result = train(folder, progress=progress.step)
    print(f"Your model is {result.path}.")
    here = "" if folder.resolve() == Path.cwd() else f"cd {folder} && "
    if talk and ask("Talk to it now?", "yes")[:1].lower() == "y":
        import os

        from shoptalk.cli import main

        os.chdir(folder)
        return main(["shell"])
    print(f"Talk to it: {here}shoptalk shell")
    return 0
