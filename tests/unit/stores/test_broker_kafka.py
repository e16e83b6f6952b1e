"""Events to Kafka's protocol as librdkafka's own mock cluster speaks it, read again by its consumer."""

from __future__ import annotations

import asyncio
import json

import pytest
from confluent_kafka import Consumer, Message, Producer

from shoptalk.errors import Unavailable
from shoptalk.stores.broker_kafka import KafkaBroker

TOPIC = "rasa_core_events"
PLAIN = {"security_protocol": "PLAINTEXT"}


def kafka() -> tuple[Producer, list[str]]:
    """Three brokers, which live as long as the client that made them, and their addresses."""
    cluster = Producer({"test.mock.num.brokers": 3, "bootstrap.servers": "", "log_level": 3})
    return cluster, [f"{each.host}:{each.port}" for each in cluster.list_topics(timeout=10).brokers.values()]


def received(servers: list[str], count: int) -> list[Message]:
    consumer = Consumer({
        "bootstrap.servers": ",".join(servers),
        "group.id": "test",
        "auto.offset.reset": "earliest",
    })  # fmt: skip
    consumer.subscribe([TOPIC])
    try:
        messages = [message for _ in range(count) if (message := consumer.poll(20)) is not None]
        assert consumer.poll(0.2) is None, "more was published than was said"
        return messages
    finally:
        consumer.close()


def test_every_event_arrives_with_its_sender_and_in_order() -> None:
    _cluster, servers = kafka()

    async def publish() -> None:
        broker = KafkaBroker(servers, TOPIC, partition_by_sender=True, security=PLAIN)
        for number in range(3):
            for sender in ("anna", "bo"):
                await broker.publish(
                    sender, [{"event": "user", "text": f"你好 {number}"}, {"event": "restart"}]
                )
        await broker.close()

    asyncio.run(publish())
    messages = received(servers, 12)
    assert all(message.error() is None for message in messages)
    for sender in ("anna", "bo"):
        own = [message for message in messages if message.key() == sender.encode()]
        assert len({message.partition() for message in own}) == 1
        events = [json.loads(message.value()) for message in own]
        assert {event["sender_id"] for event in events} == {sender}
        assert [event.get("text") for event in events] == ["你好 0", None, "你好 1", None, "你好 2", None]
        assert {header for message in own for header, _ in message.headers()} == {"RASA_ENVIRONMENT"}


def test_kafka_away_is_told_and_does_not_hold_up() -> None:
    cluster, servers = kafka()

    async def publish() -> None:
        nonlocal cluster
        broker = KafkaBroker(servers, TOPIC, security=PLAIN, timeout_s=2)
        await broker.publish("anna", [{"event": "restart"}])
        del cluster
        with pytest.raises(Unavailable, match="Kafka does not take events"):
            await broker.publish("anna", [{"event": "lost"}])
        await broker.close()

    asyncio.run(publish())


async def test_kafka_that_was_never_there_is_told() -> None:
    broker = KafkaBroker("127.0.0.1:9", TOPIC, security=PLAIN, timeout_s=0.5)
    with pytest.raises(Unavailable, match="Kafka does not take events"):
        await broker.publish("anna", [{"event": "restart"}])
    await broker.close()
