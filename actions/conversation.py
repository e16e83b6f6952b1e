"""Going on, going back, correcting, stopping, repeating."""

from __future__ import annotations

import re

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.complaints import ValidateComplaintForm, note
from actions.desk import (
    MEMORY_SLOTS,
    TASK_SLOTS,
    Desk,
    Domain,
    Event,
    apply,
    button,
    clear,
    go_on_with,
    leave_form,
    put,
)
from actions.fallback import WORTH_ASKING_AFTER_WORD, ask_which
from actions.handoff import ActionHandoff
from actions.order_forms import OrderForm, shown_at, wants_time
from actions.orders import (
    ActionOrderStatus,
    ActionRefundStatus,
    ValidateAddressForm,
    ValidateCancelForm,
    ValidateVerifyForm,
)
from actions.products import (
    ActionCompareProducts,
    ActionProductInfo,
    ActionRecommend,
    ActionRecommendForMe,
    shown_item,
)
from actions.returns import ValidateReturnForm, only_order_with
from shop.catalogue import get_item

ORDER_TASKS = ("action_order_status", "action_refund_status")
PRODUCT_TASKS = (
    "action_product_info",
    "action_compare_products",
    "action_recommend",
    "action_recommend_for_me",
)
_OTHER = re.compile(r"\bother\b|另", re.IGNORECASE)
FORMS = ("return_form", "cancel_form", "address_form", "complaint_form")
RERUN = (*ORDER_TASKS, *PRODUCT_TASKS, *FORMS)
ORDER_FORMS: dict[str, type[OrderForm]] = {
    "return_form": ValidateReturnForm,
    "cancel_form": ValidateCancelForm,
    "address_form": ValidateAddressForm,
    "verify_form": ValidateVerifyForm,
    "complaint_form": ValidateComplaintForm,
}
FORM_ORDER = {
    "return_form": ("order_id", "return_item", "return_reason", "resolution", "exchange_size", "confirm"),
    "cancel_form": ("order_id", "confirm"),
    "address_form": ("order_id", "new_address", "confirm"),
    "verify_form": ("order_id", "verifier"),
    "complaint_form": ("complaint_kind", "order_id", "complaint_detail"),
}


TASKS: dict[str, type[Action]] = {
    "action_order_status": ActionOrderStatus,
    "action_refund_status": ActionRefundStatus,
    "action_product_info": ActionProductInfo,
    "action_compare_products": ActionCompareProducts,
    "action_recommend": ActionRecommend,
    "action_recommend_for_me": ActionRecommendForMe,
}


async def do(task: str, desk: Desk, domain: Domain, before: list[Event] | None = None) -> list[Event]:
    """Do a task within this action; a form is opened instead, as it lasts for turns."""
    events = [*clear("pending_task"), *(before or [])]
    if task in FORMS:
        return [*events, go_on_with(task)]
    apply(desk.tracker, events)
    return [*events, *await TASKS[task]().run(desk.dispatcher, desk.tracker, domain)]


def wait(desk: Desk) -> list[Event] | None:
    """The events of a turn in which the shopper only wants time: whatever is open stays open. None if not so."""
    if not wants_time(desk):
        return None
    desk.say("utter_nothing_done" if desk.loop else "utter_take_your_time")
    return [] if desk.loop else clear("pending_task")


class ActionInform(Action):
    """A bare answer outside a form: go on with what was talked about."""

    def name(self) -> str:
        return "action_inform"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        desk = Desk(tracker, dispatcher)
        if (waiting := wait(desk)) is not None:
            return waiting
        told_before = any(desk.entities(name) for name in ("order_id", "email", "phone"))
        if not told_before and note(desk):
            return clear("pending_task")
        task = next_task(desk)
        item = shown_item(desk)
        if item is not None and task in (None, "action_recommend"):
            return await do("action_product_info", desk, domain, [put("product", item.id)])
        order = _order_meant(desk)
        if order is not None:
            return await do(str(tracker.get_slot("last_task")), desk, domain, [put("order_id", order)])
        if task is None:
            asked = ask_which(desk, WORTH_ASKING_AFTER_WORD)
            if asked is None:
                desk.say("utter_ask_rephrase")
            return [*clear("pending_task"), *(asked or [])]
        return await do(task, desk, domain)


