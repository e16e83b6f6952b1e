"""A seeded shop for every test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from rasa_sdk.executor import ActionExecutor
from talks import Talk

from shop import database, knowledge, seed

ROOT = Path(__file__).resolve().parents[2]
Json = dict[str, Any]


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file filled once, to be copied."""
    path = tmp_path_factory.mktemp("seed") / "shop.db"
    seed.seed(url=f"sqlite:///{path}")
    database.close()
    return path


@pytest.fixture
def shop_to_read(seeded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shop all reading tests share; nothing may be committed to it."""
    monkeypatch.setenv("SHOP_DATABASE_URL", f"sqlite:///{seeded}")


@pytest.fixture
def shop(seeded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This test's own shop."""
    path = tmp_path / "shop.db"
    shutil.copy(seeded, path)
    monkeypatch.setenv("SHOP_DATABASE_URL", f"sqlite:///{path}")
    yield
    database.close(f"sqlite:///{path}")


@pytest.fixture(scope="session", autouse=True)
def help_centre() -> None:
    """Whatever search there is, it is ready before a test asks."""
    knowledge.warm_up()


@pytest.fixture(scope="session")
def domain() -> Json:
    return yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def executor() -> ActionExecutor:
    made = ActionExecutor()
    made.register_package("actions")
    return made


@pytest.fixture
def talk(shop: None, executor: ActionExecutor, domain: Json) -> Talk:
    """A signed-in talk with the first demo customer."""
    return Talk(executor, domain, customer="C0001")


@pytest.fixture
def guest(shop: None, executor: ActionExecutor, domain: Json) -> Talk:
    """A guest's talk."""
    return Talk(executor, domain, customer=None, sender="guest-1")
