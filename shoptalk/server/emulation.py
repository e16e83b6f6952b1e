"""`/model/parse` in the words of other services: wit.ai, LUIS, Dialogflow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shoptalk.server.errors import ApiError

Translate = Callable[[dict[str, Any]], Any]


def read(mode: str | None, body: Any) -> tuple[Any, Translate]:
    """The text of a request, and what makes the answer of the parse result.

    Args:
        mode: wit, luis or dialogflow, in any case; None for the plain form.
        body: of the request.

    Raises:
        ApiError: the mode is unknown or the body has no text.
    """
    if not isinstance(body, dict):
        raise ApiError(500, "ParsingError", "The body must be a JSON object.")
    text = body.get("text")
    if isinstance(text, list) and text:
        text = text[0]
    if mode is None or mode == "":
        return text, lambda parsed: parsed
    if mode.lower() not in _MODES:
        raise ApiError(400, "BadRequest", f"There is no emulation mode {mode!r}.")
    return text, _MODES[mode.lower()]


def _wit(parsed: dict[str, Any]) -> dict[str, Any]:
    entities: dict[str, list[dict[str, Any]]] = {}
    for entity in parsed["entities"]:
        name, role = entity["entity"], entity.get("role")
        entities.setdefault(f"{name}:{role or name}", []).append(
            {
                "confidence": entity.get("confidence_entity"),
                "name": name,
                "value": entity["value"],
                "body": parsed["text"][entity["start"] : entity["end"]],
                "start": entity["start"],
                "end": entity["end"],
                "role": role or name,
                "id": "",
                "type": "value",
                "suggested": False,
                "entities": [],
            }
        )
    intent = parsed["intent"]
    intents = [{"name": intent["name"], "confidence": intent["confidence"]}] if intent.get("name") else []
    return {"text": parsed["text"], "intents": intents, "entities": entities}


def _luis(parsed: dict[str, Any]) -> dict[str, Any]:
    ranking = parsed.get("intent_ranking") or [parsed["intent"]]
    instances: dict[str, list[dict[str, Any]]] = {}
    entities: dict[str, Any] = {}
    for entity in parsed["entities"]:
        name = entity.get("role") or entity["entity"]
        entities.setdefault(name, []).append(entity["value"])
        instances.setdefault(name, []).append(
            {
                "role": entity.get("role"),
                "type": entity["entity"],
                "text": entity["value"],
                "startIndex": entity["start"],
                "length": entity["end"] - entity["start"],
                "score": entity.get("confidence_entity"),
                "modelTypeId": 1,
                "modelType": "Entity Extractor",
                "recognitionSources": ["model"],
            }
        )
    return {
        "query": parsed["text"],
        "prediction": {
            "normalizedQuery": parsed["text"],
            "topIntent": parsed["intent"].get("name"),
            "intents": {one["name"]: {"score": one["confidence"]} for one in ranking if one.get("name")},
            "entities": {**entities, "$instance": instances},
        },
    }


def _dialogflow(parsed: dict[str, Any]) -> dict[str, Any]:
    parameters: dict[str, list[Any]] = {}
    for entity in parsed["entities"]:
        parameters.setdefault(entity["entity"], []).append(entity["value"])
    name = parsed["intent"].get("name")
    return {
        "responseId": "",
        "queryResult": {
            "queryText": parsed["text"],
            "action": name,
            "parameters": parameters,
            "fulfillmentText": "",
            "fulfillmentMessages": [],
            "outputContexts": [],
            "intent": {"name": name, "displayName": name},
            "intentDetectionConfidence": parsed["intent"].get("confidence"),
        },
    }


_MODES: dict[str, Translate] = {"wit": _wit, "luis": _luis, "dialogflow": _dialogflow}
