"""Every state of the page, over the canned conversations: what it shows, and that axe finds nothing against it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from kit import Chat, Script, accessible, text_of
from playwright.sync_api import expect

THEMES = ["light", "dark"]
LANGUAGES = {"en": "en-GB", "zh": "zh-CN"}


@pytest.fixture
def shop(visit: Callable[..., Chat], canned_url: str) -> Callable[..., Chat]:
    def open_shop(theme: str = "light", language: str = "en", **options: object) -> Chat:
        chat = visit(canned_url, color_scheme=theme, locale=LANGUAGES[language], **options)
        expect(chat.page.locator(".piece").first).to_be_visible()
        return chat

    return open_shop


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("theme", THEMES)
def test_the_page_and_every_card(shop, theme, language):
    chat = shop(theme, language)
    accessible(chat.page, "the shop")
    chat.open()
    accessible(chat.page, "an empty chat")
    words = {
        "en": [
            "recommend a jacket",
            "where is my order",
            "my orders",
            "compare",
            "shipping",
            "return",
            "person",
            "still there",
        ],
        "zh": ["推荐夹克", "订单", "所有订单", "对比", "运费", "退货", "人工", "还在吗"],
    }[language]
    cards = [
        ".cards .card",
        ".steps .current",
        ".orders button",
        ".compare table",
        ".sources a",
        ".quick-button",
    ]
    for text, card in zip(words, [*cards, "", ""], strict=True):
        chat.say(text)
        if card:
            expect(chat.log.locator(card).first).to_be_visible()
        accessible(chat.page, text)


@pytest.mark.parametrize("theme", THEMES)
def test_menus_questions_and_trouble(shop, theme):
    chat = shop(theme).open()
    script = Script(chat.page)
    script.fail(422, message="No.")
    chat.write("hello")
    expect(chat.log.locator(".status.failed")).to_be_visible()
    accessible(chat.page, "a failed message")
    chat.page.context.set_offline(True)
    chat.write("hello again")
    expect(chat.host.locator(".trouble")).to_contain_text("offline")
    accessible(chat.page, "offline")
    chat.page.context.set_offline(False)
    expect(chat.log.locator(".bot").first).to_be_visible()
    chat.input.fill("x" * 2001)
    accessible(chat.page, "too long")
    chat.input.fill("")
    chat.host.get_by_role("button", name="More options").press("ArrowDown")
    expect(chat.host.get_by_role("menuitem").first).to_be_focused()
    accessible(chat.page, "the menu")
    chat.press("ArrowUp", "Home", "Enter")
    expect(chat.host.get_by_role("alertdialog")).to_be_visible()
    accessible(chat.page, "the question before starting over")
    chat.press("Escape")
    expect(chat.host.get_by_role("alertdialog")).to_be_hidden()
    expect(chat.panel).to_be_visible()
    expect(chat.input).to_be_focused()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_phone(shop, language):
    chat = shop("light", language, phone=True)
    accessible(chat.page, "the shop on a phone")
    assert chat.page.evaluate("document.documentElement.scrollWidth") <= 390
    chat.open()
    chat.say({"en": "recommend a jacket", "zh": "推荐夹克"}[language])
    accessible(chat.page, "cards on a phone")


def test_a_reply_streams_in_and_is_announced_once(shop):
    chat = shop().open()
    chat.page.evaluate(
        """() => {
            globalThis.lengths = [];
            globalThis.added = [];
            const root = document.querySelector('shoptalk-chat').shadowRoot;
            const log = root.querySelector('[role=log]');
            new MutationObserver(all => all.forEach(one => one.addedNodes.forEach(node => added.push(node.textContent))))
                .observe(log, { childList: true, subtree: true, characterData: true });
            const streaming = root.querySelector('.streaming');
            new MutationObserver(() => lengths.push(streaming.textContent.length))
                .observe(streaming, { childList: true, subtree: true, characterData: true });
        }"""
    )
    chat.write("tell me a story")
    expect(chat.host.locator(".streaming .bubble")).to_be_visible()
    accessible(chat.page, "a streaming reply")
    expect(chat.host.locator(".streaming")).to_have_attribute("aria-hidden", "true")
    expect(chat.theirs).to_contain_text("It still is.")
    lengths = chat.page.evaluate("lengths.filter(length => length > 0)")
    assert len(lengths) > 10
    assert lengths == sorted(lengths)
    # The log took in the shopper's words and one whole reply, never a piece of one.
    added = chat.page.evaluate("added")
    assert len([text for text in added if "lanterns" in text]) == 1
    expect(chat.log).to_have_attribute("aria-live", "polite")
    expect(chat.theirs.get_by_role("link")).to_have_attribute("href", "https://example.org/lanterns")
    expect(chat.theirs.get_by_role("link")).to_have_attribute("rel", "noopener noreferrer nofollow")


def test_the_typing_indicator_shows_and_gives_up(shop):
    chat = shop().open()
    chat.page.clock.install()
    chat.page.route("**/webhooks/web/message", lambda route: None)  # never answered
    dots = chat.host.locator(".typing")
    chat.write("hello")
    expect(dots).to_be_visible()
    expect(dots).not_to_contain_text("Still")
    chat.page.clock.fast_forward(10_500)
    expect(dots).to_contain_text("Still working on it")
    chat.page.clock.fast_forward(20_000)
    expect(dots).to_be_hidden()
    chat.page.clock.fast_forward(15_000)
    expect(chat.host.locator(".trouble")).to_contain_text("Trying again")


def test_cards_are_told_in_one_line_and_chosen_orders_are_asked_about(shop):
    chat = shop().open()
    script = Script(chat.page)
    chat.say("my orders")
    assert text_of(chat.theirs) == ["Here are your last three orders:"]
    chat.log.get_by_role("button", name="Order 10234").click()
    expect(chat.log.locator(".order")).to_be_visible()
    assert script.sent[1]["text"] == "10234"
    expect(chat.mine.nth(1)).to_have_text("Order 10234")


def test_sources_open_beside_the_chat(shop):
    chat = shop().open()
    chat.say("shipping")
    chat.log.get_by_role("link", name="Shipping: cost and time").click()
    panel = chat.page.locator("#reader")
    expect(panel.get_by_role("heading", level=2)).to_have_text("Shipping: cost and time")
    expect(panel).to_be_focused()
    accessible(chat.page, "an article")
    expect(chat.panel).to_be_visible()
    panel.get_by_role("link", name="returns").click()
    expect(panel.get_by_role("heading", level=2)).to_have_text("Returns and exchanges")
    chat.page.locator("#language").click()
    expect(panel.get_by_role("heading", level=2)).to_have_text("退货与换货")
    chat.page.keyboard.press("Escape")


def test_an_article_can_be_linked_to(shop, canned_url):
    chat = shop()
    chat.page.goto(canned_url + "#/articles/returns")
    chat.page.reload()
    expect(chat.page.locator("#reader h2")).to_have_text("Returns and exchanges")
    chat.page.goto(canned_url + "?product=P0007")
    expect(chat.page.locator("#reader h2")).to_have_text("Waxed Market Tote")
    chat.page.goto(canned_url + "#/articles/nothing")
    expect(chat.page.locator("#reader h2")).to_have_text("This page cannot be found.")


def test_a_product_opens_and_can_be_asked_about(shop):
    chat = shop()
    link = chat.page.get_by_role("link", name="Harbour Rain Jacket")
    link.click()
    panel = chat.page.locator("#reader")
    expect(panel.get_by_role("heading", level=2)).to_have_text("Harbour Rain Jacket")
    accessible(chat.page, "a product")
    panel.get_by_role("button", name="indigo").click()
    expect(panel.get_by_role("button", name="indigo")).to_have_attribute("aria-pressed", "true")
    expect(panel.locator("img")).to_have_attribute("src", re.compile(r"\?1$"))
    panel.get_by_role("button", name="Ask about this").click()
    expect(chat.input).to_have_value("I have a question about the Harbour Rain Jacket: ")
    expect(chat.input).to_be_focused()
    expect(panel).to_be_hidden()


def test_the_shelves_can_be_searched_and_narrowed(shop):
    chat = shop()
    pieces = chat.page.locator(".piece")
    chat.page.get_by_role("button", name="Bags").click()
    expect(pieces).to_have_count(2)
    expect(chat.page.get_by_role("button", name="Bags")).to_have_attribute("aria-pressed", "true")
    chat.page.get_by_role("button", name="Everything").click()
    chat.page.get_by_role("searchbox").fill("lantern")
    expect(pieces).to_have_count(2)
    expect(pieces.first).to_contain_text("Lantern")
    chat.page.get_by_role("searchbox").fill("zeppelin")
    expect(chat.page.locator("#status")).to_contain_text("Nothing on the shelves fits")


@pytest.mark.parametrize("phone", [False, True])
def test_the_inspector_tells_what_was_understood_and_why(shop, phone):
    chat = shop(phone=phone, **({} if phone else {"viewport": {"width": 1440, "height": 900}}))
    if phone:
        chat.open()
        chat.say("where is my order #10234?")
        chat.host.get_by_role("button", name="Close chat").click()
    button = chat.page.get_by_role("button", name="Inspector")
    button.click()
    inspector = chat.page.locator("shoptalk-inspector")
    if not phone:
        expect(inspector.get_by_role("status")).to_contain_text("No turns yet")
        accessible(chat.page, "an empty inspector")
        chat.say("where is my order #10234?")
    expect(inspector.locator("mark")).to_contain_text("#10234")
    expect(inspector.locator("mark .label")).to_have_text("order_id → 10234")
    expect(inspector.locator(".intents .first")).to_contain_text("order_status")
    expect(inspector.locator(".where").first).to_have_text("data/rules.yml:42")
    expect(inspector.locator(".changed").filter(has_text="order_id")).to_contain_text("10234")
    expect(inspector.locator(".legend li").first).to_contain_text("nlu")
    inspector.locator(".events summary").nth(1).click()
    accessible(chat.page, "the inspector")
    inspector.locator(".strip button").first.focus()
    chat.press("Escape")
    expect(inspector).to_have_count(0)
    expect(button).to_be_focused()
    expect(button).to_have_attribute("aria-expanded", "false")
