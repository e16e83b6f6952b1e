"""Questions about how the shop works, answered by the help centre's own articles."""

from __future__ import annotations

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.desk import Desk, Domain, Event, put
from shop import knowledge
from shop.articles import find_article


class ActionFaq(Action):
    """The article that answers, with its source; else the nearest to choose from; or that there is none."""

    def name(self) -> str:
        return "action_faq"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        desk = Desk(tracker, dispatcher)
        intent = desk.intent or ""
        category = intent.removeprefix("faq_") if intent.startswith("faq_") else None
        chosen = next(tracker.get_latest_entity_values("article"), None)
        article = find_article(str(chosen), desk.language) if chosen else None
        if article is None and desk.question:
            found = knowledge.answer(desk.question, desk.language, category)
            article = found.article if found else None
        if article is None:
            return _offer(desk)
        sources = {"type": "sources", "items": [{"title": article.title, "url": article.url}]}
        # Blank lines would be sent as separate messages.
        desk.say("utter_faq_answer", sources, answer=article.text.replace("\n\n", "\n"), title=article.title)
        return [put("offer", None)]


def _offer(desk: Desk) -> list[Event]:
    """Nothing is sure enough to be told: let the shopper choose among what is near, or ask a person."""
    near = knowledge.suggest(desk.question, desk.language) if desk.question else []
    if not near:
        desk.say("utter_faq_unknown")
        return [put("offer", "handoff")]
    buttons = [
        {"title": article.title, "payload": f'/faq_{article.category}{{"article": "{article.slug}"}}'}
        for article in near
    ]
    desk.say("utter_faq_which", buttons=buttons)
    return [put("offer", None)]
