"""Plots of a benchmark run."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def draw(rows: list[dict[str, Any]], curves: dict[str, Any], target: Path) -> None:
    """Accuracy against training time, and confidence against accuracy."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    measured = [row for row in rows if "intent accuracy" in row and "train s" in row]
    if not measured or not curves:
        return
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4.2))
    for name in dict.fromkeys(row["task"] for row in measured):
        members = [row for row in measured if row["task"] == name]
        left.plot([r["train s"] for r in members], [r["intent accuracy"] for r in members], "o", label=name)
    left.set(xlabel="training, CPU seconds", ylabel="intent accuracy", xscale="log")
    left.grid(alpha=0.3)
    left.legend(fontsize=7)
    right.plot([0, 1], [0, 1], color="grey", linewidth=1)
    for name, bins in curves.items():
        right.plot([b[0] for b in bins], [b[1] for b in bins], "o-", markersize=3, label=name)
    right.set(xlabel="confidence", ylabel="share that was right")
    right.grid(alpha=0.3)
    right.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(target, dpi=120)
    pyplot.close(figure)
