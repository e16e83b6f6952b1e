"""What the forms about an order share: finding it, proving it, and giving up politely."""

from __future__ import annotations

import re
from abc import abstractmethod
from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.forms import FormValidationAction

from actions.desk import OF_THE_WHOLE, Desk, Domain, Event, apply, put, reject
from actions.wishes import answer_beside, wishes
from shop.database import reading
from shop.identity import check_guest, find_order, looks_like_verifier, order_number
from shop.labels import read_place
from shop.models import Order

Slots = dict[str, Any]
REFUSED = "refused"
# A yes that nobody is sure of changes nothing.
SURE_YES = 0.8
# A message is about something else altogether only if that is as sure.
SURE_ELSEWHERE = 0.8
# Where anything may be the answer ("my mother has died"), only a question or a request is about something else.
OPEN_QUESTIONS = ("return_reason", "complaint_detail")
_REQUEST = re.compile(
    r"[?？吗呢]\s*$|什么|甚麼|多[少久长長]|哪|怎|谁|誰|[帮幫给給][我忙]"
    r"|^\W*(?:(?:and|so|hey|please|pls|ok(?:ay)?)\W+)?(?:who|what|when|where|why|how|which|can|could|do|does|did|is|are|was|will|would"
    r"|tell|give|show|write|translate|book|play|sing|find|explain|help)\b",
    re.IGNORECASE,
)
_YES_NO = re.compile(
    r"\W*(?:(?P<yes>(?:yes|yeah|yep|yup|sure|okay|ok|correct|right|exactly|absolutely)\b|没错|是|对|好|行|可以|确定|确认|嗯)"
    r"|(?:no|nope|nah|not|never|don['’]?t)\b|不|别|没|算了)",
    re.IGNORECASE,
)
# "Actually, wait", "don't", "yes, but …?": no yes, whatever the message sounds like as a whole.
_HESITATION = re.compile(
    r"^\W*(?:(?:ok(?:ay)?|no|oh|um+|uh+)\W+)?(?:actually|wait|hold on|hang on|hm+\b|one (?:sec|moment|minute)|not (?:yet|sure))"
    r"|\b(?:don['’]?t|do not|let me think|but)\b|[?？]|等等|等一|等下|稍等|慢着|先别|别取消|想想|想一下|考虑|不过|但是",
    re.IGNORECASE,
)
# Nothing but a wish for time: neither a yes nor a no, and nothing that would be right instead.
_PAUSE = (
    r"\b(?:wait|(?:hold|hang) (?:on|up)|not (?:yet|so fast|sure)|(?:a|one) (?:sec(?:ond)?|moment|minute)|hm+|unsure"
    r"|(?:let me|i (?:need|have|want) to) (?:think|check|see))\b"
    r"|等一?等|等一?下|等一?[会會]儿?|稍等|慢着|且慢|先?别急|先?别动|先别|先不急|再等(?:等|一?下|一?[会會]儿?)?|[还還][没沒]想好|犹豫|不太?确定"
    r"|[想考][想慮虑]|想一?下|想清楚"
)
_FILLER = (
    r"[\W_]|\b(?:actually|sorry|please|pls|first|again|yet|for|give me|just|well|ok(?:ay)?|no|oh|um+|uh+|eh"
    r"|about (?:it|that|this)|i['’]?m|i am)\b|片刻|一下|好像|[我让讓容再先还還在你请請哦噢啊呀吧呢嗯呃额唉诶哈好]"
)
_ASKS_FOR_TIME = re.compile(_PAUSE, re.IGNORECASE)
# Possessive: the two overlap, and to try every way of cutting a long text would take for ever.
_NOTHING_ELSE = re.compile(rf"(?>{_PAUSE}|{_FILLER})++", re.IGNORECASE)


