"""S11 and S16: patterns that stall, templates that evaluate, and lines that forge logs or tables."""

from __future__ import annotations

import importlib
import itertools
import json
import logging
import pkgutil
import random
import re
import time

import pytest
from guarded import client_of, make_app

import actions
import shop
from shoptalk.actions.interpolation import fill_text
from shoptalk.errors import DataError
from shoptalk.nlu.patterns import SafePattern, check_pattern
from shoptalk.nlu.pipeline import Pipeline
from shoptalk.server.observe import JsonFormatter

EVIL = [
    r"(a+)+$", r"([a-zA-Z]+)*$", r"(a|aa)+$", r"(a|a?)+$", r"(.*a){12}$", r"(\w+\s?)+!", r"^(([a-z])+.)+[A-Z]([a-z])+$",
    r"(\d+)*x", r"(x+x+)+y", r"^(a|b|ab)*c$", r"((a*)*)*b", r"\s+$", r"<(\w+)(\s+\w+)*>", r"(?:(?:a{1,50}){1,50}){1,50}z",
]  # fmt: skip
BACKTRACKING = [r"(?=(a+)+$)b", r"(a+)+\1$", r"(?<!x)(a+)+$"]
"""Patterns only a backtracking engine can run: those get a budget."""
TEXTS = ["a" * 2000, "a " * 1000, "x" * 2000, "1" * 2000, "ab" * 1000, " " * 2000, "<" + "a " * 999]
LIMIT_S = 0.005


PER_MATCH_S = 5e-6
"""What handing over a match may cost; a pattern that matches 2,000 times is not evil for that."""


def cost(pattern: SafePattern, text: str) -> float:
    """Seconds of processor time beside its matches, the best of three (others use this machine too)."""
    taken = []
    for _ in range(3):
        begin = time.thread_time()
        found = list(pattern.spans(text))
        taken.append(time.thread_time() - begin - len(found) * PER_MATCH_S)
    return max(0.0, min(taken))


@pytest.mark.parametrize("source", [*EVIL, *BACKTRACKING])
def test_evil_patterns_on_long_texts(source: str) -> None:
    worst = 0.0
    for text in [*TEXTS, *(text + "é" for text in TEXTS)]:
        worst = max(worst, cost(SafePattern(source, ignore_case=False), text))
    print(f"S11 {source}: {worst * 1e3:.2f} ms")
    assert worst < LIMIT_S, (source, worst)


def test_a_pipeline_with_evil_patterns_stays_quick() -> None:
    from guarded import CONFIG, NLU, _quiet

    from shoptalk.formats import config as config_format
    from shoptalk.formats import nlu as nlu_format
    from shoptalk.formats.yaml import read_text

    evil = "".join(f"- regex: city\n  examples: |\n    - {source}\n" for source in EVIL)
    config = config_format.read(read_text(CONFIG))
    pipeline = Pipeline.build(config.pipeline, config.language)
    pipeline.train(nlu_format.read(read_text(NLU + evil), _quiet))
    for text in TEXTS:
        begin = time.thread_time()
        pipeline.parse([text])
        assert time.thread_time() - begin < 0.5


def test_what_is_no_pattern_is_refused_with_its_place() -> None:
    for source in ("(", "[a", "*", "(?P<a>", "\\"):
        with pytest.raises(DataError, match=r"nlu\.yml:7"):
            check_pattern(source, "p", "nlu.yml", 7)


VALUES = {"order_id": "{city} {order_id} {0.__class__}", "city": "{{order_id}} %s ${x}", "said": "{said}"}
TEMPLATES = [
    "{0.__class__}", "{order_id.__class__.__mro__}", "{order_id!r}", "{order_id!r:>{city}}", "{order_id:>999999999}", "{order_id[0]}",
    "{__import__}", "{self}", "{}", "{0}", "%(order_id)s", "${order_id}", "#{order_id}", "<%= order_id %>", "{{7*7}}", "{7*7}",
]  # fmt: skip


def test_templates_name_slots_and_nothing_else() -> None:
    for template in TEMPLATES:
        filled = fill_text(template, VALUES)
        assert "class '" not in filled
        assert "49" not in filled
        assert len(filled) < 200
    for name, value in VALUES.items():
        assert fill_text("<{" + name + "}>", VALUES) == f"<{value}>", "a value is put in as it stands"


