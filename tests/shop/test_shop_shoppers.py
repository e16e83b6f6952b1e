"""How shoppers really write: hesitant, two things at once, the answer somewhere else than in the expected place."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from talks import Talk

from shop.database import reading
from shop.models import Ticket

pytestmark = pytest.mark.usefixtures("shop")


def validate(talk: Talk, form: str, **slots: Any) -> Any:
    """What the form's validation makes of the slots of the latest message."""
    talk.loop = {"name": form}
    talk.fill(**slots)
    return talk.run(f"validate_{form}")


@pytest.mark.parametrize("said", ["actually wait", "等等", "嗯…我想想", "yes, but when do I get the money?"])
def test_a_hesitant_yes_changes_nothing(talk: Talk, said: str) -> None:
    talk.slots |= {"order_id": "10412", "requested_slot": "confirm"}
    talk.hear(said, "affirm")
    reply = validate(talk, "cancel_form", confirm=True)
    assert reply.slot("confirm") is None
    assert reply.names == ["utter_nothing_done"]


PAUSES = (
    "wait", "Actually, hold on…", "just a moment please", "not yet", "I'm not sure", "let me think about it",
    "等一下", "先别", "慢着", "稍等哈", "让我再想想", "我还没想好", "等會", "讓我考慮一下",
)  # fmt: skip


@pytest.mark.parametrize("said", PAUSES)
def test_whoever_wants_time_gets_it_whatever_it_was_taken_for(talk: Talk, said: str) -> None:
    talk.slots |= {"order_id": "10412", "requested_slot": "confirm"}
    for intent, value in (("affirm", True), ("deny", False), ("inform", said)):
        talk.hear(said, intent)
        reply = validate(talk, "cancel_form", confirm=value)
        assert (reply.slot("confirm"), reply.names) == (None, ["utter_nothing_done"])
    for action in ("action_correct", "action_deny", "action_stop_task"):
        reply = talk.run(action)
        assert (reply.events, reply.names) == ([], ["utter_nothing_done"])
    talk.loop = {}
    assert talk.run("action_deny").names == ["utter_take_your_time"]


@pytest.mark.parametrize(
    "said", ["no", "不要", "wait, it was 10234", "等等，是10234", "先别取消", "想好了，取消"]
)
def test_whoever_says_more_is_heard(talk: Talk, said: str) -> None:
    talk.loop = {"name": "cancel_form"}
    talk.slots |= {"order_id": "10412", "requested_slot": "confirm"}
    talk.hear(said, "stop")
    assert talk.run("action_stop_task").names == ["utter_stopped"]


def test_time_is_no_reason_for_a_return(talk: Talk) -> None:
    talk.slots |= {"order_id": "10187", "return_item": "P058-WHITE-39", "requested_slot": "return_reason"}
    talk.hear("稍等", "inform", sentiment="neutral")
    reply = validate(talk, "return_form", return_reason="稍等")
    assert (reply.slot("return_reason"), reply.slot("return_item")) == (None, "unset")
    assert reply.names == ["utter_nothing_done"]


def test_a_yes_that_nobody_is_sure_of_is_asked_again(talk: Talk) -> None:
    talk.slots |= {"order_id": "10412", "requested_slot": "confirm"}
    talk.hear("whatever", "affirm")
    talk.latest["intent"]["confidence"] = 0.5
    assert validate(talk, "cancel_form", confirm=True).slot("confirm") is None


def test_another_size_is_no_yes(talk: Talk) -> None:
    talk.slots |= {
        "order_id": "10187", "return_item": "P058-WHITE-39", "return_reason": "too_small",
        "resolution": "exchange", "exchange_size": "43", "requested_slot": "confirm",
    }  # fmt: skip
    talk.hear("ok 42 then")
    reply = validate(talk, "return_form", confirm="ok 42 then")
    assert (reply.slot("confirm"), reply.slot("exchange_size")) == (None, "42")


def test_a_return_finds_the_order_by_its_piece(talk: Talk) -> None:
    talk.hear("I want to send the sweater back", "return_item", category="sweater")
    reply = validate(talk, "return_form", return_item="sweater")
    assert reply.slot("order_id") == "10187"
    assert reply.slot("return_item").startswith("P026")


