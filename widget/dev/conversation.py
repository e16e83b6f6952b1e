"""Canned turns of the dev server: what the words in a message lead to, as server-sent events."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import catalogue

Event = tuple[str, dict[str, Any]]

STORY = {
    "en": "Long before there were street lamps, the weavers of the old town worked by paper lanterns. Each had its own colour, "
    "so that a customer coming down the lane at night could tell from afar whose loom was still going.\n"
    "Ours was red. It still is. Read on at https://example.org/lanterns.",
    "zh": "很久以前，街上还没有路灯，老城的织工在纸灯笼下织布。每家的灯笼颜色不同，夜里来的客人远远就知道谁家的织机还在响。\n我们家的是红色，至今如此。",
}


def _say(language: str, english: str, chinese: str) -> str:
    return chinese if language == "zh" else english


def _order(language: str) -> Iterator[Event]:
    text = _say(
        language,
        "Order 10234 is on its way.\nOrdered, packed, handed to DHL.",
        "订单 10234 正在路上。\n已下单、已打包、已交 DHL。",
    )
    yield "message", {"text": text, "custom": {"type": "order_timeline", "order": catalogue.order(language)}}


def _orders(language: str) -> Iterator[Event]:
    text = _say(
        language,
        "Here are your last three orders:\n10234, 10137, 10040",
        "这是您最近的三个订单：\n10234、10137、10040",
    )
    yield "message", {"text": text, "custom": {"type": "orders", "items": catalogue.orders(language)}}


def _recommend(language: str) -> Iterator[Event]:
    items = [catalogue.products(language)[i] for i in (0, 1, 4, 7)]
    text = _say(
        language,
        "Four that keep the weather out:\n" + ", ".join(i["title"] for i in items),
        "这四款防风防雨：\n" + "、".join(i["title"] for i in items),
    )
    yield "message", {"text": text, "custom": {"type": "product_cards", "items": items}}
    more = [
        ("Compare the first two", "对比前两款", "compare"),
        ("Something cheaper", "便宜一点的", "/recommend_product"),
        ("Thanks, that's all", "不用了，谢谢", "/thanks"),
    ]
    yield (
        "message",
        {
            "text": _say(language, "Anything else about them?", "还想了解什么吗？"),
            "buttons": [
                {"title": _say(language, english, chinese), "payload": payload}
                for english, chinese, payload in more
            ],
        },
    )


def _compare(language: str) -> Iterator[Event]:
    items = catalogue.products(language)[:2]
    rows = [
        (_say(language, "Price", "价格"), ["€129.00", "€98.00"]), (_say(language, "Waterproof", "防水"), [True, False]),
        (_say(language, "Material", "材质"), _say(language, "Recycled nylon|Felted wool", "再生尼龙|毡呢羊毛").split("|")),
        (_say(language, "Care", "洗护"), _say(language, "30 °C wash|30 °C wash", "30 °C 水洗|30 °C 水洗").split("|")),
        (_say(language, "Weight", "重量"), ["410 g", "690 g"]),
    ]  # fmt: skip
    custom = {
        "type": "comparison",
        "items": items,
        "rows": [{"label": label, "values": values} for label, values in rows],
    }
    yield (
        "message",
        {
            "text": _say(language, "Side by side:\nthe jacket is lighter", "对比如下：\n夹克更轻"),
            "custom": custom,
        },
    )


def _shipping(language: str) -> Iterator[Event]:
    title, _ = catalogue.ARTICLES["shipping"][language]
    text = _say(
        language,
        "Within Germany 4.90 EUR, free from 60 EUR. It takes two to four working days.",
        "德国境内 4.90 欧元，满 60 欧元免运费，2–4 个工作日送达。",
    )
    yield (
        "message",
        {
            "text": text,
            "custom": {"type": "sources", "items": [{"title": title, "url": "/shop/articles/shipping"}]},
        },
    )


def _return(language: str) -> Iterator[Event]:
    titles = _say(
        language,
        "Too small|Too large|Not as described|Changed my mind",
        "太小了|太大了|与描述不符|改变主意了",
    ).split("|")
    buttons = [{"title": title, "payload": f'/inform{{"reason": "{i}"}}'} for i, title in enumerate(titles)]
    yield (
        "message",
        {
            "text": _say(
                language,
                "I'm sorry it doesn't suit you. What is wrong with it?",
                "很抱歉不合您意，请问是什么原因？",
            ),
            "buttons": buttons,
        },
    )


def _inform(language: str) -> Iterator[Event]:
    yield (
        "message",
        {
            "text": _say(
                language,
                "Thank you. The label is on its way to your inbox.",
                "谢谢，退货运单已发到您的邮箱。",
            )
        },
    )


def _person(language: str) -> Iterator[Event]:
    text = _say(
        language,
        "I've asked a colleague to take over. You are number 2 in line.",
        "已为您转接人工客服，您排在第 2 位。",
    )
    yield "message", {"text": text, "custom": {"type": "handoff", "ticket": "T-1042", "position": 2}}


def _waited(language: str) -> Iterator[Event]:
    text = _say(
        language,
        "Hello, this is Noor. I have read the conversation: how can I help?",
        "您好，我是诺尔，已看过对话记录，请问有什么可以帮您？",
    )
    yield "message", {"text": text, "custom": {"type": "handoff", "ticket": "T-1042", "position": 0}}


def _story(language: str) -> Iterator[Event]:
    text = STORY[language]
    step = 4 if language == "zh" else 9
    for at in range(0, len(text), step):
        time.sleep(0.05)  # a language model's pace: this is the canned stand-in for one
        yield "delta", {"id": "", "text": text[at : at + step]}
    yield "message", {"text": text}


def _echo(text: str, language: str) -> Iterator[Event]:
    yield "message", {"text": text}
    choices = [
        ("Where is my order?", "我的订单到哪了？", "order"),
        ("Talk to a person", "转人工客服", "person"),
    ]
    yield (
        "message",
        {
            "text": _say(
                language,
                "That is what you said. Did you mean one of these?",
                "这是您说的话。您是想问这些吗？",
            ),
            "buttons": [
                {"title": _say(language, english, chinese), "payload": payload}
                for english, chinese, payload in choices
            ],
        },
    )


# what to find in a message -> the turn, the intent and the rule the inspector is told of
TURNS = [
    (("/inform",), _inform, "inform", "loop"),
    (("my orders", "所有订单", "订单列表"), _orders, "list_orders", "rule"),
    (("order", "订单", "10234", "10137", "10040"), _order, "order_status", "rule"),
    (("compare", "对比"), _compare, "compare_products", "story"),
    (("recommend", "jacket", "推荐", "夹克", "present"), _recommend, "recommend_product", "story"),
    (("shipping", "运费", "配送"), _shipping, "faq_shipping", "rule"),
    (("return", "退货"), _return, "return_item", "loop"),
    (("still there", "还在吗"), _waited, "talk_to_human", "rule"),
    (("person", "人工"), _person, "talk_to_human", "rule"),
    (("story", "故事"), _story, "out_of_scope", "model"),
]


def turn(text: str, language: str) -> tuple[Iterator[Event], str, str]:
    """The events a message leads to, with the intent and the kind of reason behind them."""
    for words, play, intent, kind in TURNS:
        if any(word in text.lower() for word in words):
            return play(language), intent, kind
    return _echo(text, language), "out_of_scope", "fallback"
