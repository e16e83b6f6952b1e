"""A text that could mean two things: the assistant asks which, and the answer leads there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from chatting import Chat

from actions.intent_labels import INTENT_LABELS, NONE_OF_THEM

pytestmark = pytest.mark.timeout(300)
VAGUE = {
    "en": (
        "can I return or change the size",
        "can I pay later for the jacket or return it",
        "I would like to know about the sizes of the jacket in stock",
        "I want to change my order",
        "I'd like to change something",
        "do I get a new one or the money",
        "is it fine to wash it or send it back",
        "return shipping",
        "about the return",
        "something about my account and an order",
        "what happens with my parcel if I move",
        "there is an issue with delivery",
        "can I cancel or return it",
        "does the voucher work for the exchange",
        "where is the invoice for my refund",
        "is the price for express or for pickup",
    ),
    "zh": (
        "尺码 退款 地址",
        "那个钱的事",
        "退",
        "订单和发票",
        "退货还是取消",
        "地址 物流 发票",
        "快递坏了退款",
        "付款 配送",
        "优惠 退款 订单",
        "换货运费",
        "修改 取消 订单",
        "东西的钱和地址",
    ),
}


def unsure(chat: Callable[..., Chat], language: str) -> list[Chat]:
    """Sessions in which one of the vague texts was not understood and asked about."""
    found = []
    for text in VAGUE[language]:
        talk = chat("C0001", language)
        talk.say(text)
        steps = talk.inspect()["turns"][-1]
        understood = steps["parse"]["intent"]["name"]
        asked = [event.get("metadata", {}).get("utter_action") for event in steps["events"]]
        if understood == "nlu_fallback" and "utter_ask_which" in asked:
            found.append(talk)
    return found


@pytest.mark.parametrize("language", ["en", "zh"])
def test_asks_which_of_two_was_meant(chat: Callable[..., Chat], language: str) -> None:
    place = 1 if language == "zh" else 0
    titles = {pair[place]: name for name, pair in INTENT_LABELS.items()}
    talks = unsure(chat, language)
    assert talks, "no vague text leads to a question"
    for talk in talks:
        offered = [button["title"] for button in talk.last.buttons]
        assert 2 <= len(offered) <= 3, offered
        assert offered[-1] == NONE_OF_THEM[place]
        assert set(offered[:-1]) <= set(titles)
        talk.press(offered[0])
        turn = talk.inspect()["turns"][-1]
        assert turn["parse"]["intent"]["name"] == titles[offered[0]]
        assert talk.last.text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_none_of_them_leads_to_a_person(chat: Callable[..., Chat], language: str) -> None:
    talk = unsure(chat, language)[0]
    talk.press(NONE_OF_THEM[1 if language == "zh" else 0])
    assert talk.last.buttons, talk.last.text
    talk.press(talk.last.buttons[-1]["title"])
    assert talk.last.cards[-1]["type"] == "handoff"


@pytest.mark.parametrize(("language", "word"), [("en", "refund"), ("zh", "退款")])
def test_a_bare_word_of_ours_is_asked_about(chat: Callable[..., Chat], language: str, word: str) -> None:
    talk = chat("C0001", language)
    reply = talk.say(word)
    assert reply.buttons or reply.cards, reply.text
