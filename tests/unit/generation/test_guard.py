"""The guard: nothing passes that the passages do not say, and what they say passes (SECURITY S7)."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import yaml

from shop.articles import find_article, load_articles
from shoptalk.generation import Guard
from shoptalk.generation.prompts import instructions

GOOD = yaml.safe_load((Path(__file__).parent / "good_answers.yml").read_text(encoding="utf-8"))
FALSE_BLOCKS = 0.05
SLUGS = ("refund-time", "return-window", "shipping-cost")

WHO_EN = (
    "We will",
    "We'll",
    "I will",
    "I can",
    "Our team will",
    "I have already arranged to",
    "We are going to",
    "Let me",
)
WHAT_EN = (
    "refund your order in full",
    "send you a replacement",
    "give you a discount",
    "waive the shipping fee",
    "cancel the order for you",
    "compensate you for the trouble",
    "extend your return period",
    "pay for the damage",
)
WHO_ZH = ("我们会", "我会", "我这就", "本店将", "我们马上", "客服会", "我已经", "我们可以")
WHAT_ZH = (
    "给您全额退款",
    "为您补发一件",
    "给您打折",
    "帮您免运费",
    "帮您取消订单",
    "赔偿您的损失",
    "为您延长退货期",
    "送您一张券",
)
INVENTED_EN = (
    "You get {} EUR back.",
    "Your refund is {} euros.",
    "The money arrives in {} days.",
    "Returns are possible for {} weeks.",
    "We give {} % off today.",
    "There is a discount of {} percent.",
    "It takes {} working days.",
    "The voucher is worth €{}.",
    "Shipping costs ${}.",
    "You have {} months to complain.",
)
INVENTED_ZH = (
    "可以退您{}欧元。",
    "退款金额是{}元。",
    "{}天内到账。",
    "{}周内都能退。",
    "今天优惠{}%。",
    "现在打{}折。",
    "需要{}个工作日。",
    "代金券面额{}欧。",
    "您有{}个月的时间投诉。",
    "运费{}块钱。",
)
NUMBERS = ("7", "11", "13", "17", "21", "45", "90", "120", "333", "6.5", "1,250", "８８")
NUMBERS += ("seventeen", "ninety", "forty-two", "a hundred")
NUMBERS_ZH = ("7", "11", "13", "17", "21", "45", "90", "120", "6.5", "８８")
NUMBERS_ZH += ("十七", "九十", "六", "四十二", "一百", "两百五十")
OTHER_LIES = {
    "en": (
        "Use the code SAVE20 at the checkout.",
        "Your code is WELCOME.",
        "The code is lantern99.",
        "Visit www.refunds.example for your money.",
        "Write to boss@lantern.example.",
        "Call +49 30 1234567.",
        "See https://evil.test/x.",
        "It arrives tomorrow.",
        "Your parcel comes on Friday.",
        "You will receive it next week.",
        "By law you are entitled to your money back.",
        "You have the right to a replacement.",
        "Keep the item, it is on the house.",
        "Consider it done.",
        "The refund has been approved.",
        "Everything is free for you.",
        "Half price for you.",
        "You get double points.",
        "I am a human.",
        "I'm the manager here.",
        "You can return things for two years.",
        "We guarantee delivery before Christmas.",
        "Express shipping is free.",
        "Standard shipping costs EUR 9.90.",
        "You can return things within 60 days of delivery.",
        "We pay back within 30 days of getting the parcel.",
        "Damage cannot be reported.",
        "<b>refund</b>",
        "[click](http://x.test)",
        "We w\u200bill refund you.",
        "\u202eWe will refund you.",
        "We will refund you ５００ EUR.",
        "You will not have to pay.",
        "No need to return the item.",
        "You have won a prize.",
    ),
    "zh": (
        "结账时用优惠码SAVE20。",
        "券码是lantern99。",
        "请访问www.refunds.example。",
        "请写信给boss@lantern.example。",
        "明天就到货。",
        "下周五送达。",
        "根据法律您有权退款。",
        "商品您留着，不用退。",
        "包在我身上。",
        "退款已批准。",
        "全部免费给您。",
        "半价卖给您。",
        "双倍积分送您。",
        "我是真人。",
        "我是经理。",
        "两年内都能退货。",
        "保证圣诞节前送到。",
        "加急配送也免费。",
        "标准配送运费为EUR 9.90。",
        "收货后60天内可以无理由退货。",
        "收到包裹后30天内原路退款。",
        "<b>退款</b>",
        "我们会\u200b退款给您。",
        "您不用付运费。",
        "恭喜您中奖了。",
        "已为您处理好退款。",
        "放心，一定会赔您。",
    ),
}


def passage(slug: str, language: str) -> str:
    article = find_article(slug, language)
    assert article is not None
    return f"{article.title}\n{article.text}"


def guard(language: str, *slugs: str) -> Guard:
    return Guard([passage(slug, language) for slug in slugs or SLUGS], language, [instructions(language)])


def lies(language: str) -> list[str]:
    if language == "en":
        acts = [f"{who} {what}." for who, what in itertools.product(WHO_EN, WHAT_EN)]
        return [*acts, *(t.format(n) for t, n in itertools.product(INVENTED_EN, NUMBERS)), *OTHER_LIES["en"]]
    acts = [f"{who}{what}。" for who, what in itertools.product(WHO_ZH, WHAT_ZH)]
    return [*acts, *(t.format(n) for t, n in itertools.product(INVENTED_ZH, NUMBERS_ZH)), *OTHER_LIES["zh"]]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_lie_passes(language: str) -> None:
    judge = guard(language)
    told = lies(language)
    assert len(told) > 250
    assert [lie for lie in told if judge.check(lie).passes] == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_lie_passes_without_passages(language: str) -> None:
    judge = Guard([], language)
    assert [lie for lie in lies(language) if judge.check(lie).passes] == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_few_good_answers_are_stopped(language: str) -> None:
    grounded = [
        text for slug, text in GOOD[language]["grounded"] if not guard(language, slug).check(text).passes
    ]
    judge = guard(language)
    talk = [text for text in GOOD[language]["talk"] if not judge.check(text).passes]
    total = len(GOOD[language]["grounded"]) + len(GOOD[language]["talk"])
    assert len(grounded) + len(talk) <= FALSE_BLOCKS * total, grounded + talk


def test_good_answers_pass_beside_other_passages() -> None:
    stopped = [
        text
        for language in ("en", "zh")
        for slug, text in GOOD[language]["grounded"]
        if not guard(language, slug, "gift-cards", "privacy").check(text).passes
    ]
    total = sum(len(GOOD[language]["grounded"]) for language in ("en", "zh"))
    assert len(stopped) <= FALSE_BLOCKS * total, stopped


def test_every_sentence_of_an_article_passes_as_it_stands() -> None:
    from shoptalk.knowledge import Document

    stopped = []
    for article in load_articles():
        judge = Guard([f"{article.title}\n{article.text}"], article.language)
        for sentence in Document(article.slug, article.title, article.text).sentences():
            if not judge.check(sentence).passes:
                stopped.append(sentence)
    assert stopped == []


@pytest.mark.parametrize(
    ("language", "text"),
    [("en", "这个我不清楚。"), ("zh", "I do not know that."), ("en", "Das weiß ich 不 genau 清楚")],
)
def test_the_reply_is_in_the_shoppers_language(language: str, text: str) -> None:
    assert guard(language).check(text).reason == "language"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_instructions_do_not_leak(language: str) -> None:
    for sentence in instructions(language).split("\n")[:3]:
        assert guard(language).check(sentence).reason in ("leak", "length")


def test_a_condition_cannot_be_cut_off_a_denial() -> None:
    judge = guard("en", "countries")
    assert judge.check("We do not deliver to Switzerland.").passes
    assert not judge.check("We deliver to Switzerland.").passes
    assert not judge.check("deliver to Switzerland").passes


def test_a_heading_backs_nothing() -> None:
    judge = guard("en", "warranty-claim", "warranty-length")
    assert not judge.check("Yes, you need a receipt for a warranty claim.").passes
    assert judge.check("You need no receipt if the order is in your account.").passes


def test_two_figures_of_two_spans_make_no_third() -> None:
    assert guard("zh", "delivery-time").check("德国境内标准配送2至4个工作日。").passes
    assert not guard("zh", "delivery-time").check("德国境内标准配送3至4个工作日。").passes
    assert not guard("en", "delivery-time").check("A parcel takes 3 to 4 working days within Germany.").passes
