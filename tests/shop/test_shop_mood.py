"""What the shop does with how a message sounds, with urgency, and with a budget that was normalised."""

from __future__ import annotations

from typing import Any

from talks import Talk


def test_who_is_unhappy_is_told_sorry_first(talk: Talk) -> None:
    talk.hear("ugh, where is 10234", "order_status", order_id="10234", sentiment="negative")
    assert talk.run("action_order_status").names[0] == "utter_sorry_trouble"
    talk.hear("where is 10234", "order_status", order_id="10234", sentiment="neutral")
    assert "utter_sorry_trouble" not in talk.run("action_order_status").names


def test_an_urgent_complaint_goes_to_a_person_at_once(talk: Talk) -> None:
    talk.hear("nobody answers, I need help right now!", "complain_service", urgency="urgent")
    talk.fill(complaint_kind="service", complaint_detail="nobody answers, I need help right now!")
    talk.hear("yes", "inform", urgency="normal")
    reply = talk.run("action_submit_complaint")
    assert reply.names[-2:] == ["utter_urgent_to_person", "utter_handoff"]
    assert reply.slot("ticket").startswith("T")


def test_another_complaint_waits_its_turn(talk: Talk) -> None:
    talk.hear("your colleague was rude", "complain_service", urgency="normal")
    talk.fill(complaint_kind="service", complaint_detail="your colleague was rude")
    assert "utter_handoff" not in talk.run("action_submit_complaint").names


def test_what_is_urgent_angry_and_not_understood_goes_to_a_person(talk: Talk) -> None:
    talk.hear("frmbl now!!", "nlu_fallback", sentiment="negative", urgency="urgent")
    assert talk.run("action_gpt_fallback").names == ["utter_urgent_to_person", "utter_handoff"]


def test_buttons_do_not_carry_the_mood(talk: Talk) -> None:
    ranking = [{"name": "order_status", "confidence": 0.3}, {"name": "refund_status", "confidence": 0.28}]
    talk.hear("hm 10234", "nlu_fallback", order_id="10234", sentiment="negative", ranking=ranking)
    payloads = [button["payload"] for button in talk.run("action_ask_which").responses[0]["buttons"]]
    assert payloads[0] == '/order_status{"order_id": "10234"}'


def priced(talk: Talk, text: str, info: dict[str, Any]) -> None:
    talk.hear(text, "recommend_product", price=text, category="jackets")
    talk.latest["entities"][0]["additional_info"] = info


def test_a_budget_may_be_words_and_may_have_a_lower_end(talk: Talk) -> None:
    priced(
        talk,
        "一百五十欧以内的外套",
        {"type": "interval", "to": {"type": "value", "value": 150, "unit": "EUR"}},
    )
    reply = talk.run("action_recommend")
    assert all(float(str(item["price"])) <= 150 for item in reply.card()["items"])
    assert reply.slot("budget")["to"]["value"] == 150
    priced(talk, "jackets over 120 euros", {"type": "interval", "from": {"type": "value", "value": 120}})
    assert all(float(str(item["price"])) >= 120 for item in talk.run("action_recommend").card()["items"])
