"""Small training data and pipelines for the tests of `shoptalk.nlu`."""

from __future__ import annotations

import re
from typing import Any

from shoptalk.core.training_data import EntitySpan, Example, TrainingData
from shoptalk.nlu.pipeline import Pipeline

_MARK = re.compile(r"\[([^\]]+)\]\((\w+)(?::(\w+))?\)")


def example(marked: str, intent: str | None, **more: Any) -> Example:
    """An example from `text with [surface](entity:role)`."""
    plain, spans, at = "", [], 0
    for match in _MARK.finditer(marked):
        plain += marked[at : match.start()]
        spans.append(EntitySpan(len(plain), len(plain) + len(match[1]), match[2], match[1], match[3]))
        plain += match[1]
        at = match.end()
    return Example(plain + marked[at:], intent, entities=tuple(spans), **more)


def data(by_intent: dict[str, list[str]], **more: Any) -> TrainingData:
    """Training data from marked texts by intent."""
    examples = tuple(example(text, intent) for intent, texts in by_intent.items() for text in texts)
    return TrainingData(examples, **more)


SHOP = data(
    {
        "greet": ["hello", "hi there", "good morning", "hey", "你好", "早上好"],
        "order_status": [
            "where is my order [10234](order_id)",
            "track parcel [10987](order_id) please",
            "has [11222](order_id) been sent",
            "my parcel [12001](order_id) is not here",
            "订单[10333](order_id)到哪了",
            "帮我查一下[10876](order_id)的物流",
        ],
        "exchange": [
            "swap the [red](color:old) one for [blue](color:new)",
            "i have [green](color:old) and want [black](color:new)",
            "change it from [blue](color:old) to [red](color:new)",
            "[white](color:old) to [green](color:new) please",
            "把[红色](color:old)换成[蓝色](color:new)",
            "[黑色](color:old)的换[白色](color:new)的",
        ],
        "goodbye": ["bye", "see you later", "goodbye", "good night", "再见", "拜拜"],
    }
)


def trained(names: list[str | dict[str, Any]], training: TrainingData, **more: Any) -> Pipeline:
    """A pipeline of these components, trained, saved and loaded again."""
    configs = [{"name": name} if isinstance(name, str) else name for name in names]
    pipeline = Pipeline.build(configs, **more)
    pipeline.train(training)
    return Pipeline.load(configs, pipeline.save(), **more)


def entities(result: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    """(type, value, role) of each entity."""
    return [(e["entity"], e["value"], e.get("role")) for e in result["entities"]]
