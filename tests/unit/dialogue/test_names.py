"""Training refuses names that the domain does not have, where Rasa's training does."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoptalk.core.events import ActionExecuted, UserUttered
from shoptalk.core.tracker import Tracker
from shoptalk.dialogue.engine import Dialogue
from shoptalk.errors import DataError
from shoptalk.formats.project import Project, load_project

DOMAIN = "intents: [hi]\nslots:\n  a: {type: bool, mappings: [{type: custom}]}\nresponses:\n  utter_hi: [{text: Hi}]\n"
UNKNOWN = "action: utter_hy"
SAID = r"yml:5: 'greet' names the action 'utter_hy'.*Did you mean 'utter_hi'"


def project(folder: Path, policies: str, kind: str, step: str) -> Project:
    (folder / "data").mkdir()
    (folder / "config.yml").write_text(f"pipeline: []\npolicies: [{policies}]\n")
    (folder / "domain.yml").write_text(DOMAIN)
    kinds = {"rule": "rules", "story": "stories"}
    (folder / "data" / "greet.yml").write_text(
        f"{kinds[kind]}:\n- {kind}: greet\n  steps:\n  - intent: hi\n  - {step}\n"
    )
    return load_project(folder)


@pytest.mark.parametrize(
    ("policies", "kind", "step", "said"),
    [
        ("{name: RulePolicy}", "rule", UNKNOWN, SAID),
        ("{name: TEDPolicy, epochs: 1}", "story", UNKNOWN, SAID),
        ("{name: RulePolicy}", "rule", "slot_was_set: [{b: true}]", "'greet' sets the slot 'b'"),
        ("{name: MemoizationPolicy}", "story", "slot_was_set: [{b: true}]", "'greet' sets the slot 'b'"),
    ],
)
def test_an_unknown_name_ends_training(
    tmp_path: Path, policies: str, kind: str, step: str, said: str
) -> None:
    made = project(tmp_path, policies, kind, step)
    with pytest.raises(DataError, match=said):
        Dialogue.build(made.config.policies).train(made.stories, made.domain)


@pytest.mark.parametrize(
    ("policies", "kind"),
    [("{name: MemoizationPolicy}, {name: RulePolicy}", "story"), ("{name: MemoizationPolicy}", "rule")],
)
def test_memory_may_hold_an_action_that_is_not_there_but_never_predicts_it(
    tmp_path: Path, policies: str, kind: str
) -> None:
    made = project(tmp_path, policies, kind, UNKNOWN)
    dialogue = Dialogue.build(made.config.policies)
    dialogue.train(made.stories, made.domain)
    said = UserUttered(text="/hi", parse_data={"intent": {"name": "hi", "confidence": 1.0}, "entities": []})
    tracker = Tracker.from_events("s", [ActionExecuted("action_listen"), said], made.domain)
    assert dialogue.predict(tracker, made.domain).action(made.domain) != "utter_hy"
