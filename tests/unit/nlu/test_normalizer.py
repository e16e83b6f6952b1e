"""EntityNormalizer: where it writes, what it leaves alone, and what it refuses."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from nlu_kit import data

from shoptalk.core.training_data import Lookup, Pattern
from shoptalk.errors import ConfigError
from shoptalk.nlu.pipeline import Pipeline

NOW_MS = int(datetime(2026, 3, 18, 14, 30, tzinfo=ZoneInfo("Europe/Berlin")).timestamp() * 1000)

TRAINING = data(
    {
        "tell": [
            "order [SO-10234](order_id) from [last friday](date)",
            "a [navy](color) one under [60 euros](price)",
        ],
        "ask": ["how are you", "what now"],
    },
    regexes=(Pattern("order_id", r"(?:SO-)?[0-9０-９]{5}"),),
    lookups=(
        Lookup("date", ("last friday", "上周五", "sometime")),
        Lookup("price", ("60 euros",)),
        Lookup("color", ("navy", "midnight")),
    ),
    synonyms={"midnight": "black"},
)


def parsed(text: str, **settings: Any) -> dict[str, dict[str, Any]]:
    """Entities of a text by name, after a pipeline that finds them by pattern."""
    names: list[dict[str, Any]] = [
        {"name": "RegexEntityExtractor", "use_word_boundaries": False},
        {"name": "EntitySynonymMapper"},
        {"name": "EntityNormalizer", **settings},
    ]
    pipeline = Pipeline.build(names)
    pipeline.train(TRAINING)
    result = Pipeline.load(names, pipeline.save()).parse([text], time_ms=NOW_MS)[0]
    return {entity["entity"]: entity for entity in result["entities"]}


def test_it_adds_and_changes_no_value() -> None:
    found = parsed("order SO-10234 from last friday", timezone="Europe/Berlin")
    assert found["order_id"]["value"] == "SO-10234"
    assert found["order_id"]["additional_info"] == {"type": "value", "value": "10234", "prefix": "SO"}
    assert found["date"]["additional_info"] == {
        "type": "value",
        "value": "2026-03-13T00:00:00.000+01:00",
        "grain": "day",
    }
    assert found["date"]["processors"] == ["EntitySynonymMapper", "EntityNormalizer"]


def test_values_are_replaced_where_a_project_wishes() -> None:
    found = parsed("order SO-10234 under 60 euros", replace=["order_id", "price"], currency="EUR")
    assert found["order_id"]["value"] == "10234"
    assert found["price"]["value"] == {"to": 60, "from": None}


def test_a_synonym_of_the_project_goes_before_the_table() -> None:
    assert parsed("a midnight one")["color"]["additional_info"]["value"] == "black"


@pytest.mark.parametrize(
    ("text", "edges"),
    [
        ("show me things under 60 euros please", {"to": 60}),
        ("60 euros or less", {"to": 60}),
        ("at least 60 euros", {"from": 60}),
        ("no more than 60 euros", {"to": 60}),
        ("but not over 60 euros", {"to": 60}),
        ("nothing above 60 euros please", {"to": 60}),
        ("I don't want to spend more than 60 euros", {"to": 60}),
        ("not sure, over 60 euros", {"from": 60}),
        ("not less than 60 euros", {"from": 60}),
    ],
)
def test_a_limit_may_stand_beside_the_entity(text: str, edges: dict[str, int]) -> None:
    info = parsed(text, currency="EUR")["price"]["additional_info"]
    assert info == {
        "type": "interval",
        **{edge: {"type": "value", "value": n, "unit": "EUR"} for edge, n in edges.items()},
    }


def test_a_date_may_be_a_deadline_by_the_word_beside_it() -> None:
    assert parsed("上周五之前")["date"]["additional_info"]["type"] == "interval"
    assert "to" in parsed("not before last friday")["date"]["additional_info"]
    assert parsed("上周五前面那家店")["date"]["additional_info"]["type"] == "value"


def test_words_without_a_value_stay_as_they_are() -> None:
    assert "additional_info" not in parsed("order it sometime")["date"]


def test_the_zone_decides_which_day_it_is() -> None:
    at = {
        zone: parsed("上周五", timezone=zone)["date"]["additional_info"]["value"]
        for zone in ("UTC", "Asia/Shanghai")
    }
    assert at == {"UTC": "2026-03-13T00:00:00.000+00:00", "Asia/Shanghai": "2026-03-13T00:00:00.000+08:00"}


def test_a_kind_can_be_given_and_taken_away() -> None:
    found = parsed("order 10234 from last friday", entities={"date": "none", "order_id": "number"})
    assert "additional_info" not in found["date"]
    assert found["order_id"]["additional_info"] == {"type": "value", "value": 10234}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"entities": {"date": "feeling"}}, "feeling"),
        ({"replace": "order_id"}, "replace"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Pipeline.build([{"name": "RegexEntityExtractor"}, {"name": "EntityNormalizer", **settings}])
