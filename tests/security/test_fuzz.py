"""S3 in short: some mutated inputs for every reader, and all that ever crashed one."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from fuzzing import CORPUS, TARGETS, attempt, campaign

SEED = 11


@pytest.fixture(autouse=True)
def quiet() -> None:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_mutated_inputs(name: str) -> None:
    count, wrong = campaign(name, 2.0, SEED, most=1_500)
    print(f"\nS3 {name}: {count} inputs, {len(wrong)} wrong")
    assert not wrong
    assert count > 20


@pytest.mark.parametrize(
    "path", sorted(p for p in CORPUS.iterdir() if p.name != ".gitkeep"), ids=lambda path: path.name
)
def test_what_once_crashed(path: Path) -> None:
    assert attempt(path.name.partition("-")[0], path.read_bytes()) == ""
