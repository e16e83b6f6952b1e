"""Plots of a benchmark run."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def draw(rows: list[dict[str, Any]], curves: dict[str, Any], outside: dict[str, Any], target: Path) -> None:
    """Accuracy against training and parse time, confidence against accuracy, and what is found out of scope."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    measured = [row for row in rows if "intent accuracy" in row and "train s" in row]
    if not measured or not curves:
        return
    figure, axes = pyplot.subplots(2, 2, figsize=(10, 7.6))
    (trained, parsed), (sure, scope) = axes
    for name in dict.fromkeys(row["task"] for row in measured):
        members = [row for row in measured if row["task"] == name]
        heights = [r["intent accuracy"] for r in members]
        trained.plot([r["train s"] for r in members], heights, "o", label=name)
        parsed.plot([r["parse ms"] for r in members], heights, "o", label=name)
    trained.set(xlabel="training, CPU seconds", ylabel="intent accuracy", xscale="log")
    parsed.set(xlabel="one parse, CPU milliseconds", ylabel="intent accuracy")
    sure.plot([0, 1], [0, 1], color="grey", linewidth=1)
    for name, bins in curves.items():
        sure.plot([b[0] for b in bins], [b[1] for b in bins], "o-", markersize=3, label=name)
    sure.set(xlabel="confidence", ylabel="share that was right")
    for name, points in outside.items():
        scope.plot([p[0] for p in points], [1 - p[1] for p in points], label=name)
    scope.set(xlabel="in scope kept", ylabel="out of scope found", xlim=(0.7, 1.0))
    for axis in axes.flat:
        axis.grid(alpha=0.3)
        if axis.get_legend_handles_labels()[1]:
            axis.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(target, dpi=120)
    pyplot.close(figure)
