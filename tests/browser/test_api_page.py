"""The page that describes the HTTP API, on a machine that reaches nobody."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, Route, expect


def test_the_description_shows_without_another_server(browser: Browser, shop_url: str) -> None:
    asked: list[str] = []

    def only_ours(route: Route) -> None:
        if route.request.url.startswith((shop_url, "data:")):
            route.continue_()
        else:
            asked.append(route.request.url)
            route.abort()

    page: Page = browser.new_page()
    page.route("**/*", only_ours)
    page.goto(f"{shop_url}docs")
    expect(page.get_by_text("/webhooks/rest/webhook").first).to_be_visible()
    page.close()
    assert asked == []
