"""Responses: a name becomes a message, by choosing a variation and filling in slots."""

from __future__ import annotations

import copy
import logging
import random
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from shoptalk.actions.base import Scene, Sink, bot_uttered
from shoptalk.actions.interpolation import fill
from shoptalk.core.events import Event
from shoptalk.core.tracker import Tracker
from shoptalk.errors import ActionError, GenerationError

logger = logging.getLogger(__name__)

Draft = dict[str, Any]
Variation = Mapping[str, Any]
FILLED_KEYS = ("text", "image", "custom", "buttons", "attachment", "quick_replies")
DEFAULT_SELECTOR = "default"


class ResponseSource(Protocol):
    """Where responses come from: the domain, or a service of the user's own."""

    async def generate(self, name: str, scene: Scene, arguments: Mapping[str, Any]) -> Draft | None:
        """The message of a response, as a new dict; None when there is none."""
        ...


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """What a language model is asked to put into words.

    Args:
        response: name of the response.
        text: the variation's own text, filled in; said when nothing is generated.
        instructions: the variation's metadata.
        tracker: the conversation.
        arguments: what the caller of the response gave.
        message_id: id of the message being made; deltas carry it.
    """

    response: str
    text: str
    instructions: Mapping[str, Any]
    tracker: Tracker
    arguments: Mapping[str, Any] = field(default_factory=dict)
    message_id: str = ""


class Generator(Protocol):
    """Puts a response into words; helps an action, never decides."""

    async def generate(self, request: GenerationRequest, sink: Sink) -> str | None:
        """The text to say, streamed to `sink` as it comes; None: say the variation's own text."""
        ...


class DomainResponses:
    """Responses of the domain.

    Args:
        responses: name → variations, as written.
        generator: words variations that have `metadata: {generate: true}`.
        choose: picks one of several variations that fit equally well.
    """

    def __init__(
        self,
        responses: Mapping[str, Sequence[Variation]],
        generator: Generator | None = None,
        choose: Callable[[Sequence[Variation]], Variation] = random.choice,
    ) -> None:
        self.responses, self.generator, self._choose = responses, generator, choose

    async def generate(self, name: str, scene: Scene, arguments: Mapping[str, Any]) -> Draft | None:
        """The message of a response, as a new dict; None when no variation fits."""
        fitting = eligible(self.responses.get(name, ()), scene.channel, scene.tracker.slots)
        if not fitting:
            return None
        draft = copy.deepcopy(dict(self._choose(fitting)))
        values = {**scene.tracker.slots, **arguments}
        for key in FILLED_KEYS:
            if key in draft:
                draft[key] = fill(draft[key], values)
        wishes = draft.get("metadata")
        if self.generator is not None and isinstance(wishes, dict) and wishes.get("generate"):
            await self._reword(self.generator, name, draft, scene, arguments)
        return draft

    async def _reword(
        self, generator: Generator, name: str, draft: Draft, scene: Scene, arguments: Mapping[str, Any]
    ) -> None:
        message_id = uuid.uuid4().hex
        request = GenerationRequest(
            response=name,
            text=draft.get("text") or "",
            instructions=draft["metadata"],
            tracker=scene.tracker,
            arguments=arguments,
            message_id=message_id,
        )
        await scene.sink.typing()
        try:
            text = await generator.generate(request, scene.sink)
        except GenerationError as error:
            logger.warning("response.generation_failed %s: %s", name, error)
            text = None
        if text:
            draft["text"] = text
            draft["id"] = message_id
            draft["generated"] = True


def eligible(variations: Sequence[Variation], channel: str, slots: Mapping[str, Any]) -> list[Variation]:
    """The variations to choose from: the first tier that is not empty.

    Tiers: a condition that holds and this channel; this channel; a condition that holds; anything else.
    """
    met = [v for v in variations if v.get("condition") and _holds(v["condition"], slots)]
    plain = [v for v in variations if v.get("condition") is None]
    tiers = (
        [v for v in met if v.get("channel") == channel],
        [v for v in plain if v.get("channel") == channel],
        [v for v in met if v.get("channel") is None],
    )
    return next((tier for tier in tiers if tier), [v for v in plain if v.get("channel") is None])


def _holds(conditions: Sequence[Mapping[str, Any]], slots: Mapping[str, Any]) -> bool:
    for condition in conditions:
        wanted, value = condition.get("value"), slots.get(condition.get("name", ""))
        if isinstance(wanted, str) and isinstance(value, str):
            if wanted.casefold() != value.casefold():
                return False
        elif wanted != value:
            return False
    return True


async def utter(name: str, scene: Scene, *, quiet: bool = False) -> list[Event]:
    """Say a response.

    Args:
        name: of the response.
        scene: where.
        quiet: do not complain when there is no such response.
    """
    draft = await scene.actions.responses.generate(name, scene, {})
    if draft is None:
        if not quiet:
            logger.error("There is no response %r for channel %r and the current slots.", name, scene.channel)
        return []
    return [bot_uttered({**draft, "utter_action": name})]


async def utter_retrieved(action: str, scene: Scene) -> list[Event]:
    """Say the answer that response selection found for a retrieval intent.

    Raises:
        ActionError: no response selector is in the pipeline.
    """
    parsed = scene.tracker.latest_message.parse_data
    if "response_selector" not in parsed:
        raise ActionError(
            f"{action!r} answers a retrieval intent, but nothing selected a response.",
            hint="Add ResponseSelector to `pipeline:` in config.yml and train again.",
        )
    selected = parsed["response_selector"]
    intent = action.split("utter_")[1]
    found = selected.get(intent) or selected.get(DEFAULT_SELECTOR)
    if found is None:
        logger.error("No response selector answers the intent %r.", intent)
        return []
    return await utter(found["response"]["utter_action"], scene)
