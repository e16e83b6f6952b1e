"""`shoptalk train [nlu|core]`."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoptalk.cli.flags import add_unused
from shoptalk.errors import ConfigError

if TYPE_CHECKING:
    from shoptalk.training.train import Options, Result

CHANGED, FORCED = 1, 8
"""Exit status of a dry run: bits that say what would be done."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command; those of Rasa's `train` mean the same."""
    parser.add_argument("what", nargs="?", choices=["nlu", "core"], help="train only this part")
    parser.add_argument(
        "-c",
        "--config",
        type=Path,
        nargs="+",
        default=[Path("config.yml")],
        help="config; several with `train core`",
    )
    parser.add_argument("-d", "--domain", type=Path, help="domain file or folder (default: domain.yml)")
    parser.add_argument("--data", type=Path, nargs="+", default=[Path("data")], help="training data")
    parser.add_argument("-u", "--nlu", type=Path, dest="nlu_data", help="NLU data (with `train nlu`)")
    parser.add_argument("-s", "--stories", type=Path, dest="story_data", help="stories (with `train core`)")
    parser.add_argument("--out", type=Path, default=Path("models"), help="folder for models")
    parser.add_argument("--fixed-model-name", metavar="NAME", help="file name of the model, without .tar.gz")
    parser.add_argument("--force", action="store_true", help="train what did not change, too")
    parser.add_argument(
        "--augmentation", type=int, default=50, help="how much stories are glued to each other"
    )
    parser.add_argument("--finetune", nargs="?", const=Path("models"), type=Path, help="go on from a model")
    parser.add_argument(
        "--epoch-fraction", type=float, default=1.0, help="share of the epochs when fine-tuning"
    )
    parser.add_argument(
        "--percentages",
        type=int,
        nargs="*",
        default=[0, 25, 50, 75],
        help="stories left out (several configs)",
    )
    parser.add_argument("--runs", type=int, default=3, help="choices of stories to try (several configs)")
    parser.add_argument(
        "--dry-run", action="store_true", help="say whether anything changed; the status tells"
    )
    parser.add_argument("--skip-validation", action="store_true", help="do not check the project first")
    parser.add_argument(
        "--fail-on-validation-warnings", action="store_true", help="warnings stop the training"
    )
    parser.add_argument(
        "--validation-max-history", type=int, help="history that conflicts of stories are sought in"
    )
    parser.add_argument(
        "--num-threads", type=int, default=1, help="threads for training; small networks gain from no second"
    )
    add_unused(parser, "training data is never put into models", "--persist-nlu-data", nargs=0)
    add_unused(parser, "training calls no services", "--endpoints")
    add_unused(parser, "`shoptalk visualize` draws stories", "--debug-plots", nargs=0)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train and say what was done."""
    from shoptalk.cli.progress import Progress
    from shoptalk.training.train import Options, train

    if args.epoch_fraction <= 0:
        raise ConfigError("--epoch-fraction must be more than 0.", hint="Say --epoch-fraction 0.2.")
    if len(args.config) > 1 and args.what != "core":
        raise ConfigError(
            "Several configurations can be trained with `shoptalk train core` only.",
            hint="Compare pipelines with `shoptalk test nlu -c a.yml b.yml`.",
        )
    data = [args.nlu_data or args.story_data] if args.nlu_data or args.story_data else args.data
    options = Options(
        config=args.config[0],
        domain=args.domain,
        data=data,
        out=args.out,
        fixed_name=args.fixed_model_name,
        force=args.force,
        augmentation=args.augmentation,
        nlu=args.what != "core",
        dialogue=args.what != "nlu",
        skip_validation=args.skip_validation,
        fail_on_warnings=args.fail_on_validation_warnings,
        dry_run=args.dry_run,
        finetune=args.finetune,
        epoch_fraction=args.epoch_fraction,
    )
    _use_threads(args.num_threads)
    if len(args.config) > 1:
        return _compare(args, options)
    with Progress(quiet=args.quiet or args.json) as progress:
        result = train(Path(), options, progress.step)
    if args.json:
        print(json.dumps(_as_json(result), indent=1))
    else:
        _say(result, args)
    if args.dry_run:
        return (CHANGED if result.trained else 0) | (FORCED if args.force else 0)
    return 0


def _compare(args: argparse.Namespace, options: Options) -> int:
    """Models of several configurations on shares of the stories."""
    from shoptalk.cli.progress import Steps
    from shoptalk.training.comparison import train_for_comparison

    with Steps(quiet=args.quiet) as bar:
        made = train_for_comparison(
            Path(), args.config, options, runs=args.runs, percentages=args.percentages, tell=bar.tell
        )
    print(
        f"{len(made)} models are in {args.out}/. Compare them: shoptalk test core -m {args.out} --evaluate-model-directory"
    )
    return 0


def _use_threads(threads: int) -> None:
    """Say how many threads numeric libraries may use; they read it as they are imported."""
    os.environ["OMP_NUM_THREADS"] = str(threads)


def _as_json(result: Result) -> dict[str, Any]:
    return {
        "model": str(result.path) if result.path else None,
        "trained": list(result.trained),
        "seconds": dict(result.seconds),
        "report": dict(result.report),
        "findings": [{"level": f.level, "code": f.code, "message": str(f)} for f in result.findings],
    }


def _say(result: Result, args: argparse.Namespace) -> None:
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    warnings = [
        finding for finding in result.findings if finding.level == "warning" or finding.code == "file"
    ]
    for finding in warnings[:5]:
        console.print(f"[yellow]warning[/] {finding}", markup=True)
    if len(warnings) > 5:
        console.print(f"[yellow]and {len(warnings) - 5} more warnings[/]: shoptalk data validate")
    if args.dry_run:
        console.print(f"Would train: {', '.join(result.trained)}." if result.trained else "Nothing changed.")
    elif not result.seconds:
        console.print(f"Nothing changed. Your model is {result.path}")
    else:
        kept = "" if len(result.trained) != 0 else " (only texts changed)"
        cpu = result.seconds["cpu"]
        console.print(
            f"[bold]Your model is {result.path}[/] · trained {' and '.join(result.trained) or 'nothing'}{kept} in "
            f"{result.seconds['wall']:.1f} s ({cpu:.1f} s of CPU)"
        )
