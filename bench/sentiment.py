"""Sentiment and urgency on held-out messages, by language.

    python -m bench.sentiment [--model models] [--json FILE]

Training never reads `tests/bot/questions/sentiment_*.yml`. F1 of sentiment is the mean over its three labels; of
urgency it is that of the label `urgent`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from shoptalk import model as models
from shoptalk.errors import DataError
from shoptalk.testing.metrics import Evaluation, evaluate

ROOT = Path(__file__).resolve().parent.parent
HELD_OUT = ROOT / "tests" / "bot" / "questions"
LABELS = ("negative", "neutral", "positive")


def main(argv: Sequence[str] | None = None) -> None:
    """Measure both languages, print and write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=ROOT / "models")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    args = parser.parse_args(argv)
    model = models.load(args.model)
    if model.pipeline is None:
        raise DataError("This model understands no texts.", file=str(model.path))
    found = [_language(model.pipeline, path) for path in sorted(HELD_OUT.glob("sentiment_*.yml"))]
    _print(found)
    if args.json:
        args.json.write_text(
            json.dumps({"model": str(model.path), "languages": found}, indent=1) + "\n", encoding="utf-8"
        )


def _language(pipeline: Any, path: Path) -> dict[str, Any]:
    rows = yaml.safe_load(path.read_text(encoding="utf-8"))
    parsed = pipeline.parse([row["text"] for row in rows])
    feeling = evaluate([row["sentiment"] for row in rows], [p["sentiment"]["label"] for p in parsed])
    urgency = evaluate(
        ["urgent" if row["urgent"] else "normal" for row in rows], [p["urgency"]["label"] for p in parsed]
    )
    return {
        "language": path.stem.rpartition("_")[2],
        "messages": len(rows),
        "sentiment_accuracy": round(feeling.accuracy, 4),
        "sentiment_macro_f1": round(_mean_f1(feeling), 4),
        **{f"{label}_f1": round(feeling.report[label]["f1-score"], 4) for label in LABELS},
        "urgency_accuracy": round(urgency.accuracy, 4),
        **{f"urgent_{key}": round(urgency.report["urgent"][name], 4) for key, name in (
            ("precision", "precision"), ("recall", "recall"), ("f1", "f1-score"),
        )},
    }  # fmt: skip


def _mean_f1(found: Evaluation) -> float:
    return sum(float(found.report[label]["f1-score"]) for label in LABELS) / len(LABELS)


def _print(found: Sequence[dict[str, Any]]) -> None:
    table = Table("figure", *(str(row["language"]) for row in found))
    for key in found[0]:
        if key != "language":
            table.add_row(key.replace("_", " "), *(f"{row[key]:g}" for row in found))
    Console(highlight=False).print(table)


if __name__ == "__main__":
    main()
