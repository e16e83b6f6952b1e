from shoptalk.core.training_data import NOWHERE, Example
from shoptalk.formats.near_duplicates import near_conflicts, plain


def example(text: str, intent: str) -> Example:
    return Example(text, intent, None, (), {}, NOWHERE)


def test_a_copy_under_another_intent_is_found_both_ways() -> None:
    given = [example("where is my order now", "status"), example("Where is my orders now?", "refund")]
    found = {(near.one.intent, near.other.intent) for near in near_conflicts(given)}
    assert found == {("status", "refund"), ("refund", "status")}


def test_an_example_nearer_to_its_own_kind_is_none() -> None:
    given = [
        example("where is my order now", "status"),
        example("where is my order now then", "status"),
        example("where is my order no", "refund"),
    ]
    assert [near.one.intent for near in near_conflicts(given)].count("status") <= 1
    assert "refund" in [near.one.intent for near in near_conflicts(given)]


def test_short_equal_and_different_texts_are_none() -> None:
    given = [
        example("yes", "affirm"), example("yess", "deny"),
        example("where is my order", "status"), example("where is my order", "refund"),
        example("show me wool scarves", "search"),
    ]  # fmt: skip
    assert list(near_conflicts(given)) == []


def test_case_width_accents_and_punctuation_do_not_count() -> None:
    assert plain("  Où EST-il?! ") == plain("ou est il")
    assert plain("ＡＢＣ１") == "abc1"
