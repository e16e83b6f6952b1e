"""What an evaluation found, as files: Rasa's names and JSON, and beside them a page for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoptalk.core.domain import ACTION_LISTEN
from shoptalk.core.events import ActionExecuted, ActiveLoop, Event, SlotSet, UserUttered
from shoptalk.core.slots import REQUESTED_SLOT, SESSION_METADATA_SLOT
from shoptalk.core.training_data import EntitySpan
from shoptalk.formats.nlu import markup
from shoptalk.formats.yaml_writer import scalar
from shoptalk.testing.metrics import evaluate, micro
from shoptalk.testing.nlu import NluEvaluation, Part
from shoptalk.testing.review import Review
from shoptalk.testing.stories import Checked, StoryEvaluation, StoryResult

HISTOGRAM_EXTRACTORS = ("DIETClassifier", "CRFEntityExtractor", "JointClassifier")
ALL_GOOD = "# None of the test stories failed - all good!\n"
NONE_UNEXPECTED = "# No warnings for test stories - all good!\n"
NONE_RIGHT = "# None of the test stories succeeded :(\n"


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """Which files are written, and where.

    Args:
        folder: made if it is not there.
        successes, errors, warnings: lists of what is right, wrong, and unexpected.
        plots: pictures.
    """

    folder: Path = Path("results")
    successes: bool = False
    errors: bool = True
    warnings: bool = True
    plots: bool = True


def write_nlu(found: NluEvaluation, options: ReportOptions) -> None:
    """Write the reports of understanding."""
    options.folder.mkdir(parents=True, exist_ok=True)
    if found.intents:
        _part(found.intents, "intent", "Intents", options, histogram=True)
    if found.responses:
        _part(found.responses, "response_selection", "Retrieval responses", options, histogram=True)
    for name, part in found.extractors.items():
        _part(part, name, f"Entities by {name}, by token", options, histogram=name in HISTOGRAM_EXTRACTORS)
    if found.spans:
        report: dict[str, Any] = {label: score.as_dict() for label, score in found.spans.items()}
        report["micro avg"] = micro(found.spans).as_dict()
        write_json(options.folder / "entity_span_report.json", report)


def write_review(found: Review, options: ReportOptions) -> None:
    """Write what to do about the data, as `review.json` and as a picture."""
    options.folder.mkdir(parents=True, exist_ok=True)
    write_json(options.folder / "review.json", found.as_dict())
    if options.plots and found.subjects:
        from shoptalk.testing import plots

        plots.subjects(
            options.folder / "review_intents.png",
            [(s.intent, s.count, s.overlap, s.copies) for s in found.subjects],
        )


def _part(part: Part, name: str, title: str, options: ReportOptions, *, histogram: bool) -> None:
    folder = options.folder
    write_json(folder / f"{name}_report.json", part.evaluation.report)
    if options.errors and part.errors:
        write_json(folder / f"{name}_errors.json", part.errors)
    if options.successes and part.successes:
        write_json(folder / f"{name}_successes.json", part.successes)
    if options.plots:
        from shoptalk.testing import plots

        evaluation = part.evaluation
        plots.confusion_matrix(
            folder / f"{name}_confusion_matrix.png", title, evaluation.labels, evaluation.matrix
        )
        if histogram and any(part.confidences):
            plots.histogram(folder / f"{name}_histogram.png", title, *part.confidences)


def write_stories(found: StoryEvaluation, options: ReportOptions) -> dict[str, Any]:
    """Write the reports of dialogue.

    Returns:
        The content of story_report.json.
    """
    folder = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    evaluation = evaluate(*found.everything())
    report = {
        **evaluation.report,
        "conversation_accuracy": {
            "accuracy": found.accuracy,
            "correct": found.correct,
            "with_warnings": sum(result.has_warnings for result in found.results),
            "total": len(found.results),
        },
    }
    write_json(folder / "story_report.json", report)
    if options.plots:
        from shoptalk.testing import plots

        actions = evaluate(*found.actions())
        plots.confusion_matrix(
            folder / "story_confusion_matrix.png", "Actions", actions.labels, actions.matrix
        )
    chosen = [
        (options.errors, "failed_test_stories.yml", found.failed, ALL_GOOD),
        (
            options.warnings,
            "stories_with_warnings.yml",
            [r for r in found.results if r.has_warnings],
            NONE_UNEXPECTED,
        ),
        (
            options.successes,
            "successful_test_stories.yml",
            [r for r in found.results if not r.failed],
            NONE_RIGHT,
        ),
    ]
    for wanted, name, results, empty in chosen:
        if wanted:
            (folder / name).write_text(stories_text(results) if results else empty, encoding="utf-8")
    return report


def stories_text(results: Sequence[StoryResult]) -> str:
    """Test stories as a file; beside what is wrong stands what the model gave."""
    lines = ['version: "3.1"', "stories:"]
    for result in results:
        place = f" ({result.source.file})" if result.source.file else ""
        lines += [f"- story: {scalar(result.name + place)}", "  steps:"]
        for step in result.steps:
            lines += _checked(step) if isinstance(step, Checked) else _plain(step)
    return "\n".join(lines) + "\n"


def _checked(step: Checked) -> list[str]:
    event = step.event
    if isinstance(event, UserUttered):
        return _message(step, event)
    comment = "" if step.is_right else f"  # predicted: {step.got}"
    if step.unlikely:
        comment += "  # predicted: action_unlikely_intent"
    if not isinstance(event, ActionExecuted) or (event.name == ACTION_LISTEN and not comment):
        return []
    shown = f"action: {scalar(event.name)}" if event.name else f"bot: {scalar(event.action_text)}"
    return [f"  - {shown}{comment}"]


def _message(step: Checked, event: UserUttered) -> list[str]:
    text = event.text or ""
    comment = ""
    if not step.is_right:
        found = markup(text, _spans(text, step.found)).replace("\n", " ")
        comment = (
            f"  # predicted: {step.got or 'no intent'}: {found}" if text else f"  # predicted: {step.got}"
        )
    lines = [f"  - intent: {scalar(step.right)}{comment}"] if step.right else []
    if text:
        block = [f"      {line}" for line in markup(text, _spans(text, step.entities)).splitlines() or [""]]
        key = "    user: |-" if lines else f"  - user: |-{comment}"
        lines += [key, *block]
    return lines


def _spans(text: str, entities: Sequence[Any]) -> tuple[EntitySpan, ...]:
    return tuple(
        EntitySpan(e["start"], e["end"], str(e["entity"]), str(e.get("value")), e.get("role"), e.get("group"))
        for e in entities
    )


def _plain(event: Event) -> list[str]:
    if isinstance(event, UserUttered):
        return [f"  - intent: {scalar(event.intent_name)}"]
    if isinstance(event, SlotSet) and event.name not in (REQUESTED_SLOT, SESSION_METADATA_SLOT):
        return ["  - slot_was_set:", f"    - {scalar(event.name)}: {scalar(event.value)}"]
    if isinstance(event, ActiveLoop):
        return [f"  - active_loop: {scalar(event.name)}"]
    return []


def write_json(path: Path, content: Any) -> None:
    """Write JSON as Rasa does: four spaces, one line feed at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=4, ensure_ascii=False) + "\n", encoding="utf-8")
