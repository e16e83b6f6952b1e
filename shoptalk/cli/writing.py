"""Files that commands write: YAML as people write it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from shoptalk.core.training_data import TrainingData
from shoptalk.formats import nlu as nlu_format
from shoptalk.formats.edit import dump_yaml


def write_yaml(path: Path, content: Any) -> None:
    """Write a YAML file; texts of several lines as blocks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dump_yaml(content), encoding="utf-8")


def write_training_data(path: Path, data: TrainingData) -> None:
    """Write NLU data as a file of Rasa's form."""
    write_yaml(path, nlu_format.write(data))
