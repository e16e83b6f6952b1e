"""Rasa 2 domains become Rasa 3 ones, with their comments."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from shoptalk.errors import DataError
from shoptalk.formats.migrate import migrate
from shoptalk.formats.project import load_project

OLD = """\
version: "2.0"
# what they mean
intents:
- order
entities:
- city
slots:
  city:
    type: text
  name:
    type: text
    auto_fill: false
  hidden:
    type: any
forms:
  order_form:
    ignored_intents: chat
    required_slots:
      name:
      - type: from_text
        not_intent: order
  other_form:
    name:
    - type: from_text
      not_intent: order
    city:
    - type: from_entity
      entity: city
"""


def test_mappings_move_from_forms_to_slots(tmp_path: Path) -> None:
    domain = tmp_path / "domain.yml"
    domain.write_text(OLD)
    done = migrate(domain)
    assert done.domain == tmp_path / "new_domain.yml"
    assert done.backup.read_text() == OLD
    assert not domain.exists()
    text = done.domain.read_text()
    assert text.startswith('version: "3.1"\n# what they mean\n')
    new = yaml.safe_load(text)
    assert new["forms"] == {
        "order_form": {"required_slots": ["name"], "ignored_intents": "chat"},
        "other_form": {"required_slots": ["name", "city"]},
    }
    assert new["slots"]["name"]["mappings"] == [
        {
            "type": "from_text",
            "not_intent": "order",
            "conditions": [
                {"active_loop": "order_form", "requested_slot": "name"},
                {"active_loop": "other_form", "requested_slot": "name"},
            ],
        }
    ]
    assert [m["type"] for m in new["slots"]["city"]["mappings"]] == ["from_entity", "from_entity"]
    assert "conditions" not in new["slots"]["city"]["mappings"][1]
    assert new["slots"]["hidden"]["mappings"] == [{"type": "custom"}]
    assert "auto_fill" not in new["slots"]["name"]


def test_the_result_loads(tmp_path: Path) -> None:
    (tmp_path / "domain.yml").write_text(OLD)
    (tmp_path / "config.yml").write_text("language: en\n")
    migrate(tmp_path / "domain.yml", tmp_path / "domain3.yml")
    domain = load_project(tmp_path, domain=tmp_path / "domain3.yml").domain
    assert domain.forms["other_form"].required_slots == ("name", "city")


def test_a_folder_keeps_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "domain"
    folder.mkdir()
    content = OLD.partition("forms:\n")
    (folder / "forms.yml").write_text('version: "2.0"\nforms:\n' + content[2])
    (folder / "rest.yml").write_text(content[0])
    done = migrate(folder)
    assert sorted(p.name for p in done.domain.iterdir()) == ["forms.yml", "rest.yml"]
    assert (tmp_path / "original_domain/forms.yml").exists()
    assert len(yaml.safe_load((done.domain / "rest.yml").read_text())["slots"]["name"]["mappings"]) == 1


def test_nothing_is_overwritten_and_unknown_slots_are_named(tmp_path: Path) -> None:
    domain = tmp_path / "domain.yml"
    domain.write_text(OLD.replace("  name:\n    type: text\n    auto_fill: false\n", ""))
    with pytest.raises(DataError, match="A form asks for the slot 'name', which the domain does not list"):
        migrate(domain)
    (tmp_path / "new_domain.yml").write_text("")
    with pytest.raises(DataError, match="This file is in the way"):
        migrate(domain)
    assert domain.exists()


def test_forms_may_be_listed_by_their_names(tmp_path: Path) -> None:
    domain = tmp_path / "domain.yml"
    domain.write_text(
        "forms:\n- order_form\n- other_form:\n    city:\n    - type: from_text\nslots:\n  city:\n    type: text\n"
    )
    new = yaml.safe_load(migrate(domain).domain.read_text())
    assert new["forms"] == {"order_form": {"required_slots": []}, "other_form": {"required_slots": ["city"]}}


def test_a_slot_without_features_gets_its_new_name(tmp_path: Path) -> None:
    domain = tmp_path / "domain.yml"
    domain.write_text("slots:\n  city:\n    type: unfeaturized\n")
    new = yaml.safe_load(migrate(domain).domain.read_text())
    assert new["slots"] == {"city": {"type": "any", "mappings": [{"type": "custom"}]}}
