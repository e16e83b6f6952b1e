"""Two wishes in one message: both are answered, in order; one that takes a task of its own is offered as a button.

The pipeline's IntentSplitter finds the clauses. They count only if the intent of the whole message is one of theirs.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.desk import OF_THE_WHOLE, Desk, Domain, Event, apply, button
from actions.intent_labels import INTENT_LABELS
from shop.labels import pick

Clause = dict[str, Any]


class Answer(Action, ABC):
    """An action that answers within one turn; `run` gives it the words of its own wish, and then serves the other."""

    intents: ClassVar[tuple[str, ...]] = ()
    needs_order: ClassVar[bool] = False
    by_intent: ClassVar[dict[str, type[Answer]]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        Answer.by_intent |= dict.fromkeys(cls.intents, cls)

    @abstractmethod
    def name(self) -> str:
        """The action's name."""

    @abstractmethod
    async def answer(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        """Answer the latest message."""

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        desk = Desk(tracker, dispatcher)
        events: list[Event] = []
        later: list[Clause] = []
        for clause in wishes(desk):
            action = self if clause["intent"]["name"] == desk.intent else _at_once(desk, clause)
            if action is None:
                later.append(clause)
                continue
            events += await action.answer(dispatcher, _about(tracker, clause), domain)
            apply(tracker, events)
        if not events:
            return await self.answer(dispatcher, tracker, domain)
        if later:
            language = desk.language
            labels = [(pick(INTENT_LABELS[x["intent"]["name"]], language), x["text"].strip()) for x in later]
            desk.say("utter_and_the_other", buttons=[button(*one) for one in labels])
        return events


def wishes(desk: Desk) -> list[Clause]:
    """The clauses of the latest message that ask for different things; none if it asks for one."""
    found = [
        clause
        for clause in desk.tracker.latest_message.get("clauses") or []
        if clause["intent"]["name"] in INTENT_LABELS and _says_enough(desk, clause)
    ]
    names = [clause["intent"]["name"] for clause in found]
    return found if len(names) > 1 and len(set(names)) == len(names) and desk.intent in names else []


def _says_enough(desk: Desk, clause: Clause) -> bool:
    """Whether a clause can be understood alone; "and how much does it cost?" is about what stands before it."""
    if clause["intent"]["name"] not in ("product_price", "product_stock", "product_attribute"):
        return True
    named = {entity["entity"] for entity in clause["entities"]}
    return bool(named & {"product", "category"} or desk.tracker.get_slot("product"))


async def answer_beside(desk: Desk, domain: Domain) -> None:
    """Answer what was asked beside a task that now begins; the task's own values stay as they are."""
    for clause in wishes(desk):
        action = _at_once(desk, clause) if clause["intent"]["name"] != desk.intent else None
        if action is not None:
            await action.answer(desk.dispatcher, _about(desk.tracker, clause), domain)


def _at_once(desk: Desk, clause: Clause) -> Answer | None:
    """What answers another clause within this turn; None where a guest must prove an order, or a task begins."""
    action = Answer.by_intent.get(clause["intent"]["name"])
    if action is None or (action.needs_order and desk.shopper.is_guest):
        return None
    return action()


def _about(tracker: Tracker, clause: Clause) -> Tracker:
    """The conversation as if only this clause had been said."""
    whole = tracker.latest_message
    kept = [entity for entity in whole.get("entities") or [] if entity.get("entity") in OF_THE_WHOLE]
    part = copy.copy(tracker)
    part.latest_message = {
        **whole,
        "text": clause["text"].strip(),
        "intent": clause["intent"],
        "entities": [*clause["entities"], *kept],
    }
    return part
