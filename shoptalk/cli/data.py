"""`shoptalk data validate|split|convert|migrate`."""

from __future__ import annotations

import argparse
from pathlib import Path

from shoptalk.cli.flags import add_logging_arguments, add_unused, asks_for_help


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command and its parts."""
    from shoptalk.cli.data_validate import add_arguments as add_validate

    parser.set_defaults(run=asks_for_help(parser, 0))
    parts = parser.add_subparsers(dest="part", metavar="PART")
    validate = parts.add_parser("validate", help="check domain, data and configuration against each other")
    add_validate(validate)
    split = parts.add_parser("split", help="divide data into a part for training and one for tests")
    _split_arguments(split)
    convert = parts.add_parser("convert", help="write NLU data in another format")
    _convert_arguments(convert)
    migrate = parts.add_parser("migrate", help="bring a domain of Rasa 2 into Rasa 3's form")
    migrate.add_argument("-d", "--domain", type=Path, default=Path("domain.yml"), help="file or folder")
    migrate.add_argument("--out", type=Path, help="where to write (default: new_domain.yml beside it)")
    migrate.set_defaults(run=run_migrate)
    for part in (validate, split, convert, migrate):
        add_logging_arguments(part)


def _split_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", choices=["nlu", "stories"], help="what to divide")
    parser.add_argument("-u", "--nlu", type=Path, default=Path("data"), help="what to read: file or folder")
    parser.add_argument("-s", "--stories", type=Path, help="stories, in place of --nlu")
    parser.add_argument("--training-fraction", type=float, default=0.8, help="share that is for training")
    parser.add_argument("--random-seed", type=int, help="makes the choice repeatable")
    parser.add_argument("--out", type=Path, default=Path("train_test_split"), help="folder for both parts")
    parser.set_defaults(run=run_split, help_of=asks_for_help(parser, 0))


def _convert_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", choices=["nlu"], help="what to convert")
    parser.add_argument("-f", "--format", choices=["yaml", "json"], default="yaml", help="format to write")
    parser.add_argument(
        "--data", type=Path, nargs="+", default=[Path("data")], help="files and folders to read"
    )
    parser.add_argument("--out", type=Path, default=Path("converted_data"), help="file or folder to write")
    add_unused(parser, "both formats are free of a language", "-l", "--language")
    parser.set_defaults(run=run_convert, help_of=asks_for_help(parser, 0))


def run_split(args: argparse.Namespace) -> int:
    """Divide NLU data or stories."""
    from shoptalk.errors import ConfigError

    if args.what is None:
        return int(args.help_of(args))
    if not 0 < args.training_fraction < 1:
        raise ConfigError(
            "--training-fraction must lie between 0 and 1.", hint="Say --training-fraction 0.8."
        )
    return _split_nlu(args) if args.what == "nlu" else _split_stories(args)


def _split_nlu(args: argparse.Namespace) -> int:
    from shoptalk.cli.writing import read_nlu, write_training_data, write_yaml
    from shoptalk.formats.split import split_data

    data = read_nlu([args.nlu])
    train, test = split_data(data, args.training_fraction, args.random_seed)
    for name, part in (("training", train), ("test", test)):
        write_training_data(args.out / f"{name}_data.yml", part.without_responses())
        if part.responses:
            content = {"version": "3.1", "responses": dict(part.responses)}
            write_yaml(args.out / f"nlg_{name}_data.yml", content)
    print(f"{len(train.examples)} examples for training, {len(test.examples)} for tests, in {args.out}/.")
    return 0


def _split_stories(args: argparse.Namespace) -> int:
    from shoptalk.errors import DataError
    from shoptalk.formats.edit import load_for_edit, write_loaded
    from shoptalk.formats.project import TEST_PREFIX, yaml_files
    from shoptalk.formats.split import choose

    counts = [0, 0]
    origin = args.stories or args.nlu
    for path in yaml_files([origin]):
        content = load_for_edit(path)
        stories = content.get("stories") if isinstance(content, dict) else None
        if not stories or path.name.startswith(TEST_PREFIX):
            continue
        chosen = choose(len(stories), args.training_fraction, args.random_seed)
        train = [story for place, story in enumerate(stories) if place in chosen]
        test = [story for place, story in enumerate(stories) if place not in chosen]
        write_loaded(args.out / f"train_{path.name}", {**content, "stories": train})
        write_loaded(
            args.out / f"{TEST_PREFIX}{path.name}",
            {"version": content.get("version", "3.1"), "stories": test},
        )
        counts = [counts[0] + len(train), counts[1] + len(test)]
    if not sum(counts):
        raise DataError(
            "There are no stories here.", hint="Name a file or folder with --stories.", file=str(origin)
        )
    print(f"{counts[0]} stories for training, {counts[1]} for tests, in {args.out}/.")
    return 0


def run_convert(args: argparse.Namespace) -> int:
    """Read NLU data and write it in the format wanted."""
    import json

    from shoptalk.cli.writing import read_nlu, write_training_data
    from shoptalk.formats import rasa_json
    from shoptalk.formats.edit import write_whole

    if args.what is None:
        return int(args.help_of(args))
    data = read_nlu(args.data)
    suffix = ".yml" if args.format == "yaml" else ".json"
    out = args.out if args.out.suffix else args.out / f"nlu{suffix}"
    if args.format == "yaml":
        write_training_data(out, data)
    else:
        write_whole(out, json.dumps(rasa_json.write(data), indent=2, ensure_ascii=False) + "\n")
    print(f"{len(data.examples)} examples written to {out}.")
    return 0


def run_migrate(args: argparse.Namespace) -> int:
    """Write the domain in Rasa 3's form."""
    from shoptalk.formats.migrate import migrate

    done = migrate(args.domain, args.out)
    for change in done.changes:
        print(f"  {change}")
    print(f"The new domain is {done.domain}; the old one is kept as {done.backup}.")
    print("Check it, then use it: `shoptalk data validate --domain " + str(done.domain) + "`.")
    return 0
