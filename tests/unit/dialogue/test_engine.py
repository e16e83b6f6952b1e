import json
import logging
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from shoptalk.dialogue import Dialogue
from shoptalk.errors import ConfigError, DataError

STORY = "stories:\n- story: s\n  steps:\n  - intent: greet\n  - action: utter_greet\n"


def test_an_unknown_policy_is_named_with_a_proposal() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'RulePolicy'"):
        Dialogue.build([{"name": "RulePolcy"}])


def test_an_unknown_key_is_named(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        Dialogue.build([{"name": "RulePolicy", "restrict_rule": True}])
    assert "Did you mean 'restrict_rules'" in caplog.text


@pytest.mark.parametrize("value", [0, -1, "five", True])
def test_a_history_must_be_a_number(value: Any) -> None:
    with pytest.raises(ConfigError, match="max_history"):
        Dialogue.build([{"name": "MemoizationPolicy", "max_history": value}])


def test_rasas_featurizer_key_sets_the_history() -> None:
    config = {
        "name": "MemoizationPolicy",
        "featurizer": [{"name": "MaxHistoryTrackerFeaturizer", "max_history": 2}],
    }
    assert Dialogue.build([config]).policies[0].max_history == 2
    with pytest.raises(ConfigError, match="OtherFeaturizer"):
        Dialogue.build([{"name": "TEDPolicy", "featurizer": [{"name": "OtherFeaturizer"}]}])


def test_equal_priorities_are_remarked(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        Dialogue.build([{"name": "RulePolicy", "priority": 3}, {"name": "MemoizationPolicy"}])
    assert "same priority 3" in caplog.text


def test_forms_need_rules(project: Callable[..., Any]) -> None:
    read = project(STORY)
    with pytest.raises(DataError, match="RulePolicy"):
        Dialogue.build([{"name": "MemoizationPolicy"}]).train(read.stories, read.domain)


def test_no_policies_predict_listening(project: Callable[..., Any], talk: Callable[..., Any]) -> None:
    read = project(STORY)
    dialogue = Dialogue.build([])
    dialogue.train(read.stories, read.domain)
    assert dialogue.predict(talk(STORY).tracker, read.domain).action(read.domain) == "action_listen"


def test_a_users_own_policy_comes_by_its_path(project: Callable[..., Any]) -> None:
    name = "shoptalk.dialogue.policies.memoization.MemoizationPolicy"
    assert type(Dialogue.build([{"name": name}]).policies[0]).__name__ == "MemoizationPolicy"


def test_the_inspector_sees_what_each_policy_thinks(talk: Callable[..., Any]) -> None:
    conversation = talk(STORY, "MemoizationPolicy", "RulePolicy").hear("greet")
    memory, rules = conversation.dialogue.predict_all(conversation.tracker, conversation.domain)
    assert (memory.policy, memory.won, memory.top[0].action, memory.top[0].score) == (
        "MemoizationPolicy", True, "utter_greet", 1.0,
    )  # fmt: skip
    assert (rules.policy, rules.won, rules.top[0].action) == ("RulePolicy", False, "action_default_fallback")


def test_what_is_saved_is_json(talk: Callable[..., Any]) -> None:
    saved = talk(STORY, "MemoizationPolicy", "RulePolicy").dialogue.save()
    assert sorted(saved) == ["MemoizationPolicy0", "RulePolicy1"]
    assert json.loads(json.dumps({name: part.config for name, part in saved.items()}))


def test_training_says_what_it_learnt(project: Callable[..., Any]) -> None:
    read = project(STORY)
    report = Dialogue.build([{"name": "MemoizationPolicy"}, {"name": "RulePolicy"}]).train(
        read.stories, read.domain
    )
    assert report["conversations"] == {"stories": 1, "augmented": 0, "rules": 0}
    assert report["policies"]["MemoizationPolicy0"] == {"histories": 3, "longest": 3}


def test_rules_and_memory_need_neither_torch_nor_numpy() -> None:
    code = (
        "import sys; from shoptalk.dialogue import Dialogue\n"
        "Dialogue.build([{'name': 'RulePolicy'}, {'name': 'AugmentedMemoizationPolicy'}])\n"
        "assert not {'torch', 'numpy'} & set(sys.modules)\n"
        "Dialogue.build([{'name': 'TEDPolicy'}, {'name': 'UnexpecTEDIntentPolicy'}])\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "step",
    [
        "slot_was_set:\n    - knwon: true",
        "or:\n    - slot_was_set:\n      - known: true\n    - slot_was_set:\n      - knwon: 1",
    ],
)
def test_a_slot_the_domain_lacks_cannot_be_learnt(project: Callable[..., Any], step: str) -> None:
    read = project(STORY + f"  - {step}\n")
    with pytest.raises(
        DataError, match=r"data/stories.yml:\d+: 's' sets the slot 'knwon'.*Did you mean 'known'"
    ):
        Dialogue.build([{"name": "RulePolicy"}]).train(read.stories, read.domain)
