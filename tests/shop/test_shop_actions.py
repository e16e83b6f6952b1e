"""The assistant's actions, turn by turn, through the SDK's own executor."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from rasa_sdk.executor import ActionExecutor
from sqlalchemy import func, select
from talks import Talk

from shop import models
from shop.database import DAY, reading, writing

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("shop")


def order(number: int) -> models.Order:
    with reading() as session:
        return session.get_one(models.Order, number)


def count(table: type[models.Base]) -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def validate(talk: Talk, form: str, **slots: Any) -> Any:
    """What the form's validation makes of the slots of the latest message."""
    talk.loop = {"name": form}
    talk.fill(**slots)
    return talk.run(f"validate_{form}")


def test_the_domain_and_the_code_name_the_same_actions(
    executor: ActionExecutor, domain: dict[str, Any]
) -> None:
    own = {name for name, run in executor.actions.items() if run.__self__.__module__.startswith("actions.")}
    assert own == set(domain["actions"])


def test_every_response_an_action_names_is_in_the_domain(domain: dict[str, Any]) -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "actions").glob("*.py")))
    named = set(re.findall(r'"(utter_[a-z_]+)"', source))
    assert len(named) > 50
    assert named <= set(domain["responses"])


def test_responses_exist_in_both_languages_with_the_same_places(domain: dict[str, Any]) -> None:
    for name, (english, chinese) in domain["responses"].items():
        assert "condition" not in english, name
        assert chinese["condition"] == [{"type": "slot", "name": "language", "value": "zh"}], name
        bare = re.sub(r"{\w+}|[：，。\s]", "", chinese["text"])
        assert not bare or re.search(r"[\u4e00-\u9fff]", bare), name
        places = [sorted(set(re.findall(r"{(\w+)}", text["text"]))) for text in (english, chinese)]
        assert places[0] == places[1], name
        assert [b["payload"].split("{")[0] for b in english.get("buttons", [])] == [
            b["payload"].split("{")[0] for b in chinese.get("buttons", [])
        ], name


def test_order_status_tells_carrier_day_and_shows_the_timeline(talk: Talk) -> None:
    talk.hear("where is 10234", "order_status", order_id="10234")
    reply = talk.run("action_order_status")
    assert reply.names == ["utter_order_shipped"]
    assert "10234" in reply.text
    card = reply.card()
    assert card["type"] == "order_timeline"
    assert [step["done"] for step in card["order"]["steps"]] == [True, True, True, True, False]
    assert card["order"]["tracking_number"] in reply.text
    assert card["order"]["items"][0]["image"] == "/shop/images/P001-navy.svg"


