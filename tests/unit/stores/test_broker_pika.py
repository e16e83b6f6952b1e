"""Events to a real RabbitMQ, which goes away and comes back. Runs with `-m slow` where RabbitMQ is installed."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import aio_pika
import pytest
from serving import free_port

from shoptalk.errors import Unavailable
from shoptalk.stores.broker_pika import PikaBroker

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("rabbitmq-server") is None, reason="RabbitMQ is not installed"),
]


class Rabbit:
    """A RabbitMQ server with its own folder and ports."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._environment = {
            **os.environ,
            "HOME": str(folder),
            "RABBITMQ_NODENAME": f"test{self.port}@localhost",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder),
            "RABBITMQ_LOG_BASE": str(folder),
        }

    def _control(self, *words: str) -> int:
        command = ["rabbitmqctl", "-n", self._environment["RABBITMQ_NODENAME"], *words]
        return subprocess.run(command, env=self._environment, capture_output=True, check=False).returncode

    def start(self) -> None:
        self._server = subprocess.Popen(
            ["rabbitmq-server"],
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        until = time.monotonic() + 60
        while self._control("await_startup", "--timeout", "10") != 0:
            assert time.monotonic() < until, "RabbitMQ does not start"

    def stop(self) -> None:
        self._control("stop")
        self._server.wait(30)


@pytest.fixture
def rabbit() -> Iterator[Rabbit]:
    folder = Path(tempfile.mkdtemp(prefix="shoptalk-rabbit-"))
    if os.getuid() == 0:  # the server's script then changes to this user
        shutil.chown(folder, "rabbitmq")
    server = Rabbit(folder)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


async def received(port: int, queue: str, count: int) -> list[dict[str, object]]:
    async with await aio_pika.connect(f"amqp://guest:guest@127.0.0.1:{port}/") as connection:
        source = await (await connection.channel()).get_queue(queue)
        bodies = []
        for _ in range(count):
            message = await source.get(timeout=5)
            assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
            bodies.append(json.loads(message.body))
            await message.ack()
        return bodies


def test_every_queue_gets_every_event_also_after_a_restart(rabbit: Rabbit) -> None:
    async def scenario() -> None:
        broker = PikaBroker("127.0.0.1", port=rabbit.port, queues=["one", "two"], timeout_s=5)
        await broker.publish("anna", [{"event": "user", "text": "你好"}, {"event": "restart"}])
        await asyncio.to_thread(rabbit.stop)
        for _ in range(2):
            with pytest.raises(Unavailable):
                await broker.publish("anna", [{"event": "lost"}])
        await asyncio.to_thread(rabbit.start)
        await broker.publish("anna", [{"event": "after"}])
        await broker.close()
        for queue in ("one", "two"):
            events = await received(rabbit.port, queue, 3)
            assert [event["event"] for event in events] == ["user", "restart", "after"]
            assert events[0] == {"sender_id": "anna", "event": "user", "text": "你好"}

    asyncio.run(scenario())
