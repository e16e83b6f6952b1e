"""One page that shows an evaluation: no script, no file from elsewhere, pictures beside it."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from shoptalk.testing import review_page
from shoptalk.testing.metrics import micro
from shoptalk.testing.nlu import NluEvaluation, Part
from shoptalk.testing.review import Review
from shoptalk.testing.stories import Checked, StoryEvaluation, StoryResult

AVERAGES = ("accuracy", "micro avg", "macro avg", "weighted avg")
ERRORS_SHOWN = 200
STYLE = """
:root { color-scheme: light dark; --line: #8884; --good: #2e7d55; --bad: #b5452f; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { font-weight: 600; } table { border-collapse: collapse; margin: .5rem 0 1.5rem; }
th, td { text-align: left; padding: .2rem .7rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
.good { color: var(--good); } .bad { color: var(--bad); } code { font-size: .9em; }
.figures { display: flex; gap: 2rem; flex-wrap: wrap; } .figures b { display: block; font-size: 1.7rem; }
img { max-width: 100%; background: #fff; } details { margin: .5rem 0 1.5rem; } pre { margin: 0; white-space: pre-wrap; }
"""


def write(
    path: Path,
    title: str,
    nlu: NluEvaluation | None,
    stories: StoryEvaluation | None,
    found: Review | None = None,
) -> None:
    """Write the page.

    Args:
        path: of the HTML file; pictures are looked for beside it.
        title: says what was evaluated.
        nlu, stories: what was found; either may be missing.
        found: what to do about the data.
    """
    body = [f"<h1>{escape(title)}</h1>", _headline(nlu, stories)]
    if found is not None:
        body += review_page.sections(found, path.parent)
    if stories is not None:
        body += _stories(stories)
    if nlu is not None:
        body += _nlu(nlu, path.parent)
    page = (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{escape(title)}</title><style>{STYLE}</style><body>{''.join(body)}</body></html>\n"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")


def figures(nlu: NluEvaluation | None, stories: StoryEvaluation | None) -> list[tuple[str, str]]:
    """The few numbers to read first: name and value."""
    out: list[tuple[str, str]] = []
    if stories is not None and stories.results:
        out.append(("stories right", f"{stories.correct} of {len(stories.results)}"))
        targets, predictions = stories.actions()
        right = sum(a == b for a, b in zip(targets, predictions, strict=True))
        out.append(("actions right", f"{right} of {len(targets)}"))
    if nlu is not None and nlu.intents:
        out.append(("intent accuracy", f"{nlu.intents.evaluation.accuracy:.1%}"))
    if nlu is not None and nlu.spans:
        out.append(("entity F1 (whole spans)", f"{micro(nlu.spans).f1:.1%}"))
    if nlu is not None and nlu.responses:
        out.append(("responses right", f"{nlu.responses.evaluation.accuracy:.1%}"))
    return out


def _headline(nlu: NluEvaluation | None, stories: StoryEvaluation | None) -> str:
    shown = "".join(
        f"<div><b>{escape(value)}</b>{escape(name)}</div>" for name, value in figures(nlu, stories)
    )
    return f"<div class=figures>{shown}</div>"


def _stories(found: StoryEvaluation) -> list[str]:
    out = ["<h2>Test stories</h2>"]
    if not found.failed:
        return [*out, "<p class=good>None failed.</p>"]
    out.append("<p>Each line is a step; where the model differs from the story, both are shown.</p>")
    return out + [_story(result) for result in found.failed]


def _story(result: StoryResult) -> str:
    rows = "".join(
        _step(step) for step in result.checked if not step.is_right or step.right != "action_listen"
    )
    name = f"{escape(result.name)} <code>{escape(str(result.source))}</code>"
    return f"<details open><summary>{name}</summary><table>{rows}</table></details>"


def _step(step: Checked) -> str:
    who = "user" if step.is_message else "bot"
    said = getattr(step.event, "text", None) if step.is_message else None
    shown = f"{escape(step.right)}" + (f" — “{escape(said)}”" if said else "")
    if step.is_right:
        return f"<tr><td>{who}<td>{shown}<td>"
    return f"<tr><td>{who}<td>{shown}<td class=bad>{escape(difference(step))}"


def difference(step: Checked) -> str:
    """In words, what the model made of a step that is not what the story says."""
    parts = [
        f"predicted {step.got or 'nothing'} ({step.confidence:.2f}"
        + (f", {step.policy})" if step.policy else ")")
    ]
    if step.right == step.got:
        parts = []
    if step.is_message:
        said = step.event.text if hasattr(step.event, "text") else ""
        right = {_named(e, said) for e in step.entities}
        found = {_named(e, said) for e in step.found}
        parts += [f"missed {name}" for name in sorted(right - found)]
        parts += [f"found {name}" for name in sorted(found - right)]
    return "; ".join(parts)


def _named(entity: Mapping[str, Any], text: str | None) -> str:
    surface = (text or "")[entity["start"] : entity["end"]]
    value = "" if str(entity.get("value")) == surface else f" = {entity.get('value')}"
    return f"[{surface}]({entity['entity']}{value})"


def _nlu(found: NluEvaluation, folder: Path) -> list[str]:
    out: list[str] = []
    if found.intents:
        out += _section("Intents", "intent", found.intents, folder)
    if found.spans:
        rows = {label: score.as_dict() for label, score in found.spans.items()}
        out += ["<h2>Entities, whole spans</h2>", _table({**rows, "micro avg": micro(found.spans).as_dict()})]
    for name, part in found.extractors.items():
        out += _section(f"Entities by {name}, token by token", name, part, folder)
    if found.responses:
        out += _section("Retrieval responses", "response_selection", found.responses, folder)
    return out


def _section(title: str, name: str, part: Part, folder: Path) -> list[str]:
    out = [f"<h2>{escape(title)}</h2>", _table(part.evaluation.report)]
    for picture in (f"{name}_confusion_matrix.png", f"{name}_histogram.png"):
        if (folder / picture).exists():
            out.append(f"<img src='{escape(picture)}' alt='{escape(title)}'>")
    if part.errors:
        rows = "".join(_error(item) for item in part.errors[:ERRORS_SHOWN])
        out.append(f"<details><summary>{len(part.errors)} wrong</summary><table>{rows}</table></details>")
    return out


def _table(report: Mapping[str, Any]) -> str:
    head = (
        "<tr><th><th class=n>precision<th class=n>recall<th class=n>F1<th class=n>examples<th>confused with"
    )
    named = {k: v for k, v in report.items() if k not in AVERAGES}
    order = sorted(named, key=lambda label: (named[label]["f1-score"], label))
    rows = [_row(label, report[label]) for label in order]
    rows += [_row(name, report[name]) for name in AVERAGES[1:] if name in report]
    return f"<table>{head}{''.join(rows)}</table>"


def _row(label: str, entry: Mapping[str, Any]) -> str:
    numbers = "".join(f"<td class=n>{entry[key]:.3f}" for key in ("precision", "recall", "f1-score"))
    confused = ", ".join(f"{other} ({count})" for other, count in entry.get("confused_with", {}).items())
    return f"<tr><td>{escape(label)}{numbers}<td class=n>{entry['support']}<td>{escape(confused)}"


def _error(item: Mapping[str, Any]) -> str:
    if "intent_prediction" in item:
        got = item["intent_prediction"]
        return _line(item["text"], item["intent"], f"{got['name']} ({got['confidence']:.2f})")
    if "intent_response_key_prediction" in item:
        got = item["intent_response_key_prediction"]
        return _line(
            item["text"], item["intent_response_key_target"], f"{got['name']} ({got['confidence']:.2f})"
        )
    right = ", ".join(_named(e, item["text"]) for e in item["entities"])
    return _line(item["text"], right, ", ".join(_named(e, item["text"]) for e in item["predicted_entities"]))


def _line(*cells: Any) -> str:
    text, right, got = (escape(str(cell)) for cell in cells)
    return f"<tr><td>{text}<td>{right}<td class=bad>{got}"
