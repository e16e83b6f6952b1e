"""Plots of benchmark runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

LEAST = 20
"""Fewer texts say nothing of how often such a confidence is right."""


def draw(results: Sequence[dict[str, Any]], target: Path) -> None:
    """Accuracy against training and parse time, confidence against accuracy, and what is found out of scope.

    Args:
        results: what runs wrote as JSON.
        target: the image.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    if not any(result["curves"] for result in results):
        return
    figure, axes = pyplot.subplots(2, 2, figsize=(11, 8.4))
    for result, mark in zip(results, "osd^v*", strict=False):
        _add(axes, result, mark, f", {result['encoder']}" if len(results) > 1 else "")
    (trained, parsed), (sure, scope) = axes
    trained.set(xlabel="training, CPU seconds", ylabel="intent accuracy", xscale="log")
    parsed.set(xlabel="one parse, CPU milliseconds", ylabel="intent accuracy")
    sure.plot([0, 1], [0, 1], color="grey", linewidth=1)
    sure.set(xlabel="confidence", ylabel="share that was right")
    scope.set(xlabel="in scope kept", ylabel="out of scope found", xlim=(0.7, 1.0))
    for axis in axes.flat:
        axis.grid(alpha=0.3)
        if axis.get_legend_handles_labels()[1]:
            axis.legend(fontsize=6)
    figure.tight_layout()
    figure.savefig(target, dpi=120)
    pyplot.close(figure)


def _add(axes: Any, result: dict[str, Any], mark: str, more: str) -> None:
    (trained, parsed), (sure, scope) = axes
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in result["rows"]:
        if "parse ms" in row:
            groups.setdefault(row["task"].split(" fold")[0], []).append(row)
    for name, members in groups.items():
        heights = [row["intent accuracy"] for row in members]
        trained.plot([row["train s"] for row in members], heights, mark, markersize=4, label=name + more)
        parsed.plot([row["parse ms"] for row in members], heights, mark, markersize=4, label=name + more)
    for name, bins in result["curves"].items():
        many = [b for b in bins if b[2] >= LEAST]
        sure.plot([b[0] for b in many], [b[1] for b in many], f"{mark}-", markersize=3, label=name + more)
    for name, points in result["outside"].items():
        scope.plot([p[0] for p in points], [1 - p[1] for p in points], label=name + more)