async def test_what_users_say_is_never_a_template() -> None:
    async with client_of(make_app()) as client:
        stuffed = {"order_id": "{city}", "city": "{order_id} {0.__class__} {{said}}"}
        body = {"sender": "t", "message": f"/order{json.dumps(stuffed)}"}
        (reply,) = (await client.post("/webhooks/rest/webhook", json=body)).json()
        assert reply["text"] == "Order {city} goes to {order_id} {0.__class__} {{said}}."
        body = {"sender": "t", "message": "note {order_id} ${7*7} {0.__class__}"}
        (reply,) = (await client.post("/webhooks/rest/webhook", json=body)).json()
        assert reply["text"] == "You said note {order_id} ${7*7} {0.__class__}, which is kept."


def test_a_log_line_cannot_be_forged() -> None:
    forged = 'x\n{"level": "info", "message": "admin signed in"}\r\x1b[2J\u2028y'
    record = logging.makeLogRecord({"msg": "said %s", "args": (forged,), "name": "a", "extra_field": forged})
    line = JsonFormatter().format(record)
    assert "\n" not in line
    assert "\r" not in line
    assert json.loads(line)["message"] == f"said {forged}"


def test_own_patterns_that_read_messages_are_linear() -> None:
    """Patterns of our own code that meet users' texts, on texts made to hurt them."""
    from shoptalk.nlu.regex_message import read_literal
    from shoptalk.server.limits import NAMED_SENDER
    from shoptalk.server.observe import redact

    hurt = [
        *TEXTS,
        "/" + "a{" * 1000,
        "/a" + " " * 1998,
        "/a@" + "1" * 1997,
        "1-" * 1000,
        "1 (" * 700,
        "a@b." * 500,
        "a." * 1000,
        "@" * 2000,
        "1" * 2000 + "x",
    ]
    for text in hurt:
        for what in (redact, lambda t: read_literal(t, None, None), NAMED_SENDER.fullmatch):
            begin = time.thread_time()
            what(text)
            took = time.thread_time() - begin
            assert took < 0.25, (what, text[:20], took)


def test_redaction_keeps_what_operators_need() -> None:
    from shoptalk.server.observe import redact

    for private in (
        "anna.keller@example.com",
        "+49 30 5550 4821",
        "4111 1111 1111 1111",
        "0151-23456789",
        "(030) 5550-4821",
    ):
        assert redact(f"x {private} y") == "x [private] y", private
    for kept in (
        "order 10234",
        "10:15:32.123",
        "2026-11-22T01:42:03.394",
        "f8a844c078ed6eb9",
        "127.0.0.1:5005",
        "v3.6.21",
    ):
        assert redact(kept) == kept
    assert not re.search(r"\d{9}", redact("number 123456789012 end"))


def patterns_of_the_shop() -> list[re.Pattern[str]]:
    """Every pattern that an action or the shop holds a shopper's words against."""
    names = [
        found.name
        for package in (actions, shop)
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]
    modules = [importlib.import_module(name) for name in names if not name.endswith(("__main__", ".serve"))]
    return [value for module in modules for value in vars(module).values() if isinstance(value, re.Pattern)]


def test_no_words_of_a_pattern_of_the_shop_said_over_and_over_hold_it_up() -> None:
    """Two alternatives that overlap, inside a repetition, take for ever: its own words, in pairs, would show it."""
    found = patterns_of_the_shop()
    assert len(found) > 5
    for pattern in found:
        words = re.findall(r"[\u4e00-\u9fff]{1,4}|[a-z]{1,8}", pattern.pattern)
        words = sorted({piece for word in words for piece in (word, word[:1], word[:2], f"{word} ")})
        for one, other in (
            random.Random(1).choices(list(itertools.product(words, repeat=2)), k=300) if words else ()
        ):
            for times in (20, 60, 500):  # few first: what is exponential would not come back from many
                text = ((one + other) * times)[:2000] + " x1"
                begin = time.thread_time()
                pattern.fullmatch(text)
                pattern.search(text)
                took = time.thread_time() - begin
                assert took < 0.25, (pattern.pattern[:60], one, other, took)
