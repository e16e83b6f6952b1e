"""Questions about how the shop works, answered by the help centre's own articles."""

from __future__ import annotations

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.desk import Desk, Domain, Event, put
from shop import knowledge


class ActionFaq(Action):
    """The article that answers, with its source; or that there is none."""

    def name(self) -> str:
        return "action_faq"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        desk = Desk(tracker, dispatcher)
        intent = desk.intent or ""
        category = intent.removeprefix("faq_") if intent.startswith("faq_") else None
        found = knowledge.answer(desk.question, desk.language, category) if desk.question else None
        if found is None:
            desk.say("utter_faq_unknown")
            return [put("offer", "handoff")]
        article = found.article
        sources = {"type": "sources", "items": [{"title": article.title, "url": article.url}]}
        # Blank lines would be sent as separate messages.
        desk.say("utter_faq_answer", sources, answer=article.text.replace("\n\n", "\n"), title=article.title)
        return [put("offer", None)]