class OrderForm(FormValidationAction):
    """A form whose `order_id` must be the shopper's; guests are asked for a proof after it.

    The domain lists every slot a form may need; what this shopper does not need is dropped here.
    """

    @abstractmethod
    def name(self) -> str:
        """The action's name; abstract, so that the SDK does not register this class itself."""

    async def required_slots(
        self, domain_slots: list[str], dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain
    ) -> list[str]:
        if tracker.get_slot("form_outcome") == REFUSED:
            return []
        guest = Desk(tracker, dispatcher).shopper.is_guest
        return self.adapt([slot for slot in domain_slots if guest or slot != "verifier"], tracker)

    async def get_validation_events(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain
    ) -> list[Event]:
        """Checked slots; when the form opens with one order to choose from, that order too."""
        desk = Desk(tracker, dispatcher)
        opens = tracker.get_slot("requested_slot") is None
        if not opens and wants_time(desk):
            heard = [name for name in tracker.slots_to_validate() if name not in OF_THE_WHOLE]
            if heard:
                desk.say("utter_nothing_done")
            return [put(name, desk.before(name)) for name in heard]
        if not opens and is_elsewhere(desk):
            # The rules answer it, and then the form asks again.
            asked = str(tracker.get_slot("requested_slot"))
            return [put(asked, desk.before(asked)), reject(str(desk.loop))]
        if opens and not tracker.get_slot("pending_task"):
            await answer_beside(desk, domain)
        events: list[Event] = await super().get_validation_events(dispatcher, tracker, domain)
        apply(tracker, events)
        remembered = tracker.get_slot("order_id")
        if not opens or desk.shopper.is_guest or refused(tracker) or (remembered and not self.unfit(desk)):
            return events
        only = self.only_order(desk)
        if only:
            return [*events, *(put(*slot) for slot in self.own(desk, only).items())]
        return [*events, put("order_id", None)] if remembered else events

    def unfit(self, desk: Desk) -> bool:
        """Whether the order that was talked about before cannot be the one of this form."""
        return False

    def only_order(self, desk: Desk) -> str | None:
        """The one order of the customer that the form can be about."""
        return None

    def adapt(self, slots: list[str], tracker: Tracker) -> list[str]:
        """Drop slots that what is known makes needless."""
        return slots

    def check(self, desk: Desk, order: Order) -> Slots:
        """Say why the order does not qualify and return the refusal, or return slots that follow from it."""
        return {}

    def validate_order_id(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain
    ) -> Slots:
        desk = Desk(tracker, dispatcher)
        number = order_number(value)
        own = next((clause for clause in wishes(desk) if clause["intent"]["name"] == desk.intent), None)
        if own is not None and str(number) not in own["text"]:
            # The number belongs to the other wish of the message.
            return {"order_id": None}
        if number is None:
            return self._not_a_number(desk, str(value))
        if not desk.shopper.is_guest:
            return self.own(desk, str(number))
        if looks_like_verifier(str(tracker.slots_to_validate().get("verifier") or "")):
            return {"order_id": str(number)}
        # A proof that did not fit the number before may fit this one.
        again = desk.said_before("email", "phone") if desk.before("order_id") != str(number) else None
        verifier = desk.verifier if looks_like_verifier(desk.verifier or "") else again
        return self._prove(desk, str(number), verifier) if verifier else {"order_id": str(number)}

    def _not_a_number(self, desk: Desk, text: str) -> Slots:
        """An answer without a number: a place among the orders shown, the piece, or something else that was asked."""
        named = shown_at(desk, text) or self.order_named(desk, text)
        if named is not None:
            return self.own(desk, named)
        if len(desk.tracker.slots_to_validate()) == 1:
            if any(character.isdigit() for character in text):
                desk.say("utter_order_number_form")
            else:
                desk.say("utter_order_number_help" if desk.shopper.is_guest else "utter_order_choice_help")
        return {"order_id": None}

    def order_named(self, desk: Desk, text: str) -> str | None:
        """The one order of the customer that a text means without its number."""
        return None

    def validate_verifier(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain
    ) -> Slots:
        desk = Desk(tracker, dispatcher)
        if not desk.shopper.is_guest:
            return {"verifier": None}
        if not looks_like_verifier(str(value)):
            if "order_id" not in tracker.slots_to_validate():
                desk.say("utter_verifier_form")
                return {"verifier": None}
            # The message named the order; what was just proven with it stands.
            return {"verifier": desk.verifier if looks_like_verifier(desk.verifier or "") else None}
        if desk.form_order is None:
            return {"verifier": str(value)}
        return self._prove(desk, desk.form_order, str(value))

    def validate_confirm(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain
    ) -> Slots:
        desk = Desk(tracker, dispatcher)
        # Whoever names a new value instead is asked again about that one.
        others = [name for name in tracker.slots_to_validate() if name != "confirm"]
        if any(tracker.get_slot(name) != desk.before(name) for name in others):
            return {"confirm": None}
        said = value if isinstance(value, bool) else read_yes_no(str(value))
        if said is not False and not desk.text.startswith("/") and _HESITATION.search(desk.text):
            desk.say("utter_nothing_done")
            return {"confirm": None}
        if value is True and read_yes_no(desk.text) is not True and desk.confidence < SURE_YES:
            said = None
        if said is None and not others:
            desk.say("utter_ask_rephrase")
        return {"confirm": said}

    def own(self, desk: Desk, order_id: str) -> Slots:
        """Slots for an order of a signed-in customer, after the form's check."""
        with reading() as session:
            order = find_order(session, desk.shopper, order_id)
            if order is None:
                desk.say("utter_order_not_found", order_id=order_id)
                return {"order_id": None}
            return {"order_id": order_id, **self.check(desk, order)}

    def _prove(self, desk: Desk, order_id: str, verifier: str) -> Slots:
        if not check_guest(desk.shopper, order_id, verifier):
            desk.say("utter_order_not_found", order_id=order_id)
            return {"order_id": order_id, "verifier": None}
        with reading() as session:
            order = find_order(session, desk.shopper, order_id, verifier)
            if order is None:
                return {"order_id": None, "verifier": None}
            return {"order_id": order_id, "verifier": verifier, **self.check(desk, order)}


