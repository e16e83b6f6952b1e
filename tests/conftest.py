"""The trained model, for all tests that need the shop assistant as a whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def model() -> Path:
    """The folder of models, with one in it that fits the project; trained only if there is none."""
    command = [sys.executable, "-m", "shoptalk.cli", "train"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    return ROOT / "models"
