"""Orders: where they are, which there are, cancelling, another address, where the money is."""

from __future__ import annotations

import re
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher
from sqlalchemy.orm import Session

from actions.desk import TASK_SLOTS, Desk, Domain, Event, button, clear, put
from actions.order_forms import OrderForm, Slots, end_form, refused
from actions.returns import pick_line
from actions.wishes import Answer
from shop import orders
from shop.database import once, reading
from shop.identity import check_guest, find_order
from shop.labels import REFUND_STATES, STATES, day, label, money
from shop.models import Order
from shop.policy import REFUND_DAYS
from shop.refunds import RefundStatus, refund_status
from shop.views import order_list, order_summary, order_timeline

INTERRUPTED = ("return_form", "cancel_form", "address_form", "complaint_form")


def find_for(desk: Desk, session: Session, task: str) -> tuple[Order | None, list[Event]]:
    """The order a question is about, or what has to happen first.

    A guest without proof sets `pending_task`, for which the rules open verify_form and then action_resume_task;
    a customer with several orders is asked.
    """
    order_id, shopper = desk.order_id, desk.shopper
    if shopper.is_guest:
        if order_id is None or desk.verifier is None:
            known = [put("order_id", order_id)] if order_id else []
            return None, [
                *known,
                put("form_outcome", None),
                put("pending_task", task.removeprefix("action_")),
            ]
        if not check_guest(shopper, order_id, desk.verifier):
            desk.say("utter_order_not_found", order_id=order_id)
            return None, [*_remember(desk, order_id), *clear("verifier")]
        return find_order(session, shopper, order_id, desk.verifier), _remember(desk, order_id)
    if order_id is not None:
        order = find_order(session, shopper, order_id)
        if order is None:
            desk.say("utter_order_not_found", order_id=order_id)
            return None, _remember(desk, None)
        return order, _remember(desk, order_id)
    return _choose(desk, session, task)


def _remember(desk: Desk, order_id: str | None) -> list[Event]:
    """Talk goes on about this order, unless the question only interrupted a form about another."""
    return [] if desk.loop in INTERRUPTED else [put("order_id", order_id)]


def _choose(desk: Desk, session: Session, task: str) -> tuple[Order | None, list[Event]]:
    mine = orders.orders_of(session, str(desk.shopper.customer_id), limit=20)
    if not mine:
        desk.say("utter_no_orders")
        return None, []
    fitting = [order for order in mine if _fits(order, task)]
    pieces = [*desk.entities("product"), *desk.entities("category")]
    fitting = [order for order in fitting if pieces and pick_line(order, pieces[-1])] or fitting
    if not fitting and task == "action_refund_status":
        desk.say("utter_no_refunds")
        return None, []
    fitting = fitting or mine[:1]
    if len(fitting) == 1:
        return fitting[0], _remember(desk, str(fitting[0].number))
    shown = fitting[:4]
    intent = "refund_status" if task == "action_refund_status" else "order_status"
    ask_which_order(desk, shown, intent)
    return None, [put("shown_orders", [str(order.number) for order in shown]), put("last_task", task)]


def _fits(order: Order, task: str) -> bool:
    if task == "action_refund_status":
        return bool(order.refunds or order.returns)
    return order.state in orders.OPEN_STATES


def ask_which_order(desk: Desk, found: list[Order], intent: str) -> None:
    """Ask which of several orders is meant, with a button for each."""
    language = desk.language
    buttons = [
        button(
            f"{order.number} · {order_summary(order, language)}", f'/{intent}{{"order_id": "{order.number}"}}'
        )
        for order in found
    ]
    desk.say("utter_which_order", order_list(found, language), buttons=buttons)


