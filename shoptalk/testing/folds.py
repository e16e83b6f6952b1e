"""Cross-validation, and the comparison of several configurations on growing shares of the data."""

from __future__ import annotations

import random
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from shoptalk.core.training_data import Example, TrainingData
from shoptalk.errors import DataError
from shoptalk.formats.config import ProjectConfig
from shoptalk.formats.split import full_intent, leave_out, split_data
from shoptalk.nlu.pipeline import Pipeline
from shoptalk.testing.metrics import micro
from shoptalk.testing.nlu import NluEvaluation, Parsed, evaluate_nlu, extractors_of, parse_examples

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class FoldFigures:
    """Figures of one fold on one side: accuracy, F1, precision by part ("intent", "entity", "response")."""

    figures: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """What cross-validation found.

    Args:
        evaluation: of the test sides of all folds together.
        train, test: figures of each fold.
        dropped: intents with too few examples to be in every fold.
    """

    evaluation: NluEvaluation
    train: tuple[FoldFigures, ...] = ()
    test: tuple[FoldFigures, ...] = ()
    dropped: tuple[str, ...] = field(default=())

    def summary(self) -> dict[str, dict[str, dict[str, tuple[float, float]]]]:
        """part → side → figure → mean and standard deviation over the folds."""
        out: dict[str, dict[str, dict[str, tuple[float, float]]]] = {}
        for side, folds in (("train", self.train), ("test", self.test)):
            values: dict[tuple[str, str], list[float]] = defaultdict(list)
            for fold in folds:
                for part, figures in fold.figures.items():
                    for name, value in figures.items():
                        values[part, name].append(value)
            for (part, name), found in values.items():
                spread = statistics.pstdev(found)
                out.setdefault(part, {}).setdefault(side, {})[name] = (statistics.mean(found), spread)
        return out


def cross_validate(
    config: ProjectConfig, data: TrainingData, folds: int = 5, *, seed: int = 0, tell: Tell | None = None
) -> CrossValidation:
    """Train on all but one part and test on that part, for each part.

    Args:
        config: the pipeline to train.
        data: divided so that every part has its share of every intent.
        folds: parts.
        seed: of the division.
        tell: told what is done, how many folds are done, and how many there are.

    Raises:
        DataError: no intent has an example for every fold.
    """
    if folds < 2:
        raise DataError("Cross-validation needs at least 2 folds.", hint="Say --folds 5.")
    kept, dropped = _enough(data.examples, folds)
    if not kept:
        raise DataError(
            f"No intent has {folds} examples, one for each fold.",
            hint="Say a smaller --folds, or add examples.",
        )
    everything: list[Parsed] = []
    train_figures, test_figures = [], []
    extractors: list[str] = []
    for number, (train, test) in enumerate(split_folds(kept, folds, seed)):
        if tell is not None:
            tell("cross-validation", number, folds)
        pipeline = Pipeline.build(config.pipeline, config.language)
        pipeline.train(replace(data, examples=tuple(train)))
        extractors = extractors_of(pipeline)
        parsed = parse_examples(pipeline, test)
        everything += parsed
        test_figures.append(_figures(evaluate_nlu(parsed, extractors)))
        train_figures.append(_figures(evaluate_nlu(parse_examples(pipeline, train), extractors)))
    return CrossValidation(
        evaluate_nlu(everything, extractors), tuple(train_figures), tuple(test_figures), dropped
    )


def split_folds(
    examples: Sequence[Example], folds: int, seed: int
) -> Iterator[tuple[list[Example], list[Example]]]:
    """For each fold what to train on and what to test on; every intent is spread evenly."""
    chance = random.Random(seed)
    groups: dict[str, list[int]] = defaultdict(list)
    for place, example in enumerate(examples):
        groups[full_intent(example)].append(place)
    fold_of: dict[int, int] = {}
    start = 0
    for places in groups.values():
        chance.shuffle(places)
        for offset, place in enumerate(places):
            fold_of[place] = (start + offset) % folds
        start += len(places)
    for fold in range(folds):
        yield (
            [example for place, example in enumerate(examples) if fold_of[place] != fold],
            [example for place, example in enumerate(examples) if fold_of[place] == fold],
        )


def _enough(examples: Sequence[Example], folds: int) -> tuple[list[Example], tuple[str, ...]]:
    groups: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        groups[full_intent(example)].append(example)
    few = tuple(sorted(name for name, group in groups.items() if len(group) < folds))
    return [example for example in examples if full_intent(example) not in few], few


def _figures(found: NluEvaluation) -> FoldFigures:
    out: dict[str, dict[str, float]] = {}
    for name, part in (("intent", found.intents), ("response", found.responses)):
        if part is not None:
            e = part.evaluation
            out[name] = {"Accuracy": e.accuracy, "F1-score": e.f1, "Precision": e.precision}
    for name, part in found.extractors.items():
        e = part.evaluation
        out[f"entity {name}"] = {"Accuracy": e.accuracy, "F1-score": e.f1, "Precision": e.precision}
    if found.spans:
        score = micro(found.spans)
        out["entity spans"] = {"F1-score": score.f1, "Precision": score.precision}
    return FoldFigures(out)


# ------------------------------------------------------------------------------------------------- comparison


@dataclass(frozen=True, slots=True)
class NluComparison:
    """Several pipelines on the same divisions.

    Args:
        counts: examples of training at each percentage, in the first run.
        f1: configuration → runs → F1 of intents at each percentage.
    """

    counts: tuple[int, ...]
    f1: Mapping[str, list[list[float]]]


def compare_nlu(
    configs: Mapping[str, ProjectConfig],
    data: TrainingData,
    *,
    runs: int = 3,
    percentages: Sequence[int] = (0, 25, 50, 75),
    tell: Tell | None = None,
    keep: Callable[[int, int, str, TrainingData, TrainingData, NluEvaluation], Any] | None = None,
) -> NluComparison:
    """Train every configuration on the same shares of the data, and test on the same rest.

    Args:
        configs: by name.
        data: a fifth of it is for tests, drawn anew in each run.
        runs: divisions to try.
        percentages: of the training examples that are left out.
        tell: told how far it is.
        keep: called with run, percentage, name, training data, test data and what was found.
    """
    f1: dict[str, list[list[float]]] = {name: [[] for _ in range(runs)] for name in configs}
    counts: list[int] = []
    of = runs * len(percentages) * len(configs)
    done = 0
    for run in range(runs):
        train, test = split_data(data, 0.8, seed=run)
        for percentage in percentages:
            part = leave_out(train, percentage, seed=run)
            if run == 0:
                counts.append(len(part.examples))
            for name, config in configs.items():
                if tell is not None:
                    tell(f"run {run + 1}, {percentage} % left out: {name}", done, of)
                pipeline = Pipeline.build(config.pipeline, config.language)
                pipeline.train(part)
                found = evaluate_nlu(parse_examples(pipeline, test.examples), extractors_of(pipeline))
                f1[name][run].append(found.intents.evaluation.f1 if found.intents else 0.0)
                if keep is not None:
                    keep(run, percentage, name, part, test, found)
                done += 1
    return NluComparison(tuple(counts), f1)
