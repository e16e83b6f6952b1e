"""Handing the conversation to a person."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher
from sqlalchemy.orm import Session

from actions.desk import TASK_SLOTS, Desk, Domain, Event, clear, leave_form, put, transcript
from shop.database import once
from shop.policy import SERVICE_HOURS
from shop.tickets import hand_over


class ActionHandoff(Action):
    """Queue the conversation with its transcript; asking twice keeps the place."""

    def name(self) -> str:
        return "action_handoff"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        desk = Desk(tracker, dispatcher)

        def change(session: Session) -> dict[str, Any]:
            ticket, position = hand_over(
                session,
                sender_id=desk.shopper.sender_id,
                customer_id=desk.shopper.customer_id,
                language=desk.language,
                summary=desk.question,
                transcript=transcript(tracker),
                now=desk.now,
            )
            return {"number": ticket.number, "position": position}

        result = once(desk.key and f"{desk.key}:handoff", change)
        ticket = f"T{result['number']}"
        card = {"type": "handoff", "ticket": ticket, "position": result["position"]}
        opens, closes = SERVICE_HOURS
        desk.say(
            "utter_handoff", card, ticket=ticket, position=result["position"], opens=opens, closes=closes
        )
        return [*leave_form(), *clear(*TASK_SLOTS), put("ticket", ticket), put("offer", None)]
