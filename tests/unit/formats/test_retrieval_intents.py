"""How a retrieval intent stands in the domain that is shown, as Rasa 3.6.21 shows it."""

from __future__ import annotations

from pathlib import Path

from shoptalk.formats.domain import from_raw
from shoptalk.formats.project import load_project


def test_a_retrieval_intent_names_its_entities_with_roles_and_groups(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "config.yml").write_text("pipeline: []\npolicies: []\n")
    (tmp_path / "domain.yml").write_text(
        "intents: [faq, hi]\nentities:\n- city: {roles: [to, from]}\n- age\n- size: {groups: ['1']}\n"
    )
    (tmp_path / "data" / "nlu.yml").write_text("nlu:\n- intent: faq/a\n  examples: |\n    - about a\n")
    domain = load_project(tmp_path).domain
    used = ["age", "city", "city#from", "city#to", "size", "size#1"]
    assert domain.raw["intents"] == [{"faq": {"used_entities": used, "is_retrieval_intent": True}}, "hi"]
    assert from_raw(domain.raw).labels_for("faq") == domain.labels_for("faq") == frozenset(used)
