"""Action servers and response services over real HTTP."""

import base64
import json
import threading
import zlib
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from shoptalk.actions.base import Steps
from shoptalk.actions.load import load_actions
from shoptalk.actions.remote import RemoteActions
from shoptalk.actions.response_service import ResponseService
from shoptalk.errors import ActionError, ConfigError, NotFound, Rejected, Timeout
from shoptalk.settings import Endpoint, Endpoints

DOMAIN = """
intents: [greet]
actions: [action_x, action_y: {send_domain: true}]
responses:
  utter_hi:
  - {text: a, id: v1}
  - {text: b, id: v2, channel: slack}
"""


class Recorder(ThreadingHTTPServer):
    """Answers what the test put into `answers`, keeps what it was sent."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers, self.requests, self.connections = [], [], set()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/webhook"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "deflate":
            raw = zlib.decompress(raw)
        self.server.connections.add(self.client_address)
        self.server.requests.append((self.path, dict(self.headers), json.loads(raw)))
        status, body = self.server.answers.pop(0) if self.server.answers else (200, {})
        if status == "hang":
            threading.Event().wait(1.0)
            return
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = Recorder()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
async def call(server, make_scene, said):
    opened = []

    async def run(name="action_x", **section):
        scene = replace(make_scene(DOMAIN, said("greet")), steps=Steps("anna", "m1"))
        actions = RemoteActions(Endpoint.read({"url": server.url, **section}), scene.domain)
        opened.append(actions)
        return await actions.run(name, scene)

    yield run
    for actions in opened:
        await actions.close()


async def test_an_action_runs_and_its_step_has_a_key(server, call):
    server.answers = [(200, {"events": [{"event": "pause"}], "responses": [{"text": "x"}]})]
    answer = await call()
    assert (answer.events, answer.responses) == ([{"event": "pause"}], [{"text": "x"}])
    [(path, headers, body)] = server.requests
    assert path == "/webhook"
    assert headers["Idempotency-Key"] == "anna:m1:1"
    assert body["next_action"] == "action_x"
    assert body["domain"]["intents"] == ["greet"]
    assert body["version"] == "3.6.21"


async def test_both_lists_may_be_missing(server, call):
    server.answers = [(200, {})]
    answer = await call()
    assert (list(answer.events), list(answer.responses)) == ([], [])


@pytest.mark.parametrize(
    ("status", "body", "error", "message"),
    [
        (400, {"action_name": "action_x", "error": "not now"}, Rejected, "not now"),
        (400, {"error": "Invalid body request"}, ActionError, "Invalid body request"),
        (404, {"error": "No registered action", "action_name": "action_x"}, NotFound, "No registered action"),
        (500, {"error": "division by zero"}, ActionError, "division by zero"),
        (502, b"<html>", ActionError, "status 502"),
        (200, [], ActionError, "is not"),
        (200, {"events": {}}, ActionError, "is not"),
        (200, {"responses": ["x"]}, ActionError, "is not"),
    ],
)
async def test_failures(server, call, status, body, error, message):
    server.answers = [(status, body)]
    with pytest.raises(error, match=message) as caught:
        await call()
    assert type(caught.value) is error


async def test_an_action_that_hangs_is_given_up(server, call):
    server.answers = [("hang", {})]
    with pytest.raises(Timeout, match="did not answer within"):
        await call(timeout=0.1)


async def test_a_server_that_is_not_there_is_named(make_scene):
    scene = make_scene(DOMAIN)
    actions = RemoteActions(Endpoint.read({"url": "http://127.0.0.1:9/webhook"}), scene.domain)
    with pytest.raises(ActionError, match=r"127\.0\.0\.1:9/webhook cannot be reached"):
        await actions.run("action_x", scene)
    await actions.close()


async def test_the_domain_goes_only_to_actions_that_want_it(server, call):
    for name in ("action_x", "action_y", "validate_form"):
        await call(name, enable_selective_domain=True)
    assert ["domain" in body for _, _, body in server.requests] == [False, True, True]


async def test_a_server_that_knows_the_domain_is_sent_its_digest_alone(server, call):
    server.answers = [(449, {"error": "no domain"}), (200, {}), (200, {})]
    await call(domain_digest=True)
    await call(domain_digest=True)
    bodies = [body for _, _, body in server.requests]
    assert ["domain" in body for body in bodies] == [False, True, False]
    assert len({body["domain_digest"] for body in bodies}) == 1


async def test_secrets_and_parameters_are_sent(server, call):
    basic = {"username": "u", "password": "p"}
    await call(token="t", params={"a": "1"}, headers={"X-Shop": "yes"}, basic_auth=basic)
    [(path, headers, _)] = server.requests
    assert path == "/webhook?a=1&token=t"
    assert headers["X-Shop"] == "yes"
    assert headers["Authorization"] == "Basic " + base64.b64encode(b"u:p").decode()


async def test_requests_are_deflated_when_the_environment_says_so(server, call, monkeypatch):
    monkeypatch.setenv("COMPRESS_ACTION_SERVER_REQUEST", "true")
    await call()
    [(_, headers, body)] = server.requests
    assert headers["Content-Encoding"] == "deflate"
    assert body["sender_id"] == "anna"


async def test_one_connection_serves_many_calls(server, make_scene):
    scene = make_scene(DOMAIN)
    actions = RemoteActions(Endpoint.read({"url": server.url}), scene.domain)
    for _ in range(3):
        await actions.run("action_x", scene)
    await actions.close()
    assert len(server.connections) == 1


async def test_a_response_service_is_asked_and_checked(server, make_scene):
    scene = make_scene(DOMAIN)
    service = ResponseService(Endpoint.read({"url": server.url}), scene.domain.responses)
    server.answers = [(200, {"text": "from afar"}), (200, {"text": 7}), (500, {})]
    assert await service.generate("utter_hi", scene, {"a": 1}) == {"text": "from afar"}
    _, _, body = server.requests[0]
    assert (body["response"], body["id"], body["arguments"]) == ("utter_hi", "v1", {"a": 1})
    assert body["channel"] == {"name": ""}
    for problem in ("'text' that is none", "status 500"):
        with pytest.raises(ActionError, match=problem):
            await service.generate("utter_hi", scene, {})
    await service.close()


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"urll": "x"}, "Did you mean"),
        ({"headers": {}}, "neither `url:` nor `actions_module:`"),
        ({"actions_module": "no_such_module_here"}, "cannot be imported"),
    ],
)
def test_an_endpoint_that_makes_no_sense_is_refused(make_scene, section, message):
    with pytest.raises(ConfigError, match=message):
        load_actions(make_scene(DOMAIN).domain, Endpoints(action_endpoint=section))


async def test_endpoints_decide_who_runs_actions(make_scene, server):
    domain = make_scene(DOMAIN).domain
    assert load_actions(domain).custom_actions is None
    runner = load_actions(domain, Endpoints(action_endpoint={"url": server.url}, nlg={"url": server.url}))
    assert isinstance(runner.custom_actions, RemoteActions)
    assert isinstance(runner.responses, ResponseService)
    await runner.close()
