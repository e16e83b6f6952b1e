"""`shoptalk doctor` against deployments that are wrong in one way each: it says what is wrong and what to do."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from shoptalk.stores.embedded import EmbeddedValkey
from shoptalk.stores.redis_link import RedisLink

from .conftest import Ran, Shoptalk


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """A real server with a password."""
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey"), port=0) as server:

        async def lock() -> None:
            link = RedisLink(server.address)
            await link.command("CONFIG", "SET", "requirepass", "right")
            await link.close()

        asyncio.run(lock())
        yield server


@pytest.fixture
def taken() -> Iterator[int]:
    """A port somebody has."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def free() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def diagnosed(shoptalk: Shoptalk, *, endpoints: str = "", credentials: str = "rest:\n", port: int = 0) -> Ran:
    Path("endpoints.yml").write_text(endpoints)
    Path("credentials.yml").write_text(credentials)
    ran = shoptalk("doctor", "--port", str(port))
    assert "Traceback" not in ran.out + ran.err
    return ran


def of(port: int, more: str = "") -> str:
    return f"tracker_store: {{type: redis, url: 127.0.0.1, port: {port}{more}}}\n"


def test_nothing_is_wrong(trained: Path, shoptalk: Shoptalk, valkey: EmbeddedValkey) -> None:
    ran = diagnosed(shoptalk, endpoints=of(valkey.address.port, ", password: right"))
    assert ran.status == 0
    assert "✓ The store 'redis' answers" in ran.out
    assert ran.out.endswith("Nothing is wrong.\n")


@pytest.mark.parametrize("given", [", password: wrong", "", ", username: nobody, password: right"])
def test_a_wrong_password(trained: Path, shoptalk: Shoptalk, valkey: EmbeddedValkey, given: str) -> None:
    ran = diagnosed(shoptalk, endpoints=of(valkey.address.port, given))
    assert ran.status == 1
    assert f"✗ Redis at 127.0.0.1:{valkey.address.port} cannot serve 'PING': " in ran.out
    assert "→ Set the `username` and `password` of `tracker_store:` to those of the server." in ran.out


def test_services_that_are_away_are_all_named(trained: Path, shoptalk: Shoptalk, free: int) -> None:
    action = f'action_endpoint: {{url: "http://127.0.0.1:{free}/webhook"}}\n'
    encoder = f'encoder: {{url: "http://127.0.0.1:{free}"}}\n'
    ran = diagnosed(shoptalk, endpoints=of(free) + action + encoder)
    assert ran.status == 1
    assert f"✗ Redis at 127.0.0.1:{free} cannot serve 'PING'" in ran.out
    assert "is it where `tracker_store:` says?" in ran.out
    assert f"✗ The action server at http://127.0.0.1:{free}/webhook does not answer" in ran.out
    assert "→ Start it (shoptalk run actions), or correct `action_endpoint:` in endpoints.yml." in ran.out
    assert f"http://127.0.0.1:{free}" in ran.out.split("Redis at")[1].split("action server")[0]
    assert "3 to mend." in ran.out


def test_a_server_that_loses_conversations(trained: Path, shoptalk: Shoptalk, valkey: EmbeddedValkey) -> None:
    async def change(*settings: str) -> None:
        link = RedisLink(dataclasses.replace(valkey.address, password="right"))
        for setting in settings:
            await link.command("CONFIG", "SET", *setting.split())
        await link.close()

    asyncio.run(change("appendonly no", "maxmemory 100mb", "maxmemory-policy allkeys-lru"))
    try:
        ran = diagnosed(shoptalk, endpoints=of(valkey.address.port, ", password: right"))
    finally:
        asyncio.run(change("maxmemory 0", "maxmemory-policy noeviction", "appendonly yes"))
    assert ran.status == 1
    assert "→ Set `appendonly yes`" in ran.out
    assert "→ Set `maxmemory-policy noeviction`" in ran.out


def test_no_model(project: Path, shoptalk: Shoptalk) -> None:
    ran = diagnosed(shoptalk)
    assert ran.status == 1
    assert "✗ There is no model.\n  → Train one: shoptalk train" in ran.out


def test_a_port_that_is_taken(trained: Path, shoptalk: Shoptalk, taken: int) -> None:
    ran = diagnosed(shoptalk, port=taken)
    assert f"! Port {taken} of 127.0.0.1 cannot be used: Address already in use." in ran.out
    assert f"→ Stop what uses it, or take another one: --port {taken + 1}." in ran.out


@pytest.mark.parametrize(
    ("credentials", "said", "do"),
    [
        ('web: {secret: ""}', "`secret` of the channel web is empty.", "Write its value, or leave the key out."),
        ("web: {secret: short}", "The secret of the web channel is shorter than 32 bytes.", "Make one with:"),
        ("slack:\n  slack_token: x\n  slack_signing_secret: ' '", "anybody could forge", "Set the real secret."),
        ("web:\n  secret: ${NOWHERE_SET}", "${NOWHERE_SET} is not set.", "Set it, or write the value here."),
    ],
)  # fmt: skip
def test_secrets_that_are_none(
    trained: Path, shoptalk: Shoptalk, credentials: str, said: str, do: str
) -> None:
    ran = diagnosed(shoptalk, credentials=credentials + "\n")
    assert ran.status == 1
    assert said in ran.out
    assert f"→ {do}" in ran.out


def test_folders_nobody_can_write(trained: Path, shoptalk: Shoptalk) -> None:
    Path(".shoptalk").rename("before") if Path(".shoptalk").exists() else None
    Path(".shoptalk").symlink_to("/proc")  # not even the superuser writes there
    ran = diagnosed(shoptalk, endpoints="tracker_store: {type: embedded, folder: /proc/valkey}\n")
    assert ran.status == 1
    assert "✗ The folder .shoptalk cannot be written: " in ran.out
    assert "→ Give /proc to the user who runs this" in ran.out
    assert "✗ The folder /proc/valkey of the embedded store cannot be written" in ran.out
    assert (
        "→ Give it to the user who runs this, or set `folder` of `tracker_store:` to another one." in ran.out
    )


def test_a_database_that_cannot_be_opened(trained: Path, shoptalk: Shoptalk) -> None:
    ran = diagnosed(shoptalk, endpoints="tracker_store: {type: sql, db: /proc/conversations.db}\n")
    assert ran.status == 1
    assert "/proc/conversations.db cannot be used" in ran.out
    assert "where `tracker_store:` says?" in ran.out
