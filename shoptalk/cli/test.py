"""`shoptalk test [core|nlu]`."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoptalk.cli.flags import add_unused
from shoptalk.errors import ConfigError, DataError

if TYPE_CHECKING:
    from shoptalk.cli.progress import Steps
    from shoptalk.core.stories import StoryData
    from shoptalk.formats.config import ProjectConfig
    from shoptalk.model import Model
    from shoptalk.testing.folds import CrossValidation
    from shoptalk.testing.nlu import NluEvaluation
    from shoptalk.testing.reports import ReportOptions
    from shoptalk.testing.review import Review
    from shoptalk.testing.stories import StoryEvaluation

FAILED_SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command; those of Rasa's `test` mean the same."""
    parser.add_argument(
        "what", nargs="?", choices=["core", "nlu"], help="test only dialogue, or only understanding"
    )
    parser.add_argument(
        "-m", "--model", type=Path, nargs="+", default=[Path("models")], help="model, or several to compare"
    )
    parser.add_argument(
        "-s", "--stories", type=Path, nargs="+", help="test stories (default: every test_*.yml here)"
    )
    parser.add_argument("-u", "--nlu", type=Path, nargs="+", help="annotated examples (default: data)")
    parser.add_argument("-c", "--config", type=Path, nargs="+", help="config; several are compared (nlu)")
    parser.add_argument(
        "-d", "--domain", type=Path, help="domain, for --cross-validation (default: domain.yml)"
    )
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder for reports")
    parser.add_argument(
        "--e2e",
        "--end-to-end",
        action="store_true",
        help="of folders, take only files called test_* (with `test core`)",
    )
    parser.add_argument("--gold", action="store_true", help="take the intents of test stories as they stand")
    parser.add_argument("--max-stories", type=int, help="test at most so many stories")
    parser.add_argument(
        "--fail-on-prediction-errors", action="store_true", help="exit status 1 if a story fails"
    )
    parser.add_argument(
        "--evaluate-model-directory", action="store_true", help="compare all models of --model"
    )
    parser.add_argument(
        "--cross-validation", action="store_true", help="train and test on parts of the NLU data"
    )
    parser.add_argument("-f", "--folds", type=int, default=5, help="parts of cross-validation")
    parser.add_argument("-r", "--runs", type=int, default=3, help="divisions to compare configs on")
    parser.add_argument(
        "-p",
        "--percentages",
        type=int,
        nargs="*",
        default=[0, 25, 50, 75],
        help="shares left out when comparing",
    )
    parser.add_argument("--seed", type=int, default=0, help="of divisions and folds")
    parser.add_argument("--no-plot", action="store_true", help="no pictures")
    parser.add_argument("--successes", action="store_true", help="list what is right, too")
    parser.add_argument("--no-errors", action="store_true", help="do not list what is wrong")
    parser.add_argument(
        "--no-warnings", action="store_true", help="do not list stories with unexpected messages"
    )
    add_unused(parser, "tests run no actions", "--endpoints")
    parser.add_argument("--url", help="(not supported: tests run in this process)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Evaluate, write the reports, and print the figures."""
    from shoptalk.testing.reports import ReportOptions

    if args.url:
        raise ConfigError("--url is not supported.", hint="Tests run in this process; leave it out.")
    options = ReportOptions(
        args.out, args.successes, not args.no_errors, not args.no_warnings, plots=not args.no_plot
    )
    if args.cross_validation:
        return _cross_validate(args, options)
    if args.what == "nlu" and args.config and len(args.config) > 1:
        return _compare_configs(args, options)
    models = _models(args)
    if len(models) > 1:
        return _compare_models(args, models)
    return _test(args, models[0], options)


def _test(args: argparse.Namespace, path: Path, options: ReportOptions) -> int:
    from shoptalk import model as models
    from shoptalk.testing import page, reports

    model = models.load(path)
    stories = _stories(args, model) if args.what != "nlu" else None
    if stories is not None:
        reports.write_stories(stories, options)
    nlu, review = _nlu(args, model) if args.what != "core" else (None, None)
    if nlu is not None:
        reports.write_nlu(nlu, options)
    if review is not None:
        reports.write_review(review, options)
    if stories is None and nlu is None:
        raise DataError(
            "There is nothing to test with this model.",
            hint="Put test stories into tests/test_stories.yml, or name NLU data with --nlu.",
        )
    page.write(options.folder / "index.html", f"Test of {model.path}", nlu, stories, review)
    _say(nlu, stories, options.folder)
    failed = stories is not None and bool(stories.failed)
    return int(failed and args.fail_on_prediction_errors)


# ------------------------------------------------------------------------------------------------------ stories


def find_test_files(given: Sequence[Path] | None, *, every: bool = False) -> list[Path]:
    """Files with test stories: those named, those called `test_*` in folders named, or all below this folder.

    Args:
        given: files and folders.
        every: in folders that are named, take every YAML file, as `rasa test core` does without `--e2e`.

    Raises:
        DataError: a path that was named does not exist.
    """
    from shoptalk.formats.project import TEST_PREFIX, YAML_SUFFIXES

    found: set[Path] = set()
    for path in given or [Path()]:
        if path.is_file():
            found.add(path)
        elif path.is_dir():
            pattern = "*" if every and given else f"{TEST_PREFIX}*"
            below = (p for p in path.rglob(pattern) if p.suffix in YAML_SUFFIXES and p.is_file())
            found |= {p for p in below if not _is_foreign(p.relative_to(path))}
        else:
            raise DataError(
                "There are no test stories here.", hint="Name a file with --stories.", file=str(path)
            )
    return sorted(found)


def _is_foreign(path: Path) -> bool:
    return any(
        part.startswith(".") or part in ("node_modules", "site-packages", "results")
        for part in path.parts[:-1]
    )


def read_tests(files: Sequence[Path]) -> StoryData:
    """The test stories of files.

    Raises:
        DataError: a file is malformed.
    """
    from shoptalk.formats.project import load_stories

    return load_stories(files, lambda message, source: None, root=Path())


def _stories(args: argparse.Namespace, model: Model) -> StoryEvaluation | None:
    from shoptalk.assistant import Assistant
    from shoptalk.testing.stories import evaluate_stories

    if model.dialogue is None:
        return None
    tests = read_tests(find_test_files(args.stories, every=args.what == "core" and not args.e2e))
    if not tests.stories:
        if args.what == "core":
            raise DataError("There are no test stories.", hint="Put them into tests/test_stories.yml.")
        return None

    async def play() -> StoryEvaluation:
        assistant = Assistant.from_model(model)
        understand = model.pipeline is not None and not args.gold
        try:
            return await evaluate_stories(assistant, tests, understand=understand, limit=args.max_stories)
        finally:
            await assistant.close()

    return asyncio.run(play())


def _nlu(args: argparse.Namespace, model: Model) -> tuple[NluEvaluation | None, Review | None]:
    from shoptalk.formats.project import load_training_data
    from shoptalk.testing.nlu import evaluate_nlu, extractors_of, parse_examples
    from shoptalk.testing.review import review, sentence_vectors

    if model.pipeline is None:
        return None, None
    data = load_training_data(args.nlu or [Path("data")], lambda message, source: None, root=Path())
    if not data.examples:
        if args.what == "nlu":
            raise DataError("There is no NLU data to test on.", hint="Name it with --nlu.")
        return None, None
    found = evaluate_nlu(parse_examples(model.pipeline, data.examples), extractors_of(model.pipeline))
    vectors = sentence_vectors(model.pipeline, [example.text for example in data.examples])
    return found, review(found.intents, data.examples, vectors)


# ------------------------------------------------------------------------------------------------- comparisons


def _models(args: argparse.Namespace) -> list[Path]:
    """The models to test; more than one are compared."""
    if args.evaluate_model_directory:
        folder = args.model[0]
        found = sorted(folder.rglob("*.tar.gz")) if folder.is_dir() else []
        if not found:
            raise ConfigError(
                "There are no models here.", hint="Name a folder with --model.", file=str(folder)
            )
        return found
    return list(args.model)


def _compare_models(args: argparse.Namespace, paths: Sequence[Path]) -> int:
    """Several models on the same test stories; results.json has the stories right, by name, run and share."""
    from rich.console import Console
    from rich.table import Table

    from shoptalk import model as models
    from shoptalk.testing.reports import write_json

    right: dict[tuple[str, str], list[tuple[int, int]]] = {}
    table = Table("model", "stories right", "of", title="Models")
    for path in paths:
        model = models.load(path)
        found = _stories(args, model)
        if found is None:
            raise DataError("This model has no dialogue, or there are no test stories.", file=str(path))
        name, _, percentage = path.name.removesuffix(".tar.gz").partition("__percentage__")
        entry = (int(percentage) if percentage.isdecimal() else 0, found.correct)
        right.setdefault((name, path.parent.name), []).append(entry)
        table.add_row(str(model.path), str(found.correct), str(len(found.results)))
    results: dict[str, list[list[int]]] = {}
    for (name, _), entries in sorted(right.items()):
        results.setdefault(name, []).append([correct for _, correct in sorted(entries)])
    write_json(args.out / "results.json", results)
    Console(highlight=False).print(table)
    numbers = args.model[0] / "num_stories.json"
    if numbers.is_file() and not args.no_plot:
        _plot_models(args.out, json.loads(numbers.read_text(encoding="utf-8")), results)
    return 0


def _plot_models(out: Path, numbers: list[int], results: dict[str, list[list[int]]]) -> None:
    from shoptalk.testing import plots

    lines = {name: [[float(n) for n in run] for run in runs] for name, runs in results.items()}
    path = out / "core_model_comparison_graph.pdf"
    plots.curves(path, "Dialogue models", numbers, lines, "stories right", "stories of training")


def _configs(paths: Sequence[Path]) -> dict[str, ProjectConfig]:
    from shoptalk.formats import config as config_format
    from shoptalk.formats.project import yaml_files
    from shoptalk.formats.yaml import read_file

    missing = next((path for path in paths if not path.exists()), None)
    if missing is not None:
        raise ConfigError(
            "There is no such configuration.", hint="Name files with --config.", file=str(missing)
        )
    return {path.stem: config_format.read(read_file(path, environment=True)) for path in yaml_files(paths)}


def _compare_configs(args: argparse.Namespace, options: ReportOptions) -> int:
    """Several pipelines on growing shares of the NLU data."""
    from shoptalk.cli.writing import write_training_data
    from shoptalk.formats.project import load_training_data
    from shoptalk.testing import plots, reports
    from shoptalk.testing.folds import compare_nlu

    data = load_training_data(args.nlu or [Path("data")], lambda message, source: None, root=Path())

    def keep(run: int, percentage: int, name: str, train: Any, test: Any, found: NluEvaluation) -> None:
        folder = args.out / f"run_{run + 1}"
        below = folder / f"{percentage}%_exclusion"
        write_training_data(folder / "test.yml", test)
        write_training_data(below / "train" / "nlu.yml", train)
        where = reports.ReportOptions(
            below / f"{name}_report", options.successes, options.errors, plots=False
        )
        reports.write_nlu(found, where)

    with _bar(args) as bar:
        found = compare_nlu(
            _configs(args.config),
            data,
            runs=args.runs,
            percentages=args.percentages,
            tell=bar.tell,
            keep=keep,
        )
    reports.write_json(args.out / "results.json", found.f1)
    if options.plots:
        plots.curves(
            args.out / "nlu_model_comparison_graph.pdf",
            "Pipelines",
            list(found.counts),
            dict(found.f1),
            "F1 of intents",
        )
    _say_comparison(found.f1, found.counts, args.out)
    return 0


def _say_comparison(f1: Any, counts: Sequence[int], out: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("config", *(f"{count} examples" for count in counts), title="F1 of intents, mean of runs")
    for name, runs in f1.items():
        columns = list(zip(*runs, strict=True))
        table.add_row(name, *(f"{sum(column) / len(column):.3f}" for column in columns))
    console = Console(highlight=False)
    console.print(table)
    console.print(f"Reports are in {out}/.")


def _cross_validate(args: argparse.Namespace, options: ReportOptions) -> int:
    from shoptalk.formats.project import load_training_data
    from shoptalk.testing import page, reports
    from shoptalk.testing.folds import cross_validate
    from shoptalk.testing.review import review

    data = load_training_data(args.nlu or [Path("data")], lambda message, source: None, root=Path())
    if not data.examples:
        raise DataError("There is no NLU data to cross-validate on.", hint="Name it with --nlu.")
    config = next(iter(_configs(args.config or [Path("config.yml")]).values()))
    with _bar(args) as bar:
        found = cross_validate(config, data, args.folds, seed=args.seed, tell=bar.tell)
    reports.write_nlu(found.evaluation, options)
    judged = review(found.evaluation.intents, data.examples)
    reports.write_review(judged, options)
    title = f"Cross-validation in {args.folds} folds"
    page.write(options.folder / "index.html", title, found.evaluation, None, judged)
    _say_folds(found, options.folder)
    return 0


def _say_folds(found: CrossValidation, folder: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if found.dropped:
        console.print(f"[yellow]Left out[/] for too few examples: {', '.join(found.dropped)}")
    table = Table("", "side", "figure", "mean", "std", title="Cross-validation")
    for part, sides in found.summary().items():
        for side, figures in sides.items():
            for name, (mean, spread) in figures.items():
                table.add_row(part, side, name, f"{mean:.3f}", f"{spread:.3f}")
    console.print(table)
    console.print(f"Reports are in {folder}/; open [bold]{folder / 'index.html'}[/].")


def _bar(args: argparse.Namespace) -> Steps:
    from shoptalk.cli.progress import Steps

    return Steps(quiet=args.quiet)


# ------------------------------------------------------------------------------------------------------ saying


def _say(nlu: NluEvaluation | None, stories: StoryEvaluation | None, folder: Path) -> None:
    from rich.console import Console
    from rich.markup import escape

    from shoptalk.testing import page

    console = Console(highlight=False, soft_wrap=True)
    if stories is not None:
        for result in stories.failed[:FAILED_SHOWN]:
            console.print(f"[red]failed[/] {escape(result.name)}")
            for step in result.checked:
                if not step.is_right:
                    console.print(
                        f"       {step.source}: {escape(page.difference(step))}, story: {escape(step.right)}"
                    )
        if len(stories.failed) > FAILED_SHOWN:
            console.print(f"[red]and {len(stories.failed) - FAILED_SHOWN} more[/]")
    if nlu is not None and nlu.intents:
        weakest = sorted(
            (entry["f1-score"], label)
            for label, entry in nlu.intents.evaluation.report.items()
            if isinstance(entry, dict) and "confused_with" in entry and entry["f1-score"] < 1
        )
        if weakest:
            console.print("Weakest intents: " + ", ".join(f"{label} ({f1:.2f})" for f1, label in weakest[:5]))
    for name, value in page.figures(nlu, stories):
        console.print(f"[bold]{value:>12}[/]  {name}")
    console.print(f"Reports are in {folder}/; open [bold]{folder / 'index.html'}[/].")
