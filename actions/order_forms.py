"""What the forms about an order share: finding it, proving it, and giving up politely."""

from __future__ import annotations

import re
from abc import abstractmethod
from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.forms import FormValidationAction

from actions.desk import Desk, Domain, put
from shop.database import reading
from shop.identity import check_guest, find_order, looks_like_verifier, order_number
from shop.models import Order

Slots = dict[str, Any]
REFUSED = "refused"
_YES_NO = re.compile(
    r"\W*(?:(?P<yes>(?:yes|yeah|yep|yup|sure|okay|ok|correct|right|exactly|absolutely)\b|没错|是|对|好|行|可以|确定|确认|嗯)"
    r"|(?:no|nope|nah|not|never|don['’]?t)\b|不|别|没|算了)",
    re.IGNORECASE,
)


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
        if number is None:
            desk.say("utter_order_number_form")
            return {"order_id": None}
        if desk.shopper.is_guest:
            if desk.verifier is None or "verifier" in tracker.slots_to_validate():
                return {"order_id": str(number)}
            return self._prove(desk, str(number), desk.verifier)
        return self.own(desk, str(number))

    def validate_verifier(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain
    ) -> Slots:
        desk = Desk(tracker, dispatcher)
        if not desk.shopper.is_guest:
            return {"verifier": None}
        if not looks_like_verifier(str(value)):
            desk.say("utter_verifier_form")
            return {"verifier": None}
        if desk.order_id is None:
            return {"verifier": str(value)}
        return self._prove(desk, desk.order_id, str(value))

    def validate_confirm(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain
    ) -> Slots:
        said = value if isinstance(value, bool) else read_yes_no(str(value))
        # Whoever names a new value instead is asked again about that one.
        if said is None and len(tracker.slots_to_validate()) == 1:
            Desk(tracker, dispatcher).say("utter_ask_rephrase")
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
            return {"order_id": None, "verifier": None}
        with reading() as session:
            order = find_order(session, desk.shopper, order_id, verifier)
            if order is None:
                return {"order_id": None, "verifier": None}
            return {"order_id": order_id, "verifier": verifier, **self.check(desk, order)}


def read_yes_no(text: str) -> bool | None:
    """Whether a text begins with a yes or a no; None if with neither."""
    found = _YES_NO.match(text)
    return found.group("yes") is not None if found else None


def refused(tracker: Tracker) -> bool:
    """Whether the form before ended with a refusal that was already explained."""
    return bool(tracker.get_slot("form_outcome") == REFUSED)


def end_form() -> list[dict[str, Any]]:
    """Events by which an asking action ends the form it asks for."""
    return [put("form_outcome", REFUSED), put("requested_slot", None)]
