"""Events to RabbitMQ: a durable fanout exchange and durable queues, as Rasa declares them. Needs aio-pika."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from collections.abc import Mapping, Sequence
from typing import Any

import aio_pika
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError

from shoptalk.errors import Unavailable
from shoptalk.stores.broker import broker_message
from shoptalk.stores.codec import dump_ascii


class PikaBroker:
    """Publishes with confirmation; connects at the first event and again whenever the connection is lost.

    Args:
        url: host name or `amqp://` address.
        username, password, port: used when `url` is a host name.
        queues: bound to the exchange.
        exchange_name: the fanout exchange.
        timeout_s: a publication that takes longer fails with `Unavailable`.
    """

    def __init__(
        self,
        url: str,
        username: str = "guest",
        password: str = "guest",
        port: int = 5672,
        queues: Sequence[str] = ("rasa_core_events",),
        exchange_name: str = "rasa-exchange",
        timeout_s: float = 5.0,
    ) -> None:
        self._address: dict[str, Any] = {"url": url} if "://" in url else {
            "host": url, "port": port, "login": username, "password": password,
        }  # fmt: skip
        self._queues, self._exchange_name, self._timeout_s = tuple(queues), exchange_name, timeout_s
        self._connection: Any = None
        self._exchange: Any = None
        self._connecting = asyncio.Lock()

    async def publish(self, sender_id: str, events: Sequence[Mapping[str, Any]]) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                exchange = await self._connected()
                for event in events:
                    body = dump_ascii(broker_message(sender_id, event)).encode()
                    await exchange.publish(
                        aio_pika.Message(
                            body,
                            app_id=os.environ.get("RASA_ENVIRONMENT"),
                            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                        ),
                        routing_key="",
                    )
        except (AMQPError, ChannelInvalidStateError, OSError, TimeoutError) as error:
            await self.close()
            raise Unavailable(
                f"RabbitMQ does not take events: {error}.", hint="They are kept in the tracker."
            ) from error

    async def close(self) -> None:
        connection, self._connection, self._exchange = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(AMQPError, ChannelInvalidStateError, OSError):
                await connection.close()

    async def _connected(self) -> Any:
        async with self._connecting:
            if self._exchange is None:
                self._connection = await aio_pika.connect(**self._address, ssl_context=_tls())
                channel = await self._connection.channel(publisher_confirms=True)
                self._exchange = await channel.declare_exchange(
                    self._exchange_name, aio_pika.ExchangeType.FANOUT, durable=True
                )
                for name in self._queues:
                    queue = await channel.declare_queue(name, durable=True)
                    await queue.bind(self._exchange, routing_key="")
            return self._exchange


def _tls() -> ssl.SSLContext | None:
    certificate = os.environ.get("RABBITMQ_SSL_CLIENT_CERTIFICATE")
    key = os.environ.get("RABBITMQ_SSL_CLIENT_KEY")
    if not (certificate and key):
        return None
    context = ssl.create_default_context()
    context.load_cert_chain(certificate, key)
    return context
