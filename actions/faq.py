"""Questions about how the shop works, answered by the help centre's own articles."""

from __future__ import annotations

import re

from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.desk import Desk, Domain, Event, put
from actions.wishes import Answer
from shop import knowledge
from shop.articles import Article, find_article

_BORDERS = re.compile(r"[?？]\s*|\band\b|[,，]\s*(?:还有|另外|以及|而且)?|还有|另外", re.IGNORECASE)


class ActionFaq(Answer):
    """The article that answers, with its source; else the nearest to choose from; or that there is none."""

    intents = (
        "faq_shipping",
        "faq_returns",
        "faq_payment",
        "faq_sizing",
        "faq_warranty",
        "faq_invoice",
        "faq_account",
        "faq_promotions",
        "faq_contact",
    )

    def name(self) -> str:
        return "action_faq"

    async def answer(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
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
        for each in (article, *([] if chosen else _also_asked(desk, article, category))):
            sources = {"type": "sources", "items": [{"title": each.title, "url": each.url}]}
            # Blank lines would be sent as separate messages.
            desk.say("utter_faq_answer", sources, answer=each.text.replace("\n\n", "\n"), title=each.title)
        return [put("offer", None)]


def _also_asked(desk: Desk, article: Article, category: str | None) -> list[Article]:
    """The other article, where the message asks two questions and a part of it alone is surely answered by another."""
    parts = [part for part in _BORDERS.split(desk.question) if part.strip()]
    if len(parts) != 2:
        return []
    found = [knowledge.answer(part, desk.language, category) for part in parts]
    return [x.article for x in found if x and x.article.slug != article.slug][:1]


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
