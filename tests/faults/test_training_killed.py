"""R10: a training that is killed leaves no broken model, and the next one learns what an undisturbed one learns."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from shoptalk import archive

SHOPTALK = [sys.executable, "-m", "shoptalk.cli"]
TRAIN = [*SHOPTALK, "train", "--force"]


def learnt(model: Path) -> dict[str, dict[str, object]]:
    """Size and hash of everything in a model but the note of when it was made."""
    with tarfile.open(model) as opened:
        manifest = opened.extractfile(archive.MANIFEST)
        assert manifest is not None
        members: dict[str, dict[str, object]] = json.load(manifest)["members"]
    return members


def train(folder: Path) -> tuple[Path, float]:
    """Train to the end; the model, and how long that took."""
    begin = time.monotonic()
    subprocess.run(TRAIN, cwd=folder, check=True, capture_output=True)
    newest = max(folder.glob("models/*.tar.gz"), key=lambda path: path.stat().st_mtime_ns)
    return newest, time.monotonic() - begin


@pytest.mark.parametrize(
    "kills", [3, pytest.param(50, marks=[pytest.mark.slow, pytest.mark.timeout(1800)], id="r10_long")]
)
def test_killed_trainings_leave_whole_models(tmp_path: Path, kills: int) -> None:
    subprocess.run([*SHOPTALK, "init", "--no-prompt", "--no-train"], cwd=tmp_path, check=True)
    first, seconds = train(tmp_path)
    chance = random.Random(kills)
    finished = 0
    for _ in range(kills):
        process = subprocess.Popen(TRAIN, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(chance.uniform(0.2, 1.0) * seconds)
            finished += 1
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for model in tmp_path.glob("models/*.tar.gz"):
            archive.read(model)  # whole, every byte as its manifest says
    last, _ = train(tmp_path)
    assert finished < kills
    assert learnt(last) == learnt(first)
    print(f"R10: {kills - finished} of {kills} trainings killed within {seconds:.1f} s; all models are whole")
