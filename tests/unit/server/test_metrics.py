"""Prometheus metrics: what a turn and a request leave behind, what waits in the store, what is warned of."""

import logging

import pytest
from prometheus_client.parser import text_string_to_metric_families

from shoptalk.assistant import Assistant
from shoptalk.core.domain import Domain
from shoptalk.core.messages import UserMessage
from shoptalk.errors import Unavailable
from shoptalk.formats.domain import read
from shoptalk.formats.yaml import read_text
from shoptalk.server.metrics import Metrics
from shoptalk.stores.base import StoredMessage
from shoptalk.stores.memory import MemoryTrackerStore


def domain() -> Domain:
    return read(
        read_text("intents: [greet]\nresponses: {utter_greet: [{text: Hi}]}\n"), lambda message, source: None
    )


def samples(text: bytes) -> dict[tuple[str, ...], float]:
    """Values by name and label values."""
    found = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            found[(sample.name, *(value for _, value in sorted(sample.labels.items())))] = sample.value
    return found


async def test_a_turn_is_counted_with_its_parts():
    metrics = Metrics()
    assistant = Assistant(domain(), None, watch=metrics.watch)
    await assistant.handle(UserMessage("/greet", "anna", channel="rest"))
    found = samples(await metrics.text(assistant.store))
    await assistant.close()
    assert found[("shoptalk_turns_total", "rest")] == 1
    for part in ("nlu", "store", "total"):
        assert found[("shoptalk_turn_seconds_count", part)] == 1
        assert 0 < found[("shoptalk_turn_seconds_sum", part)] < 5
    assert found[("shoptalk_actions_total", "action_session_start", "done", "")] == 1
    assert found[("shoptalk_store_up",)] == 1


async def test_what_waits_is_read_from_the_store():
    metrics, store = Metrics(), MemoryTrackerStore()
    await store.accept(StoredMessage("rest", "anna", "m1", {}))
    await store.accept(StoredMessage("rest", "bert", "m1", {}))
    await store.outbox.push("anna", {})
    await store.reminders.schedule("anna", {"name": "r"}, 4e9)
    found = samples(await metrics.text(store))
    waiting = [found[(f"shoptalk_waiting_{name}",)] for name in ("senders", "outbox", "reminders")]
    assert waiting == [2, 1, 1]


async def test_a_store_that_is_away_is_said_to_be():
    class Away(MemoryTrackerStore):
        async def ping(self):
            raise Unavailable("gone")

    assert samples(await Metrics().text(Away()))[("shoptalk_store_up",)] == 0


@pytest.mark.parametrize(
    ("level", "message", "name"),
    [
        (logging.WARNING, "store.unavailable", "store.unavailable"),
        (logging.ERROR, "turn.failed for a reason", "turn.failed"),
        (logging.ERROR, "Something else.", "other"),
        (logging.INFO, "generation.done 3 sentences", "generation.done"),
        (logging.INFO, "turn.committed", None),
    ],
)
async def test_log_events_are_counted_by_name(level, message, name):
    metrics = Metrics()
    handler = metrics.handler()
    record = logging.makeLogRecord(
        {"msg": message, "levelno": level, "levelname": logging.getLevelName(level)}
    )
    if record.levelno >= handler.level:
        handler.handle(record)
    found = {
        key[1]: value
        for key, value in samples(await metrics.text(None)).items()
        if key[0] == "shoptalk_log_events_total"
    }
    assert found == ({name: 1} if name else {})


async def test_labels_of_requests_are_routes():
    metrics = Metrics()
    metrics.answered("POST", "/webhooks/rest/webhook", 200, 0.02)
    metrics.answered("GET", "unknown", 404, 0.001)
    found = samples(await metrics.text(None))
    assert found[("shoptalk_http_requests_total", "POST", "/webhooks/rest/webhook", "200")] == 1
    assert found[("shoptalk_http_request_seconds_count", "unknown")] == 1
