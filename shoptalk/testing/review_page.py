"""What to do about the data, as parts of the page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from shoptalk.testing.review import Confusion, Double, Doubt, Review, Subject

CONFUSIONS_SHOWN = 40


def sections(found: Review, folder: Path) -> list[str]:
    """HTML of a review; its picture is looked for in `folder`."""
    out = ["<h2>What to do about the data</h2>"]
    advised = [subject for subject in found.subjects if subject.advice]
    if not (found.confusions or found.doubts or found.doubles or advised):
        return [*out, "<p class=good>Nothing stands out.</p>"]
    out += _list("Intents that need work", "", [_subject(s) for s in advised], len(advised))
    out += _list(
        "Confusions",
        "Write more examples at these borders, or join intents that people do not tell apart.",
        [_confusion(c) for c in found.confusions[:CONFUSIONS_SHOWN]],
        sum(c.count for c in found.confusions),
    )
    out += _list(
        "Labels to check",
        "These examples lie among those of another intent.",
        [_doubt(d) for d in found.doubts],
        len(found.doubts),
    )
    out += _list(
        "Almost the same in two intents",
        "Keep each in one intent only.",
        [_double(d) for d in found.doubles],
        len(found.doubles),
    )
    if (folder / "review_intents.png").exists():
        out.append("<img src=review_intents.png alt='Intents by examples and overlap'>")
    return out


def _list(title: str, note: str, rows: Sequence[str], count: int) -> list[str]:
    if not rows:
        return []
    said = f"<p>{escape(note)}</p>" if note else ""
    return [f"<h3>{escape(title)} <small>{count}</small></h3>{said}<table>{''.join(rows)}</table>"]


def _subject(subject: Subject) -> str:
    return _row(
        f"<b>{escape(subject.intent)}</b>", f"{subject.count} examples", escape("; ".join(subject.advice))
    )


def _confusion(confusion: Confusion) -> str:
    said = "".join(
        f"<div>{escape(example['text'])} <small>{example['confidence']:.2f}</small></div>"
        for example in confusion.examples
    )
    more = confusion.count - len(confusion.examples)
    if more > 0:
        said += f"<small>and {more} more</small>"
    return _row(
        f"{escape(confusion.intent)} <span class=bad>→ {escape(confusion.predicted)}</span>",
        f"{confusion.count}×",
        said,
    )


def _doubt(doubt: Doubt) -> str:
    reasons = []
    if doubt.nearest:
        reasons.append(f"{doubt.share:.0%} of what is nearest, as “{escape(doubt.nearest)}”")
    if doubt.confidence is not None:
        reasons.append(f"the model says so with {doubt.confidence:.2f}")
    return _row(
        f"{escape(doubt.text)}<br><code>{escape(doubt.place)}</code>",
        f"{escape(doubt.intent)} <span class=bad>rather {escape(doubt.rather)}</span>",
        "; ".join(reasons),
    )


def _double(double: Double) -> str:
    sides = (
        (double.text, double.intent, double.place),
        (double.other_text, double.other_intent, double.other_place),
    )
    cells = [f"{escape(t)}<br><b>{escape(i)}</b> <code>{escape(p)}</code>" for t, i, p in sides]
    return _row(*cells, f"{double.cosine:.2f}")


def _row(*cells: str) -> str:
    return "<tr>" + "".join(f"<td>{cell}" for cell in cells)
