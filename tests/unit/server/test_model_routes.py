"""Models over HTTP: only names inside the folder, swapped without failing requests, trained and tested."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from shoptalk import model as models
from shoptalk.assistant import Assistant
from shoptalk.channels.rest import RestChannel
from shoptalk.model import Model
from shoptalk.server.app import ServerOptions, create_app
from shoptalk.server.holder import Holder
from shoptalk.stores.memory import MemoryTrackerStore
from shoptalk.training.train import Options, train

PROJECT = """\
language: en
pipeline:
- name: WhitespaceTokenizer
- name: KeywordIntentClassifier
policies:
- name: RulePolicy
intents:
- greet
- bye
responses:
  utter_greet:
  - text: {greeting}
  utter_bye:
  - text: Bye.
nlu:
- intent: greet
  examples: |
    - hello
    - hi
- intent: bye
  examples: |
    - bye
    - see you
rules:
- rule: greet
  steps:
  - intent: greet
  - action: utter_greet
- rule: bye
  steps:
  - intent: bye
  - action: utter_bye
"""
TEST = "stories:\n- story: one\n  steps:\n  - user: hello\n    intent: greet\n  - action: utter_bye\n"


def _train(folder: Path, name: str, greeting: str) -> Path:
    work = folder / name
    (work / "data").mkdir(parents=True)
    text = PROJECT.format(greeting=greeting)
    config, _, rest = text.partition("intents:")
    domain, _, data = ("intents:" + rest).partition("nlu:")
    (work / "config.yml").write_text(config)
    (work / "domain.yml").write_text(domain)
    (work / "data" / "all.yml").write_text("nlu:" + data)
    result = train(work, Options(out=folder / "models", fixed_name=name))
    assert result.path is not None
    return result.path


@pytest.fixture
async def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """A server of the model `one`, in a folder that also has `two`."""
    monkeypatch.chdir(tmp_path)
    first = _train(tmp_path, "one", "Hello.")
    _train(tmp_path, "two", "Welcome.")
    store = MemoryTrackerStore()

    def make(model: Model) -> Assistant:
        return Assistant.from_model(model, store=store)

    model = models.load(first)
    holder = Holder(make(model), model, make)
    app = create_app(holder, [RestChannel.from_credentials(None)], ServerOptions(enable_api=True))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
    await holder.close()


async def _say(client: httpx.AsyncClient, text: str, sender: str = "ann") -> str:
    answer = await client.post("/webhooks/rest/webhook", json={"sender": sender, "message": text})
    assert answer.status_code == 200
    return " ".join(message["text"] for message in answer.json())


async def test_a_swap_fails_no_request_and_keeps_conversations(client: httpx.AsyncClient) -> None:
    assert await _say(client, "hello") == "Hello."
    before = await client.get("/conversations/ann/tracker")

    async def talk(number: int) -> str:
        return await _say(client, "hello", f"s{number}")

    said = [asyncio.ensure_future(talk(number)) for number in range(20)]
    await asyncio.sleep(0)
    swap = await client.put("/model", json={"model_file": "models/two.tar.gz"})
    assert swap.status_code == 204
    assert set(await asyncio.gather(*said)) <= {"Hello.", "Welcome."}
    assert await _say(client, "hello") == "Welcome."
    after = await client.get("/conversations/ann/tracker")
    assert len(after.json()["events"]) > len(before.json()["events"])
    assert (await client.get("/status")).json()["model_file"].endswith("two.tar.gz")


@pytest.mark.parametrize(
    "name",
    [
        "../one/models/x.tar.gz",
        "/etc/passwd",
        "models/../secret.tar.gz",
        "nowhere.tar.gz",
        ".hidden.tar.gz",
        "",
        None,
        3,
    ],
)
async def test_only_models_of_the_folder_can_be_named(
    client: httpx.AsyncClient, tmp_path: Path, name: object
) -> None:
    (tmp_path / "secret.tar.gz").write_bytes((tmp_path / "models/one.tar.gz").read_bytes())
    answer = await client.put("/model", json={"model_file": name})
    assert answer.status_code == 400
    assert await _say(client, "hello") == "Hello."


async def test_a_link_out_of_the_folder_is_no_model_of_it(client: httpx.AsyncClient, tmp_path: Path) -> None:
    (tmp_path / "secret.tar.gz").write_bytes((tmp_path / "models/two.tar.gz").read_bytes())
    (tmp_path / "models/link.tar.gz").symlink_to(tmp_path / "secret.tar.gz")
    assert (await client.put("/model", json={"model_file": "link.tar.gz"})).status_code == 400


@pytest.mark.parametrize("key", ["model_server", "remote_storage"])
async def test_no_address_is_taken_from_a_request(client: httpx.AsyncClient, key: str) -> None:
    answer = await client.put("/model", json={key: {"url": "http://127.0.0.1:1/"}})
    assert answer.status_code == 400
    refused = await client.post("/model/train?callback_url=http://127.0.0.1:1/", content="nlu: []")
    assert refused.status_code == 400


async def test_a_damaged_model_leaves_the_old_one(client: httpx.AsyncClient, tmp_path: Path) -> None:
    (tmp_path / "models/bad.tar.gz").write_bytes(b"not one")
    answer = await client.put("/model", json={"model_file": "bad.tar.gz"})
    assert answer.status_code == 400
    assert await _say(client, "hello") == "Hello."


async def test_without_a_model_everything_says_so_until_one_is_put(client: httpx.AsyncClient) -> None:
    assert (await client.delete("/model")).status_code == 204
    assert (await client.post("/model/parse", json={"text": "hi"})).status_code == 409
    assert (await client.put("/model", json={"model_file": "one.tar.gz"})).status_code == 204
    assert await _say(client, "hello") == "Hello."


async def test_training_answers_with_the_archive_and_its_name(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    body = PROJECT.format(greeting="Trained.")
    answer = await client.post("/model/train?save_to_default_model_directory=false", content=body)
    assert answer.status_code == 200
    got = tmp_path / "got.tar.gz"
    got.write_bytes(answer.content)
    assert models.load(got).domain.responses["utter_greet"] == [{"text": "Trained."}]
    assert answer.headers["filename"].endswith(".tar.gz")
    assert sorted(p.name for p in (tmp_path / "models").iterdir()) == ["one.tar.gz", "two.tar.gz"]
    wrong = await client.post("/model/train", content=body.replace("RulePolicy", "RulesPolicy"))
    assert wrong.status_code == 400
    assert "Did you mean 'RulePolicy'?" in wrong.json()["message"]


async def test_stories_and_intents_are_judged(client: httpx.AsyncClient) -> None:
    stories = (await client.post("/model/test/stories?e2e=true", content=TEST)).json()
    assert stories["is_end_to_end_evaluation"] is True
    assert stories["actions"][0] | {"confidence": 1.0} == {
        "action": "utter_bye",
        "predicted": "utter_greet",
        "policy": "RulePolicy",
        "confidence": 1.0,
    }
    assert stories["report"]["conversation_accuracy"]["correct"] == 0
    nlu = "nlu:\n- intent: greet\n  examples: |\n    - hello\n    - bye\n- intent: bye\n  examples: |\n    - see you\n"
    intents = (await client.post("/model/test/intents", content=nlu)).json()["intent_evaluation"]
    assert intents["accuracy"] == pytest.approx(2 / 3)
    folds = await client.post("/model/test/intents?cross_validation_folds=2", content=PROJECT)
    assert isinstance(folds.json()["intent_evaluation"]["f1_score"], float)


async def test_another_model_of_the_folder_can_be_judged(client: httpx.AsyncClient) -> None:
    nlu = "nlu:\n- intent: greet\n  examples: |\n    - hello\n    - hi\n"
    one = await client.post("/model/test/intents?model=two.tar.gz", content=nlu)
    assert one.status_code == 200
    other = await client.post("/model/test/intents?model=nowhere.tar.gz", content=nlu)
    assert (other.status_code, other.json()["reason"]) == (400, "BadRequest")


async def test_a_judgement_has_every_part(client: httpx.AsyncClient) -> None:
    parts = ["intent_evaluation", "entity_evaluation", "response_selection_evaluation"]
    one = await client.post(
        "/model/test/intents", content="nlu:\n- intent: greet\n  examples: |\n    - hello\n"
    )
    assert list(one.json()) == parts
    assert one.json()["response_selection_evaluation"] is None


async def test_what_is_no_yaml_is_a_bad_request(client: httpx.AsyncClient) -> None:
    for path in ("train", "test/stories", "test/intents"):
        answer = await client.post(f"/model/{path}", content="a: [")
        assert (answer.status_code, answer.json()["reason"]) == (400, "BadRequest")


async def test_without_a_model_there_is_no_status(client: httpx.AsyncClient) -> None:
    assert (await client.get("/status")).status_code == 200
    await client.delete("/model")
    answer = await client.get("/status")
    assert (answer.status_code, answer.json()["reason"]) == (409, "Conflict")


async def test_the_domain_is_shown_as_a_file_that_can_be_read_again(client: httpx.AsyncClient) -> None:
    answer = await client.get("/domain", headers={"Accept": "application/x-yaml"})
    assert answer.headers["content-type"].startswith("application/x-yaml")
    assert answer.text.startswith("version: '3.1'\n")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("trigger_intent", {"name": "greet", "entities": "x"}),
        ("trigger_intent", {"name": "greet", "entities": [{"value": "x"}]}),
        ("messages", {"text": "hi", "sender": "user", "parse_data": "x"}),
    ],
)
async def test_what_is_of_the_wrong_type_is_a_bad_request(
    client: httpx.AsyncClient, path: str, body: dict[str, object]
) -> None:
    answer = await client.post(f"/conversations/ann/{path}", json=body)
    assert (answer.status_code, answer.json()["reason"]) == (400, "BadRequest")


async def test_a_text_may_come_in_a_list(client: httpx.AsyncClient) -> None:
    answer = await client.post("/model/parse", json={"text": ["hello"]})
    assert answer.json()["intent"]["name"] == "greet"


async def test_a_parse_explains_itself_when_asked(client: httpx.AsyncClient) -> None:
    plain = await client.post("/model/parse", json={"text": "hello you"})
    assert "explain" not in plain.json()
    answer = await client.post("/model/parse?explain=true", json={"text": "hello you"})
    found = answer.json()
    assert {key: value for key, value in found.items() if key != "explain"} == plain.json()
    assert [step["component"] for step in found["explain"]["steps"]] == [
        "WhitespaceTokenizer",
        "KeywordIntentClassifier",
    ]
    weights = {word["text"]: word["weights"] for word in found["explain"]["words"]}
    assert weights == {"hello": {"greet": 1.0}, "you": {"greet": 0.0}}


async def test_an_action_or_an_event_answers_with_the_current_session(client: httpx.AsyncClient) -> None:
    """As with Rasa: what was said before a restart is not part of the answer."""
    await _say(client, "hello")
    await _say(client, "/restart")
    for path, body in (
        ("execute", {"name": "utter_greet"}),
        ("tracker/events", {"event": "bot", "text": "x"}),
    ):
        answer = (await client.post(f"/conversations/ann/{path}?include_events=ALL", json=body)).json()
        tracker = answer.get("tracker", answer)
        assert tracker["latest_input_channel"] is None
        assert not [event for event in tracker["events"] if event["event"] == "user"]
