"""Makes the README's pictures from a running shop assistant.

    python docs/screenshots.py http://127.0.0.1:5005

Needs Chromium (CHROMIUM names another path).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

IMAGES = Path(__file__).parent / "images"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


def say(page: Page, *texts: str) -> None:
    """Say something in the widget and wait for the answer to be whole."""
    for text in texts:
        page.evaluate("text => document.querySelector('shoptalk-chat').say(text)", text)
        page.wait_for_function(
            """() => {
                const root = document.querySelector('shoptalk-chat').shadowRoot;
                return root.querySelector('[data-state=busy], .typing:not([hidden])') === null;
            }""",
            timeout=60_000,
        )
        page.wait_for_timeout(900)


def open_shop(
    browser: Browser, url: str, *, width: int, height: int, customer: str | None, language: str
) -> Page:
    """The shop's page with the chat open."""
    page = browser.new_page(viewport={"width": width, "height": height}, reduced_motion="reduce")
    page.goto(url)
    page.wait_for_function("() => customElements.get('shoptalk-chat') !== undefined")
    page.evaluate(
        """async ([language, customer]) => {
            const chat = document.querySelector('shoptalk-chat');
            chat.language = language;
            chat.open();
            await chat.signIn(customer);
        }""",
        [language, customer],
    )
    page.wait_for_timeout(1200)
    return page


def main() -> None:
    """Make every picture."""
    url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:5005"
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=ARGUMENTS
        )
        page = open_shop(browser, url, width=1280, height=860, customer="C0001", language="en")
        say(page, "hi", "where is my order 10234?")
        page.screenshot(path=IMAGES / "order-en.png")
        page = open_shop(browser, url, width=1280, height=860, customer="C0002", language="zh")
        say(page, "运费多少钱", "有没有适合徒步的防雨夹克")
        page.screenshot(path=IMAGES / "products-zh.png")
        page = open_shop(browser, url, width=1500, height=900, customer="C0001", language="en")
        say(page, "I want to return something from order 10187", "what does return shipping cost?")
        page.get_by_role("button", name="Inspector").click()
        page.wait_for_timeout(1500)
        page.screenshot(path=IMAGES / "inspector.png")
        browser.close()


if __name__ == "__main__":
    main()
