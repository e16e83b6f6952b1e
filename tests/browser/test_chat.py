"""The chat against the server under test: nothing here depends on what exactly the assistant answers."""

from __future__ import annotations

import re

import pytest
from hostile import HOSTILE
from kit import Script, text_of
from playwright.sync_api import expect


def test_a_message_is_answered(visit, shop_url):
    chat = visit(shop_url).open()
    expect(chat.input).to_be_focused()
    chat.say("hello")
    assert text_of(chat.mine) == ["hello"]
    assert chat.log.locator(".bot").count() >= 1
    expect(chat.log.locator(".status.sent")).to_have_count(1)


def test_the_chinese_page_is_answered(visit, shop_url):
    chat = visit(shop_url, locale="zh-CN").open()
    script = Script(chat.page)
    expect(chat.input).to_have_attribute("placeholder", "请输入消息…")
    chat.say("你好")
    assert chat.log.locator(".bot").count() >= 1
    assert script.sent[0]["language"] == "zh"


def test_a_reload_keeps_the_conversation(visit, shop_url):
    chat = visit(shop_url).open()
    chat.say("hello")
    chat.say("thanks")
    before = text_of(chat.log.locator(".bubble"))
    chat.page.reload()
    expect(chat.panel).to_be_visible()
    expect(chat.mine).to_have_count(2)
    assert text_of(chat.log.locator(".bubble")) == before


def test_start_over_empties_the_conversation_for_good(visit, shop_url):
    chat = visit(shop_url).open()
    chat.say("hello")
    chat.host.get_by_role("button", name="More options").click()
    chat.host.get_by_role("menuitem", name="Start over").click()
    chat.host.get_by_role("button", name="Start over").click()
    expect(chat.log.locator(".item")).to_have_count(0)
    chat.page.reload()
    expect(chat.host.locator(".welcome")).to_be_visible()
    chat.say("hello again")
    assert text_of(chat.mine) == ["hello again"]