def _order_meant(desk: Desk) -> str | None:
    """After the state of an order or a choice of them: the order meant by its place, or by what it alone holds."""
    if desk.tracker.get_slot("last_task") not in ORDER_TASKS or desk.shopper.is_guest:
        return None
    goods = [*desk.entities("product"), *desk.entities("category")]
    if goods:
        return only_order_with(desk, goods[-1])
    return shown_at(desk, desk.text) or (_other_order(desk) if _OTHER.search(desk.text) else None)


def next_task(desk: Desk) -> str | None:
    """What a bare value continues: the last task it fits, or the usual one for such a value."""
    last = desk.tracker.get_slot("last_task")
    if any(desk.entities(name) for name in ("order_id", "email", "phone")):
        return str(last) if last in ORDER_TASKS else ORDER_TASKS[0]
    if desk.entities("product") or desk.entities("attribute"):
        return str(last) if last in PRODUCT_TASKS[:2] else PRODUCT_TASKS[0]
    if any(desk.entities(name) for name in ("color", "size", "category", "price")):
        return str(last) if last in ("action_product_info", "action_recommend") else "action_recommend"
    return "action_recommend" if last == "action_recommend" else None


class ActionCorrect(Action):
    """ "No, the other one", "I meant 10234": the last task once more, with the right value."""

    def name(self) -> str:
        return "action_correct"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        desk = Desk(tracker, dispatcher)
        if (waiting := wait(desk)) is not None:
            return waiting
        if desk.loop in FORM_ORDER:
            return self._in_form(desk, desk.loop)
        last = tracker.get_slot("last_task")
        if last == "complaint_form" and not desk.entities("order_id"):
            # The remedy is the rule's; only a person can change it.
            desk.say("utter_remedy_not_liked")
            return [*clear("pending_task"), put("offer", "handoff")]
        named = any(
            desk.entities(name)
            for name in ("order_id", "product", "color", "size", "category", "price", "email")
        )
        task, before = (last, _forget_choice(last)) if named else self._other(desk, last)
        if named and task not in RERUN:
            task = next_task(desk)
            if task is None:
                desk.say("utter_correct_what")
        return await do(task, desk, domain, before) if task else [*clear("pending_task"), *before]

    def _in_form(self, desk: Desk, form: str) -> list[Event]:
        """Ask again for the answer before; the form itself takes a value that was named."""
        asked = desk.tracker.get_slot("requested_slot")
        names = FORM_ORDER[form]
        position = names.index(asked) if asked in names else len(names)
        filled = [name for name in names[:position] if desk.tracker.get_slot(name) is not None]
        if not filled:
            return []
        other = _other_order(desk) if filled[-1] == "order_id" else None
        if other is not None:
            desk.say("utter_corrected", value=other)
            return [put(name, value) for name, value in ORDER_FORMS[form]().own(desk, other).items()]
        desk.say("utter_ask_again")
        return clear(filled[-1])

    def _other(self, desk: Desk, last: str | None) -> tuple[str | None, list[Event]]:
        """The task to do again with the other of what was shown, or None after asking."""
        if last in (*ORDER_TASKS, *FORMS):
            other = _other_order(desk)
            if other is not None:
                return last, [put("order_id", other), *_forget_choice(last)]
            if last in FORMS:
                return last, [*clear("order_id"), *_forget_choice(last)]
            return None, self._ask_order(desk, str(last))
        if last in PRODUCT_TASKS:
            return self._other_product(desk, str(last))
        desk.say("utter_correct_what")
        return None, []

    def _ask_order(self, desk: Desk, last: str) -> list[Event]:
        rest = [number for number in _shown(desk, "shown_orders") if number != desk.order_id]
        intent = "refund_status" if last == "action_refund_status" else "order_status"
        buttons = [button(number, f'/{intent}{{"order_id": "{number}"}}') for number in rest[:4]]
        desk.say("utter_which_number", buttons=buttons)
        return clear("order_id")

    def _other_product(self, desk: Desk, last: str) -> tuple[str | None, list[Event]]:
        current = desk.tracker.get_slot("product")
        rest = [shown for shown in _shown(desk, "shown_products") if shown != current]
        if len(rest) == 1:
            task = "action_product_info" if last != "action_compare_products" else last
            return task, [put("product", rest[0])]
        items = [item for item in map(get_item, rest[:4]) if item is not None]
        buttons = [button(item.title(desk.language), f'/inform{{"product": "{item.id}"}}') for item in items]
        desk.say("utter_which_product", buttons=buttons)
        return None, clear("product")


