"""Slot types as numbers."""

import pytest

from shoptalk.core.slots import SlotMapping, make_slot
from shoptalk.errors import DataError


@pytest.mark.parametrize(
    ("spec", "value", "features"),
    [
        ({"type": "text"}, None, (0.0,)),
        ({"type": "text"}, "", (1.0,)),
        ({"type": "bool"}, None, (0.0, 0.0)),
        ({"type": "bool"}, False, (1.0, 0.0)),
        ({"type": "bool"}, "TRUE", (1.0, 1.0)),
        ({"type": "bool"}, "1", (1.0, 1.0)),
        ({"type": "bool"}, "1.0", (0.0, 0.0)),
        ({"type": "bool"}, "perhaps", (0.0, 0.0)),
        ({"type": "bool"}, 2, (1.0, 0.0)),
        ({"type": "float", "min_value": 0, "max_value": 10}, 2.5, (1.0, 0.25)),
        ({"type": "float"}, 7, (1.0, 1.0)),
        ({"type": "float"}, -1, (1.0, 0.0)),
        ({"type": "float"}, "x", (0.0, 0.0)),
        ({"type": "list"}, [], (0.0,)),
        ({"type": "list"}, ["a"], (1.0,)),
        ({"type": "categorical", "values": ["a", "B"]}, "b", (0.0, 1.0, 0.0)),
        ({"type": "categorical", "values": ["a", "B"]}, "z", (0.0, 0.0, 1.0)),
        ({"type": "categorical", "values": ["a", "B"]}, None, (0.0, 0.0, 0.0)),
        ({"type": "any"}, "x", ()),
        ({"type": "text", "influence_conversation": False}, "x", ()),
    ],
)
def test_features(spec, value, features):
    assert make_slot("s", spec, ()).features(value) == features


def test_dimension_is_the_length_of_the_features():
    assert make_slot("s", {"type": "categorical", "values": ["a", "b"]}, ()).dimension == 3


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"type": "any", "influence_conversation": True}, "cannot influence"),
        ({"type": "float", "min_value": 2, "max_value": 1}, "not below"),
        ({"type": "colour"}, "unknown type 'colour'"),
    ],
)
def test_what_makes_no_sense_is_refused(spec, message):
    with pytest.raises(DataError, match=message):
        make_slot("s", spec, ())


OWN = """
class Length:
    def __init__(self, name):
        self.name = name

    def as_feature(self, value):
        return [len(value or "")]
"""


def test_a_type_of_the_users_own_is_loaded_by_its_path(tmp_path, monkeypatch):
    (tmp_path / "own_slot_types.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    slot = make_slot("s", {"type": "own_slot_types.Length"}, ())
    assert slot.features("four") == (4.0,)


def test_a_mapping_names_one_intent_or_several():
    assert SlotMapping("from_intent", {"intent": "a"}).names("intent") == ("a",)
    assert SlotMapping("from_intent", {"intent": ["a", "b"]}).names("intent") == ("a", "b")
    assert SlotMapping("from_intent", {}).names("intent") == ()
