"""Confusion matrices and histograms of confidence as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shoptalk.errors import ConfigError

CELL_INCHES = 0.28
MIN_INCHES, MAX_INCHES = 5.0, 30.0
BINS = 25
LABELLED = 20
"""Points that get a name."""


def confusion_matrix(path: Path, title: str, labels: Sequence[str], matrix: Sequence[Sequence[int]]) -> None:
    """Draw a confusion matrix; rows are what is right, shades the share of the row.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    inches = min(MAX_INCHES, max(MIN_INCHES, CELL_INCHES * len(labels) + 2.5))
    figure = _figure(inches, inches)
    axes = figure.subplots()
    shares = [[count / (sum(row) or 1) for count in row] for row in matrix]
    axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    places = range(len(labels))
    size = 8 if len(labels) <= 60 else 5
    axes.set_xticks(places, labels, rotation=90, fontsize=size)
    axes.set_yticks(places, labels, fontsize=size)
    axes.set_xlabel("predicted")
    axes.set_ylabel("right")
    axes.set_title(title)
    for row, counts in enumerate(matrix):
        for column, count in enumerate(counts):
            if count:
                color = "white" if shares[row][column] > 0.5 else "black"
                axes.text(column, row, str(count), ha="center", va="center", fontsize=size - 1, color=color)
    _save(figure, path)


def histogram(path: Path, title: str, right: Sequence[float], wrong: Sequence[float]) -> None:
    """Draw how sure the model was where it was right (up) and where it was wrong (down).

    Raises:
        ConfigError: matplotlib is not installed.
    """
    figure = _figure(8.0, 5.0)
    axes = figure.subplots()
    edges = [place / BINS for place in range(BINS + 1)]
    ups, downs = _counts(right), _counts(wrong)
    axes.bar(edges[:-1], ups, width=1 / BINS, align="edge", color="#3a7d5d", label=f"right ({len(right)})")
    axes.bar(
        edges[:-1],
        [-n for n in downs],
        width=1 / BINS,
        align="edge",
        color="#b5452f",
        label=f"wrong ({len(wrong)})",
    )
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xlim(0, 1)
    axes.set_xlabel("confidence")
    axes.set_ylabel("messages")
    axes.set_title(title)
    axes.legend()
    _save(figure, path)


def subjects(path: Path, rows: Sequence[tuple[str, int, float, float]]) -> None:
    """Draw intents by how many examples they have and how many of these lie nearer to another intent.

    Args:
        path: of the picture.
        rows: name, examples, share that overlaps with others, share of near-copies.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    figure = _figure(9.0, 6.0)
    axes = figure.subplots()
    counts, overlaps, copies = ([row[i] for row in rows] for i in (1, 2, 3))
    points = axes.scatter(counts, overlaps, c=copies, cmap="viridis", vmin=0.0, vmax=1.0, s=36)
    figure.colorbar(points, label="share of near-copies")
    for name, count, overlap, _ in sorted(rows, key=lambda row: -row[2])[:LABELLED]:
        axes.annotate(name, (count, overlap), fontsize=7, xytext=(4, 3), textcoords="offset points")
    axes.set_xlabel("examples")
    axes.set_ylabel("share nearer to another intent")
    axes.set_title("Intents")
    _save(figure, path)


def curves(
    path: Path,
    title: str,
    xs: Sequence[float],
    lines: dict[str, list[list[float]]],
    label: str,
    below: str = "examples of training",
) -> None:
    """Draw one line per configuration: the mean of its runs, with their spread.

    Args:
        path, title: of the picture.
        xs: shared places on the x axis.
        lines: name to runs, each with one value per place.
        label, below: of the y axis and of the x axis.
    """
    figure = _figure(8.0, 5.0)
    axes = figure.subplots()
    for name, runs in lines.items():
        columns = list(zip(*runs, strict=True))
        means = [sum(column) / len(column) for column in columns]
        axes.plot(xs[: len(means)], means, marker="o", label=name)
        axes.fill_between(
            xs[: len(means)],
            [min(column) for column in columns],
            [max(column) for column in columns],
            alpha=0.15,
        )
    axes.set_xlabel(below)
    axes.set_ylabel(label)
    axes.set_title(title)
    axes.legend()
    _save(figure, path)


def _counts(values: Sequence[float]) -> list[int]:
    out = [0] * BINS
    for value in values:
        out[min(BINS - 1, max(0, int(value * BINS)))] += 1
    return out


def _figure(width: float, height: float) -> Any:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError(
            "Pictures need the package 'matplotlib'.", hint="pip install 'shoptalk[plots]', or say --no-plot."
        ) from error
    figure = Figure(figsize=(width, height), layout="tight")
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    _use_fonts_that_exist()
    figure.savefig(path, dpi=120)


def _use_fonts_that_exist() -> None:
    """Prefer a font with Chinese characters where one is installed."""
    from matplotlib import font_manager, rcParams

    known = {font.name for font in font_manager.fontManager.ttflist}
    cjk = [
        name
        for name in ("Noto Sans CJK SC", "WenQuanYi Zen Hei", "Microsoft YaHei", "PingFang SC")
        if name in known
    ]
    rcParams["font.family"] = [*cjk, "DejaVu Sans"]
