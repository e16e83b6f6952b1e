"""Every conversation of `conversations/`, through the web channel, with both ways of running actions."""

from __future__ import annotations

import pytest
from scripts import Script, load_scripts, play
from serving import Server

pytestmark = pytest.mark.timeout(900)
SCRIPTS = load_scripts()


@pytest.mark.parametrize("script", [pytest.param(script, id=script.id) for script in SCRIPTS])
def test_conversation(server: Server, script: Script) -> None:
    wrong = play(script, server.url, server.shop)
    assert not wrong, "\n" + "\n".join(wrong)