def _shown(desk: Desk, slot: str) -> list[str]:
    value = desk.tracker.get_slot(slot)
    return [str(entry) for entry in value] if isinstance(value, list) else []


def _other_order(desk: Desk) -> str | None:
    """The other of two orders that were shown."""
    rest = [number for number in _shown(desk, "shown_orders") if number != desk.order_id]
    return rest[0] if len(rest) == 1 and desk.order_id else None


def _forget_choice(task: str | None) -> list[Event]:
    """A form starts anew; only who and which order stay."""
    return clear("form_outcome", "confirm", "return_item") if task in FORMS else []


class ActionAffirm(Action):
    """Yes: take up what was offered."""

    def name(self) -> str:
        return "action_affirm"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        desk = Desk(tracker, dispatcher)
        if (waiting := wait(desk)) is not None:
            return waiting
        if tracker.get_slot("offer") == "handoff":
            return [*clear("pending_task"), *await ActionHandoff().run(dispatcher, tracker, domain)]
        # Inside a form the form asks again by itself.
        if desk.loop is None:
            desk.say("utter_anything_else")
        return clear("pending_task")


class ActionDeny(Action):
    """No: drop what was offered."""

    def name(self) -> str:
        return "action_deny"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        desk = Desk(tracker, dispatcher)
        if (waiting := wait(desk)) is not None:
            return waiting
        if desk.upset and not desk.loop:
            desk.say("utter_remedy_not_liked")
            return [put("offer", "handoff")]
        desk.say("utter_needed_to_go_on" if desk.loop else "utter_all_right")
        return [put("offer", None)]


class ActionRepeat(Action):
    """Say the last thing again; inside a form the form asks again by itself."""

    def name(self) -> str:
        return "action_repeat"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        if Desk(tracker, dispatcher).loop:
            return []
        said = _last_replies(tracker)
        if not said:
            Desk(tracker, dispatcher).say("utter_nothing_to_repeat")
        for event in said:
            data = event.get("data") or {}
            dispatcher.utter_message(
                text=event.get("text"),
                image=data.get("image"),
                json_message=data.get("custom"),
                attachment=data.get("attachment"),
                buttons=data.get("buttons"),
            )
        return []


def _last_replies(tracker: Tracker) -> list[Event]:
    """What the bot said before the latest message, in order."""
    found: list[Event] = []
    users = 0
    for event in reversed(tracker.events):
        if event.get("event") == "user":
            users += 1
            if found or users > 8:
                break
        elif event.get("event") == "bot" and users:
            found.append(event)
    return found[::-1]


class ActionStartOver(Action):
    """Forget the conversation's values; identity and language stay."""

    def name(self) -> str:
        return "action_start_over"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        Desk(tracker, dispatcher).say("utter_start_over")
        return [*leave_form(), *clear(*TASK_SLOTS, *MEMORY_SLOTS)]


class ActionStopTask(Action):
    """End the form; what was said about orders and products stays."""

    def name(self) -> str:
        return "action_stop_task"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        desk = Desk(tracker, dispatcher)
        if (waiting := wait(desk)) is not None:
            return waiting
        desk.say("utter_stopped")
        return [*leave_form(), *clear(*TASK_SLOTS, "offer")]