class ActionOrderStatus(Answer):
    """Where is it?"""

    intents = ("order_status",)
    needs_order = True

    def name(self) -> str:
        return "action_order_status"

    async def answer(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        desk = Desk(tracker, dispatcher)
        with reading() as session:
            if desk.upset:
                desk.say("utter_sorry_trouble")
            order, events = find_for(desk, session, self.name())
            if order is not None:
                self._tell(desk, order)
        return [put("pending_task", None), *events, put("last_task", self.name())]

    def _tell(self, desk: Desk, order: Order) -> None:
        language = desk.language
        late = orders.days_late(order, desk.now)
        response = f"utter_order_{order.state}"
        if order.state == "shipped" and late > 0:
            response = "utter_order_shipped_late"
        shipment = order.shipment
        desk.say(
            response,
            order_timeline(order, language),
            order_id=str(order.number),
            items=order_summary(order, language),
            placed=day(order.placed_at, language),
            eta=day(order.eta_at, language),
            delivered=day(order.delivered_at, language),
            cancelled=day(order.cancelled_at, language),
            carrier=shipment.carrier if shipment else "-",
            tracking=shipment.tracking_number if shipment else "-",
            days_late=late,
            state_label=label(STATES, order.state, language),
        )


class ActionListOrders(Answer):
    """Which orders do I have?"""

    intents = ("list_orders",)

    def name(self) -> str:
        return "action_list_orders"

    async def answer(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        desk = Desk(tracker, dispatcher)
        if desk.shopper.is_guest:
            desk.say("utter_list_needs_sign_in")
            return [put("last_task", self.name())]
        language = desk.language
        with reading() as session:
            found = orders.orders_of(session, str(desk.shopper.customer_id))
            if not found:
                desk.say("utter_no_orders")
                return []
            buttons = [
                button(
                    f"{order.number} · {label(STATES, order.state, language)}",
                    f'/order_status{{"order_id": "{order.number}"}}',
                )
                for order in found
            ]
            listing = "\n".join(
                f"{order.number} · {order_summary(order, language)} · {label(STATES, order.state, language)}"
                for order in found
            )
            desk.say(
                "utter_orders",
                order_list(found, language),
                buttons=buttons,
                count=len(found),
                listing=listing,
            )
        return [
            put("shown_orders", [str(order.number) for order in found]),
            put("last_task", "action_order_status"),
        ]


class ActionRefundStatus(Answer):
    """Where is my money?"""

    intents = ("refund_status",)
    needs_order = True

    def name(self) -> str:
        return "action_refund_status"

    async def answer(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        desk = Desk(tracker, dispatcher)
        with reading() as session:
            if desk.upset:
                desk.say("utter_sorry_trouble")
            order, events = find_for(desk, session, self.name())
            if order is not None:
                self._tell(desk, order, refund_status(order))
        return [put("pending_task", None), *events, put("last_task", self.name())]

    def _tell(self, desk: Desk, order: Order, found: list[RefundStatus]) -> None:
        language = desk.language
        if not found:
            exchange = any(back.resolution != "refund" for back in order.returns)
            desk.say("utter_refund_exchange" if exchange else "utter_refund_none", order_id=str(order.number))
            return
        newest = found[0]
        desk.say(
            f"utter_refund_{newest.code}",
            order_id=str(order.number),
            refund_number=str(newest.number or "-"),
            amount=money(newest.amount_cents),
            refund_state=label(REFUND_STATES, newest.code, language),
            due=day(newest.due_at, language),
            paid=day(newest.paid_at, language),
            refund_days=REFUND_DAYS,
        )


WAITING: dict[str, type[Action]] = {"order_status": ActionOrderStatus, "refund_status": ActionRefundStatus}


class ActionResumeTask(Action):
    """After verify_form: go on with what was asked."""

    def name(self) -> str:
        return "action_resume_task"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        pending = tracker.get_slot("pending_task")
        if refused(tracker) or pending not in WAITING:
            return clear("pending_task", "form_outcome")
        events = await WAITING[pending]().run(dispatcher, tracker, domain)
        return [*events, *clear("pending_task", "form_outcome")]


class ValidateVerifyForm(OrderForm):
    """Number and proof, nothing else."""

    def name(self) -> str:
        return "validate_verify_form"


class ValidateCancelForm(OrderForm):
    """Only what may still be cancelled."""

    def name(self) -> str:
        return "validate_cancel_form"

    def only_order(self, desk: Desk) -> str | None:
        return only_suited(desk, "cancel_form")

    def check(self, desk: Desk, order: Order) -> Slots:
        reason = orders.why_not_cancel(order)
        if reason is None:
            return {"form_outcome": None}
        desk.say(f"utter_cannot_cancel_{reason}", order_id=str(order.number))
        return {"form_outcome": "refused"}


class ValidateAddressForm(OrderForm):
    """Only before the label is printed, and only to something that looks like an address."""

    def name(self) -> str:
        return "validate_address_form"

    def only_order(self, desk: Desk) -> str | None:
        return only_suited(desk, "address_form")

    def check(self, desk: Desk, order: Order) -> Slots:
        reason = orders.why_not_change_address(order)
        if reason is None:
            return {"form_outcome": None}
        desk.say(f"utter_cannot_change_address_{reason}", order_id=str(order.number))
        return {"form_outcome": "refused"}

    def validate_order_id(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain
    ) -> Slots:
        """A postcode of five digits is no order number."""
        desk = Desk(tracker, dispatcher)
        address = str(tracker.slots_to_validate().get("new_address") or "")
        named = [
            number
            for number in desk.entities("order_id")
            if number not in address and not re.search(rf"{re.escape(number)}\s+[A-ZÄÖÜ][a-zäöüß]", desk.text)
        ]
        if desk.entities("order_id") and not named:
            answered = tracker.get_slot("requested_slot") and orders.is_address(desk.text)
            return {"order_id": desk.before("order_id"), **({"new_address": desk.text} if answered else {})}
        return super().validate_order_id(named[-1] if named else value, dispatcher, tracker, domain)

    def validate_new_address(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain
    ) -> Slots:
        address = " ".join(str(value).split())
        if not orders.is_address(address):
            Desk(tracker, dispatcher).say("utter_address_form")
            return {"new_address": None}
        return {"new_address": address}

    def validate_confirm(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain
    ) -> Slots:
        read = super().validate_confirm(value, dispatcher, tracker, domain)
        # "No" means the address was wrong, not the wish.
        return {"confirm": None, "new_address": None} if read["confirm"] is False else read


class ActionAskOrderId(Action):
    """Ask for the order, offering the customer's own."""

    def name(self) -> str:
        return "action_ask_order_id"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        desk = Desk(tracker, dispatcher)
        if desk.shopper.is_guest:
            desk.say("utter_ask_order_number")
            return []
        with reading() as session:
            mine = orders.orders_of(session, str(desk.shopper.customer_id), limit=20)
            if not mine:
                desk.say("utter_no_orders")
                return end_form()
            fitting = suited(desk, mine)[:4] or mine[:4]
            ask_which_order(desk, fitting, "inform")
            return [put("shown_orders", [str(order.number) for order in fitting])]


def suited(desk: Desk, mine: list[Order], form: str | None = None) -> list[Order]:
    """The orders that a form, by default the open one, can be about; those that hold the piece first named."""
    form = form or desk.loop
    kind, piece = desk.tracker.get_slot("complaint_kind"), desk.tracker.get_slot("return_item")
    fitting = [order for order in mine if _suits(order, form, kind)]
    if form == "return_form" and piece:
        return [order for order in fitting if pick_line(order, piece)] or fitting
    return fitting


def remembered_is_unfit(desk: Desk, form: str) -> bool:
    """Whether the order of the talk so far is not one that a form can be about, while others are."""
    if desk.entities("order_id"):
        return False
    with reading() as session:
        found = suited(desk, orders.orders_of(session, str(desk.shopper.customer_id), limit=20), form)
        return bool(found) and desk.tracker.get_slot("order_id") not in {str(order.number) for order in found}


def only_suited(desk: Desk, form: str) -> str | None:
    """The number of the only order that a form can be about."""
    with reading() as session:
        found = suited(desk, orders.orders_of(session, str(desk.shopper.customer_id), limit=20), form)
        return str(found[0].number) if len(found) == 1 else None


def _suits(order: Order, form: str | None, kind: str | None) -> bool:
    if form == "cancel_form":
        return orders.why_not_cancel(order) is None
    if form == "address_form":
        return orders.why_not_change_address(order) is None
    if form == "complaint_form" and kind == "late":
        return order.state == "shipped"
    if form == "return_form" or kind in ("damaged", "wrong_item"):
        return order.state in ("delivered", "return_requested")
    return order.state != "cancelled"


class ActionAskCancelConfirm(Action):
    """Say what would be cancelled before it is."""

    def name(self) -> str:
        return "action_ask_cancel_form_confirm"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        desk = Desk(tracker, dispatcher)
        with reading() as session:
            order = find_order(session, desk.shopper, desk.form_order, desk.verifier)
            if order is None:
                return end_form()
            items, total = order_summary(order, desk.language), money(order.total_cents)
            desk.say("utter_ask_cancel_confirm", order_id=str(order.number), items=items, amount=total)
        return []


class ActionAskAddressConfirm(Action):
    """Read the new address back."""

    def name(self) -> str:
        return "action_ask_address_form_confirm"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        desk = Desk(tracker, dispatcher)
        desk.say(
            "utter_ask_address_confirm", order_id=desk.form_order, address=tracker.get_slot("new_address")
        )
        return []


class ActionCancelOrder(Action):
    """Cancel, once, if the shopper said yes and the state still allows it."""

    def name(self) -> str:
        return "action_cancel_order"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        desk = Desk(tracker, dispatcher)
        done = [*clear(*TASK_SLOTS), put("last_task", "cancel_form")]
        if refused(tracker):
            return done
        if tracker.get_slot("confirm") is not True:
            desk.say("utter_cancel_kept", order_id=desk.form_order)
            return done
        order_id, shopper, verifier, now = desk.form_order, desk.shopper, desk.verifier, desk.now

        def change(session: Session) -> dict[str, Any]:
            order = find_order(session, shopper, order_id, verifier)
            if order is None:
                return {"code": "order_not_found"}
            try:
                result = orders.cancel(session, order, now)
            except orders.NotAllowed as problem:
                return {"code": f"cannot_cancel_{problem.code}"}
            return {
                "code": "cancelled_refund" if result.refund_cents else "cancelled",
                "cents": result.refund_cents,
            }

        result = once(desk.key and f"{desk.key}:cancel:{order_id}", change)
        desk.say(
            f"utter_{result['code']}",
            order_id=order_id,
            amount=money(result.get("cents", 0)),
            refund_days=REFUND_DAYS,
        )
        return done


class ActionChangeAddress(Action):
    """Send the parcel elsewhere, if it has no label yet."""

    def name(self) -> str:
        return "action_change_address"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        desk = Desk(tracker, dispatcher)
        done = [*clear(*TASK_SLOTS), put("last_task", "address_form")]
        if refused(tracker) or tracker.get_slot("confirm") is not True:
            return done
        order_id, shopper, verifier = desk.form_order, desk.shopper, desk.verifier
        address = str(tracker.get_slot("new_address") or "")

        def change(session: Session) -> dict[str, Any]:
            order = find_order(session, shopper, order_id, verifier)
            if order is None:
                return {"code": "order_not_found"}
            try:
                orders.change_address(order, address)
            except orders.NotAllowed as problem:
                return {"code": f"cannot_change_address_{problem.code}"}
            except ValueError:
                return {"code": "address_form"}
            return {"code": "address_changed", "address": order.address}

        result = once(desk.key and f"{desk.key}:address:{order_id}", change)
        desk.say(f"utter_{result['code']}", order_id=order_id, address=result.get("address", ""))
        return done
