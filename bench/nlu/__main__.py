"""Runs the benchmark: `python -m bench.nlu --data FOLDER --set banking77 clinc150 hwu64 --out FOLDER`.

Seconds are CPU seconds of this process with one thread, so that a busy machine changes them little.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from bench.nlu import datasets, measures, peer, plots
from bench.nlu.datasets import Task
from shoptalk.core.training_data import Example, TrainingData
from shoptalk.nlu.component import FEATURES, TOKENS
from shoptalk.nlu.message import Message
from shoptalk.nlu.pipeline import Pipeline

Row = dict[str, Any]


DEFAULT = "all-MiniLM-L6-v2"


def configs(encoder: str, seed: int, tune: int = 0) -> list[dict[str, Any]]:
    """The default pipeline, or with so many tuned layers the quality pipeline."""
    return [
        {"name": "MultilingualTokenizer"},
        {"name": "BertFeaturizer", "model": encoder, "tune": tune},
        {"name": "HashedNgrams"},
        {"name": "JointClassifier", "random_seed": seed},
    ]


Curve = list[list[float]]

Known = dict[str, Message]
"""Texts as the featurizers left them."""

TIMED = 200
"""Test texts by which the time of a parse is measured."""


def ask(pipeline: Pipeline, texts: Sequence[str], known: Known) -> list[dict[str, Any]]:
    """Parse results, where runs that share texts share what the featurizers make of each."""
    first = [s.component for s in pipeline.steps if {TOKENS, FEATURES} & set(s.component.provides)]
    missing = [Message(text) for text in dict.fromkeys(texts) if text not in known]
    for begin in range(0, len(missing), 500):
        for component in first:
            component.process(missing[begin : begin + 500])
    known.update((message.text, message) for message in missing)
    messages = [Message(text, tokens=known[text].tokens, features=known[text].features) for text in texts]
    for step in pipeline.steps:
        if step.component not in first:
            step.component.process(messages)
    return [pipeline.result(message.text, message) for message in messages]


def run(
    task: Task, encoder: str, seed: int, tune: int, known: Known
) -> tuple[Row, list[dict[str, Any]], Curve]:
    """Train on a task and ask its test texts; the first training of a set includes encoding its texts.

    Args:
        task: what to learn and ask.
        encoder: of the pipeline.
        seed: of the training.
        tune: layers to tune.
        known: test texts of earlier runs with this encoder.

    Returns:
        Figures, parse results of the test texts, and what is found of the texts out of scope against what is kept of
        those in scope.
    """
    pipeline = Pipeline.build(configs(encoder, seed, tune))
    begin = time.process_time()
    report = pipeline.train(TrainingData(task.train))
    trained = time.process_time() - begin
    results = ask(pipeline, [e.text for e in task.test], known)
    begin = time.process_time()
    pipeline.parse([e.text for e in task.test[:TIMED]])
    row: Row = {
        "task": f"{task.name}, {tune} layers tuned" if tune else task.name,
        "seed": seed,
        "intent accuracy": measures.accuracy(results, task.test),
        "train s": trained,
        "of it encoding s": report["01-BertFeaturizer"]["cpu_s"],
        "parse ms": (time.process_time() - begin) / min(TIMED, len(task.test)) * 1000,
        "calibration error": measures.calibration(results, task.test)["error"],
    }
    if any(e.entities for e in task.train):
        row["entity F1 lenient"] = measures.entity_f1(results, task.test, strict=False)
        row["entity F1 strict"] = measures.entity_f1(results, task.test, strict=True)
    curve: Curve = []
    if task.outside:
        more, curve = _outside(pipeline, task, results, known)
        row.update(more)
    return row, results, curve


def _outside(
    pipeline: Pipeline, task: Task, results: list[dict[str, Any]], known: Known
) -> tuple[Row, Curve]:
    outside = ask(pipeline, task.outside, known)
    scores = {
        "scope": ([r["scope"]["score"] for r in results], [r["scope"]["score"] for r in outside]),
        "confidence": ([measures.top(r)[1] for r in results], [measures.top(r)[1] for r in outside]),
    }
    threshold = results[0]["scope"]["threshold"]
    inside, out = scores["scope"]
    row = {
        "AUROC scope": measures.auroc(*scores["scope"]),
        "AUROC confidence": measures.auroc(*scores["confidence"]),
        "in-scope kept": float(np.mean(np.asarray(inside) >= threshold)),
        "out-of-scope found": float(np.mean(np.asarray(out) < threshold)),
        "found where 95 % are kept": float(np.mean(np.asarray(out) < np.quantile(inside, 0.05))),
    }
    limits = np.quantile(inside, np.linspace(0, 1, 101))
    return row, [[float(np.mean(np.asarray(s) >= t)) for s in (inside, out)] for t in limits]


def latency(root: Path, encoder: str, tune: int) -> Row:
    """Parse time of one message of ten tokens and one of thirty, and memory, after loading a trained model."""
    task = datasets.hwu64(root, 1)
    settings = configs(encoder, 13, tune)
    pipeline = Pipeline.build(settings)
    pipeline.train(TrainingData(task.train[:2000]))
    saved = pipeline.save()
    pipeline = Pipeline.load(settings, saved)
    row: Row = {"task": "latency", "encoder": encoder, "tuned layers": tune}
    row["state MB"] = sum(value.nbytes for part in saved.values() for value in part.tensors.values()) / 1e6
    for name, text in (
        ("10 tokens", "please tell me where my order from last week is"),
        ("30 tokens", "hello i ordered two pairs of shoes " * 4 + "please"),
    ):
        for clock, unit in ((time.process_time, "CPU ms"), (time.perf_counter, "wall ms")):
            taken = []
            for _ in range(120):
                begin = clock()
                pipeline.parse([text])
                taken.append((clock() - begin) * 1000)
            row[f"{name} p50 {unit}"] = float(np.median(taken[20:]))
    row["peak RSS MB (training included)"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return row


def retrain(root: Path, encoder: str, tune: int) -> Row:
    """Seconds to train again after one more example, in the same process, and the accuracy kept."""
    task = datasets.banking77(root)
    settings = configs(encoder, 13, tune)
    first = Pipeline.build(settings)
    first.train(TrainingData(task.train))
    second = Pipeline.build(settings)
    more = (*task.train, Example("my card was swallowed by the machine yesterday", "card_swallowed"))
    begin = time.process_time()
    second.train(TrainingData(more), previous=first.save())
    row: Row = {
        "task": "retrain after one example",
        "tuned layers": tune,
        "train s": time.process_time() - begin,
    }
    test = [e.text for e in task.test]
    known: Known = {}
    row["intent accuracy before"] = measures.accuracy(ask(first, test, known), task.test)
    row["intent accuracy"] = measures.accuracy(ask(second, test, known), task.test)
    return row


def tasks(name: str, root: Path, seeds: int) -> Iterator[tuple[Task, int]]:
    """The runs of a set."""
    if name == "banking77":
        yield from ((datasets.banking77(root), seed) for seed in range(seeds))
    elif name == "banking77-few":
        full = datasets.banking77(root)
        yield from ((datasets.few_shot(full, n, seed), seed) for n in (5, 10) for seed in range(seeds))
    elif name == "clinc150":
        yield from (
            (datasets.clinc150(root, size), seed) for size in ("full", "small") for seed in range(seeds)
        )
    elif name == "hwu64-few":
        yield from ((datasets.few_shot(datasets.hwu64(root, 1), 10, seed), seed) for seed in range(seeds))
    elif name == "hwu64":
        found = sorted((root / "hwu64").glob("fold*"))
        yield from ((datasets.hwu64(root, int(path.name[4:])), 0) for path in found)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.nlu", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with the data sets")
    parser.add_argument(
        "--plot",
        type=Path,
        nargs="+",
        help="draw these results of earlier runs together, and measure nothing",
    )
    parser.add_argument("--set", nargs="+", choices=datasets.SETS, default=list(datasets.SETS))
    parser.add_argument("--encoder", default=DEFAULT)
    parser.add_argument("--tune", type=int, default=0, help="layers of the encoder to tune (quality)")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--validation", action="store_true", help="ask held-out training texts, not the test set"
    )
    parser.add_argument("--rasa", help="path of the command `rasa` 3.6, to be run beside ours (slow)")
    parser.add_argument("--rasa-epochs", type=int, default=peer.EPOCHS)
    parser.add_argument(
        "--out", type=Path, default=Path("bench/out/nlu"), help="folder; with --plot the image"
    )
    given = parser.parse_args()
    if given.plot:
        plots.draw([json.loads(path.read_text()) for path in given.plot], given.out)
        return
    if given.data is None:
        parser.error("--data is missing")
    import torch

    torch.set_num_threads(1)
    special: dict[str, Callable[[Path, str, int], Row]] = {"latency": latency, "retrain": retrain}
    rows: list[Row] = []
    curves: dict[str, Any] = {}
    outside: dict[str, Curve] = {}
    known: Known = {}
    for name in given.set:
        if name in special:
            rows.append(special[name](given.data, given.encoder, given.tune))
            _show(rows[-1])
            continue
        for task, seed in tasks(name, given.data, given.seeds):
            chosen = datasets.validation(task) if given.validation else task
            row, results, curve = run(chosen, given.encoder, seed, given.tune, known)
            rows.append(replace_floats(row))
            curves[chosen.name] = measures.calibration(results, chosen.test)["bins"]
            if curve:
                outside[chosen.name] = curve
            _show(row)
            if given.rasa:
                rows.append(replace_floats(peer.run_peer(chosen, given.rasa, seed, given.rasa_epochs)))
                _show(rows[-1])
    given.out.mkdir(parents=True, exist_ok=True)
    stem = "validation" if given.validation else "-".join(given.set)
    stem += f"-tune{given.tune}" if given.tune else ""
    stem += "" if given.encoder == DEFAULT else f"-{Path(given.encoder).name}"
    found = {"encoder": given.encoder, "rows": rows, "curves": curves, "outside": outside}
    (given.out / f"{stem}.json").write_text(json.dumps(found))
    print(summary(rows))
    plots.draw([found], given.out / f"{stem}.png")


def replace_floats(row: Row) -> Row:
    """A row with floats of four digits."""
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}


def _show(row: Row) -> None:
    print("  ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{v}" for k, v in row.items()), flush=True)


def summary(rows: list[Row]) -> str:
    """A Markdown table: one line a task, mean and spread over its runs."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        name = re.sub(r" fold \d+", "", row["task"])
        groups.setdefault(name, []).append(row)
    keys = list(dict.fromkeys(k for row in rows for k, v in row.items() if isinstance(v, float)))
    lines = ["| task | runs | " + " | ".join(keys) + " |", "|---" * (len(keys) + 2) + "|"]
    for name, members in groups.items():
        cells = [_cell([row[key] for row in members if key in row]) for key in keys]
        lines.append(f"| {name} | {len(members)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(values: list[float]) -> str:
    if not values:
        return ""
    spread = f" ± {np.std(values):.2g}" if len(values) > 1 else ""
    return f"{np.mean(values):.4g}{spread}"


if __name__ == "__main__":
    main()
