"""A browser and two servers: the shop assistant (`shop_url`) and a canned one (`canned_url`).

The canned one says what no assistant says on demand: every card, hostile texts, states of failure.
`SHOPTALK_URL` names a running `shoptalk run` to be used instead of one started here.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kit import Chat
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


@pytest.fixture(scope="session")
def canned_url() -> Iterator[str]:
    """The development server's address."""
    command = [sys.executable, str(ROOT / "widget" / "dev" / "server.py"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


@pytest.fixture(scope="session")
def shop_url(request: pytest.FixtureRequest) -> str:
    """The address of the shop assistant."""
    url: str = os.environ.get("SHOPTALK_URL") or request.getfixturevalue("in_process").url
    return url.rstrip("/") + "/"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium; nothing is downloaded."""
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no Chromium at {CHROMIUM}: install it or set CHROMIUM to its path")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Chat]]:
    """Opens a page in a fresh profile; afterwards no script error, dialog or policy violation may have happened."""
    pages: list[Page] = []
    complaints: list[str] = []

    def open_page(url: str, *, phone: bool = False, **options: Any) -> Chat:
        options.setdefault(
            "viewport", {"width": 390, "height": 844} if phone else {"width": 1280, "height": 900}
        )
        context = browser.new_context(
            **{"locale": "en-GB", "reduced_motion": "reduce", "has_touch": phone, "is_mobile": phone}
            | options
        )
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(f"script error: {error}"))
        page.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("console", lambda message: _policy(message.text, complaints))
        pages.append(page)
        page.goto(url)
        page.locator("shoptalk-chat").wait_for(state="attached")
        return Chat(page)

    yield open_page
    for page in pages:
        page.context.close()
    assert complaints == []


def _policy(text: str, complaints: list[str]) -> None:
    if "Content Security Policy" in text or "TrustedHTML" in text or "TrustedScript" in text:
        complaints.append(f"policy: {text}")
