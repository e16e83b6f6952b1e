"""What users do wrong is said with file and line, what is wrong and what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Shoptalk

MISTAKES = {
    "tabs": ("domain.yml", "intents:", "intents:\n\t- x", "domain.yml:4: This is not valid YAML: "),
    "unknown policy": (
        "config.yml",
        "MemoizationPolicy",
        "MemorizationPolicy",
        "config.yml:9: There is no policy called 'MemorizationPolicy'. Did you mean 'MemoizationPolicy'?",
    ),
    "unknown component": (
        "config.yml",
        "WhitespaceTokenizer",
        "WhitespaceTokeniser",
        "config.yml:5: There is no component called 'WhitespaceTokeniser'. Did you mean 'WhitespaceTokenizer'?",
    ),
    "order of components": (
        "config.yml",
        "- name: WhitespaceTokenizer\n- name: KeywordIntentClassifier",
        "- name: KeywordIntentClassifier\n- name: CountVectorsFeaturizer",
        "config.yml:6: CountVectorsFeaturizer needs tokens, but no step before it gives that. Put a tokenizer",
    ),
    "setting of a component": (
        "config.yml",
        "- name: RegexEntityExtractor",
        "- name: FallbackClassifier\n  threshold: 40",
        "config.yml:7: FallbackClassifier has threshold: 40. Give a number from 0 to 1.",
    ),
    "setting of a policy": (
        "config.yml",
        "- name: MemoizationPolicy",
        "- name: TEDPolicy\n  loss_type: hinge",
        "config.yml:9: TEDPolicy has loss_type: 'hinge'. It must be cross_entropy or margin.",
    ),
    "unknown action": (
        "data/stories.yml",
        "- action: utter_sold",
        "- action: action_sell",
        "data/stories.yml:13: Action 'action_sell' is not in the domain.",
    ),
    "unknown step": (
        "data/stories.yml",
        "- action: utter_greet",
        "- does: utter_greet",
        'data/stories.yml:7: This step is of no known kind: {"does": "utter_greet"}. A step has one of user, intent,',
    ),
    "misspelt step key": (
        "data/stories.yml",
        "    entities:",
        "    entitees:",
        "data/stories.yml:9: The key 'entitees' is not known in a intent step. Known: entities, intent, metadata, user.",
    ),
    "intent twice": (
        "domain.yml",
        "- bye\n",
        "- bye\n- greet\n",
        "domain.yml:7: 'greet' stands twice in `intents`, first in line 4. Remove one.",
    ),
    "slot without mappings": (
        "domain.yml",
        "    mappings:\n    - type: from_entity\n      entity: fruit\n",
        "",
        "domain.yml:10: Slot 'fruit' has no mappings. Say how it is filled; `- type: custom` if by actions alone.",
    ),
    "mapping": (
        "domain.yml",
        "from_entity",
        "from_air",
        "domain.yml:14: Slot 'fruit': 'from_air' is no type of mapping. Known: from_entity, from_text, from_intent,",
    ),
    "response": (
        "domain.yml",
        "- text: Bye.",
        "- txt: Bye.",
        "domain.yml:25: A variation of response 'utter_bye' has neither `text` nor `custom`. Write `- text: what to say`.",
    ),
    "entity": (
        "data/nlu.yml",
        "(fruit)\n    - a",
        '{"ent": "fruit"}\n    - a',
        'data/nlu.yml:11: The entity \'[apple]{"ent": "fruit"}\' cannot be read: it names no entity. Write [text](entity)',
    ),
    "rule with two messages": (
        "data/rules.yml",
        "  - action: utter_bye\n",
        "  - action: utter_bye\n  - intent: greet\n  - action: utter_greet\n",
        "data/rules.yml:3: ",
    ),
    "key twice": (
        "domain.yml",
        "entities:\n- fruit\n",
        "entities:\n- fruit\nentities: []\n",
        "domain.yml:9: The key 'entities' stands twice, first in line 7.",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_training_names_the_place_and_the_remedy(mistake: str, project: Path, shoptalk: Shoptalk) -> None:
    name, right, wrong, message = MISTAKES[mistake]
    path = project / name
    text = path.read_text()
    assert right in text
    path.write_text(text.replace(right, wrong, 1))
    ran = shoptalk("train", "--quiet")
    assert ran.status == 1
    assert message in ran.err
    assert "Traceback" not in ran.err


def test_a_conflict_shows_both_sides_the_history_and_ways_out(project: Path, shoptalk: Shoptalk) -> None:
    with (project / "data/stories.yml").open("a") as file:
        file.write("- story: other\n  steps:\n  - intent: greet\n  - action: utter_bye\n")
    ran = shoptalk("data", "validate")
    assert ran.status == 0
    assert shoptalk("data", "validate", "--fail-on-warnings").status == 1
    assert ran.out.startswith(
        "warning Story structure conflict after intent 'greet':\n"
        "        shared history: user: greet\n"
        "        utter_greet predicted in 'greet and buy' (data/stories.yml:4)\n"
        "          data/stories.yml:5   │   steps:\n"
        "          data/stories.yml:6   │   - intent: greet\n"
        "        ❯ data/stories.yml:7   │   - action: utter_greet\n"
    )
    assert "        utter_bye predicted in 'other' (data/stories.yml:14)\n" in ran.out
    assert "Ways out:\n        1. " in ran.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("data", "validate", "--max-history", "0"), "--max-history must be at least 1."),
        (
            ("data", "split", "nlu", "--training-fraction", "2"),
            "--training-fraction must lie between 0 and 1.",
        ),
        (("data", "convert", "nlu", "--data", "nowhere"), "nowhere: There is no NLU data here."),
        (("data", "migrate", "-d", "nowhere.yml"), "nowhere.yml: There is no such domain."),
        (("data", "migrate"), "domain.yml: There is nothing to migrate: the domain has Rasa 3's form."),
        (("visualize", "-s", "nowhere"), "nowhere: There are no stories here."),
        (("test", "-m", "nowhere"), "nowhere: There is no model here. Run `shoptalk train`."),
        (("test", "--url", "http://x"), "--url is not supported."),
        (("shell",), "models: There is no model here. Run `shoptalk train`."),
        (("train", "--epoch-fraction", "0"), "--epoch-fraction must be more than 0."),
        (("export",), "endpoints.yml: There is no event broker to send to."),
        (("run", "--model", "nowhere"), "nowhere: There is no model here."),
    ],
)
def test_wrong_flags_are_answered(
    words: tuple[str, ...], message: str, project: Path, shoptalk: Shoptalk
) -> None:
    ran = shoptalk(*words)
    assert ran.status == 1
    assert message in ran.err
