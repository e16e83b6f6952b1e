"""A small project that trains in a moment, and a way to run commands in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from shoptalk.cli import main

CONFIG = """\
recipe: default.v1
language: en
assistant_id: small
pipeline:
- name: WhitespaceTokenizer
- name: KeywordIntentClassifier
- name: RegexEntityExtractor
policies:
- name: MemoizationPolicy
- name: RulePolicy
  enable_fallback_prediction: false
"""
DOMAIN = """\
version: "3.1"
# what people mean
intents:
- greet
- buy
- bye
entities:
- fruit
slots:
  fruit:
    type: text
    influence_conversation: false
    mappings:
    - type: from_entity
      entity: fruit
responses:
  utter_greet:
  - text: Hello!
    buttons:
    - title: Buy an apple
      payload: '/buy{"fruit": "apple"}'
  utter_sold:
  - text: One {fruit}.
  utter_bye:
  - text: Bye.
"""
NLU = """\
version: "3.1"
nlu:
# how people greet
- intent: greet
  examples: |
    - hello
    - hi
    - good morning
- intent: buy
  examples: |
    - one [apple](fruit)
    - a [pear](fruit) please
    - sell me a [plum](fruit)
- intent: bye
  examples: |
    - bye
    - farewell
    - see you
- lookup: fruit
  examples: |
    - apple
    - pear
    - plum
"""
STORIES = """\
version: "3.1"
stories:
# the usual
- story: greet and buy
  steps:
  - intent: greet
  - action: utter_greet
  - intent: buy
    entities:
    - fruit: apple
  - slot_was_set:
    - fruit: apple
  - action: utter_sold
"""
RULES = """\
version: "3.1"
rules:
- rule: say bye
  steps:
  - intent: bye
  - action: utter_bye
"""
TESTS = """\
version: "3.1"
stories:
- story: good
  steps:
  - user: hello
    intent: greet
  - action: utter_greet
- story: bad
  steps:
  - user: one [apple](fruit)
    intent: greet
  - action: utter_bye
"""
FILES = {
    "config.yml": CONFIG,
    "domain.yml": DOMAIN,
    "data/nlu.yml": NLU,
    "data/stories.yml": STORIES,
    "data/rules.yml": RULES,
    "tests/test_stories.yml": TESTS,
}


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    status: int
    out: str
    err: str


Shoptalk = Callable[..., Ran]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project, as the current folder."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def shoptalk(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Shoptalk]:
    """Runs a command line in this process."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    before = os.getcwd()

    def run(*words: str) -> Ran:
        capsys.readouterr()
        status = main(list(words))
        said = capsys.readouterr()
        return Ran(status, said.out, said.err)

    yield run
    os.chdir(before)


@pytest.fixture
def trained(project: Path, shoptalk: Shoptalk) -> Path:
    """The project with a model."""
    assert shoptalk("train", "--quiet").status == 0
    return project


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Answers what `input` asks with lines given beforehand."""

    def give(*lines: str) -> None:
        waiting = iter(lines)

        def answer(prompt: str = "") -> str:
            try:
                return next(waiting)
            except StopIteration:
                raise EOFError from None

        monkeypatch.setattr("builtins.input", answer)

    return give
