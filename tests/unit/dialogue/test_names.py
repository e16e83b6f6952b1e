"""Training refuses names that the domain does not have, as Rasa's training does."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoptalk.dialogue.engine import Dialogue
from shoptalk.errors import DataError
from shoptalk.formats.project import load_project

DOMAIN = "intents: [hi]\nslots:\n  a: {type: bool, mappings: [{type: custom}]}\nresponses:\n  utter_hi: [{text: Hi}]\n"


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("action: utter_hy", r"rules.yml:5: 'greet' names the action 'utter_hy'.*Did you mean 'utter_hi'"),
        ("slot_was_set: [{b: true}]", "'greet' sets the slot 'b'"),
    ],
)
def test_an_unknown_name_ends_training(tmp_path: Path, step: str, said: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "config.yml").write_text("pipeline: []\npolicies: [{name: RulePolicy}]\n")
    (tmp_path / "domain.yml").write_text(DOMAIN)
    (tmp_path / "data" / "rules.yml").write_text(
        f"rules:\n- rule: greet\n  steps:\n  - intent: hi\n  - {step}\n"
    )
    project = load_project(tmp_path)
    with pytest.raises(DataError, match=said):
        Dialogue.build(project.config.policies).train(project.stories, project.domain)
