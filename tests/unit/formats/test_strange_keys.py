"""Keys of a domain that nobody reads are named."""

from __future__ import annotations

from pathlib import Path

from shoptalk.formats.project import load_project

DOMAIN = """
version: "3.1"
intents:
- greet: {use_entitys: [a]}
entities:
- a: {role: [x]}
slots:
  s:
    type: text
    influence_convo: true
    mappings:
    - {type: from_entity, entity: a, rol: x, conditions: [{active_lop: f}]}
forms:
  f: {required_slots: [s], ignored_intent: greet}
responses:
  utter_greet:
  - text: hi
    tone: warm
actions:
- action_x: {send_domains: true}
session_config: {expiry: 3}
"""


def test_every_strange_key_is_named_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "domain.yml").write_text(DOMAIN)
    (tmp_path / "config.yml").write_text("recipe: default.v1\n")
    said = [str(notice) for notice in load_project(tmp_path).notices]
    for key, line in {
        "use_entitys": 4, "role": 6, "influence_convo": 10, "rol": 12, "active_lop": 12, "ignored_intent": 14,
        "tone": 18, "send_domains": 20, "expiry": 21,
    }.items():  # fmt: skip
        assert any(text.startswith(f"domain.yml:{line}: The key {key!r} means nothing") for text in said), key


def test_what_is_near_is_proposed(tmp_path: Path) -> None:
    (tmp_path / "domain.yml").write_text(DOMAIN)
    (tmp_path / "config.yml").write_text("recipe: default.v1\n")
    said = [str(notice) for notice in load_project(tmp_path).notices]
    assert any("'rol'" in text and text.endswith("Did you mean 'role'?") for text in said)
