"""RoleClassifier: the role of an entity by the words around it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from nlu_kit import data, trained

from shoptalk.core.training_data import Lookup
from shoptalk.nlu.pipeline import Pipeline

COLORS = ("red", "blue", "green", "white", "black", "grey")


def _new(color: str) -> str:
    return f"[{color}](color:new)"


def _old(color: str) -> str:
    return f"[{color}](color:old)"


PAIRS = list(pairwise(COLORS))
EXAMPLES = {
    "exchange": [
        *(f"change {_old(a)} to {_new(b)}" for a, b in PAIRS),
        *(f"give me {_new(a)} instead of {_old(b)}" for a, b in PAIRS),
        *(f"the {_old(a)} one for a {_new(b)} one" for a, b in PAIRS),
    ],
    "stock": [
        *(f"do you have it in [{color}](color)" for color in COLORS),
        *(f"is there a [{color}](color) one" for color in COLORS),
    ],
}


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    lookup = {"name": "RegexEntityExtractor", "use_lookup_tables": True}
    names = [
        "MultilingualTokenizer",
        "HashedNgrams",
        {"name": "JointClassifier", "entity_recognition": False},
    ]
    return trained([*names, lookup, "RoleClassifier"], data(EXAMPLES, lookups=(Lookup("color", COLORS),)))


def _roles(pipeline: Pipeline, text: str) -> list[tuple[str, str | None]]:
    found = pipeline.parse([text])[0]["entities"]
    return [(entity["value"], entity.get("role")) for entity in sorted(found, key=lambda e: int(e["start"]))]


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("change grey to red", [("grey", "old"), ("red", "new")]),
        ("please give me white instead of blue", [("white", "new"), ("blue", "old")]),
        ("do you have it in red", [("red", None)]),
        ("change it", []),
        ("", []),
    ],
)
def test_roles_follow_from_the_words_around(
    pipeline: Pipeline, text: str, roles: list[tuple[str, str | None]]
) -> None:
    assert _roles(pipeline, text) == roles


def test_two_of_a_type_never_get_the_same_role_if_the_examples_never_do(pipeline: Pipeline) -> None:
    roles = [role for _, role in _roles(pipeline, "change black, change white")]
    assert roles.count("old") < 2
    assert roles.count("new") < 2


def test_a_role_has_a_confidence(pipeline: Pipeline) -> None:
    [old, new] = pipeline.parse(["change grey to red"])[0]["entities"]
    assert 0.5 < old["confidence_role"] <= 1
    assert 0.5 < new["confidence_role"] <= 1


def test_without_roles_nothing_is_said() -> None:
    plain = {"stock": EXAMPLES["stock"], "greet": ["hello", "hi there"]}
    joint = {"name": "JointClassifier", "entity_epochs": 20}
    pipeline = trained(["MultilingualTokenizer", "HashedNgrams", joint, "RoleClassifier"], data(plain))
    assert all(role is None for _, role in _roles(pipeline, "is there a red one"))


def test_the_tagger_leaves_roles_to_it() -> None:
    joint = {"name": "JointClassifier", "entity_roles": False, "entity_epochs": 30}
    pipeline = trained(["MultilingualTokenizer", "HashedNgrams", joint], data(EXAMPLES))
    found = pipeline.parse(["change grey to red"])[0]["entities"]
    assert found
    assert not any("role" in entity for entity in found)


def test_a_type_gets_only_roles_of_its_own() -> None:
    cities = ("bonn", "rome", "oslo", "kyiv")
    trips = [f"fly from [{a}](city:origin) to [{b}](city:goal)" for a, b in pairwise(cities)]
    pipeline = trained(
        [
            "MultilingualTokenizer",
            "HashedNgrams",
            {"name": "JointClassifier", "entity_recognition": False},
            {"name": "RegexEntityExtractor", "use_lookup_tables": True},
            "RoleClassifier",
        ],
        data({**EXAMPLES, "travel": trips}, lookups=(Lookup("color", COLORS), Lookup("city", cities))),
    )
    for text in ("change bonn to rome", "give me oslo instead of kyiv", "do you have it in rome"):
        assert {role for _, role in _roles(pipeline, text)} <= {"origin", "goal"}
    assert _roles(pipeline, "change red to grey") == [("red", "old"), ("grey", "new")]
