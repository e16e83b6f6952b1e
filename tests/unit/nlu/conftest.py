"""Fixtures of the NLU tests; data and helpers are in `nlu_kit.py`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPTALK_CACHE", str(tmp_path_factory.getbasetemp() / "nlu-cache"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of a few hundred weights."""
    where = Path(__file__).parents[1] / "encoders" / "conftest.py"
    spec = importlib.util.spec_from_file_location("encoder_kit", where)
    assert spec is not None
    assert spec.loader is not None
    kit = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(kit)
    return kit.write_tiny_bert(tmp_path_factory.mktemp("tiny"))
