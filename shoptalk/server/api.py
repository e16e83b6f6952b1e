"""Rasa's HTTP API: conversations, models, domain."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

import shoptalk
from shoptalk.actions.base import CollectingSink
from shoptalk.assistant import Assistant
from shoptalk.channels.rest import rest_messages
from shoptalk.core.events import Event, decode
from shoptalk.core.messages import NO_CHANNEL, UserMessage
from shoptalk.core.tracker import Tracker
from shoptalk.dialogue.policies.base import Prediction
from shoptalk.errors import ActionError, DataError
from shoptalk.history import session_start
from shoptalk.server import emulation, model_routes
from shoptalk.server.auth import Auth, guard
from shoptalk.server.errors import ApiError
from shoptalk.server.holder import Holder
from shoptalk.stores.base import Conversation
from shoptalk.turn import Run

API_VERSION = "3.6.21"
"""The version of Rasa whose API this is; clients compare it."""
FORMAT_VERSION = "3.1"
"""The newest version of the formats of Rasa's files."""
VERBOSITIES = ("NONE", "APPLIED", "AFTER_RESTART", "ALL")


def open_routes() -> APIRouter:
    """What anybody may ask."""
    router = APIRouter(tags=["server"])

    @router.get("/version")
    async def version() -> dict[str, str]:
        """The version of the API (Rasa's) that is spoken here."""
        return {"version": API_VERSION, "minimum_compatible_version": API_VERSION}

    return router


def routes(holder: Holder, auth: Auth) -> APIRouter:
    """All routes that need permission."""
    router = APIRouter(dependencies=[Depends(guard(auth))])
    _model_routes(router, holder)
    _conversation_routes(router, holder)
    _action_routes(router, holder)
    _change_routes(router, holder)
    router.include_router(model_routes.routes(holder))
    return router


def _model_routes(router: APIRouter, holder: Holder) -> None:
    @router.get("/status", tags=["server"])
    async def status() -> dict[str, Any]:
        """Which model is loaded; 409 when none is."""
        model = holder.model if holder.assistant else None
        return {
            "model_file": str(model.path) if model and model.path else None,
            "model_id": model.model_id if model else None,
            "num_active_training_jobs": holder.jobs,
            "shoptalk_version": shoptalk.__version__,
        }

    @router.get("/domain", tags=["domain"], responses={200: {"content": {"application/x-yaml": {}}}})
    async def domain(request: Request) -> Response:
        """The domain, as JSON or YAML by the Accept header."""
        raw = dict(holder.assistant.domain.raw)
        accept = request.headers.get("accept", "application/json")
        if accept.endswith(("yml", "yaml")):
            import yaml

            content = {"version": FORMAT_VERSION, **_plain(raw)}
            text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
            return Response(text, media_type="application/x-yaml")
        if accept.endswith(("json", "*/*")) or "json" in accept:
            return JSONResponse(raw)
        raise ApiError(
            406, "NotAcceptable", "The domain can be had as application/json or application/x-yaml."
        )

    @router.post("/model/parse", tags=["model"])
    async def parse(request: Request, emulation_mode: str | None = None, explain: bool = False) -> Any:
        """What NLU makes of `{"text": …}`; with `explain=true` also why."""
        body = await _json_body(request, 500, "ParsingError")
        text, translate = emulation.read(emulation_mode, body)
        if not isinstance(text, str):
            raise ApiError(500, "ParsingError", "`text` must be a string.")
        assistant = holder.assistant
        return translate(await (assistant.explain(text) if explain else assistant.parse(text)))

    @router.post("/model/predict", tags=["model"])
    async def predict(request: Request, include_events: str = "AFTER_RESTART") -> dict[str, Any]:
        """What the policies say of a list of events."""
        events = _events(await _json_body(request, 400, "BadRequest"))
        tracker = Tracker.from_events("default", events, holder.assistant.domain)
        prediction = await holder.assistant.predict(tracker)
        return _prediction(prediction, holder.assistant, tracker, include_events, sort=False)


def _conversation_routes(router: APIRouter, holder: Holder) -> None:
    @router.get("/conversations/{conversation_id:path}/tracker", tags=["conversations"])
    async def tracker(
        conversation_id: str, include_events: str = "AFTER_RESTART", until: float | None = None
    ) -> Any:
        """A whole conversation."""
        verbosity = _verbosity(include_events)
        found = await holder.assistant.tracker(conversation_id, full=True)
        if not found.events:
            await Run(holder.assistant.engine, found).session(only_if_new=True)
        if until is not None:
            kept = [event for event in found.events if event.timestamp <= until]
            found = Tracker.from_events(conversation_id, kept, holder.assistant.domain)
        return _state(found, verbosity)

    @router.get(
        "/conversations/{conversation_id:path}/story",
        tags=["conversations"],
        responses={200: {"content": {"text/plain": {}}}},
    )
    async def story(
        conversation_id: str, until: float | None = None, all_sessions: str = "false"
    ) -> Response:
        """A conversation as test stories."""
        from shoptalk.formats.story_writer import stories_of

        found = await holder.assistant.tracker(conversation_id, full=True)
        if not found.events:
            raise ApiError(404, "Not found", f"There is no conversation {conversation_id!r}.")
        events = [event for event in found.events if until is None or event.timestamp <= until]
        text = stories_of(conversation_id, events, all_sessions=all_sessions.lower() == "true")
        return PlainTextResponse(text)