def test_the_language_follows_the_page_and_can_be_switched(visit, shop_url):
    chat = visit(shop_url).open()
    chat.page.get_by_role("button", name="中文", exact=True).first.click()
    expect(chat.page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(chat.input).to_have_attribute("placeholder", "请输入消息…")
    chat.host.get_by_role("button", name="更多选项").click()
    chat.host.get_by_role("menuitem", name="English").click()
    expect(chat.page.locator("html")).to_have_attribute("lang", "en")
    expect(chat.page.locator("#shop-title")).to_have_text("On the shelves")
    chat.page.reload()
    expect(chat.page.locator("html")).to_have_attribute("lang", "en")


def test_503_and_a_lost_connection_recover_under_the_same_id(visit, shop_url):
    chat = visit(shop_url).open()
    script = Script(chat.page)
    script.fail(503, times=2)
    chat.write("hello")
    expect(chat.host.locator(".trouble")).to_contain_text("Trying again")
    expect(chat.log.locator(".bot").first).to_be_visible(timeout=20_000)
    expect(chat.host.locator(".trouble")).to_be_empty()
    assert len(script.sent) == 3
    assert len({one["message_id"] for one in script.sent}) == 1
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{26}", script.sent[0]["message_id"])
    assert text_of(chat.mine) == ["hello"]


def test_offline_waits_and_sends_when_back(visit, shop_url):
    chat = visit(shop_url).open()
    chat.page.context.set_offline(True)
    chat.write("hello")
    expect(chat.host.locator(".trouble")).to_contain_text("You are offline")
    chat.page.context.set_offline(False)
    expect(chat.log.locator(".bot").first).to_be_visible(timeout=20_000)
    expect(chat.log.locator(".status")).to_have_class("status sent")


def test_a_refused_message_says_why_and_can_be_sent_again(visit, shop_url):
    chat = visit(shop_url).open()
    script = Script(chat.page)
    script.fail(422, message="The text is not acceptable.")
    chat.write("hello")
    expect(chat.log.locator(".status.failed")).to_contain_text("The text is not acceptable.")
    chat.log.get_by_role("button", name="Try again").click()
    expect(chat.log.locator(".status.sent")).to_have_count(1)
    assert script.sent[0]["message_id"] == script.sent[1]["message_id"]


def test_a_repeated_message_is_answered_once(visit, shop_url):
    """The reply is lost on its way: the second telling shows the same replies, once."""
    chat = visit(shop_url).open()
    lost: list[str] = []

    def lose_first(route):
        if not lost:
            lost.append(route.fetch().text())
            route.abort()
        else:
            route.continue_()

    chat.page.route("**/webhooks/web/message", lose_first)
    chat.write("hello")
    expect(chat.log.locator(".status.sent")).to_have_count(1, timeout=20_000)
    chat.page.wait_for_timeout(300)
    shown = text_of(chat.log.locator(".bubble"))
    chat.page.reload()
    expect(chat.mine).to_have_count(1)
    assert text_of(chat.log.locator(".bubble")) == shown


def test_quick_answers_by_keyboard_only(visit, shop_url):
    chat = visit(shop_url)
    script = Script(chat.page)
    script.say(
        {"text": "Which?", "buttons": [{"title": title, "payload": f"/inform{{{title}}}"} for title in "ABC"]}
    )
    chat.launcher.focus()
    chat.press("Enter")
    chat.page.keyboard.type("choose")
    chat.press("Enter")
    expect(chat.buttons).to_have_count(3)
    expect(chat.input).to_be_focused()
    chat.press("Shift+Tab")
    expect(chat.buttons.nth(0)).to_be_focused()
    chat.press("ArrowRight", "ArrowRight", "ArrowRight")
    expect(chat.buttons.nth(0)).to_be_focused()
    chat.press("ArrowLeft", "ArrowUp")
    expect(chat.buttons.nth(1)).to_be_focused()
    chat.press("Enter")
    expect(chat.mine.nth(1)).to_have_text("B")
    assert script.sent[1]["text"] == "/inform{B}"
    expect(chat.buttons.filter(has_text=re.compile("^[ABC]$"))).to_have_count(0)
    expect(chat.input).to_be_focused()


def test_escape_closes_and_gives_the_focus_back(visit, shop_url):
    chat = visit(shop_url)
    chat.launcher.focus()
    chat.press("Enter")
    expect(chat.input).to_be_focused()
    chat.host.get_by_role("button", name="More options").click()
    chat.press("Escape")
    expect(chat.panel).to_be_visible()
    chat.press("Escape")
    expect(chat.panel).to_be_hidden()
    expect(chat.launcher).to_be_focused()
    ask = chat.page.locator("#asks button").first
    ask.focus()
    chat.press("Enter")
    expect(chat.input).to_be_focused()
    chat.press("Escape")
    expect(ask).to_be_focused()


@pytest.mark.parametrize("where", ["user", "bot"])
def test_hostile_text_is_shown_literally(visit, shop_url, where):
    chat = visit(shop_url).open()
    chat.page.evaluate("globalThis.hacked = 0")
    if where == "user":
        for text in HOSTILE[:12]:
            chat.say(text)
        assert text_of(chat.mine) == HOSTILE[:12]
    else:
        script = Script(chat.page)
        for text in HOSTILE:
            button = {"title": text, "payload": "/x"}
            item = {
                "id": text,
                "title": text,
                "price": text,
                "currency": text,
                "image": text,
                "url": text,
                "stock": text,
            }
            order = {
                "id": text,
                "state": text,
                "eta": text,
                "carrier": text,
                "tracking_number": text,
                "placed_at": text,
            }
            order |= {"items": [item], "steps": [{"state": text, "label": text, "at": text, "done": True}]}
            script.say(
                {"text": text, "buttons": [button], "image": text, "attachment": text},
                {"text": text, "custom": {"type": "product_cards", "items": [item, item]}},
                {"text": text, "custom": {"type": "order_timeline", "order": order}},
                {"text": text, "custom": {"type": "orders", "items": [order]}},
                {
                    "text": text,
                    "custom": {
                        "type": "comparison",
                        "items": [item],
                        "rows": [{"label": text, "values": [text]}],
                    },
                },
                {"text": text, "custom": {"type": "sources", "items": [{"title": text, "url": text}]}},
                {"text": text, "custom": {"type": "handoff", "ticket": text, "position": 1}},
                {"text": text, "custom": {"type": text}},
            )
            chat.say("go on")
            assert chat.log.locator(".bot").nth(-8).locator(".bubble").first.text_content() == text
    assert chat.page.evaluate("globalThis.hacked") == 0
    inside = (
        "(selector) => document.querySelector('shoptalk-chat').shadowRoot.querySelectorAll(selector).length"
    )
    assert (
        chat.page.evaluate(
            inside,
            "script, iframe, object, embed, style, svg[onload], [onerror], [onload], form:not(.composer)",
        )
        == 0
    )
    links = chat.host.locator(".log a").evaluate_all("links => links.map(link => link.protocol)")
    assert set(links) <= {"http:", "https:"}


def test_the_counter_warns_and_too_much_is_not_sent(visit, shop_url):
    chat = visit(shop_url).open()
    counter = chat.host.locator(".counter")
    chat.input.fill("灯" * 1599)
    expect(counter).to_be_empty()
    chat.input.fill("灯" * 1999 + "🏮")
    expect(counter).to_have_text("2,000 of 2,000 characters")
    chat.input.fill("灯" * 2003)
    expect(counter).to_have_text("3 characters too many")
    expect(chat.host.get_by_role("button", name="Send")).to_be_disabled()
    chat.input.press("Enter")
    expect(chat.mine).to_have_count(0)
    assert len(chat.input.input_value()) == 2003


def test_enter_picks_a_candidate_while_an_input_method_composes(visit, shop_url):
    chat = visit(shop_url).open()
    chat.input.fill("nihao")
    chat.input.dispatch_event("keydown", {"key": "Enter", "isComposing": True, "bubbles": True})
    expect(chat.mine).to_have_count(0)
    chat.input.press("Shift+Enter")
    expect(chat.mine).to_have_count(0)


def test_customers_have_their_own_conversations(visit, shop_url):
    chat = visit(shop_url).open()
    select = chat.page.locator("#customer")
    if not select.is_visible():
        pytest.skip("the demo switch is off")
    chat.say("hello")
    second = select.locator("option").nth(1).get_attribute("value")
    select.select_option(second)
    expect(chat.log.locator(".item")).to_have_count(0)
    chat.say("thanks")
    expect(chat.mine).to_have_text(["thanks"])
    select.select_option("")
    expect(chat.mine).to_have_text(["hello"])


def test_the_phone_fills_the_screen_and_targets_are_large(visit, shop_url):
    chat = visit(shop_url, phone=True).open()
    box = chat.panel.bounding_box()
    assert box is not None
    assert (round(box["width"]), round(box["height"])) == (390, 844)
    expect(chat.launcher).to_be_hidden()
    chat.say("hello")
    assert chat.page.evaluate("document.documentElement.scrollWidth") <= 390
    small = chat.host.locator("button").evaluate_all(
        "all => all.filter(b => b.checkVisibility()).map(b => [b.className, b.getBoundingClientRect()])"
        ".filter(([, r]) => r.width < 43.9 || r.height < 43.9).map(([name]) => name)"
    )
    assert small == []
    chat.host.get_by_role("button", name="Close chat").click()
    expect(chat.panel).to_be_hidden()


def test_tab_stays_in_the_chat_when_it_covers_the_screen(visit, shop_url):
    chat = visit(shop_url, phone=True).open()
    for _ in range(12):
        chat.press("Tab")
        assert chat.focused() is not None
    for _ in range(12):
        chat.press("Shift+Tab")
        assert chat.focused() is not None


def test_a_message_while_closed_is_counted(visit, shop_url):
    chat = visit(shop_url).open()
    script = Script(chat.page)
    script.answers.append({"status": 503, "body": "{}"})
    script.say({"text": "one"}, {"text": "two"})
    chat.write("hello")
    chat.press("Escape")
    expect(chat.launcher).to_have_attribute("aria-label", "Open chat, 2 unread")
    chat.launcher.click()
    expect(chat.launcher).to_have_attribute("aria-label", "Close chat")