def test_an_order_talked_about_before_gives_way_to_the_one_with_the_piece(talk: Talk) -> None:
    talk.hear("where is 10412", "order_status", order_id="10412")
    talk.run("action_order_status")
    talk.hear("I want to send the sweater back", "return_item", category="sweater")
    reply = validate(talk, "return_form", order_id="10412", return_item="sweater")
    assert reply.slot("order_id") == "10187"


def test_a_question_in_between_leaves_the_form_its_order(talk: Talk) -> None:
    talk.loop = {"name": "return_form"}
    talk.hear("and where is 10234?", "order_status", order_id="10234")
    assert talk.run("action_order_status").slot("order_id") == "unset"


def test_a_postcode_is_no_order(talk: Talk) -> None:
    talk.slots |= {"order_id": "10412", "requested_slot": "new_address"}
    talk.events.append({"event": "slot", "name": "order_id", "value": "10412", "timestamp": 0.0})
    text = "14 Rosenweg, 10115 Berlin"
    talk.hear(text, "inform", order_id="10115")
    reply = validate(talk, "address_form", order_id="10115", new_address=text)
    assert (reply.slot("order_id"), reply.slot("new_address")) == ("10412", text)


def clauses(*parts: tuple[str, str, Any]) -> list[dict[str, Any]]:
    return [
        {"text": text, "intent": {"name": intent, "confidence": 0.95},
         "entities": [{"entity": name, "value": value} for name, value in entities.items()]}
        for text, intent, entities in parts
    ]  # fmt: skip


def test_two_wishes_are_both_answered_in_order(talk: Talk) -> None:
    talk.hear("where is 10234 and do students get a discount?", "faq_promotions", order_id="10234")
    talk.latest["clauses"] = clauses(
        ("where is 10234", "order_status", {"order_id": "10234"}),
        ("do students get a discount?", "faq_promotions", {}),
    )
    reply = talk.run("action_faq")
    assert reply.names == ["utter_order_shipped", "utter_faq_answer"]


def test_a_second_wish_that_needs_a_proof_or_a_form_is_offered(guest: Talk) -> None:
    guest.hear("do students get a discount? cancel 10412, and where is 10234", "faq_promotions")
    guest.latest["clauses"] = clauses(
        ("do students get a discount?", "faq_promotions", {}),
        ("cancel 10412", "cancel_order", {"order_id": "10412"}),
        ("where is 10234", "order_status", {"order_id": "10234"}),
    )
    reply = guest.run("action_faq")
    assert reply.names == ["utter_faq_answer", "utter_and_the_other"]
    offered = [button["payload"] for response in reply.responses for button in response["buttons"]]
    assert offered == ["cancel 10412", "where is 10234"]


def test_a_clause_that_cannot_stand_alone_is_no_second_wish(talk: Talk) -> None:
    talk.hear("How long does shipping take and how much does it cost?", "faq_shipping")
    talk.latest["clauses"] = clauses(
        ("How long does shipping take", "faq_shipping", {}), ("how much does it cost?", "product_price", {})
    )
    assert set(talk.run("action_faq").names) <= {"utter_faq_answer"}


def test_what_is_said_after_a_complaint_goes_into_its_case(talk: Talk) -> None:
    talk.hear("the sweater from order 10187 has a big hole", "complain_damaged", order_id="10187")
    validate(talk, "complaint_form", complaint_kind="damaged", order_id="10187")
    talk.run("action_submit_complaint")
    talk.loop = {}
    talk.hear('/inform{"resolution": "refund"}', "inform", resolution="refund")
    assert talk.run("action_inform").names == ["utter_case_noted"]
    with reading() as session:
        assert session.scalars(select(Ticket)).one().summary.endswith("\nrefund")
    talk.hear("that is not enough", "correction")
    assert talk.run("action_correct").names == ["utter_remedy_not_liked"]


def test_one_of_the_shown_products_is_meant_by_place_or_name(talk: Talk) -> None:
    talk.hear("a rain jacket", "recommend_product", category="rain jacket")
    shown = talk.run("action_recommend").slot("shown_products")
    talk.hear("the second one", "inform")
    assert talk.run("action_inform").slot("product") == shown[1]
