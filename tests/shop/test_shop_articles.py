"""The help centre says the same in both languages, and what the policy says."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from shop import knowledge, policy
from shop.articles import CATEGORIES, Article, find_article, load_articles

PAIRS = [
    (find_article(article.slug, "en"), find_article(article.slug, "zh"))
    for article in load_articles()
    if article.language == "en"
]


def test_there_are_sixty_a_language_in_every_category() -> None:
    counts = Counter((article.language, article.category) for article in load_articles())
    for language in ("en", "zh"):
        assert sum(counts[language, category] for category in CATEGORIES) >= 60
        assert min(counts[language, category] for category in CATEGORIES) >= 2
    assert len({(article.language, article.slug) for article in load_articles()}) == len(load_articles())


def test_the_page_names_every_category() -> None:
    words = Path(__file__).parents[2] / "widget" / "src" / "store" / "words.ts"
    topics = words.read_text(encoding="utf-8").split("TOPICS", 1)[1]
    for category in CATEGORIES:
        assert re.search(rf"^  {category}: {{ en: \"[A-Z].+\", zh: \".+\" }},$", topics, re.M), category


def figures(text: str) -> list[str]:
    return sorted(found.replace(" %", "%") for found in re.findall(r"EUR \d+(?:\.\d\d)?|\d+ ?%", text))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0].slug)
def test_both_languages_name_the_same_amounts_and_percentages(pair: tuple[Article, Article]) -> None:
    english, chinese = pair
    assert chinese.language == "zh"
    assert figures(english.text) == figures(chinese.text)
    assert english.category == chinese.category
    assert len(english.questions) >= 4
    assert len(chinese.questions) >= 4


@pytest.mark.parametrize(
    ("slug", "english", "chinese"),
    [
        ("free-shipping", f"EUR {policy.FREE_SHIPPING_FROM_CENTS / 100:.2f}", f"EUR {policy.FREE_SHIPPING_FROM_CENTS / 100:.2f}"),
        ("shipping-cost", f"EUR {policy.STANDARD_SHIPPING_CENTS / 100:.2f}", f"EUR {policy.EXPRESS_SHIPPING_CENTS / 100:.2f}"),
        ("delivery-time", "{} to {} working days".format(*policy.STANDARD_DAYS), "{}至{}个工作日".format(*policy.STANDARD_DAYS)),
        ("delivery-time", "China {} to {}".format(*policy.CHINA_DAYS), "中国{}至{}个".format(*policy.CHINA_DAYS)),
        ("return-window", f"{policy.RETURN_DAYS} days", f"{policy.RETURN_DAYS}天"),
        ("return-window", f"{policy.DAMAGE_REPORT_DAYS} days", f"{policy.DAMAGE_REPORT_DAYS}天"),
        ("refund-time", f"{policy.REFUND_DAYS} days", f"{policy.REFUND_DAYS}天"),
        ("exchange-size", f"{policy.EXCHANGE_DISPATCH_DAYS} days", f"{policy.EXCHANGE_DISPATCH_DAYS}天"),
        ("store-credit", f"{policy.STORE_CREDIT_BONUS_PERCENT} %", f"{policy.STORE_CREDIT_BONUS_PERCENT}%"),
        ("store-credit", f"{policy.STORE_CREDIT_MONTHS} months", f"{policy.STORE_CREDIT_MONTHS}个月"),
        ("damaged-on-arrival", f"EUR {policy.KEEP_DAMAGED_BELOW_CENTS / 100:.2f}", f"EUR {policy.KEEP_DAMAGED_BELOW_CENTS / 100:.2f}"),
        ("lost-parcel", f"{policy.LOST_AFTER_DAYS} days", f"{policy.LOST_AFTER_DAYS}天"),
        ("pickup-point", f"{policy.PICKUP_HOLD_DAYS} days", f"{policy.PICKUP_HOLD_DAYS}天"),
        ("warranty-length", f"{policy.WARRANTY_MONTHS} months", f"{policy.WARRANTY_MONTHS}个月"),
        ("warranty-length", f"{policy.SHOES_AND_BAGS_WARRANTY_MONTHS} months", f"{policy.SHOES_AND_BAGS_WARRANTY_MONTHS}个月"),
        ("repair-service", f"{policy.REPAIR_DAYS} days", f"{policy.REPAIR_DAYS}天"),
        ("pay-later", f"{policy.PAY_LATER_DAYS} days", f"{policy.PAY_LATER_DAYS}天"),
        ("invoice-lost", f"{policy.INVOICE_YEARS} years", f"{policy.INVOICE_YEARS}年"),
        ("welcome-discount", f"{policy.WELCOME_PERCENT} %", f"{policy.WELCOME_PERCENT}%"),
        ("student-discount", f"{policy.STUDENT_PERCENT} %", f"{policy.STUDENT_PERCENT}%"),
        ("points", f"{policy.POINTS_PER_VOUCHER} points", f"{policy.POINTS_PER_VOUCHER}积分"),
        ("gift-cards", f"{policy.GIFT_CARD_MONTHS} months", f"{policy.GIFT_CARD_MONTHS}个月"),
        ("price-match", f"{policy.PRICE_MATCH_DAYS} days", f"{policy.PRICE_MATCH_DAYS}天"),
        ("opening-hours", "{}:00 to {}:00".format(*policy.SERVICE_HOURS), "{}:00到{}:00".format(*policy.SERVICE_HOURS)),
        ("no-store", f"{policy.RETURN_DAYS} days", f"{policy.RETURN_DAYS}天"),
        ("dispatch-cutoff", f"{policy.DISPATCH_CUTOFF_HOUR}:00", f"{policy.DISPATCH_CUTOFF_HOUR}:00"),
    ],
)  # fmt: skip
def test_articles_quote_the_policy(slug: str, english: str, chinese: str) -> None:
    assert english in find_article(slug, "en").text
    assert chinese in find_article(slug, "zh").text


def test_every_paraphrase_finds_an_article_of_its_category() -> None:
    asked = right = 0
    for article in load_articles():
        # Two of four keep the test short.
        for question in article.questions[1:3]:
            found = knowledge.search(question, article.language)[0].article
            asked += 1
            right += found.slug == article.slug
    assert right / asked > 0.97, f"{right} of {asked}"


@pytest.mark.parametrize(("question", "language"), [("zxqv blorp", "en"), ("量子色动力学", "zh"), ("", "en")])
def test_nothing_is_guessed(question: str, language: str) -> None:
    assert knowledge.answer(question, language) is None
