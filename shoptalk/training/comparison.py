"""Dialogue models of several configurations on growing shares of the stories, to be tested against each other."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from shoptalk.formats.project import load_project
from shoptalk.training.train import Options, train

Tell = Callable[[str, int, int], None]
NUMBERS = "num_stories.json"


def train_for_comparison(
    root: Path,
    configs: Sequence[Path],
    options: Options,
    *,
    runs: int = 3,
    percentages: Sequence[int] = (0, 25, 50, 75),
    tell: Tell | None = None,
) -> list[Path]:
    """Train `run_N/CONFIG__percentage__P.tar.gz` for every run, configuration and share that is left out.

    Args:
        root: the project's folder.
        configs: configuration files.
        options: of every training; models go below its `out`.
        runs: choices of stories to try.
        percentages: of the stories that are left out.
        tell: told what is trained, how many are done, and how many there are.

    Returns:
        The models.
    """
    project = load_project(root, config=configs[0], domain=options.domain, data=options.data)
    count = len(project.stories.stories)
    out: list[Path] = []
    of = runs * len(percentages) * len(configs)
    for run in range(1, runs + 1):
        for percentage in percentages:
            for config in configs:
                name = f"{config.stem}__percentage__{percentage}"
                if tell is not None:
                    tell(f"run {run}: {name}", len(out), of)
                chosen = replace(
                    options,
                    config=config,
                    out=options.out / f"run_{run}",
                    fixed_name=name,
                    force=True,
                    nlu=False,
                    leave_out=percentage / 100,
                    seed=run,
                )
                result = train(root, chosen)
                assert result.path is not None
                out.append(result.path)
    numbers = [max(1, round(count * (1 - percentage / 100))) for percentage in percentages]
    (root / options.out / NUMBERS).write_text(json.dumps(numbers) + "\n", encoding="utf-8")
    return out