def _action_routes(router: APIRouter, holder: Holder) -> None:
    @router.post("/conversations/{conversation_id:path}/predict", tags=["conversations"])
    async def predict(conversation_id: str, include_events: str = "AFTER_RESTART") -> dict[str, Any]:
        """What the policies would do next."""
        await _existing(holder, conversation_id)
        prediction, found = await holder.assistant.predict_next(conversation_id)
        return _prediction(prediction, holder.assistant, found, include_events, sort=True)

    @router.post("/conversations/{conversation_id:path}/execute", tags=["conversations"])
    async def execute(
        request: Request, conversation_id: str, include_events: str = "AFTER_RESTART"
    ) -> dict[str, Any]:
        """Run one action."""
        body = await _json_body(request, 400, "BadRequest")
        name = body.get("name") if isinstance(body, dict) else None
        if not name or not isinstance(name, str):
            raise ApiError(400, "BadRequest", "Name of the action not provided in request body.")
        await _existing(holder, conversation_id)
        before = await _lived(holder, conversation_id)
        try:
            replies = await holder.assistant.execute(
                conversation_id, name, body.get("policy"), body.get("confidence")
            )
        except ActionError as error:
            raise ApiError(500, "ConversationError", error.message) from error
        return _said(before, conversation_id, replies, include_events)

    @router.post("/conversations/{conversation_id:path}/trigger_intent", tags=["conversations"])
    async def trigger(
        request: Request, conversation_id: str, include_events: str = "AFTER_RESTART"
    ) -> dict[str, Any]:
        """Act as if the user had meant an intent."""
        body = await _json_body(request, 400, "BadRequest")
        name = body.get("name") if isinstance(body, dict) else None
        if not name or not isinstance(name, str):
            raise ApiError(400, "BadRequest", "Name of the intent not provided in request body.")
        if name not in holder.assistant.domain.intent_names:
            raise ApiError(404, "NotFound", f"The domain has no intent {name!r}.")
        entities = body.get("entities") or []
        if not isinstance(entities, dict) and not _are_entities(entities):
            raise ApiError(
                400, "BadRequest", "`entities` must be an object or a list of objects with an `entity`."
            )
        sink, before = CollectingSink(), await _length(holder, conversation_id)
        replies = await holder.assistant.trigger(conversation_id, name, entities, sink=sink)
        lived = await _lived(holder, conversation_id, before)
        return _said(lived, conversation_id, replies, include_events)


def _change_routes(router: APIRouter, holder: Holder) -> None:
    @router.post("/conversations/{conversation_id:path}/messages", tags=["conversations"])
    async def messages(request: Request, conversation_id: str, include_events: str = "AFTER_RESTART") -> Any:
        """Log a message without answering it."""
        body = await _json_body(request, 400, "BadRequest")
        if not isinstance(body, dict) or body.get("sender") != "user":
            raise ApiError(400, "BadRequest", "Only messages of the sender `user` can be logged.")
        if not isinstance(body.get("text"), str):
            raise ApiError(500, "ConversationError", "`text` must be a string.")
        parse = body.get("parse_data")
        if not isinstance(parse, dict | None):
            raise ApiError(400, "BadRequest", "`parse_data` must be an object.")
        await holder.assistant.log_message(
            UserMessage(body["text"], conversation_id, channel=NO_CHANNEL, parse_data=parse)
        )
        return _state(await _lived(holder, conversation_id), _verbosity(include_events))

    @router.post("/conversations/{conversation_id:path}/tracker/events", tags=["conversations"])
    async def append(request: Request, conversation_id: str, include_events: str = "AFTER_RESTART") -> Any:
        """Add events as they are."""
        verbosity = _verbosity(include_events)
        events = _events(await _json_body(request, 400, "BadRequest"))
        if not events:
            raise ApiError(500, "ConversationError", "There are no events in the body.")
        before = await _length(holder, conversation_id)
        await holder.assistant.add_events(conversation_id, events)
        return _state(await _lived(holder, conversation_id, before), verbosity)

    @router.put("/conversations/{conversation_id:path}/tracker/events", tags=["conversations"])
    async def replace(request: Request, conversation_id: str, include_events: str = "AFTER_RESTART") -> Any:
        """Make events the whole conversation."""
        verbosity = _verbosity(include_events)
        events = _events(await _json_body(request, 400, "BadRequest"))
        await holder.assistant.store.replace(conversation_id, [event.as_dict() for event in events])
        return _state(Tracker.from_events(conversation_id, events, holder.assistant.domain), verbosity)


async def _json_body(request: Request, status: int, reason: str) -> Any:
    raw = await request.body()
    try:
        value = json.loads(raw)
        if b"\\u" in raw:  # lone surrogates, which no store and no answer can hold
            value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
        return value
    except (ValueError, RecursionError) as error:
        raise ApiError(status, reason, f"The body is not JSON: {error}.") from error


