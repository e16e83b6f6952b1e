"""A server's store is closed once, when the server ends, whatever became of its models."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from shoptalk import model as models
from shoptalk.assistant import Assistant
from shoptalk.model import Model
from shoptalk.server.app import ServerOptions, create_app
from shoptalk.server.holder import Holder
from shoptalk.stores.memory import MemoryTrackerStore
from shoptalk.training.train import Options, train

PROJECT = {
    "config.yml": "language: en\npipeline:\n- name: KeywordIntentClassifier\npolicies:\n- name: RulePolicy\n",
    "domain.yml": "intents:\n- greet\nresponses:\n  utter_greet:\n  - text: Hello.\n",
    "data/rules.yml": "rules:\n- rule: greet\n  steps:\n  - intent: greet\n  - action: utter_greet\n",
    "data/nlu.yml": "nlu:\n- intent: greet\n  examples: |\n    - hello\n",
}


class CountingStore(MemoryTrackerStore):
    """Counts how often it is closed."""

    closed = 0

    async def close(self) -> None:
        """Count, and close."""
        self.closed += 1
        await super().close()


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    monkeypatch.chdir(tmp_path)
    for name, text in PROJECT.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    found = train(tmp_path, Options(out=tmp_path / "models", fixed_name="one"))
    assert found.path is not None
    return models.load(found.path)


@pytest.mark.parametrize("requests", [[], ["DELETE"], ["DELETE", "PUT"], ["PUT", "PUT", "DELETE"]])
async def test_the_store_is_closed_once(model: Model, requests: list[str]) -> None:
    store = CountingStore()

    def make(model: Model) -> Assistant:
        return Assistant.from_model(model, store=store)

    app = create_app(Holder(make(model), model, make), [], ServerOptions(enable_api=True))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client,
    ):
        for method in requests:
            answer = await client.request(method, "/model", json={"model_file": "one.tar.gz"})
            assert answer.status_code == 204
        assert store.closed == 0
    assert store.closed == 1
