"""The user's actions in this process, and the same ones on the real action server of rasa-sdk."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from shoptalk.actions.base import CollectingSink
from shoptalk.actions.custom import read_answer
from shoptalk.actions.local import LocalActions
from shoptalk.actions.remote import RemoteActions
from shoptalk.core.events import ActionExecuted, SlotSet
from shoptalk.errors import ActionError, ConfigError, NotFound, Rejected, Timeout
from shoptalk.settings import Endpoint

DOMAIN = """
intents: [greet, inform]
entities: [colour]
slots:
  colour: {type: text, mappings: [{type: from_entity, entity: colour}]}
forms: {form: {required_slots: [colour]}}
actions: [action_plain, action_async, action_reject, action_break, action_stream, validate_form]
responses: {utter_hi: [{text: "Hi {who}"}]}
"""

ACTIONS = """
import asyncio, threading, time
from rasa_sdk import Action
from rasa_sdk.events import SlotSet, FollowupAction
from rasa_sdk.forms import FormValidationAction
from rasa_sdk.interfaces import ActionExecutionRejection


class Plain(Action):
    def name(self):
        return "action_plain"

    def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message(response="utter_hi", who=tracker.sender_id)
        dispatcher.utter_message(text="in " + tracker.latest_message["intent"]["name"], buttons=[{"title": "a"}])
        return [SlotSet("colour", "red"), FollowupAction("action_listen"), {"no": "event"}]


class Async(Action):
    def name(self):
        return "action_async"

    async def run(self, dispatcher, tracker, domain):
        await asyncio.sleep(0.01)
        dispatcher.utter_message(json_message={"slots": len(tracker.slots), "forms": list(domain["forms"])})
        return None


class Reject(Action):
    def name(self):
        return "action_reject"

    def run(self, dispatcher, tracker, domain):
        raise ActionExecutionRejection(self.name(), "not today")


class Break(Action):
    def name(self):
        return "action_break"

    def run(self, dispatcher, tracker, domain):
        raise ZeroDivisionError("oh")


class Slow(Action):
    def name(self):
        return "action_slow"

    def run(self, dispatcher, tracker, domain):
        time.sleep(1.0)
        return []


class Stream(Action):
    def name(self):
        return "action_stream"

    async def run(self, dispatcher, tracker, domain):
        await dispatcher.stream_start()
        await dispatcher.stream_chunk(text="one ")
        await dispatcher.stream_chunk(text="two", buttons=[{"title": "b"}])
        await dispatcher.stream_end()
        return []


class Validate(FormValidationAction):
    def name(self):
        return "validate_form"

    def validate_colour(self, value, dispatcher, tracker, domain):
        return {"colour": value.upper()}
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    (folder / "own_actions").mkdir()
    (folder / "own_actions" / "__init__.py").write_text("")
    (folder / "own_actions" / "all.py").write_text(ACTIONS)
    yield folder
    sys.path[:] = [entry for entry in sys.path if entry != str(folder)]


@pytest.fixture
def scene(make_scene, said):
    return make_scene(DOMAIN, said("inform", colour="red"))


@pytest.fixture
async def local(root, scene):
    actions = LocalActions("own_actions", root, scene.domain, timeout_s=5.0, threads=2)
    yield actions
    await actions.close()


@pytest.fixture(scope="module")
def sdk_server(root):
    """The real action server, on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "rasa_sdk", "--actions", "own_actions", "--port", str(port)]
    environment = {**os.environ, "SANIC_HOST": "127.0.0.1"}
    process = subprocess.Popen(
        command,
        cwd=root,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1):
                break
        except OSError:
            time.sleep(0.1)
    yield f"http://127.0.0.1:{port}/webhook"
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(10)


@pytest.fixture
async def remote(sdk_server, scene):
    actions = RemoteActions(Endpoint.read({"url": sdk_server, "domain_digest": True}), scene.domain)
    yield actions
    await actions.close()


def wire(events):
    return [{k: v for k, v in e.as_dict().items() if k != "timestamp"} for e in events]


@pytest.mark.parametrize("name", ["action_plain", "action_async", "validate_form"])
async def test_here_and_there_an_action_does_the_same(local, remote, scene, name):
    tracker = scene.tracker.copy()
    tracker.apply_all([ActionExecuted(name="form"), SlotSet(name="colour", value="red")])
    scene = scene.at(tracker)
    here, there = [await read_answer(name, await way.run(name, scene), scene) for way in (local, remote)]
    assert wire(here) == wire(there)
    assert here


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("action_reject", Rejected, "not today"),
        ("action_break", ActionError, "oh"),
        ("action_nowhere", NotFound, "action_nowhere"),
    ],
)
async def test_here_and_there_an_action_fails_the_same(local, remote, scene, name, error, message):
    for way in (local, remote):
        with pytest.raises(error, match=message) as caught:
            await way.run(name, scene)
        assert type(caught.value) is error


async def test_a_validated_slot_comes_back(local, scene):
    tracker = scene.tracker.copy()
    tracker.apply_all([ActionExecuted(name="form"), SlotSet(name="colour", value="red")])
    answer = await local.run("validate_form", scene.at(tracker))
    assert [(e["name"], e["value"]) for e in answer.events] == [("colour", "RED")]


async def test_what_an_action_streams_goes_out_as_it_comes_and_stays_one_message(local, scene):
    sink = CollectingSink()
    answer = await local.run("action_stream", replace(scene, sink=sink))
    assert [text for _, text in sink.deltas] == ["one ", "two"]
    [event] = await read_answer("action_stream", answer, scene)
    assert event.text == "one two"
    assert event.data["buttons"] == [{"title": "b"}]
    assert {event.metadata["id"]} == {message_id for message_id, _ in sink.deltas}


async def test_a_plain_action_does_not_stop_the_loop(local, scene):
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    begin = time.monotonic()
    await asyncio.gather(local.run("action_slow", scene), local.run("action_slow", scene))
    ticking.cancel()
    assert time.monotonic() - begin < 1.9
    assert ticks > 10


async def test_an_action_that_takes_too_long_is_given_up(root, scene):
    actions = LocalActions("own_actions", root, scene.domain, timeout_s=0.05)
    with pytest.raises(Timeout, match="action_slow"):
        await actions.run("action_slow", scene)
    await actions.close()


def test_a_module_with_a_mistake_is_named(tmp_path, scene, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "wrong_actions.py").write_text("import no_such_module_at_all\n")
    with pytest.raises(ConfigError, match=re.escape("'wrong_actions' cannot be imported")):
        LocalActions("wrong_actions", Path(tmp_path), scene.domain)


async def test_only_actions_of_the_module_are_there(local):
    assert local.names == [
        "action_async", "action_break", "action_plain", "action_reject", "action_slow", "action_stream", "validate_form"
    ]  # fmt: skip


async def test_closing_ends_the_threads(root, scene):
    actions = LocalActions("own_actions", root, scene.domain)
    await actions.run("action_async", scene)
    await actions.run("action_plain", scene)
    await actions.close()
    for _ in range(100):
        if not any(t.name.startswith(("action_", "async-actions")) for t in threading.enumerate()):
            break
        await asyncio.sleep(0.02)
    assert not [t.name for t in threading.enumerate() if t.name.startswith(("action_", "async-actions"))]
