"""When the assistant is not sure, or does not know."""

from __future__ import annotations

import json
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.desk import Desk, Domain, Event, button, put
from actions.intent_labels import INTENT_LABELS, NONE_OF_THEM
from shop import knowledge
from shop.labels import pick

# Below this even the best guess is not worth asking about.
WORTH_ASKING = 0.15
PASSAGES = 3


class ActionGptFallback(Action):
    """Hand the question and what the help centre says to the language model that the framework runs.

    The response is marked `generate: true` in the domain; without a model its text is said as it stands.
    """

    def name(self) -> str:
        return "action_gpt_fallback"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        desk = Desk(tracker, dispatcher)
        found = knowledge.search(desk.question, desk.language, limit=PASSAGES) if desk.question else []
        passages = [{"title": x.article.title, "text": x.text, "url": x.article.url} for x in found]
        desk.say("utter_free_reply", passages=passages, question=desk.question)
        return [put("offer", "handoff")]


class ActionAskWhich(Action):
    """Ask which of the two likeliest things was meant."""

    def name(self) -> str:
        return "action_ask_which"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        asked = ask_which(Desk(tracker, dispatcher))
        return asked if asked is not None else await ActionGptFallback().run(dispatcher, tracker, domain)


class ActionDefaultAskAffirmation(Action):
    """The same question inside the two-stage fallback."""

    def name(self) -> str:
        return "action_default_ask_affirmation"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        desk = Desk(tracker, dispatcher)
        if ask_which(desk) is None:
            desk.say("utter_ask_rephrase")
        return []


def ask_which(desk: Desk) -> list[Event] | None:
    """Ask with buttons; None if no guess is worth it."""
    ranking = desk.tracker.latest_message.get("intent_ranking") or []
    guesses = [
        guess
        for guess in ranking
        if guess.get("name") in INTENT_LABELS and guess["confidence"] >= WORTH_ASKING
    ]
    if not guesses:
        return None
    language = desk.language
    entities = _entities(desk.tracker)
    buttons = [
        button(pick(INTENT_LABELS[guess["name"]], language), f"/{guess['name']}{entities}")
        for guess in guesses[:2]
    ]
    buttons.append(button(pick(NONE_OF_THEM, language), "/out_of_scope"))
    desk.say("utter_ask_which", buttons=buttons)
    return [put("offer", None)]


def _entities(tracker: Tracker) -> str:
    """The entities of the message as a button's payload carries them."""
    found: dict[str, Any] = {}
    for entity in tracker.latest_message.get("entities") or []:
        if entity.get("entity") != "language" and entity.get("value"):
            found[entity["entity"]] = entity["value"]
    return json.dumps(found, ensure_ascii=False) if found else ""
