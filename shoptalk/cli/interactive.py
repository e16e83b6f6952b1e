"""`shoptalk interactive`."""

from __future__ import annotations

import argparse
import asyncio
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from shoptalk.cli.flags import add_unused
from shoptalk.errors import ConfigError

if TYPE_CHECKING:
    from shoptalk.model import Model


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command; those of Rasa's `interactive` mean the same."""
    parser.add_argument(
        "what", nargs="?", help="`core` to name intents yourself (as /intent), or the path of a model"
    )
    parser.add_argument("-m", "--model", type=Path, help="a model; without one the project is trained first")
    parser.add_argument("--data", type=Path, nargs="+", default=[Path("data")], help="training data")
    parser.add_argument("-c", "--config", type=Path, default=Path("config.yml"), help="pipeline and policies")
    parser.add_argument(
        "-d", "--domain", type=Path, default=Path("domain.yml"), help="domain file; names are added"
    )
    parser.add_argument("--out", type=Path, default=Path("models"), help="folder for the model")
    parser.add_argument("--endpoints", type=Path, default=Path("endpoints.yml"), help="services to use")
    parser.add_argument("--conversation-id", help="name of the conversation and of its story")
    parser.add_argument(
        "-s",
        "--stories",
        type=Path,
        help="where stories are added (default: data/stories.yml); with `core` all that is learnt from",
    )
    parser.add_argument("--nlu", type=Path, help="where examples are added (default: data/nlu.yml)")
    parser.add_argument("--e2e", action="store_true", help="keep test stories, in tests/test_stories.yml")
    parser.add_argument(
        "--augmentation", type=int, default=50, help="how much stories are glued to each other"
    )
    parser.add_argument("--force", action="store_true", help="train what did not change, too")
    parser.add_argument("--finetune", nargs="?", const=Path("models"), type=Path, help="go on from a model")
    parser.add_argument(
        "--epoch-fraction", type=float, default=1.0, help="share of the epochs when fine-tuning"
    )
    add_unused(parser, "nothing is served", "-p", "--port")
    add_unused(parser, "nothing is drawn; see `shoptalk visualize`", "--skip-visualization", nargs=0)
    add_unused(parser, "`shoptalk visualize` draws stories", "--debug-plots", nargs=0)
    add_unused(parser, "training data is never put into models", "--persist-nlu-data", nargs=0)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Talk, correct, and keep what was said."""
    from rich.console import Console

    from shoptalk.actions.load import load_actions
    from shoptalk.assistant import Assistant
    from shoptalk.cli.assistants import read_endpoints
    from shoptalk.cli.teaching import Lesson, Targets

    model = _model(args)
    if model.dialogue is None:
        raise ConfigError("This model has no dialogue to teach.", hint="Train one with stories or rules.")
    assistant = Assistant.from_model(
        model, load_actions(model.domain, read_endpoints(args.endpoints), Path())
    )
    data = _data(args)
    if args.stories:
        stories = args.stories / "stories.yml" if args.stories.is_dir() else args.stories
    else:
        stories = Path("tests/test_stories.yml") if args.e2e else _file(data, "stories")
    targets = Targets(stories, args.nlu or _file(data, "nlu"), args.domain, as_test=args.e2e)
    name = args.conversation_id or f"interactive {uuid.uuid4().hex[:8]}"
    lesson = Lesson(assistant, Console(highlight=False, soft_wrap=True), targets, name)
    return asyncio.run(lesson.run())


def _model(args: argparse.Namespace) -> Model:
    from shoptalk import model as models
    from shoptalk.cli.progress import Progress
    from shoptalk.training.train import Options, train

    given = args.model or (Path(args.what) if args.what and args.what != "core" else None)
    if given is not None:
        return models.load(given)
    options = Options(
        config=args.config,
        domain=args.domain if args.domain.exists() else None,
        data=_data(args),
        out=args.out,
        force=args.force,
        augmentation=args.augmentation,
        skip_validation=True,
        finetune=args.finetune,
        epoch_fraction=args.epoch_fraction,
    )
    with Progress(quiet=args.quiet) as progress:
        result = train(Path(), options, progress.step)
    return models.load(result.path or args.out)


def _data(args: argparse.Namespace) -> list[Path]:
    """What is learnt from; `interactive core --stories` names stories alone."""
    return [args.stories] if args.what == "core" and args.stories else list(args.data)


def _file(data: list[Path], name: str) -> Path:
    """Where new data goes: `NAME.yml` of the first folder, or the first file named like it."""
    for path in data:
        if path.is_dir():
            return path / f"{name}.yml"
        if name in path.name:
            return path
    return Path("data") / f"{name}.yml"