def _events(body: Any) -> list[Event]:
    items = body if isinstance(body, list) else [body]
    try:
        return [decode(_checked(item), strict=True) for item in items]
    except DataError as error:
        raise ApiError(400, "BadRequest", error.message) from error


_TEXTS = ("event", "name", "text", "action_text", "policy", "input_channel", "message_id", "date_time")
_EVENT_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(_TEXTS, (str,)),
    **dict.fromkeys(("timestamp", "confidence"), (int, float)),
    **dict.fromkeys(("metadata", "parse_data", "data"), (dict,)),
    "entities": (list, dict),
    "intent": (str, dict),
}
"""What the fields of events may hold, beside null."""


def _checked(item: Any) -> dict[str, Any]:
    """An event whose fields are of the types they must have."""
    if not isinstance(item, dict) or "event" not in item:
        raise DataError("An event must be an object with the key `event`.")
    for key, types in _EVENT_TYPES.items():
        value = item.get(key)
        if value is not None and (not isinstance(value, types) or _is_endless(value)):
            raise DataError(f"The field `{key}` of an event cannot be of type {type(value).__name__}.")
    parse = item.get("parse_data") or {}
    intent, entities = parse.get("intent") or {}, parse.get("entities") or []
    if not isinstance(intent, dict) or not isinstance(intent.get("name"), str | None):
        raise DataError("`parse_data.intent` of an event must be an object with a `name`.")
    if isinstance(item.get("entities"), list):
        entities = [*item["entities"], *entities] if isinstance(entities, list) else None
    if not _are_entities(entities):
        raise DataError("The entities of an event must be a list of objects with an `entity`.")
    return item


def _is_endless(value: Any) -> bool:
    """Whether a value is a number that no store keeps."""
    return isinstance(value, float) and not math.isfinite(value)


def _are_entities(values: Any) -> bool:
    """Whether a value is a list of objects with a text `entity`."""
    return isinstance(values, list) and all(
        isinstance(value, dict) and isinstance(value.get("entity"), str) for value in values
    )


def _verbosity(word: str) -> str:
    if word.upper() not in VERBOSITIES:
        raise ApiError(400, "BadRequest", f"include_events must be one of {', '.join(VERBOSITIES)}.")
    return word.upper()


def _shown(tracker: Tracker, verbosity: str) -> Sequence[Event] | None:
    if verbosity == "NONE":
        return None
    if verbosity == "APPLIED":
        return tracker.applied
    return tracker.events_after_restart() if verbosity == "AFTER_RESTART" else tracker.events


def _state(tracker: Tracker, verbosity: str) -> dict[str, Any]:
    return tracker.as_dict(_shown(tracker, verbosity))


async def _length(holder: Holder, conversation_id: str) -> int:
    """How many events a conversation has."""
    conversation = await holder.assistant.store.load(conversation_id, full=True)
    return conversation.length if conversation else 0


async def _lived(holder: Holder, conversation_id: str, since: int | None = None) -> Tracker:
    """The current session of a conversation, read back with its first events, and lived through the others.

    What was read back has forgotten how a form's turns were asked.

    Args:
        holder, conversation_id: whose.
        since: events of the conversation that are read back; None for all.
    """
    stored = await holder.assistant.store.load(conversation_id, full=True)
    conversation = stored or Conversation([])
    events = [decode(event) for event in conversation.events]
    begin = session_start(events) or 0
    known = len(events) if since is None else max(begin, since - conversation.first_index)
    tracker = Tracker.from_stored(conversation_id, events[begin:known], holder.assistant.domain)
    tracker.apply_all(events[known:])
    return tracker


async def _existing(holder: Holder, conversation_id: str) -> Tracker:
    tracker = await holder.assistant.tracker(conversation_id, full=True)
    if not tracker.events:
        raise ApiError(404, "Not found", f"There is no conversation {conversation_id!r}.")
    return tracker


def _said(
    tracker: Tracker, sender: str, replies: Sequence[dict[str, Any]], include_events: str
) -> dict[str, Any]:
    messages = [part for reply in replies for part in rest_messages(sender, reply)]
    return {"tracker": _state(tracker, _verbosity(include_events)), "messages": messages}


def _prediction(
    prediction: Prediction | None, assistant: Assistant, tracker: Tracker, include_events: str, *, sort: bool
) -> dict[str, Any]:
    if prediction is None:
        raise ApiError(409, "Conflict", "The model has no policies.")
    names = assistant.domain.action_names
    scored = list(zip(names, map(float, prediction.probabilities), strict=True))
    if sort:
        scored.sort(key=lambda entry: (-entry[1], entry[0]))
    scores = [{"action": name, "score": score} for name, score in scored]
    return {
        "scores": scores,
        "policy": prediction.policy,
        "confidence": prediction.confidence,
        "tracker": _state(tracker, _verbosity(include_events)),
    }


def _plain(value: Any) -> Any:
    """The same data without the classes of the reader."""
    return json.loads(json.dumps(value, default=list))