def read_yes_no(text: str) -> bool | None:
    """Whether a text begins with a yes or a no; None if with neither."""
    found = _YES_NO.match(text)
    return found.group("yes") is not None if found else None


def wants_time(desk: Desk) -> bool:
    """Whether the latest message asks for a moment and says nothing else."""
    return bool(_ASKS_FOR_TIME.search(desk.text) and _NOTHING_ELSE.fullmatch(desk.text.strip()))


def is_elsewhere(desk: Desk) -> bool:
    """Whether the latest message, taken for the answer to a form's question, is another question or is about nothing here."""
    asked = desk.tracker.get_slot("requested_slot")
    found = desk.tracker.latest_message.get("entities") or []
    values = any(x.get("entity") not in OF_THE_WHOLE for x in found)
    sure = desk.intent == "out_of_scope" and desk.confidence >= SURE_ELSEWHERE
    if values or asked not in desk.tracker.slots_to_validate():
        return False
    if asked not in OPEN_QUESTIONS:
        return sure
    return (sure or desk.intent == "nlu_fallback") and _REQUEST.search(desk.text) is not None


def shown_at(desk: Desk, text: str) -> str | None:
    """The one of the orders last shown that a text means by its place."""
    shown, place = desk.tracker.get_slot("shown_orders"), read_place(text)
    if place is None or not isinstance(shown, list) or place >= len(shown) or desk.shopper.is_guest:
        return None
    return str(shown[place])


def refused(tracker: Tracker) -> bool:
    """Whether the form before ended with a refusal that was already explained."""
    return bool(tracker.get_slot("form_outcome") == REFUSED)


def end_form() -> list[dict[str, Any]]:
    """Events by which an asking action ends the form it asks for."""
    return [put("form_outcome", REFUSED), put("requested_slot", None)]
