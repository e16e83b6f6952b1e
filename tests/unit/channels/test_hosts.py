"""S12: no request goes where it must not, however the address is written, resolved or redirected."""

from __future__ import annotations

import pytest

from shoptalk.channels.hosts import HostRules
from shoptalk.channels.outbound import DeliveryFailed, Service, retry_after, split_text
from shoptalk.errors import ConfigError
from tests.unit.channels.vendor import Vendor

SUFFIXES = (".botframework.com", "smba.trafficmanager.net")

HIDDEN = [  # ways to write this machine, or an address nobody may be sent to; the port is the canary's
    "http://2130706433:{port}/", "http://0177.0.0.1:{port}/", "http://0x7f.0.0.1:{port}/", "http://0x7f000001:{port}/",
    "http://127.1:{port}/", "http://127.0.1:{port}/", "http://017700000001:{port}/", "http://0:{port}/",
    "http://0.0.0.0:{port}/", "http://[::]:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http://[::ffff:7f00:1]:{port}/",
    "http://[::127.0.0.1]:{port}/", "http://[64:ff9b::7f00:1]:{port}/", "http://[2002:7f00:1::]:{port}/",
    "http://169.254.169.254:{port}/", "http://[fe80::1]:{port}/", "http://224.0.0.1:{port}/", "http://255.255.255.255:{port}/",
    "http://[::ffff:169.254.169.254]:{port}/", "http://0x7f.1:{port}/", "http://127.000.000.001:{port}/",
]  # fmt: skip
FROM_MESSAGES = [
    "http://127.0.0.1:{port}/", "http://localhost:{port}/", "https://localhost:{port}/", "http://[::1]:{port}/",
    "file:///etc/passwd", "gopher://127.0.0.1:{port}/", "ftp://127.0.0.1:{port}/", "https://10.0.0.5:{port}/",
    "https://192.168.0.1:{port}/", "https://evil.example:{port}/", "https://botframework.com.evil.example:{port}/",
    "https://evilbotframework.com:{port}/", "https://smba.trafficmanager.net@127.0.0.1:{port}/",
    "https://smba.trafficmanager.net.:{port}@localhost:{port}/", "https://127.0.0.1:{port}/#smba.trafficmanager.net",
    "https://127.0.0.1:{port}\\@smba.trafficmanager.net/", "http://smba.trafficmanager.net:{port}/",
    "https://x.smba.trafficmanager.net:{port}/", "https://ⓑotframework.com:{port}/", "//127.0.0.1:{port}/x://",
    "https://[::ffff:127.0.0.1]:{port}/.botframework.com", "http://127.0.0.1:{port}/?x=https://a.botframework.com",
]  # fmt: skip


@pytest.fixture
async def canary():
    server = Vendor()
    await server.start()
    yield server
    await server.stop()


def resolving(*addresses):
    async def resolver(host, port):
        return addresses

    return resolver


async def refused(service, url=""):
    with pytest.raises(DeliveryFailed) as failure:
        await service.call("POST", url, body={})
    assert not failure.value.again
    await service.close()


@pytest.mark.parametrize("url", HIDDEN)
async def test_settings_do_not_lead_to_hidden_addresses(canary, url):
    port = canary.url.rpartition(":")[2]
    try:
        service = Service("callback", url.format(port=port))
    except ConfigError:
        return
    with pytest.raises(DeliveryFailed):
        await service.call("POST", body={})
    await service.close()
    assert canary.connections == 0


@pytest.mark.parametrize("url", FROM_MESSAGES)
async def test_messages_do_not_lead_anywhere_but_to_listed_hosts(canary, url):
    port = canary.url.rpartition(":")[2]
    service = Service("botframework", "https://api.botframework.com", suffixes=SUFFIXES)
    with pytest.raises(DeliveryFailed):
        service.check_host(url.format(port=port))
    await refused(service, url.format(port=port))
    assert canary.connections == 0


@pytest.mark.parametrize(
    "answer", ["127.0.0.1", "::1", "10.0.0.8", "169.254.169.254", "100.64.0.1", "fd00::1", "0.0.0.0"]
)
async def test_a_listed_suffix_that_resolves_inwards_is_refused(canary, answer):
    port = canary.url.rpartition(":")[2]
    rules = HostRules(frozenset(), SUFFIXES, resolving("93.184.216.34", answer))
    service = Service("botframework", "https://api.botframework.com", rules=rules)
    await refused(service, f"https://evil.botframework.com:{port}/")
    assert canary.connections == 0


async def test_a_name_in_the_settings_may_be_private_but_not_this_machine(canary):
    listed = frozenset({"chat.corp.example"})
    assert (
        await HostRules(listed, (), resolving("10.1.2.3")).address("http", "chat.corp.example", 80)
        == "10.1.2.3"
    )
    service = Service(
        "mattermost", "http://chat.corp.example", rules=HostRules(listed, (), resolving("127.0.0.1"))
    )
    await refused(service)


async def test_the_address_that_was_checked_is_the_one_connected_to(canary):
    """A name server that answers otherwise the second time is not asked a second time."""
    port = canary.url.rpartition(":")[2]
    answers = [["127.0.0.1"], ["10.0.0.1"]]

    async def rebinding(host, wanted):
        return answers.pop(0)

    service = Service(
        "callback", f"http://localhost:{port}", rules=HostRules(frozenset({"localhost"}), (), rebinding)
    )
    assert (await service.call("POST", "/bot", body={})).status == 200
    assert (len(answers), canary.connections, canary.seen[0].headers["host"]) == (1, 1, f"localhost:{port}")
    await service.close()


async def test_redirects_are_not_followed(canary):
    other = Vendor(answers={"/": (302, {}, {"Location": canary.url + "/stolen"})})
    await other.start()
    await refused(Service("callback", other.url), "/")
    assert canary.connections == 0
    await other.stop()


@pytest.mark.parametrize(
    ("status", "again"), [(400, False), (401, False), (404, False), (429, True), (500, True)]
)
async def test_which_failures_may_pass(canary, status, again):
    from tests.unit.channels import vendor

    vendor.REASONS.setdefault(400, "Bad")
    canary.answers["/x"] = (status, {}, {"Retry-After": "7"})
    service = Service("callback", canary.url)
    with pytest.raises(DeliveryFailed) as failure:
        await service.call("POST", "/x", body={})
    assert (failure.value.again, failure.value.status) == (again, status)
    assert failure.value.after_s == (7.0 if again else None)
    await service.close()


async def test_a_server_that_is_not_there_may_come_back():
    service = Service("callback", "http://127.0.0.1:9")
    with pytest.raises(DeliveryFailed) as failure:
        await service.call("POST", body={})
    assert failure.value.again
    await service.close()


@pytest.mark.parametrize("url", ["", "localhost", "ftp://a.example", "http://", "http://[::1", "//a.example"])
def test_an_address_that_is_none_is_refused_at_once(url):
    with pytest.raises(ConfigError):
        Service("callback", url)


@pytest.mark.parametrize(
    ("text", "seconds"), [("3", 3.0), ("99999", 3600.0), ("", None), ("soon", None), ("-1", None)]
)
def test_when_to_try_again(text, seconds):
    assert retry_after(text) == seconds


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("abc", ["abc"]),
        ("", [""]),
        ("aaa bbb ccc", ["aaa bbb", "ccc"]),
        ("x" * 20, ["x" * 8, "x" * 8, "x" * 4]),
    ],
)
def test_texts_are_parted_at_spaces_where_there_are_any(text, pieces):
    assert split_text(text, 8) == pieces
