"""Rasa beside us: trains and asks its default pipeline on the same texts, through its command line alone.

Rasa has its own Python and its own environment; nothing of it is imported here. Seconds are CPU seconds of its
processes, held to one core and one thread like ours.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.nlu import measures
from bench.nlu.datasets import Task
from shoptalk.core.training_data import Example

PIPELINE = """recipe: default.v1
language: en
pipeline:
- name: WhitespaceTokenizer
- name: RegexFeaturizer
- name: LexicalSyntacticFeaturizer
- name: CountVectorsFeaturizer
- name: CountVectorsFeaturizer
  analyzer: char_wb
  min_ngram: 1
  max_ngram: 4
- name: DIETClassifier
  epochs: {epochs}
  constrain_similarities: true
  random_seed: {seed}
- name: EntitySynonymMapper
"""
"""What `rasa init` writes, without ResponseSelector, which has nothing to learn here, and FallbackClassifier, which
would hide the intent that was found."""

EPOCHS = 100
"""Rasa's default in the configuration that `rasa init` writes."""


def run_peer(task: Task, rasa: str, seed: int, epochs: int = EPOCHS) -> dict[str, Any]:
    """Train Rasa on a task and ask it the test texts.

    Args:
        task: the texts.
        rasa: path of its command.
        seed: of its training.
        epochs: of DIET.

    Returns:
        A row like those of our own runs.

    Raises:
        CalledProcessError: Rasa gave up; its last words are in the exception.
    """
    with tempfile.TemporaryDirectory(prefix="peer-") as name:
        folder = Path(name)
        (folder / "config.yml").write_text(PIPELINE.format(epochs=epochs, seed=seed), encoding="utf-8")
        write_yaml(folder / "train.yml", task.train)
        write_yaml(folder / "test.yml", task.test)
        trained = _run(
            folder, rasa, "train", "nlu", "--nlu", "train.yml", "--config", "config.yml", "--out", "models"
        )
        asked = _run(folder, rasa, "test", "nlu", "--nlu", "test.yml", "--successes", "--no-plot")
        results, expected = _answers(folder / "results", task.test)
    row: dict[str, Any] = {
        "task": f"{task.name}, Rasa",
        "seed": seed,
        "epochs": epochs,
        "intent accuracy": measures.accuracy(results, expected),
        "train s": trained,
        "parse ms": asked / max(1, len(task.test)) * 1000,
    }
    if any(example.entities for example in task.train):
        row["entity F1 lenient"] = measures.entity_f1(results, expected, strict=False)
        row["entity F1 strict"] = measures.entity_f1(results, expected, strict=True)
    return row


def _run(folder: Path, rasa: str, *words: str) -> float:
    """CPU seconds that a command of Rasa's took."""
    own = {
        "RASA_TELEMETRY_ENABLED": "false",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "OMP_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [rasa, *words], cwd=folder, env={**os.environ, **own}, check=True, capture_output=True, text=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def write_yaml(path: Path, examples: Sequence[Example]) -> None:
    """Examples as a Rasa NLU file."""
    by_intent: dict[str, list[Example]] = {}
    for example in examples:
        by_intent.setdefault(example.intent or "", []).append(example)
    lines = ['version: "3.1"', "nlu:"]
    for intent, members in by_intent.items():
        lines += [f"- intent: {intent}", "  examples: |", *(f"    - {_marked(e)}" for e in members)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _marked(example: Example) -> str:
    text, at, out = example.text, 0, ""
    for span in sorted(example.entities, key=lambda s: s.start):
        out += f"{text[at : span.start]}[{text[span.start : span.end]}]({span.entity})"
        at = span.end
    return " ".join((out + text[at:]).split())


def _answers(folder: Path, expected: Sequence[Example]) -> tuple[list[dict[str, Any]], list[Example]]:
    """What Rasa's reports say it answered, as parse results, with the examples they belong to."""
    intents: dict[str, dict[str, Any]] = {}
    for name in ("intent_successes.json", "intent_errors.json"):
        for item in _listed(folder / name):
            intents[item["text"]] = item["intent_prediction"]
    entities: dict[str, list[dict[str, Any]]] = {}
    for name in ("DIETClassifier_successes.json", "DIETClassifier_errors.json"):
        for item in _listed(folder / name):
            entities[item["text"]] = item["predicted_entities"]
    results, chosen = [], []
    for example in expected:
        text = " ".join(example.text.split())
        if text not in intents:
            continue  # Rasa asks a text that occurs twice only once
        results.append({"intent": intents[text], "entities": entities.get(text, [])})
        chosen.append(example)
    return results, chosen


def _listed(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
