"""A text that could mean two things: the assistant asks which, and the answer leads there."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from chatting import Chat

from actions.intent_labels import INTENT_LABELS, NONE_OF_THEM

pytestmark = pytest.mark.timeout(300)
# Two halves of different wishes make a text that may be either.
HALVES = {
    "en": (
        "return the jacket",
        "exchange the size",
        "cancel the order",
        "where my parcel is",
        "the refund",
        "another address",
        "the price of shipping",
        "paying later",
        "the invoice",
        "the warranty",
        "the voucher",
        "a broken zip",
        "a late parcel",
    ),
    "zh": (
        "退外套",
        "换尺码",
        "取消订单",
        "快递到哪了",
        "退款",
        "改地址",
        "运费",
        "付款方式",
        "发票",
        "质保",
        "优惠券",
        "拉链坏了",
        "送晚了",
    ),
}
JOINTS = {"en": (" or ", ", ", " / "), "zh": ("还是", "，", "／")}
WANTED = 3


def unsure(chat: Callable[..., Chat], language: str) -> list[Chat]:
    """Sessions in which a text of two halves was not understood and asked about."""
    found: list[Chat] = []
    pairs = itertools.combinations(HALVES[language], 2)
    talk = chat("C0001", language)
    for joint, pair in itertools.product(JOINTS[language], pairs):
        text = joint.join(pair)
        parse = talk.http.post("/model/parse", json={"text": text}).raise_for_status().json()
        if parse["intent"]["name"] != "nlu_fallback":
            continue
        talk = chat("C0001", language)
        talk.say(text)
        events = talk.inspect()["turns"][-1]["events"]
        if "utter_ask_which" in [event.get("metadata", {}).get("utter_action") for event in events]:
            found.append(talk)
        if len(found) == WANTED:
            break
    return found


@pytest.mark.parametrize("language", ["en", "zh"])
def test_asks_which_of_two_was_meant(chat: Callable[..., Chat], language: str) -> None:
    place = 1 if language == "zh" else 0
    titles = {pair[place]: name for name, pair in INTENT_LABELS.items()}
    talks = unsure(chat, language)
    assert len(talks) == WANTED, "hardly any vague text leads to a question"
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
