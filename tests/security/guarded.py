"""A small assistant behind the whole server, in this process, for tests of what attackers send."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import cache
from typing import Any

import httpx
from fastapi import FastAPI

from shoptalk.assistant import Assistant
from shoptalk.channels.rest import RestChannel
from shoptalk.channels.web import WebChannel
from shoptalk.dialogue.engine import Dialogue
from shoptalk.formats import config as config_format
from shoptalk.formats import domain as domain_format
from shoptalk.formats import nlu as nlu_format
from shoptalk.formats import stories as stories_format
from shoptalk.formats.yaml import read_text
from shoptalk.model import Model
from shoptalk.nlu.pipeline import Pipeline
from shoptalk.server.app import API_BODIES, ServerOptions, create_app
from shoptalk.server.auth import Auth
from shoptalk.server.holder import Holder
from shoptalk.server.limits import Bounds

SECRET = "of-no-worth-outside-these-tests-0123456789"
TOKEN = "token-of-no-worth-outside-these-tests"
ORIGIN = "https://shop.example"
CUSTOMERS = [{"id": "C0001", "name": "Anna", "language": "en", "orders": 1}]

DOMAIN = """
intents: [greet, order, name, bye]
entities: [order_id, city]
slots:
  order_id: {type: text, mappings: [{type: from_entity, entity: order_id}]}
  city: {type: text, mappings: [{type: from_entity, entity: city}]}
  said: {type: text, influence_conversation: false, mappings: [{type: from_text, intent: name}]}
responses:
  utter_greet: [{text: "Hello.", buttons: [{title: "My order", payload: "/order"}]}]
  utter_order: [{text: "Order {order_id} goes to {city}."}]
  utter_name: [{text: "You said {said}, which is kept."}]
  utter_bye: [{text: "Bye."}]
"""
CONFIG = """
recipe: default.v1
language: en
pipeline:
- name: WhitespaceTokenizer
- name: KeywordIntentClassifier
- name: RegexEntityExtractor
- name: EntitySynonymMapper
policies:
- name: RulePolicy
"""
NLU = """
nlu:
- intent: greet
  examples: |
    - hi
    - hello
- intent: order
  examples: |
    - order [10234](order_id) to [Berlin](city)
    - order
- intent: name
  examples: |
    - note
- intent: bye
  examples: |
    - bye
- regex: order_id
  examples: |
    - \\b[0-9]{5}\\b
- lookup: city
  examples: |
    - Berlin
    - Wien
"""
RULES = """
rules:
- {rule: greet, steps: [{intent: greet}, {action: utter_greet}]}
- {rule: order, steps: [{intent: order}, {action: utter_order}]}
- {rule: name, steps: [{intent: name}, {action: utter_name}]}
- {rule: bye, steps: [{intent: bye}, {action: utter_bye}]}
"""


def _quiet(message: str, source: Any) -> None:
    """Warnings of the readers are of no interest."""


@cache
def trained() -> Model:
    """The assistant's model; trained in a moment."""
    config = config_format.read(read_text(CONFIG))
    domain = domain_format.read(read_text(DOMAIN), _quiet)
    dialogue = Dialogue.build(config.policies)
    dialogue.train(stories_format.read(read_text(RULES), _quiet), domain)
    pipeline = Pipeline.build(config.pipeline, config.language)
    pipeline.train(nlu_format.read(read_text(NLU), _quiet))
    pipeline.domain_intents = domain.intent_names
    pipeline.domain_entities = frozenset(domain.entities)
    return Model(domain, pipeline, dialogue, {"model_id": "f" * 32, "config": {"pipeline": []}})


def make_app(auth: Auth | None = None, bounds: Bounds | None = None, **options: Any) -> FastAPI:
    """The server with its API, the REST and the web channel; no bounds in rate unless told."""
    model = trained()
    web = WebChannel(SECRET, lambda: CUSTOMERS, inspector=True)
    assert web.inspector is not None
    assistant = Assistant.from_model(model, watch=web.inspector.watch)
    free = bounds or Bounds(larger=API_BODIES, sender_rate=0, address_rate=0)
    chosen = ServerOptions(enable_api=True, auth=auth or Auth(), bounds=free, **options)
    return create_app(Holder(assistant, model), [RestChannel(), web], chosen)


@contextlib.asynccontextmanager
async def client_of(app: FastAPI, address: str = "203.0.113.9") -> AsyncIterator[httpx.AsyncClient]:
    """A client at an app; what crashes is answered as it would be over a socket."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver", timeout=30) as client:
        yield client


async def session_of(client: httpx.AsyncClient) -> dict[str, str]:
    """The header of a new web session."""
    begun = await client.post("/webhooks/web/session", json={"customer_id": None, "language": "en"})
    return {"Authorization": f"Bearer {begun.json()['token']}"}


def run(work: Any) -> Any:
    """Run a coroutine to its end."""
    return asyncio.run(work)
