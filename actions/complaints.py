"""Complaints: a ticket with a number, a remedy by rule. The rules say the apology before anything is asked."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher
from sqlalchemy.orm import Session

from actions.desk import TASK_SLOTS, Desk, Domain, Event, clear, put, transcript
from actions.handoff import ActionHandoff
from actions.order_forms import REFUSED, OrderForm, Slots, refused, wants_time
from actions.orders import only_suited, remembered_is_unfit
from actions.returns import only_order_with, pick_line
from shop.database import once
from shop.identity import find_order
from shop.labels import RESOLUTIONS, day, label, money
from shop.orders import days_late
from shop.policy import SERVICE_ANSWER_HOURS
from shop.tickets import KINDS, add_note, open_complaint

# Whoever does not say what happened is asked once more; a colleague can read the rest.
ASKED_AT_MOST = 2


class ValidateComplaintForm(OrderForm):
    """A complaint about service needs no order, one about lateness no description."""

    def name(self) -> str:
        return "validate_complaint_form"

    def adapt(self, slots: list[str], tracker: Tracker) -> list[str]:
        kind = tracker.get_slot("complaint_kind")
        needless = {"service": ("order_id", "verifier"), "late": ("complaint_detail",)}.get(str(kind), ())
        desk = Desk(tracker, CollectingDispatcher())
        waits = desk.intent == "repeat" or wants_time(desk)
        if _asked_for_detail(tracker) >= ASKED_AT_MOST and not waits:
            needless = (*needless, "complaint_detail")
        return [slot for slot in slots if slot not in needless]

    def only_order(self, desk: Desk) -> str | None:
        kind = desk.tracker.get_slot("complaint_kind")
        if kind == "late":
            return only_suited(desk, "complaint_form")
        if kind not in ("damaged", "wrong_item"):
            return None
        goods = [*desk.entities("product"), *desk.entities("category")]
        named = [*desk.entities("reason"), *goods]
        found = only_order_with(desk, named[-1]) if named else None
        return found or (None if goods else only_suited(desk, "complaint_form"))

    def unfit(self, desk: Desk) -> bool:
        return desk.tracker.get_slot("complaint_kind") == "late" and remembered_is_unfit(
            desk, "complaint_form"
        )

    def order_named(self, desk: Desk, text: str) -> str | None:
        named = [*desk.entities("product"), *desk.entities("category")]
        return only_order_with(desk, named[-1]) if named and not desk.shopper.is_guest else None

    def validate_complaint_kind(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain
    ) -> Slots:
        if value not in KINDS:
            return {"complaint_kind": None}
        desk = Desk(tracker, dispatcher)
        if not desk.entities("order_id") and note(desk, str(value)):
            # More about the same case is no new one.
            return {"complaint_kind": value, "form_outcome": REFUSED}
        text = desk.text
        # Who already told the story, or named both the piece and what is wrong with it, is not asked for it again.
        named = desk.entities("reason") and (desk.entities("product") or desk.entities("category"))
        told = not text.startswith("/") and bool(
            named or len(text.split()) >= 6 or (len(text) >= 9 and not text.isascii())
        )
        return {"complaint_kind": value, "complaint_detail": text} if told else {"complaint_kind": value}

    def validate_complaint_detail(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain
    ) -> Slots:
        text = str(value).strip()
        return {"complaint_detail": text[:1000] if len(text) >= 2 else None}


def _asked_for_detail(tracker: Tracker) -> int:
    """How often the open form has asked what happened."""
    count = 0
    for event in reversed(tracker.events):
        if event.get("event") == "active_loop":
            break
        said = (event.get("metadata") or {}).values()
        count += event.get("event") == "bot" and "utter_ask_complaint_detail" in said
    return count


class ActionSubmitComplaint(Action):
    """Write the complaint down, once, and say what the shop offers and why."""

    def name(self) -> str:
        return "action_submit_complaint"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        desk = Desk(tracker, dispatcher)
        done = [*clear(*TASK_SLOTS), put("last_task", "complaint_form")]
        kind = tracker.get_slot("complaint_kind")
        if refused(tracker) or kind not in KINDS:
            return done
        result = once(desk.key and f"{desk.key}:complaint:{kind}", _complaint(desk, str(kind)))
        if result["code"] == "order_not_found":
            desk.say("utter_order_not_found", order_id=desk.form_order)
            return done
        language = desk.language
        desk.say(
            f"utter_remedy_{result['remedy']}",
            ticket=f"T{result['number']}",
            amount=money(result["amount_cents"]),
            order_id=desk.form_order or "-",
            days_late=result["days_late"],
            eta=day(result["eta"], language),
            delivered=day(result["delivered"], language),
            hours=SERVICE_ANSWER_HOURS,
        )
        done.append(put("ticket", f"T{result['number']}"))
        if desk.urgent:
            desk.say("utter_urgent_to_person")
            return [*done, *await ActionHandoff().run(dispatcher, tracker, domain)]
        return done


def note(desk: Desk, kind: str | None = None) -> bool:
    """Add what the shopper says to the case that was just opened; False if there is none or it is not about it.

    Args:
        kind: of complaint that the case must be; None is any.
    """
    ticket = desk.tracker.get_slot("ticket")
    about = desk.tracker.get_slot("last_task") == "complaint_form" or (
        not kind and desk.entities("resolution")
    )
    if not ticket or not about:
        return False
    wished = [label(RESOLUTIONS, value, desk.language) for value in desk.entities("resolution")]
    text = ", ".join(wished) if desk.text.startswith("/") else desk.text
    sender = desk.shopper.sender_id
    result = once(
        desk.key and f"{desk.key}:note",
        lambda session: {"noted": add_note(session, str(ticket), sender, text, kind)},
    )
    if result["noted"]:
        desk.say("utter_case_noted", ticket=ticket)
    return bool(result["noted"])


def _first_said(desk: Desk) -> str:
    """The message by which the complaint began, else the latest."""
    for event in reversed(desk.tracker.events):
        intent = str(((event.get("parse_data") or {}).get("intent") or {}).get("name"))
        text = str(event.get("text") or "")
        if event.get("event") == "user" and intent.startswith("complain_") and not text.startswith("/"):
            return text
    return desk.question


def _complaint(desk: Desk, kind: str) -> Any:
    detail = str(desk.tracker.get_slot("complaint_detail") or _first_said(desk))
    order_id, shopper, now = desk.form_order, desk.shopper, desk.now

    def change(session: Session) -> dict[str, Any]:
        order = None
        if kind != "service":
            order = find_order(session, shopper, order_id, desk.verifier)
            if order is None:
                return {"code": "order_not_found"}
        line = None
        if order is not None and kind in ("damaged", "wrong_item"):
            line = order.lines[0] if len(order.lines) == 1 else pick_line(order, detail)
        ticket = open_complaint(
            session,
            kind=kind,
            sender_id=shopper.sender_id,
            customer_id=shopper.customer_id,
            order=order,
            language=desk.language,
            summary=detail,
            transcript=transcript(desk.tracker),
            now=now,
            line=line,
        )
        return {
            "code": "opened",
            "number": ticket.number,
            "remedy": ticket.remedy,
            "amount_cents": ticket.amount_cents or 0,
            "days_late": days_late(order, now) if order else 0,
            "eta": order.eta_at if order else None,
            "delivered": order.delivered_at if order else None,
        }

    return change
