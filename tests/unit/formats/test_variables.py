"""`${NAME}` in settings: the variable's value, as it is written."""

from __future__ import annotations

import pytest

from shoptalk.errors import DataError
from shoptalk.formats.yaml import read_text


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("6380", 6380),
        ("true", True),
        ("secret", "secret"),
        ("0123", "0123"),  # a password; as a number it would lose its zero
        ("+4915123456789", "+4915123456789"),
        ("1e5", "1e5"),
        ("0x1F", "0x1F"),
    ],
)
def test_only_what_is_the_same_as_a_number_becomes_one(
    value: str, read: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOPTALK_TEST", value)
    assert read_text("key: ${SHOPTALK_TEST}\n", environment=True) == {"key": read}


def test_a_missing_one_is_named_with_its_line() -> None:
    with pytest.raises(DataError, match=r"\$\{SHOPTALK_NONE\}") as caught:
        read_text("a: 1\nkey: ${SHOPTALK_NONE}\n", "endpoints.yml", environment=True)
    assert caught.value.line == 2
