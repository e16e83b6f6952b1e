"""Events to a Kafka topic. Needs aiokafka."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shoptalk.errors import Unavailable
from shoptalk.stores.broker import broker_message
from shoptalk.stores.codec import dump_ascii


class KafkaBroker:
    """Publishes with acknowledgement of all replicas.

    Args:
        url: one bootstrap server or several.
        topic: where events go.
        partition_by_sender: keep a sender's events in one partition, hence in order.
        client_id: name of this producer.
        security: `security_protocol`, `sasl_username`, `sasl_password`, `sasl_mechanism`, `ssl_cafile`,
            `ssl_certfile`, `ssl_keyfile`, `ssl_check_hostname`, as in endpoints.yml.
        timeout_s: a publication that takes longer fails with `Unavailable`.
    """

    def __init__(
        self,
        url: str | Sequence[str] = "localhost",
        topic: str = "rasa_core_events",
        partition_by_sender: bool = False,
        client_id: str | None = None,
        security: Mapping[str, Any] | None = None,
        timeout_s: float = 5.0,
    ) -> None:
        self._servers = [url] if isinstance(url, str) else list(url)
        self._topic, self._by_sender, self._timeout_s = topic, partition_by_sender, timeout_s
        self._client_id, self._security = client_id or "shoptalk", dict(security or {})
        self._producer: Any = None
        self._starting = asyncio.Lock()

    async def publish(self, sender_id: str, events: Sequence[Mapping[str, Any]]) -> None:
        headers = [("RASA_ENVIRONMENT", os.environ.get("RASA_ENVIRONMENT", "").encode())]
        key = sender_id.encode() if self._by_sender else None
        try:
            async with asyncio.timeout(self._timeout_s):
                producer = await self._started()
                for event in events:
                    value = dump_ascii(broker_message(sender_id, event)).encode()
                    await producer.send_and_wait(self._topic, value, key=key, headers=headers)
        except (KafkaError, OSError, TimeoutError) as error:
            raise Unavailable(
                f"Kafka does not take events: {error}.", hint="They are kept in the tracker."
            ) from error

    async def close(self) -> None:
        if self._producer is not None:
            await self._producer.stop()

    async def _started(self) -> Any:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self._servers,
                    client_id=self._client_id,
                    acks="all",
                    request_timeout_ms=int(
                        self._timeout_s * 1000
                    ),  # closing waits so long for what is under way
                    **_secured(self._security),
                )
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer


def _secured(given: Mapping[str, Any]) -> dict[str, Any]:
    protocol = given.get("security_protocol", "SASL_PLAINTEXT")
    settings: dict[str, Any] = {"security_protocol": protocol}
    if protocol.startswith("SASL"):
        settings["sasl_mechanism"] = given.get("sasl_mechanism", "PLAIN")
        settings["sasl_plain_username"] = given.get("sasl_username")
        settings["sasl_plain_password"] = given.get("sasl_password")
    if protocol.endswith("SSL"):
        context = ssl.create_default_context(cafile=given.get("ssl_cafile"))
        context.check_hostname = bool(given.get("ssl_check_hostname", False))
        if given.get("ssl_certfile"):
            context.load_cert_chain(given["ssl_certfile"], given.get("ssl_keyfile"))
        settings["ssl_context"] = context
    return settings
