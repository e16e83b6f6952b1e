"""The assistant of the project in this folder, for commands that talk to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shoptalk.assistant import Assistant
    from shoptalk.settings import Endpoints


def read_endpoints(path: Path) -> Endpoints:
    """The settings of an endpoints file; the defaults when there is none.

    Raises:
        ConfigError, DataError: it is wrong.
    """
    from shoptalk.formats.yaml import read_file
    from shoptalk.settings import Endpoints

    if not path.exists():
        return Endpoints()
    return Endpoints.read(read_file(path, environment=True), str(path))


def open_assistant(model: Path, endpoints: Path) -> Assistant:
    """An assistant with the project's actions, whose conversations live in memory.

    Raises:
        ArchiveError: there is no model.
        ConfigError: a setting is wrong.
    """
    from shoptalk import model as models
    from shoptalk.actions.load import load_actions
    from shoptalk.assistant import Assistant

    loaded = models.load(model)
    return Assistant.from_model(loaded, load_actions(loaded.domain, read_endpoints(endpoints), Path()))
