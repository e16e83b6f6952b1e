"""Rasa's credentials load unchanged; what is wrong is named with its line."""

from __future__ import annotations

import pytest

from shoptalk.errors import ConfigError
from shoptalk.server.serve import read_channels

RASA = """
rest:
cmdline:
rasa: {url: "http://localhost:5002/api"}
callback: {url: "http://localhost:5034/bot"}
facebook: {verify: "rasa-bot", secret: "3e34709d01ea89032asdebfe5a74518", page-access-token: "EAAbHPa7H9rEBAAuFk4Q3gPKbDedQnx"}
slack:
  slack_token: "xoxb-286425452756-safjasdf7sl38KLls"
  slack_channel: "#my_channel"
  slack_signing_secret: "5f5bd5fb5fb5f5b5f5b5f5b5f5b5"
  proxy: "http://myProxy.online"
  slack_retry_reason_header: "x-slack-retry-reason"
  slack_retry_number_header: "x-slack-retry-num"
  errors_ignore_retry: [http_timeout]
  use_threads: false
  conversation_granularity: sender
socketio:
  user_message_evt: user_uttered
  bot_message_evt: bot_uttered
  session_persistence: true
  socketio_path: /socket.io
  namespace: /
  jwt_key: my_public_key
  jwt_method: HS256
  metadata_key: metadata
telegram:
  access_token: "490161424:AAGlRxinBRtKGb21_rlOEMtDFZMXBl6EC0o"
  verify: "your_bot"
  webhook_url: "https://your_url.com/webhooks/telegram/webhook"
twilio: {account_sid: "ACbc2dxx", auth_token: "e231c197493a7122d475b4xx", twilio_number: "+440123456789"}
twilio_voice:
  initial_prompt: hello
  assistant_voice: Polly.Amy
  reprompt_fallback_phrase: "I didn't get that could you repeat?"
  speech_timeout: 5
  speech_model: phone_call
  enhanced: "true"
mattermost: {url: "https://chat.example.com/api/v4", token: "xxxxx", webhook_url: "https://server.example.com/webhooks/mattermost/webhook"}
webexteams: {access_token: "ADD-YOUR-BOT-ACCESS-TOKEN", room: "YOUR-WEBEXTEAMS-ROOM-ID"}
rocketchat: {user: "yourbotname", password: "YOUR_PASSWORD", server_url: "https://demo.rocket.chat"}
hangouts: {project_id: "12345678901"}
botframework: {app_id: "MICROSOFT_APP_ID", app_password: "MICROSOFT_APP_PASSWORD"}
"""


@pytest.fixture
def credentials(tmp_path):
    """`credentials(text)` -> the channels of a file with it."""

    def write(text):
        path = tmp_path / "credentials.yml"
        path.write_text(text)
        return read_channels(path)

    return write


def test_rasas_settings_of_every_channel_load_unchanged(credentials):
    names = [channel.name for channel in credentials(RASA)]
    assert len(names) == 15
    assert len(set(names)) == 15


def test_what_rasas_init_writes_loads(credentials):
    assert [c.name for c in credentials('rest:\nrasa:\n  url: "http://localhost:5002/api"\n')] == [
        "rest",
        "rasa",
    ]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("rest:\nslak: {}\n", 2, "Did you mean 'slack'?"),
        ("slack:\n  slack_token: x\n  slack_signing_secre: y\n", 3, "Did you mean 'slack_signing_secret'?"),
        ("rest:\nslack:\n  slack_token: x\n", 3, "needs `slack_signing_secret`"),
        ("slack:\n  slack_token: x\n  slack_signing_secret: ''\n", 3, "empty"),
        (
            "facebook:\n  verify: v\n  secret: s\n  page_access_token: t\n",
            4,
            "Did you mean 'page-access-token'?",
        ),
        ("rest:\ntelegram:\n", 2, "needs `access_token`"),
        ("callback:\n  token: x\n", 2, "needs `url`"),
        ("callback:\n  url: localhost:5034\n", 1, "no HTTP address"),
        ("socketio:\n  session_persistence: 1\n", 2, "true or false"),
        ("socketio:\n  jwt_key: k\n  jwt_method: none\n", 3, "Use one of"),
        (
            "slack:\n  conversation_granularity: user\n  slack_token: x\n",
            2,
            "Use one of: sender, channel, thread",
        ),
        ("twilio_voice:\n  assistant_voice: robot\n", 1, "There is no voice 'robot'"),
        ("twilio_voice:\n  enhanced: true\n", 1, "speech_model: phone_call"),
        ("twilio_voice:\n  speech_timeout: auto\n", 1, "numbers_and_commands"),
        ("rest:\n'own.module.Channel': {}\n", 2, "module 'own' is missing"),
        ("'collections.OrderedDict': {}\n", 1, "is no channel: it has no name"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(credentials, text, line, words):
    with pytest.raises(ConfigError) as wrong:
        credentials(text)
    assert (wrong.value.file.endswith("credentials.yml"), wrong.value.line) == (True, line)
    assert words in str(wrong.value)


def test_a_channel_of_ones_own_is_named_by_its_path(tmp_path, monkeypatch, credentials):
    (tmp_path / "own_channel.py").write_text(
        "from shoptalk.channels.callback import CallbackChannel\n\n\n"
        "class Mine(CallbackChannel):\n    name = 'mine'\n"
    )
    (tmp_path / "old_channel.py").write_text(
        "class Old:\n    def name(self): ...\n    def from_credentials(self): ...\n    def blueprint(self): ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    [channel] = credentials("own_channel.Mine: {url: 'http://localhost:1/'}\n")
    assert channel.name == "mine"
    with pytest.raises(ConfigError, match=r"Rasa's own web server.*docs/channels\.md"):
        credentials("old_channel.Old: {}\n")


async def test_the_channel_in_the_manual_works(tmp_path, monkeypatch, open_world, vendor):
    import hashlib
    import hmac
    import re
    from pathlib import Path

    manual = (Path(__file__).parents[3] / "docs" / "channels.md").read_text()
    code = re.search(r"```python\n(.*?)```", manual, re.DOTALL)[1]
    (tmp_path / "pager_channel.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    world = await open_world("pager_channel.PagerChannel", "url: '{url}'\nsecret: s3cret")
    body = b'{"from": "anna", "text": "hi", "id": "1"}'
    signature = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    assert (await world.call("/webhooks/pager/webhook", body, [("X-Signature", signature)])).status == 200
    sent = await vendor.wait_for(2, "/messages")
    assert [s.json for s in sent] == [
        {"to": "anna", "text": "Hi!"},
        {"to": "anna", "text": "How can I help?"},
    ]
    assert (await world.call("/webhooks/pager/webhook", body, [("X-Signature", "0" * 64)])).status == 401
