"""Evaluations in the JSON of Rasa's HTTP API."""

from __future__ import annotations

from typing import Any

from shoptalk.core.events import ActionExecuted
from shoptalk.testing.folds import CrossValidation
from shoptalk.testing.metrics import evaluate
from shoptalk.testing.nlu import NluEvaluation, Part
from shoptalk.testing.stories import StoryEvaluation

PARTS = ("intent_evaluation", "entity_evaluation", "response_selection_evaluation")
NOTHING: dict[str, Any] = {"report": {}, "precision": None, "f1_score": None, "errors": []}
"""What a part says that no fold had anything for."""


def stories_as_json(found: StoryEvaluation, *, end_to_end: bool) -> dict[str, Any]:
    """The answer of `POST /model/test/stories`."""
    evaluation = evaluate(*(found.everything() if end_to_end else found.actions()))
    report = {
        **evaluation.report,
        "conversation_accuracy": {
            "accuracy": found.accuracy,
            "correct": found.correct,
            "with_warnings": sum(result.has_warnings for result in found.results),
            "total": len(found.results),
        },
    }
    actions: list[dict[str, Any]] = [
        {"action": step.right, "predicted": step.got, "policy": step.policy, "confidence": step.confidence}
        for result in found.results
        for step in result.checked
        if isinstance(step.event, ActionExecuted)
    ]
    known = [
        action
        for action in actions
        if "Memoization" in (action["policy"] or "") or action["policy"] == "RulePolicy"
    ]
    return {
        "report": report,
        "precision": evaluation.precision,
        "f1": evaluation.f1,
        "accuracy": evaluation.accuracy,
        "actions": actions,
        "in_training_data_fraction": len(known) / len(actions) if actions else 0.0,
        "is_end_to_end_evaluation": end_to_end,
    }


def nlu_as_json(found: NluEvaluation) -> dict[str, Any]:
    """The answer of `POST /model/test/intents`; parts that cannot be judged are null."""
    out: dict[str, Any] = dict.fromkeys(PARTS)
    if found.intents:
        out["intent_evaluation"] = _part(found.intents, "intent", "intent_prediction")
    if found.extractors:
        out["entity_evaluation"] = {name: _figures(part) for name, part in found.extractors.items()}
    if found.responses:
        out["response_selection_evaluation"] = _part(
            found.responses, "intent_response_key_target", "intent_response_key_prediction"
        )
    return out


def folds_as_json(found: CrossValidation) -> dict[str, Any]:
    """The answer of `POST /model/test/intents` with `cross_validation_folds`; `f1_score` is a number here."""
    out: dict[str, Any] = {name: dict(NOTHING) for name in PARTS}
    evaluation = found.evaluation
    for name, part in (
        ("intent_evaluation", evaluation.intents),
        ("response_selection_evaluation", evaluation.responses),
    ):
        if part is not None:
            out[name] = {**_figures(part), "errors": part.errors}
    out["entity_evaluation"] |= {
        name: {**_figures(part), "errors": part.errors} for name, part in evaluation.extractors.items()
    }
    return out


def _figures(part: Part) -> dict[str, Any]:
    e = part.evaluation
    return {"report": e.report, "precision": e.precision, "f1_score": e.f1, "accuracy": e.accuracy}


def _part(part: Part, right: str, predicted: str) -> dict[str, Any]:
    predictions = [
        {
            "text": item["text"],
            "intent": item[right],
            "predicted": item[predicted]["name"],
            "confidence": item[predicted]["confidence"],
        }
        for item in (*part.successes, *part.errors)
    ]
    return {"predictions": predictions, **_figures(part), "errors": part.errors}
