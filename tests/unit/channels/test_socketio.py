"""Socket.IO: Rasa's events with a real client over a real socket, and `rasa-webchat` in a real browser."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import httpx
import jwt
import pytest
import socketio
import uvicorn
from starlette.responses import FileResponse, HTMLResponse

KEY = "k" * 40
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


@pytest.fixture
async def serve():
    """`serve(app)` -> the address of a real server with it."""
    servers = []

    async def start(app):
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="websockets-sansio"))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        servers.append((server, task))
        while not server.started:
            await asyncio.sleep(0.01)
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for server, task in servers:
        server.should_exit = server.force_exit = True
        await task


@pytest.fixture
async def connect():
    """`connect(url)` -> a client and what it is told, by event."""
    clients = []

    async def join(url, auth=None):
        client = socketio.AsyncClient(reconnection=False)
        clients.append(client)
        heard = {"bot_uttered": [], "session_confirm": []}
        for event, kept in heard.items():
            client.on(event, kept.append)
        await client.connect(url, auth=auth, transports=["websocket"])
        return client, heard

    yield join
    for client in clients:
        await client.disconnect()


async def until(condition, seconds=5.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_session_is_confirmed_and_messages_are_answered(open_world, serve, connect):
    world = await open_world("socketio", "session_persistence: true")
    client, heard = await connect(await serve(world.app))
    await client.emit("session_request", {"session_id": None})
    await until(lambda: heard["session_confirm"])
    [session] = heard["session_confirm"]
    assert isinstance(session, str)
    assert len(session) == 32
    await client.emit("session_request", {"session_id": "visitor-1"})
    await until(lambda: heard["session_confirm"][1:])
    assert heard["session_confirm"][1] == "visitor-1"
    said = {
        "message": "hi",
        "session_id": "visitor-1",
        "metadata": '{"page": "/cart"}',
        "customData": {"a": 1},
    }
    await client.emit("user_uttered", said)
    await until(lambda: len(heard["bot_uttered"]) == 2)
    assert heard["bot_uttered"] == [{"text": "Hi!"}, {"text": "How can I help?"}]
    assert await world.texts("visitor-1") == ["hi"]
    assert world.holder.taken[0].metadata == {"page": "/cart"}


async def test_every_kind_of_message_has_rasas_form(open_world, serve, connect):
    world = await open_world("socketio")
    client, heard = await connect(await serve(world.app))
    for text in ("menu", "image", "cards"):
        await client.emit("user_uttered", {"message": text})
    await until(lambda: len(heard["bot_uttered"]) == 5)
    replies = [
        {"content_type": "text", "title": "Track", "payload": '/greet{"n": "1"}'},
        {"content_type": "text", "title": "Stop", "payload": "/stop"},
    ]
    assert heard["bot_uttered"] == [
        {"text": "Choose", "quick_replies": replies},
        {"text": "Look"},
        {"attachment": {"type": "image", "payload": {"src": "https://shop.example/a.png"}}},
        {"text": "Two coats"},
        {"custom": {"type": "product_cards", "items": []}},
    ]
    sid = client.get_sid()
    heard["bot_uttered"].clear()
    await world.channel.send(sid, {"text": "One\n\nTwo", "buttons": [{"title": "T", "payload": "/t"}]})
    await world.channel.send(sid, {"elements": [{"title": "Coat"}]})
    await world.channel.send(sid, {"custom": {"data": {"own": 1}}})
    await until(lambda: len(heard["bot_uttered"]) == 4)
    assert heard["bot_uttered"] == [
        {"text": "One", "quick_replies": []},
        {"text": "Two", "quick_replies": [{"content_type": "text", "title": "T", "payload": "/t"}]},
        {
            "attachment": {
                "type": "template",
                "payload": {"template_type": "generic", "elements": {"title": "Coat"}},
            }
        },
        {"own": 1},
    ]


async def test_others_do_not_hear_what_is_not_for_them(open_world, serve, connect):
    world = await open_world("socketio", "session_persistence: true")
    url = await serve(world.app)
    (one, heard), (_, other) = await connect(url), await connect(url)
    await one.emit("session_request", {"session_id": "one"})
    await one.emit("user_uttered", {"message": "hi", "session_id": "one"})
    await until(lambda: len(heard["bot_uttered"]) == 2)
    assert other["bot_uttered"] == []


async def test_what_nobody_asked_for_reaches_the_session(open_world, serve, connect):
    world = await open_world("socketio", "session_persistence: true")
    client, heard = await connect(await serve(world.app))
    await client.emit("session_request", {"session_id": "anna"})
    await until(lambda: heard["session_confirm"])
    await world.holder.assistant.trigger("anna", "greet", channel="socketio")
    await until(lambda: len(heard["bot_uttered"]) == 2)


@pytest.mark.parametrize(
    "junk", [None, 1, "x", [], {}, {"message": None}, {"message": {"a": 1}, "session_id": 5}]
)
async def test_junk_hurts_nobody(open_world, serve, connect, junk):
    world = await open_world("socketio")
    client, heard = await connect(await serve(world.app))
    await client.emit("user_uttered", junk)
    await client.emit("session_request", junk)
    await client.emit("user_uttered", {"message": "menu"})
    await until(lambda: [m for m in heard["bot_uttered"] if m["text"] == "Choose"])


async def test_only_holders_of_a_token_connect(open_world, serve, connect):
    world = await open_world("socketio", f"jwt_key: {KEY}")
    url = await serve(world.app)
    now = int(time.time())
    good = jwt.encode({"user": "anna", "exp": now + 60}, KEY, "HS256")
    client, _ = await connect(url, {"token": good})
    assert client.connected
    none = jwt.encode({"user": "anna"}, None, "none")
    late = jwt.encode({"exp": now - 60}, KEY, "HS256")
    other = jwt.encode({"user": "anna"}, "x" * 64, "HS256")
    larger = jwt.encode({"user": "anna"}, KEY * 2, "HS512")
    for auth in (
        None,
        {},
        {"token": ""},
        *({"token": token} for token in (none, late, other, larger, good[:-2])),
    ):
        with pytest.raises(socketio.exceptions.ConnectionError):
            await connect(url, auth)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example", "http://127.0.0.1:1"]
)
async def test_pages_from_elsewhere_are_kept_out(open_world, serve, origin):
    world = await open_world("socketio")
    url = await serve(world.app)
    async with httpx.AsyncClient() as client:
        path = f"{url}/socket.io/?EIO=4&transport=polling"
        assert (await client.get(path, headers={"Origin": origin})).status_code in (400, 403)
        assert (await client.get(path, headers={"Origin": url})).status_code == 200


PAGE = """<!doctype html><meta charset="utf-8"><title>shop</title><body>
<script src="/rasa-webchat.js"></script>
<script>WebChat.default({initPayload: "/greet", customData: {language: "en"}, socketUrl: location.origin,
  socketPath: "/socket.io/", title: "Help", embedded: false, params: {storage: "session"}}, null);</script>"""


@pytest.fixture(scope="module")
def webchat(tmp_path_factory):
    """The script of the real `rasa-webchat`, from npm."""
    npm = shutil.which("npm")
    if npm is None or not Path(CHROMIUM).exists():
        pytest.skip("npm and Chromium are needed")
    folder = tmp_path_factory.mktemp("webchat")
    command = [npm, "pack", "rasa-webchat@1.0.1", "--silent"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=90)
    subprocess.run(["tar", "xzf", "rasa-webchat-1.0.1.tgz"], cwd=folder, check=True)
    return folder / "package" / "lib" / "index.js"


@pytest.mark.slow
async def test_rasa_webchat_connects_and_talks(open_world, serve, webchat):
    from playwright.async_api import async_playwright, expect

    world = await open_world("socketio", "session_persistence: true")
    world.app.add_api_route("/shop.html", lambda: HTMLResponse(PAGE))
    world.app.add_api_route("/rasa-webchat.js", lambda: FileResponse(webchat))
    url = await serve(world.app)
    async with async_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        page = await browser.new_page()
        await page.goto(f"{url}/shop.html")
        await page.locator(".rw-launcher").click()
        conversation = page.locator(".rw-messages-container")
        await expect(conversation.get_by_text("How can I help?")).to_be_visible(timeout=20_000)
        box = page.locator(".rw-new-message")
        await box.fill("menu")
        await box.press("Enter")
        await page.locator(".rw-reply", has_text="Track").click(timeout=20_000)
        await expect(conversation.get_by_text("How can I help?")).to_have_count(2, timeout=20_000)
        session = await page.evaluate("JSON.parse(sessionStorage.chat_session).session_id")
        await browser.close()
    assert await world.texts(session) == ["/greet", "menu", '/greet{"n": "1"}']