@pytest.mark.parametrize(
    ("customer", "number", "response"),
    [
        ("C0001", "10187", "utter_order_delivered"),
        ("C0001", "10412", "utter_order_paid"),
        ("C0002", "10305", "utter_order_shipped_late"),
        ("C0002", "10521", "utter_order_placed"),
        ("C0003", "10366", "utter_order_returned"),
        ("C0003", "10377", "utter_order_cancelled"),
        ("C0003", "10450", "utter_order_packed"),
        ("C0004", "10441", "utter_order_return_requested"),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_state_has_its_words(
    talk: Talk, customer: str, number: str, response: str, language: str
) -> None:
    talk.customer, talk.language = customer, language
    talk.hear(number, "order_status", order_id=number)
    reply = talk.run("action_order_status")
    assert reply.names == [response]
    assert number in reply.text
    assert reply.card()["order"]["steps"][-1]["label"]


def test_several_open_orders_are_offered_and_one_is_taken(talk: Talk) -> None:
    talk.hear("where is my order", "order_status")
    reply = talk.run("action_order_status")
    assert reply.names == ["utter_which_order"]
    assert {item["id"] for item in reply.card()["items"]} == {"10234", "10412"}
    assert '/order_status{"order_id": "10234"}' in [b["payload"] for b in reply.responses[0]["buttons"]]
    talk.customer, talk.slots = "C0004", {}
    talk.hear("where is my order", "order_status")
    assert len(talk.run("action_order_status").names) == 1
    talk.customer, talk.slots = "C0005", {}
    talk.hear("where is my order", "order_status")
    assert talk.run("action_order_status").names == ["utter_no_orders"]


def test_a_guest_proves_an_order_and_comes_back_to_the_question(guest: Talk) -> None:
    guest.hear("where is my order 10234", "order_status", order_id="10234")
    first = guest.run("action_order_status")
    assert first.slot("pending_task") == "order_status"
    assert not first.responses
    asked = validate(guest, "verify_form", order_id="10234")
    assert asked.slot("order_id") == "10234"
    guest.hear("hm", "inform")
    assert validate(guest, "verify_form", verifier="hm").names == ["utter_verifier_form"]
    guest.hear("1111", "inform")
    wrong = validate(guest, "verify_form", verifier="1111")
    assert wrong.names == ["utter_order_not_found"]
    assert (wrong.slot("order_id"), wrong.slot("verifier")) == ("10234", None)
    guest.hear("10234, 4821", "inform", order_id="10234")
    right = validate(guest, "verify_form", order_id="10234", verifier="4821")
    assert not right.responses
    guest.loop = {}
    told = guest.run("action_resume_task")
    assert told.slot("pending_task") is None
    assert told.names == ["utter_order_shipped"]


def test_resuming_runs_nothing_else_than_what_waited(guest: Talk) -> None:
    guest.hear("4821", "inform")
    guest.slots |= {"pending_task": "action_cancel_order", "order_id": "10412", "confirm": True}
    reply = guest.run("action_resume_task")
    assert not reply.responses
    assert reply.slot("pending_task") is None
    assert order(10412).state == "paid"


def test_refund_status(talk: Talk) -> None:
    talk.customer = "C0003"
    talk.hear("my refund for 10377", "refund_status", order_id="10377")
    assert talk.run("action_refund_status").names == ["utter_refund_sent"]
    talk.hear("and 10366", "inform", order_id="10366")
    talk.slots["order_id"] = "10366"
    reply = talk.run("action_refund_status")
    assert reply.names == ["utter_refund_pending"]
    assert "EUR 78.90" in reply.text
    talk.hear("and 10450", "inform", order_id="10450")
    assert talk.run("action_refund_status").names == ["utter_refund_none"]


def test_cancelling_asks_first_then_happens_once(talk: Talk) -> None:
    talk.hear("cancel 10412", "cancel_order", order_id="10412")
    assert not validate(talk, "cancel_form", order_id="10412").responses
    asked = talk.run("action_ask_cancel_form_confirm")
    assert "10412" in asked.text
    assert order(10412).state == "paid"
    talk.slots["confirm"] = True
    talk.hear("yes", "affirm", message_id="the-yes")
    before, events = dict(talk.slots), list(talk.events)
    first = talk.run("action_cancel_order")
    assert first.names == ["utter_cancelled_refund"]
    assert order(10412).state == "cancelled"
    refunds = count(models.Refund)
    # The turn is served again, as after a crash: same words, no second refund.
    talk.slots, talk.events = before, events
    assert talk.run("action_cancel_order").text == first.text
    assert count(models.Refund) == refunds
    # A new message meets the state machine.
    talk.slots |= {"order_id": "10412", "confirm": True}
    talk.hear("cancel again", "cancel_order")
    assert talk.run("action_cancel_order").names == ["utter_cannot_cancel_cancelled"]
    assert count(models.Refund) == refunds


def test_no_means_no(talk: Talk) -> None:
    talk.slots |= {"order_id": "10412", "confirm": False}
    talk.hear("no", "deny")
    assert talk.run("action_cancel_order").names == ["utter_cancel_kept"]
    assert order(10412).state == "paid"


@pytest.mark.parametrize(
    ("customer", "number", "state"), [("C0001", "10234", "shipped"), ("C0003", "10450", "packed")]
)
def test_what_left_the_shelf_is_refused_at_once_and_even_if_forced(
    talk: Talk, customer: str, number: str, state: str
) -> None:
    talk.customer = customer
    talk.hear(f"cancel {number}", "cancel_order", order_id=number)
    reply = validate(talk, "cancel_form", order_id=number)
    assert reply.names == [f"utter_cannot_cancel_{state}"]
    assert reply.slot("requested_slot") is None
    talk.loop = {}
    assert not talk.run("action_cancel_order").responses
    talk.slots |= {"order_id": number, "confirm": True, "form_outcome": None}
    talk.hear("yes", "affirm")
    assert talk.run("action_cancel_order").names == [f"utter_cannot_cancel_{state}"]
    assert order(int(number)).state == state


def test_changing_the_address(talk: Talk) -> None:
    talk.hear("send 10412 elsewhere", "change_address", order_id="10412")
    assert not validate(talk, "address_form", order_id="10412").responses
    talk.hear("Berlin", "inform")
    assert validate(talk, "address_form", new_address="Berlin").names == ["utter_address_form"]
    talk.hear("Ringstraße 5, 1010 Wien", "inform")
    validate(talk, "address_form", new_address="Ringstraße 5, 1010 Wien")
    assert "Ringstraße 5, 1010 Wien" in talk.run("action_ask_address_form_confirm").text
    talk.hear("no", "deny")
    again = validate(talk, "address_form", confirm=False)
    assert (again.slot("confirm"), again.slot("new_address")) == (None, None)
    talk.slots |= {"new_address": "Ringstraße 5, 1010 Wien", "confirm": True}
    talk.hear("yes", "affirm")
    assert talk.run("action_change_address").names == ["utter_address_changed"]
    assert order(10412).address == "Ringstraße 5, 1010 Wien"


def test_a_return_from_start_to_booking(talk: Talk) -> None:
    talk.hear("return something", "return_item")
    asked = talk.run("action_ask_order_id")
    assert {item["id"] for item in asked.card()["items"]} >= {"10187"}
    talk.hear("10187", "inform", order_id="10187")
    assert validate(talk, "return_form", order_id="10187").slot("return_item") is None
    items = talk.run("action_ask_return_form_return_item")
    assert [button["payload"] for button in items.responses[0]["buttons"]] == [
        '/inform{"product": "P026-NAVY-M"}', '/inform{"product": "P058-WHITE-39"}',
    ]  # fmt: skip
    talk.hear("the tarn sweater", "inform", product="tarn sweater")
    assert validate(talk, "return_form", return_item="tarn sweater").slot("return_item") == "P026-NAVY-M"
    talk.hear("it is a bit too tight", "inform")
    assert (
        validate(talk, "return_form", return_reason="it is a bit too tight").slot("return_reason")
        == "too_small"
    )
    talk.hear("swap it", "inform")
    swap = validate(talk, "return_form", resolution="swap it")
    assert (swap.slot("resolution"), swap.slot("requested_slot")) == ("exchange", "exchange_size")
    with writing() as session:
        session.get_one(models.Stock, "P026-NAVY-L").on_hand = 3
        session.get_one(models.Stock, "P026-NAVY-XL").on_hand = 0
        session.commit()
    sizes = [
        button["title"] for button in talk.run("action_ask_return_form_exchange_size").responses[0]["buttons"]
    ]
    assert "L" in sizes
    assert "XL" not in sizes
    talk.hear("extra large", "inform")
    assert validate(talk, "return_form", exchange_size="extra large").names == ["utter_exchange_sold_out"]
    talk.hear("large then", "inform")
    assert validate(talk, "return_form", exchange_size="large then").slot("exchange_size") == "L"
    assert "Tarn Sweater" in talk.run("action_ask_return_form_confirm").text
    talk.hear("yes", "affirm", message_id="book")
    talk.slots["confirm"] = True
    before, events = dict(talk.slots), list(talk.events)
    booked = talk.run("action_submit_return")
    assert booked.names == ["utter_return_booked_exchange"]
    returns = count(models.Return)
    talk.slots, talk.events = before, events
    assert talk.run("action_submit_return").text == booked.text
    assert count(models.Return) == returns
    with reading() as session:
        assert session.get_one(models.Stock, "P026-NAVY-L").on_hand == 2
    assert order(10187).state == "return_requested"


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("customer", "slots", "response"),
    [
        ("C0001", {"order_id": "10078"}, "utter_return_refused_too_late"),
        ("C0001", {"order_id": "10234"}, "utter_return_refused_not_delivered"),
        ("C0001", {"order_id": "10412"}, "utter_return_refused_cancel_instead"),
        ("C0003", {"order_id": "10377"}, "utter_return_refused_cancelled"),
        ("C0003", {"order_id": "10366"}, "utter_return_refused_already_returned"),
    ],
)
def test_a_return_that_cannot_be_is_refused_with_the_reason(
    talk: Talk, customer: str, slots: dict[str, str], response: str, language: str
) -> None:
    talk.customer, talk.language = customer, language
    talk.hear("return it", "return_item", order_id=slots["order_id"])
    reply = validate(talk, "return_form", **slots)
    assert reply.names == [response]
    assert (reply.slot("form_outcome"), reply.slot("requested_slot")) == ("refused", None)
    talk.loop = {}
    done = talk.run("action_submit_return")
    assert not done.responses
    assert done.slot("form_outcome") is None


def test_hygiene_goods_come_back_only_when_faulty(talk: Talk) -> None:
    talk.customer = "C0002"
    talk.slots |= {"order_id": "10298", "return_item": "P117-GREEN-05L"}
    talk.hear("我不想要了", "inform")
    assert validate(talk, "return_form", return_reason="我不想要了").names == ["utter_return_refused_hygiene"]
    talk.slots["form_outcome"] = None
    talk.hear("坏了", "inform")
    fine = validate(talk, "return_form", return_reason="坏了")
    assert not fine.responses
    assert fine.slot("return_reason") == "damaged"


def test_a_guest_is_asked_for_a_proof_before_anything_is_told(guest: Talk) -> None:
    guest.hear("return 10078", "return_item", order_id="10078")
    reply = validate(guest, "return_form", order_id="10078")
    assert not reply.responses
    assert reply.slot("requested_slot") in ("unset", "verifier")
    guest.hear("anna.keller@example.com", "inform", email="anna.keller@example.com")
    told = validate(guest, "return_form", verifier="anna.keller@example.com")
    assert told.names == ["utter_return_refused_too_late"]


@pytest.mark.parametrize(
    ("text", "intent", "entities", "response", "inside"),
    [
        ("how much is the harbour rain jacket", "product_price", {"product": "harbour rain jacket"}, "utter_product_price", "EUR 128.90"),
        ("how much is the harbor jaket", "product_price", {"product": "harbor rain jaket"}, "utter_product_price", "Harbour"),
        ("is it waterproof", "product_attribute", {"product": "Scree boots", "attribute": "waterproof"}, "utter_product_attribute", "ankle"),
        ("what is the tarn made of", "product_attribute", {"product": "tarn sweater"}, "utter_product_attribute", "merino"),
        ("tell me about the willow dress", "product_attribute", {"product": "willow dress"}, "utter_product_about", "wrap dress"),
        ("how much is a rain jacket", "product_price", {"product": "rain jacket"}, "utter_choose_product", ""),
        ("how much is a spaceship", "product_price", {"product": "spaceship"}, "utter_product_unknown", "spaceship"),
        ("how much is it", "product_price", {}, "utter_which_product", ""),
    ],
)  # fmt: skip
def test_product_questions(
    talk: Talk, text: str, intent: str, entities: dict[str, str], response: str, inside: str
) -> None:
    talk.hear(text, intent, **entities)
    reply = talk.run("action_product_info")
    assert reply.names == [response]
    assert inside in reply.text


@pytest.mark.parametrize(
    ("text", "entities", "response", "inside"),
    [
        ("海港防雨夹克多少钱", {"product": "海港防雨夹克"}, "utter_product_price", "EUR 128.90"),
        ("山湖毛衣多少钱", {"product": "山湖毛衣"}, "utter_product_price", "山湖毛衣"),
    ],
)
def test_product_questions_in_chinese(
    talk: Talk, text: str, entities: dict[str, str], response: str, inside: str
) -> None:
    talk.language = "zh"
    talk.hear(text, "product_price", **entities)
    reply = talk.run("action_product_info")
    assert reply.names == [response]
    assert inside in reply.text


def test_stock_by_colour_and_size_and_a_following_question(talk: Talk) -> None:
    with writing() as session:
        session.get_one(models.Stock, "P001-NAVY-M").on_hand = 12
        gone = session.get_one(models.Stock, "P001-NAVY-L")
        gone.on_hand, gone.restock_at = 0, 1_900_000_000
        last = session.get_one(models.Stock, "P001-YELLOW-M")
        last.on_hand = 2
        session.commit()
    talk.hear(
        "harbour jacket navy M in stock?",
        "product_stock",
        product="harbour rain jacket",
        color="navy",
        size="M",
    )
    reply = talk.run("action_product_info")
    assert reply.names == ["utter_product_stock_yes"]
    assert "Harbour Rain Jacket, navy, M" in reply.text
    talk.slots |= {"color": "navy", "size": "L"}
    talk.hear("and in L", "inform", size="L")
    later = talk.run("action_inform")
    assert later.names == ["utter_product_stock_later"]
    assert "17 March 2030" in later.text
    talk.slots |= {"color": "yellow", "size": "M"}
    talk.hear("yellow M", "inform", size="M", color="yellow")
    assert talk.run("action_product_info").names == ["utter_product_stock_few"]


def test_comparing_two_by_name_and_by_what_was_shown(talk: Talk) -> None:
    talk.hear("compare", "compare_products", product=["tarn sweater", "bramble sweater"])
    reply = talk.run("action_compare_products")
    assert reply.names == ["utter_comparison"]
    card = reply.card()
    assert [item["title"] for item in card["items"]] == ["Tarn Sweater", "Bramble Sweater"]
    assert all(len(row["values"]) == 2 for row in card["rows"])
    assert "EUR 6.00" in reply.text
    talk.hear("compare them", "compare_products")
    assert len(talk.run("action_compare_products").card()["items"]) == 2
    talk.slots |= {"shown_products": None, "product": None}
    talk.hear("compare", "compare_products", product="tarn sweater")
    assert talk.run("action_compare_products").names == ["utter_compare_needs_two"]


def test_recommending_by_wishes_keeps_to_them(talk: Talk) -> None:
    talk.hear(
        "a black jacket for rain under 130",
        "recommend_product",
        color="black",
        category="jacket",
        price="130",
    )
    reply = talk.run("action_recommend")
    assert reply.names == ["utter_recommend"]
    items = reply.card()["items"]
    assert items
    assert all(item["price"] <= 130 for item in items)
    assert items[0]["title"] == "Drizzle Rain Jacket"
    talk.hear("recommend something", "recommend_product")
    assert talk.run("action_recommend").names == ["utter_ask_wishes"]
    talk.language = "zh"
    talk.hear("想给妈妈买条围巾当礼物", "recommend_product", category="围巾")
    scarf = talk.run("action_recommend")
    assert scarf.names == ["utter_recommend"]
    assert all(item["title"] for item in scarf.card()["items"])


def test_recommending_from_purchases_leaves_out_what_is_owned(talk: Talk) -> None:
    talk.hear("something for me", "recommend_for_me")
    reply = talk.run("action_recommend_for_me")
    assert reply.names == ["utter_recommend_for_me"]
    assert not {item["id"] for item in reply.card()["items"]} & {
        "P001",
        "P026",
        "P058",
        "P015",
        "P075",
        "P042",
    }
    talk.customer = "C0005"
    talk.hear("something for me", "recommend_for_me")
    assert talk.run("action_recommend_for_me").names == ["utter_recommend_best_rated"]


def test_a_late_parcel_gets_a_ticket_and_the_rule_s_remedy(talk: Talk) -> None:
    talk.customer, talk.language = "C0002", "zh"
    talk.hear("我的包裹10305怎么还没到", "complain_late", message_id="late", order_id="10305")
    validate(talk, "complaint_form", complaint_kind="late", order_id="10305")
    before, events = dict(talk.slots), list(talk.events)
    reply = talk.run("action_submit_complaint")
    assert reply.names == ["utter_remedy_voucher"]
    assert "EUR 5.00" in reply.text
    assert reply.slot("ticket") == "T30001"
    talk.slots, talk.events = before, events
    talk.run("action_submit_complaint")
    assert count(models.Ticket) == 1


def test_a_complaint_that_was_told_already_is_not_asked_again(talk: Talk) -> None:
    text = "the sweater from my order arrived with a big hole in the sleeve"
    talk.hear(text, "complain_damaged")
    reply = validate(talk, "complaint_form", complaint_kind="damaged")
    assert reply.slot("complaint_detail") == text
    talk.hear("10187", "inform", order_id="10187")
    validate(talk, "complaint_form", order_id="10187")
    answer = talk.run("action_submit_complaint")
    assert answer.names == ["utter_remedy_replace_or_refund"]
    with reading() as session:
        ticket = session.scalars(select(models.Ticket)).one()
        assert (ticket.summary, ticket.order_number, ticket.kind) == (text, 10187, "damaged")
        assert [line["from"] for line in ticket.transcript][:2] == ["user", "user"]


def test_a_complaint_about_service_needs_no_order(guest: Talk) -> None:
    guest.hear("/complain_service", "complain_service")
    asked = validate(guest, "complaint_form", complaint_kind="service")
    assert asked.slot("requested_slot") == "complaint_detail"
    guest.hear("nobody answers the phone", "inform")
    validate(guest, "complaint_form", complaint_detail="nobody answers the phone")
    assert guest.run("action_submit_complaint").names == ["utter_remedy_person_answers"]


def test_handing_over_keeps_the_transcript_and_the_place(talk: Talk) -> None:
    talk.hear("where is 10234", "order_status", order_id="10234")
    talk.run("action_order_status")
    talk.hear("a human please", "talk_to_human")
    first = talk.run("action_handoff")
    assert first.card() == {"type": "handoff", "ticket": "T30001", "position": 1}
    talk.hear("human!!", "talk_to_human")
    assert talk.run("action_handoff").card() == first.card()
    with reading() as session:
        ticket = session.scalars(select(models.Ticket)).one()
        said = [line["text"] for line in ticket.transcript]
        assert said[0] == "where is 10234"
        assert "tracking number" in said[1]


def test_faq_answers_with_the_article_and_its_source_or_says_that_it_does_not_know(talk: Talk) -> None:
    talk.hear("how much does shipping cost?", "faq_shipping")
    reply = talk.run("action_faq")
    assert "EUR 4.90" in reply.text
    assert reply.card()["items"][0]["url"] == "/shop/articles/shipping-cost?language=en"
    talk.language = "zh"
    talk.hear("退款多久到账", "faq_returns")
    assert "14天" in talk.run("action_faq").text
    talk.language = "en"
    talk.hear("quantum chromodynamics zebra", "nlu_fallback")
    unknown = talk.run("action_faq")
    assert unknown.names == ["utter_faq_unknown"]
    talk.hear("yes", "affirm")
    assert talk.run("action_affirm").names == ["utter_handoff"]


def test_the_fallback_carries_question_and_passages(talk: Talk) -> None:
    talk.hear("can my cat wear the scarf after washing?", "out_of_scope")
    reply = talk.run("action_gpt_fallback")
    assert reply.names == ["utter_free_reply"]
    sent = reply.responses[0]
    assert sent["question"] == "can my cat wear the scarf after washing?"
    assert 1 <= len(sent["passages"]) <= 3
    assert all({"title", "text", "url"} <= set(passage) for passage in sent["passages"])


def test_the_fallback_s_response_is_marked_for_the_framework(domain: dict[str, Any]) -> None:
    assert [variation["metadata"] for variation in domain["responses"]["utter_free_reply"]] == [
        {"generate": True}
    ] * 2


def test_asking_which_of_two(talk: Talk) -> None:
    ranking = [
        {"name": "nlu_fallback", "confidence": 0.6}, {"name": "cancel_order", "confidence": 0.32},
        {"name": "return_item", "confidence": 0.3}, {"name": "greet", "confidence": 0.2},
    ]  # fmt: skip
    talk.hear("get rid of 10187", "nlu_fallback", ranking=ranking, order_id="10187")
    reply = talk.run("action_ask_which")
    assert [button["payload"] for button in reply.responses[0]["buttons"]] == [
        '/cancel_order{"order_id": "10187"}', '/return_item{"order_id": "10187"}', "/out_of_scope",
    ]  # fmt: skip
    talk.hear("blorp", "nlu_fallback", ranking=[{"name": "cancel_order", "confidence": 0.05}])
    assert talk.run("action_ask_which").names == ["utter_free_reply"]
    assert talk.run("action_default_ask_affirmation").names == ["utter_ask_rephrase"]


def test_the_other_one(talk: Talk) -> None:
    talk.hear("where is my order", "order_status")
    talk.run("action_order_status")
    talk.slots["order_id"] = "10234"
    talk.hear('/order_status{"order_id": "10234"}', "order_status", order_id="10234")
    talk.run("action_order_status")
    talk.hear("no, the other one", "correction")
    reply = talk.run("action_correct")
    assert reply.names == ["utter_order_paid"]
    assert reply.slot("order_id") == "10412"
    assert "10412" in reply.text


def test_i_meant_another_number(talk: Talk) -> None:
    talk.slots["order_id"] = "10187"
    talk.hear("where is 10187", "order_status", order_id="10187")
    talk.run("action_order_status")
    talk.slots["order_id"] = "10234"
    talk.hear("no, I meant 10234", "correction", order_id="10234")
    reply = talk.run("action_correct")
    assert reply.names == ["utter_order_shipped"]
    assert "10234" in reply.text


def test_a_correction_inside_a_form_asks_the_answer_before_again(talk: Talk) -> None:
    talk.loop = {"name": "return_form"}
    talk.slots |= {"order_id": "10187", "return_item": "P026-NAVY-M", "return_reason": "too_small"}
    talk.slots["requested_slot"] = "resolution"
    talk.hear("no, that was wrong", "correction")
    reply = talk.run("action_correct")
    assert reply.slot("return_reason") is None
    assert reply.names == ["utter_ask_again"]


def test_the_other_order_inside_a_form_is_checked_too(talk: Talk) -> None:
    talk.loop = {"name": "return_form"}
    talk.slots |= {"order_id": "10187", "shown_orders": ["10187", "10078"], "requested_slot": "return_item"}
    talk.hear("no, the other one", "correction")
    reply = talk.run("action_correct")
    assert reply.names == ["utter_corrected", "utter_return_refused_too_late"]
    assert (reply.slot("order_id"), reply.slot("form_outcome")) == ("10078", "refused")


def test_a_correction_without_anything_before(talk: Talk) -> None:
    talk.hear("no, the other one", "correction")
    assert talk.run("action_correct").names == ["utter_correct_what"]


def test_repeat_says_the_last_answer_again_with_its_card(talk: Talk) -> None:
    talk.hear("say that again", "repeat")
    assert talk.run("action_repeat").names == ["utter_nothing_to_repeat"]
    talk.hear("where is 10234", "order_status", order_id="10234")
    said = talk.run("action_order_status")
    talk.hear("again?", "repeat")
    repeated = talk.run("action_repeat")
    assert repeated.text == said.text
    assert repeated.card() == said.card()
    talk.hear("once more", "repeat")
    assert talk.run("action_repeat").text == said.text


def test_stop_ends_the_task_and_start_over_everything_but_who_is_asking(talk: Talk) -> None:
    talk.loop = {"name": "return_form"}
    talk.slots |= {"order_id": "10187", "return_reason": "too_small", "language": "en"}
    talk.hear("stop", "stop")
    stopped = talk.run("action_stop_task")
    assert talk.loop == {}
    assert stopped.slot("return_reason") is None
    assert talk.slots["order_id"] == "10187"
    talk.hear("start over", "start_over")
    over = talk.run("action_start_over")
    assert over.slot("order_id") is None
    assert over.slot("language") == "unset"
    assert over.slot("session_started_metadata") == "unset"


def test_a_bare_value_goes_on_with_what_it_fits(talk: Talk) -> None:
    cases: list[tuple[str | None, dict[str, str], str]] = [
        (None, {"order_id": "10234"}, "utter_order_shipped"),
        ("action_refund_status", {"order_id": "10234"}, "utter_refund_none"),
        ("action_product_info", {"product": "tarn sweater", "size": "M"}, "utter_product_about"),
        ("action_recommend", {"price": "80"}, "utter_recommend"),
        (None, {"product": "tarn sweater"}, "utter_product_about"),
        (None, {}, "utter_ask_rephrase"),
    ]
    for last, entities, expected in cases:
        talk.slots = {"last_task": last}
        talk.hear("x", "inform", **entities)
        assert talk.run("action_inform").names == [expected], (last, entities)


def test_correcting_after_a_form_opens_it_again(talk: Talk) -> None:
    talk.slots |= {"last_task": "cancel_form", "order_id": "10234", "confirm": True}
    talk.hear("no, I meant 10234", "correction", order_id="10234")
    reply = talk.run("action_correct")
    assert reply.followup == "cancel_form"
    assert reply.slot("confirm") is None


def test_hostile_words_stay_words(talk: Talk) -> None:
    name = "{0.__class__} {order_id} <script>alert(1)</script>"
    talk.hear(f"how much is {name}", "product_price", product=name)
    reply = talk.run("action_product_info")
    assert reply.names == ["utter_product_unknown"]
    assert reply.responses[0]["name"] == name[:60]


def test_dates_move_with_the_seed_so_returns_stay_possible() -> None:
    delivered = order(10187).delivered_at
    with reading() as session:
        as_of = int(session.get_one(models.Setting, "as_of").value)
    assert delivered is not None
    assert 0 < as_of - delivered < 30 * DAY
