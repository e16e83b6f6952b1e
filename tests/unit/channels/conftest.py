"""A whole server with a tiny assistant in this process, and a messenger's server beside it."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from types import SimpleNamespace
from urllib.parse import urlencode

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from shoptalk.assistant import Assistant
from shoptalk.dialogue.policies.base import Prediction, one_hot
from shoptalk.formats.domain import read
from shoptalk.formats.yaml import read_text
from shoptalk.server.app import ServerOptions, create_app
from shoptalk.server.delivery import DeliveryOptions, OutboxWorker, deliver_for
from shoptalk.server.holder import Holder
from shoptalk.server.serve import make_channel
from shoptalk.stores.memory import MemoryTrackerStore
from tests.unit.channels.vendor import Vendor

DOMAIN = read(
    read_text(
        """
intents: [greet, menu, locationData, restart, start, room_added, EXTERNAL_news]
responses:
  utter_hi: [{text: "Hi!\\n\\nHow can I help?"}]
  utter_menu:
  - text: "Choose"
    buttons: [{title: Track, payload: '/greet{"n": "1"}'}, {title: Stop, payload: /stop}]
  utter_many:
  - text: "Many"
    buttons:
    - {title: A, payload: /a}
    - {title: B, payload: /b}
    - {title: C, payload: /c}
    - {title: D, payload: /d}
    - {title: E, payload: /e}
    - {title: F, payload: /f}
  utter_quick: [{text: "Quick", quick_replies: [{title: Yes, payload: /affirm}]}]
  utter_image: [{text: Look, image: "https://shop.example/a.png"}]
  utter_vertical:
  - {text: "Down", button_type: vertical, buttons: [{title: Long, payload: '/x{"k": "<long>"}'}]}
  utter_custom: [{custom: {blocks: [{type: divider}]}}]
  utter_cards: [{text: "Two coats", custom: {type: product_cards, items: []}}]
  utter_long: [{text: "<words>"}]
""".replace("<long>", "y" * 80).replace("<words>", "word " * 900)
    ),
    lambda message, source: None,
)


class Puppet:
    """Says `utter_<text>` when there is such a response, and else hello."""

    is_light = True

    def predict(self, tracker, domain):
        if tracker.latest_action_name != "action_listen":
            return Prediction(one_hot("action_listen", domain), "Puppet")
        wanted = f"utter_{(tracker.latest_message.text or '').strip('/')}"
        return Prediction(one_hot(wanted if wanted in domain.responses else "utter_hi", domain), "Puppet")


class CountingHolder(Holder):
    """Counts what channels hand over."""

    def __init__(self, assistant):
        super().__init__(assistant)
        self.taken = []

    async def handle(self, message, sink=None):
        self.taken.append(message)
        return await super().handle(message, sink)

    async def accept(self, message):
        self.taken.append(message)
        await super().accept(message)


@dataclass
class World:
    """What a test sees."""

    app: object
    channel: object
    holder: CountingHolder
    vendor: Vendor
    store: MemoryTrackerStore
    _: object = field(default=None, repr=False)

    async def call(
        self, path, body=b"", headers=(), method="POST", query="", scheme="https", host="bot.example"
    ):
        """One request, as raw as it comes over the wire; duplicated headers and all."""
        sent, queue = [], [{"type": "http.request", "body": body, "more_body": False}]

        async def receive():
            return queue.pop(0) if queue else {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        given = [("host", host), ("content-length", str(len(body))), *headers]
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": scheme,
            "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
            "headers": [(n.lower().encode(), v.encode("latin-1", "replace")) for n, v in given],
            "client": ("203.0.113.9", 4711), "server": ("bot.example", 443),
        }  # fmt: skip
        await self.app(scope, receive, send)
        text = b"".join(m.get("body", b"") for m in sent if m["type"] == "http.response.body")
        out = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
        return SimpleNamespace(status=sent[0]["status"], body=text, headers=out)

    async def texts(self, sender):
        """What a sender said, as stored."""
        conversation = await self.store.load(sender, full=True)
        return [e["text"] for e in (conversation.events if conversation else ()) if e["event"] == "user"]


@pytest.fixture
async def vendor():
    """The messenger's server."""
    server = Vendor()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def open_world(vendor):
    """`open_world(name, yaml)` -> a world that serves one channel; `{url}` in the text is the vendor's address."""
    tasks, assistants = [], []

    async def build(name, text="", *, delivery=None, bounds=None):
        section = read_text(text.replace("{url}", vendor.url), "credentials.yml") if text else None
        channel = make_channel(name, section)
        store = MemoryTrackerStore()
        assistant = Assistant(DOMAIN, Puppet(), store=store, deliver=deliver_for([channel]))
        assistants.append(assistant)
        holder = CountingHolder(assistant)
        app = create_app(holder, [channel], ServerOptions(**({"bounds": bounds} if bounds else {})))
        options = delivery or DeliveryOptions(first_delay_s=0.05, wait_s=0.2, attempts=4)
        tasks.append(asyncio.create_task(OutboxWorker(lambda: store, [channel], options).run()))
        return World(app, channel, holder, vendor, store)

    yield build
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    for assistant in assistants:
        await assistant.close()


@pytest.fixture(scope="session")
def signer():
    """A vendor's RSA key: `signer.token(claims, …)`, `signer.jwk`, `signer.pem`."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )

    def token(claims, kid="k1", algorithm="RS256", secret=private):
        return jwt.encode(claims, secret, algorithm, headers={"kid": kid})

    jwk = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": "k1"}
    return SimpleNamespace(token=token, jwk=jwk, key=key)


def form(fields):
    """A URL-encoded body."""
    return urlencode(fields).encode()
