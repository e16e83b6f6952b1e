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


def read_nlu(paths: list[Path]) -> TrainingData:
    """The NLU data of files and folders.

    Raises:
        DataError: there is none.
    """
    from shoptalk.errors import DataError
    from shoptalk.formats.project import load_training_data

    missing = next((path for path in paths if not path.exists()), None)
    data = load_training_data(paths, lambda message, source: None, root=Path()) if missing is None else None
    if data is None or not data.examples:
        raise DataError(
            "There is no NLU data here.", hint="Name a file or folder.", file=str(missing or paths[0])
        )
    return data
