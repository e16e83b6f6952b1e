"""What the browser tests say to the chat, in the words of someone who uses it."""

from __future__ import annotations

import json
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, Route, expect

RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }
}


class Chat:
    """A page with the chat on it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.host = page.locator("shoptalk-chat")
        self.launcher = self.host.locator(".launcher")
        self.panel = self.host.locator(".panel")
        self.input = self.host.locator("textarea")
        self.log = self.host.locator(".log[role=log]")
        self.scroller = self.host.locator(".scroller")
        self.mine = self.log.locator(".user .bubble")
        self.theirs = self.log.locator(".bot .bubble")
        self.buttons = self.log.locator(".quick-button")

    def open(self) -> Chat:
        """Opens the panel with its button."""
        self.launcher.click()
        expect(self.panel).to_be_visible()
        return self

    def write(self, text: str) -> None:
        """Writes and sends, without waiting for an answer."""
        self.input.fill(text)
        self.input.press("Enter")

    def say(self, text: str) -> None:
        """Writes, and waits until the turn is over."""
        turns = "() => { globalThis.turns ??= (document.addEventListener('shoptalk:turn', () => turns++), 0); return turns; }"
        before = self.page.evaluate(turns)
        self.write(text)
        self.page.wait_for_function("before => turns > before", arg=before, timeout=60_000)

    def focused(self) -> Any:
        """The class or id of what has the focus inside the chat."""
        script = "() => { const at = document.querySelector('shoptalk-chat').shadowRoot.activeElement; return at && (at.id || at.className); }"
        return self.page.evaluate(script)

    def press(self, *keys: str) -> None:
        """Presses keys, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)


def accessible(page: Page, state: str) -> None:
    """Fails with axe's own words when a state breaks a rule of WCAG 2.2 AA."""
    violations = Axe().run(page, options=RULES).response["violations"]
    told = [
        f"{one['id']}: {one['help']}\n  " + "\n  ".join(node["html"] for node in one["nodes"])
        for one in violations
    ]
    assert not told, f"{state}: " + "\n".join(told)


def events(*pairs: tuple[str, dict[str, Any]]) -> str:
    """Server-sent events as the channel writes them, with `done` at the end."""
    told = [*pairs, ("done", {"turn_ms": 1, "messages": len(pairs)})]
    return "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in told)


class Script:
    """Answers the next messages of a page itself; when it has no answers left, the real server does."""

    def __init__(self, page: Page) -> None:
        self.answers: list[dict[str, Any]] = []
        self.sent: list[dict[str, Any]] = []
        page.route("**/webhooks/web/message", self._handle)

    def say(self, *messages: dict[str, Any]) -> None:
        """The next message is answered with these."""
        body = events(*[("message", message) for message in messages])
        self.answers.append({"status": 200, "content_type": "text/event-stream", "body": body})

    def fail(self, status: int, times: int = 1, message: str = "not now") -> None:
        """The next messages are refused."""
        error = {"error": {"code": "test", "message": message, "hint": "wait"}}
        self.answers += [
            {"status": status, "content_type": "application/json", "body": json.dumps(error)}
        ] * times

    def _handle(self, route: Route) -> None:
        self.sent.append(route.request.post_data_json)
        if self.answers:
            route.fulfill(**self.answers.pop(0))
        else:
            route.continue_()


def text_of(locator: Locator) -> list[str]:
    """The texts of all that match."""
    return [text or "" for text in locator.all_text_contents()]
