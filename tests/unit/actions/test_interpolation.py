"""`{slot}` in texts."""

import pytest

from shoptalk.actions.interpolation import fill, fill_text

VALUES = {"name": "Ann", "none": None, "n": 3, "a.b": "dots", "two words": "spaces", "braces": "{name}"}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("Hello {name}", "Hello Ann"),
        ("{none} {n}", "None 3"),
        ("{a.b} {two words}", "dots spaces"),
        ("{name} {unknown}", "{name} {unknown}"),
        ("{{name}}", "{name}"),
        ("{{{name}}}", "{Ann}"),
        ("{{name}} {n}", "{{name}} {n}"),
        ("{{}} {n}", "{} 3"),
        ("a { b } c", "a { b } c"),
        ("{} {n}", "{} 3"),
        ("{braces}", "{name}"),
        ("{name.__class__} {name!r:>9}", "{name.__class__} {name!r:>9}"),
        ("{0}", "{0}"),
        ("{na\nme}", "{na\nme}"),
    ],
)
def test_texts(text, filled):
    assert fill_text(text, VALUES) == filled


def test_every_text_of_a_json_value_is_filled_and_the_value_itself_stays():
    value = {"a": ["{name}", {"b": "{n}"}], "c": 1, "{n}": None}
    assert fill(value, VALUES) == {"a": ["Ann", {"b": "3"}], "c": 1, "{n}": None}
    assert value["a"][0] == "{name}"
