"""When the assistant is not sure, or does not know."""

from __future__ import annotations

import json
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.desk import OF_THE_WHOLE, Desk, Domain, Event, button, put
from actions.faq import ActionFaq
from actions.handoff import ActionHandoff
from actions.intent_labels import INTENT_LABELS, NONE_OF_THEM
from shop import knowledge
from shop.labels import pick

# Below this even the best guess is not worth asking about.
WORTH_ASKING = 0.15
# After a bare word ("refund") the classifier is sure of `inform`; what it thinks second is worth a question sooner.
WORTH_ASKING_AFTER_WORD = 0.01
PASSAGES = 3
ABOUT = {
    "refund": ("refund_status", "return_item"),
    "exchange": ("exchange_item", "faq_returns"),
    "repair": ("faq_warranty", "complain_damaged"),
    "store_credit": ("faq_promotions", "faq_payment"),
}


class ActionGptFallback(Action):
    """Hand the question and what the help centre says to the language model that the framework runs.

    The response is marked `generate: true` in the domain; without a model its text is said as it stands.
    """

    def name(self) -> str:
        return "action_gpt_fallback"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        desk = Desk(tracker, dispatcher)
        if desk.upset and "urgent" in desk.entities("urgency"):
            desk.say("utter_urgent_to_person")
            return await ActionHandoff().run(dispatcher, tracker, domain)
        # Whoever pressed "none of them" was not helped by what is known; a person is offered with the reply.
        if not desk.text.startswith("/") and knowledge.answer(desk.question, desk.language):
            return await ActionFaq().answer(dispatcher, tracker, domain)
        if desk.loop:
            desk.say("utter_off_topic")
            return [put("offer", None)]
        found = knowledge.search(desk.question, desk.language, limit=PASSAGES) if desk.question else []
        passages = [
            {"title": x.article.title, "text": x.text, "url": x.article.url, "score": x.score} for x in found
        ]
        desk.say("utter_free_reply", passages=passages, question=desk.question)
        return [put("offer", "handoff")]


class ActionAskWhich(Action):
    """Ask which of the two likeliest things was meant."""

    def name(self) -> str:
        return "action_ask_which"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        desk = Desk(tracker, dispatcher)
        ranking = tracker.latest_message.get("intent_ranking") or []
        guess = next((x["name"] for x in ranking if x["name"] != "nlu_fallback"), "")
        if guess.startswith("faq_") and desk.question and knowledge.answer(desk.question, desk.language):
            return await ActionFaq().answer(dispatcher, tracker, domain)
        if desk.loop:
            # The form's own question follows.
            desk.say("utter_ask_rephrase")
            return []
        asked = ask_which(desk)
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


def ask_which(desk: Desk, worth: float = WORTH_ASKING) -> list[Event] | None:
    """Ask with buttons; None if no guess is worth it."""
    ranking = desk.tracker.latest_message.get("intent_ranking") or []
    names = [guess["name"] for guess in ranking if guess["confidence"] >= worth]
    guesses = [name for name in (*_named(desk), *names) if name in INTENT_LABELS]
    guesses = list(dict.fromkeys(guesses))[:2]
    if not guesses:
        return None
    language = desk.language
    entities = _entities(desk.tracker)
    buttons = [button(pick(INTENT_LABELS[name], language), f"/{name}{entities}") for name in guesses]
    buttons.append(button(pick(NONE_OF_THEM, language), "/out_of_scope"))
    desk.say("utter_ask_which", buttons=buttons)
    return [put("offer", None)]


def _named(desk: Desk) -> list[str]:
    """What a message that is no more than a word of ours can be about."""
    if desk.intent != "inform":
        return []
    return [name for value in desk.entities("resolution") for name in ABOUT.get(value, ())]


def _entities(tracker: Tracker) -> str:
    """The entities of the message as a button's payload carries them."""
    found: dict[str, Any] = {}
    for entity in tracker.latest_message.get("entities") or []:
        if entity.get("entity") not in OF_THE_WHOLE and entity.get("value"):
            found[entity["entity"]] = entity["value"]
    return json.dumps(found, ensure_ascii=False) if found else ""
