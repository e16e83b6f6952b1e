"""Fixtures of the NLU tests; data and helpers are in `nlu_kit.py`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPTALK_CACHE", str(tmp_path_factory.getbasetemp() / "nlu-cache"))
