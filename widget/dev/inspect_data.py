"""What the dev server tells the inspector of a canned turn."""

from __future__ import annotations

import re
import time
from typing import Any

_REASONS = {
    "rule": {"kind": "rule", "name": "Answer at once", "file": "data/rules.yml", "line": 42},
    "story": {
        "kind": "story",
        "name": "wishes, then a comparison",
        "file": "data/stories/products.yml",
        "line": 118,
    },
    "loop": {"kind": "loop", "name": "return_form", "file": "domain.yml", "line": 233},
    "model": {"kind": "model", "name": "TEDPolicy", "file": None, "line": None},
    "fallback": {"kind": "fallback", "name": "two-stage fallback", "file": "data/rules.yml", "line": 9},
}
_POLICIES = {
    "rule": "RulePolicy",
    "story": "MemoizationPolicy",
    "loop": "RulePolicy",
    "model": "TEDPolicy",
    "fallback": "RulePolicy",
}
_OTHERS = ["faq_shipping", "list_orders", "complain_late", "cancel_order", "inform", "recommend_for_me"]


def _entities(text: str) -> list[dict[str, Any]]:
    found = []
    kinds = [
        ("order_id", r"#?\b1\d{4}\b"),
        ("product", r"jacket|boots|tote|夹克"),
        ("color", r"\b(?:blue|red|green)\b|蓝色|红色"),
        ("price", r"€ ?\d+|\d+ (?:euros?|EUR)"),
    ]
    for name, pattern in kinds:
        for match in re.finditer(pattern, text, re.IGNORECASE):
            value = match.group().lstrip("#").lower()
            entity = {"start": match.start(), "end": match.end(), "value": value, "entity": name}
            found.append(
                entity
                | {
                    "confidence_entity": 0.97,
                    "extractor": "JointClassifier" if name != "order_id" else "RegexEntityExtractor",
                }
            )
    return found


def inspected(text: str, language: str, intent: str, kind: str, slots: dict[str, Any]) -> dict[str, Any]:
    """One turn for the inspector; fills the slots the entities stand for."""
    entities = _entities(text)
    said = {"start": 0, "end": len(text), "entity": "language", "value": language}
    ranking = _ranking(intent, 0.31 if kind == "fallback" else 0.94)
    timings = {"nlu": 5.8, "slots": 0.2, "predict": 0.9, "actions": 4.5, "store": 1.1}
    if kind == "model":
        timings["actions"] = 1800.0
    timings["total"] = round(sum(timings.values()) + 0.4, 2)
    return {
        "text": text,
        "at": time.time(),
        "parse": {
            "text": text,
            "intent": ranking[0],
            "intent_ranking": ranking,
            "entities": [*entities, {**said, "extractor": "LanguageDetector"}],
        },
        "steps": [
            _step(f"action_{intent}", kind, 0.83 if kind == "model" else 1.0, 4.2),
            _step("action_listen", kind, 1.0, 0.3),
        ],
        "events": _events(text, intent, kind, [*entities, said], slots),
        "timings_ms": timings,
    }


def _ranking(intent: str, confidence: float) -> list[dict[str, Any]]:
    others = [name for name in _OTHERS if name != intent]
    rest = zip(others, [0.6, 0.2, 0.1, 0.06, 0.04], strict=False)
    ranking = [
        {"name": intent, "confidence": confidence},
        *({"name": name, "confidence": round((1 - confidence) * part, 4)} for name, part in rest),
    ]
    return sorted(ranking, key=lambda one: -one["confidence"])


def _step(action: str, kind: str, confidence: float, ms: float) -> dict[str, Any]:
    return {
        "action": action,
        "policy": _POLICIES[kind],
        "confidence": confidence,
        "reason": _REASONS[kind],
        "ms": ms,
    }


def _events(
    text: str, intent: str, kind: str, entities: list[dict[str, Any]], slots: dict[str, Any]
) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = [
        {"event": "action", "name": "action_listen"},
        {"event": "user", "text": text},
    ]
    for entity in entities:
        if slots.get(entity["entity"]) != entity["value"]:
            slots[entity["entity"]] = entity["value"]
            events.append({"event": "slot", "name": entity["entity"], "value": entity["value"]})
    events += [
        {"event": "action", "name": f"action_{intent}", "policy": _POLICIES[kind], "confidence": 1.0},
        {"event": "bot", "text": "…"},
    ]
    return [{**event, "timestamp": time.time()} for event in events]
