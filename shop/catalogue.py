"""Finding products by name, words and attributes, in both languages."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from shop.database import database_url, reading
from shop.labels import (
    ATTRIBUTE_WORDS,
    CATEGORY_WORDS,
    COLOR_WORDS,
    COLORS,
    label,
    match_word,
    match_words,
    money,
    size_label,
)
from shop.models import Product, Review, Stock, Variant

_STOP = frozenset(
    [
        "the",
        "a",
        "an",
        "of",
        "for",
        "in",
        "my",
        "your",
        "is",
        "are",
        "do",
        "you",
        "have",
        "i",
        "want",
        "need",
        "with",
        "and",
        "or",
        "how",
        "much",
        "what",
        "this",
        "that",
        "it",
    ]
)
# Below this likeness a name is not taken for a product.
SURE, POSSIBLE = 0.62, 0.42


@dataclass(frozen=True, slots=True)
class Item:
    """A product as the shop talks about it; price in cents, weight in grams."""

    id: str
    family: str
    category: str
    title_en: str
    title_zh: str
    description_en: str
    description_zh: str
    price_cents: int
    weight_g: int
    warranty_months: int
    tags: tuple[str, ...]
    details_en: dict[str, Any]
    details_zh: dict[str, Any]
    colors: tuple[str, ...]
    sizes: tuple[str, ...]
    rating: float
    reviews: int
    on_hand: int = 0

    def title(self, language: str) -> str:
        return self.title_zh if language == "zh" else self.title_en

    def description(self, language: str) -> str:
        return self.description_zh if language == "zh" else self.description_en


@dataclass(frozen=True, slots=True)
class Match:
    """A product and how well a name fits it, from 0 to 1."""

    item: Item
    score: float


@dataclass(frozen=True, slots=True)
class Availability:
    """What is on the shelf of a product, or of a colour and size of it."""

    on_hand: int
    sizes: tuple[str, ...]
    colors: tuple[str, ...]
    restock_at: int | None


@dataclass(frozen=True, slots=True)
class Wish:
    """What a shopper looks for; empty fields do not matter. Price in cents."""

    text: str = ""
    category: str | None = None
    color: str | None = None
    size: str | None = None
    min_cents: int | None = None
    max_cents: int | None = None
    tags: tuple[str, ...] = ()


@cache
def _items(url: str) -> dict[str, Item]:
    with reading(url) as session:
        ratings = {
            product: (round(float(stars), 1), count)
            for product, stars, count in session.execute(
                select(Review.product_id, func.avg(Review.stars), func.count()).group_by(Review.product_id)
            )
        }
        products = session.scalars(
            select(Product).options(selectinload(Product.variants)).order_by(Product.id)
        )
        return {product.id: _item(product, *ratings.get(product.id, (0.0, 0))) for product in products}


def _item(product: Product, rating: float, reviews: int) -> Item:
    variants = product.variants
    return Item(
        id=product.id,
        family=product.family,
        category=product.category,
        title_en=product.title_en,
        title_zh=product.title_zh,
        description_en=product.description_en,
        description_zh=product.description_zh,
        price_cents=product.price_cents,
        weight_g=product.weight_g,
        warranty_months=product.warranty_months,
        tags=tuple(product.tags),
        details_en=product.details_en,
        details_zh=product.details_zh,
        colors=tuple(dict.fromkeys(variant.color for variant in variants)),
        sizes=tuple(dict.fromkeys(variant.size for variant in variants)),
        rating=rating,
        reviews=reviews,
    )


def all_items() -> list[Item]:
    """Every product, in catalogue order; without stock."""
    return list(_items(database_url()).values())


def get_item(product_id: str) -> Item | None:
    """A product by id or by the id at the head of a SKU, with its stock."""
    item = _items(database_url()).get(product_id.split("-")[0].upper())
    return with_stock([item])[0] if item else None


def with_stock(items: list[Item]) -> list[Item]:
    """The items with the number of pieces on the shelf now."""
    wanted = select(Variant.product_id, func.sum(Stock.on_hand)).join(Stock, Stock.sku == Variant.sku)
    with reading() as session:
        rows = session.execute(
            wanted.where(Variant.product_id.in_([x.id for x in items])).group_by(Variant.product_id)
        )
        counts = {product: int(number) for product, number in rows}
    return [replace(item, on_hand=counts.get(item.id, 0)) for item in items]


def find_products(name: str, limit: int = 5) -> list[Match]:
    """Products whose name is like the text, best first."""
    exact = get_item(name.strip()) if re.fullmatch(r"[Pp]\d{3}(-.+)?", name.strip()) else None
    if exact:
        return [Match(exact, 1.0)]
    scored = [Match(item, _likeness(name, item)) for item in all_items()]
    best = sorted((match for match in scored if match.score >= POSSIBLE), key=lambda m: (-m.score, m.item.id))
    return best[:limit]


def the_product(name: str) -> Item | None:
    """The one product a name means, or None if none or several fit equally."""
    matches = find_products(name)
    if not matches or matches[0].score < SURE:
        return None
    if len(matches) > 1 and matches[1].score > matches[0].score - 0.08:
        return None
    return with_stock([matches[0].item])[0]


def search(wish: Wish, limit: int = 5) -> list[Item]:
    """Products that fit a wish: filters first, then words, then rating; colour and size must be on the shelf."""
    rows = [item for item in all_items() if _passes(item, wish)]
    words = _words(wish.text)
    tags = set(wish.tags) | wish_tags(wish.text)
    scored = sorted(rows, key=lambda item: (-_fit(item, words, tags, wish.text), item.id))
    found = with_stock(scored[: limit * 4])
    available = [item for item in found if _on_shelf(item, wish)] if wish.size or wish.color else found
    return available[:limit]


def availability(product_id: str, color: str | None = None, size: str | None = None) -> Availability:
    """What is there of a product, narrowed to a colour and a size if given."""
    wanted = (
        select(Variant, Stock).join(Stock, Stock.sku == Variant.sku).where(Variant.product_id == product_id)
    )
    with reading() as session:
        rows = [(variant, stock) for variant, stock in session.execute(wanted.order_by(Variant.position))]
    rows = [
        (variant, stock)
        for variant, stock in rows
        if color in (None, variant.color) and size in (None, variant.size)
    ]
    there = [variant for variant, stock in rows if stock.on_hand > 0]
    restock = [stock.restock_at for _, stock in rows if stock.on_hand == 0 and stock.restock_at]
    return Availability(
        on_hand=sum(stock.on_hand for _, stock in rows),
        sizes=tuple(dict.fromkeys(variant.size for variant in there)),
        colors=tuple(dict.fromkeys(variant.color for variant in there)),
        restock_at=min(restock) if restock else None,
    )


def attribute_of(item: Item, attribute: str, language: str) -> str:
    """An attribute in words."""
    details = item.details_zh if language == "zh" else item.details_en
    joint = "、" if language == "zh" else ", "
    if attribute in details:
        return str(details[attribute])
    if attribute == "weight":
        return f"{item.weight_g} g" if language != "zh" else f"{item.weight_g}克"
    if attribute == "warranty":
        return f"{item.warranty_months} months" if language != "zh" else f"{item.warranty_months}个月"
    if attribute == "colors":
        return joint.join(label(COLORS, color, language) for color in item.colors)
    if attribute == "sizes":
        return joint.join(size_label(size, language) for size in item.sizes)
    if attribute == "rating":
        return f"{item.rating} / 5 ({item.reviews})"
    return money(item.price_cents)


def read_color(text: str | None) -> str | None:
    """The shop's colour in a text, also by other names and in Chinese."""
    return match_word({**{color: color for color in COLORS}, **COLOR_WORDS}, text) if text else None


def read_category(text: str | None) -> str | None:
    """The category in a text."""
    return match_word(CATEGORY_WORDS, text) if text else None


def read_attribute(text: str | None) -> str | None:
    """The attribute a text asks for."""
    return match_words(ATTRIBUTE_WORDS, text) if text else None


def read_size(text: str | None) -> str | None:
    """The size in a text, as the shop writes it."""
    if not text:
        return None
    words = {
        "extra small": "XS",
        "small": "S",
        "medium": "M",
        "extra large": "XL",
        "large": "L",
        "小号": "S",
        "中号": "M",
        "大号": "L",
        "加大": "XL",
        "特小": "XS",
    }
    lowered = text.lower().strip()
    for word in sorted(words, key=len, reverse=True):
        if word in lowered:
            return words[word]
    found = re.search(
        r"(?<![A-Za-z0-9])(XS|3XL|X{1,2}L|S|M|L|\d{2}-\d{2}|\d{2,3}(?:x\d{3})?)(?![A-Za-z0-9])", text, re.I
    )
    return found.group(1).upper().replace("X2", "x2") if found else None


def read_cents(value: object) -> int | None:
    """An amount of money in a text (`under 80 euros`, `100欧以内`), in cents."""
    found = re.search(r"\d+(?:[.,]\d{1,2})?", str(value)) if value is not None else None
    return round(float(found.group().replace(",", ".")) * 100) if found else None


def read_budget(value: object) -> tuple[int | None, int | None]:
    """The least and the most to spend, in cents.

    Args:
        value: a text, or what the pipeline's EntityNormalizer made of one: a value, or an interval with an edge or two.
    """
    if not isinstance(value, dict):
        return None, read_cents(value)
    if value.get("type") != "interval":
        return None, read_cents(value.get("value"))
    least, most = (read_cents((value.get(edge) or {}).get("value")) for edge in ("from", "to"))
    return least, most


TAG_WORDS: dict[str, tuple[str, ...]] = {
    "rain": ("rain", "wet", "waterproof", "雨", "防水"),
    "winter": ("winter", "cold", "snow", "冬", "冷", "雪"),
    "summer": ("summer", "hot", "beach", "夏", "热", "海边"),
    "warm": ("warm", "cosy", "cozy", "暖"),
    "office": ("office", "work", "business", "办公", "上班", "通勤"),
    "gift": ("gift", "present", "birthday", "礼物", "送"),
    "outdoor": ("outdoor", "mountain", "户外", "爬山"),
    "hiking": ("hik", "trek", "登山", "徒步"),
    "camping": ("camp", "露营"),
    "travel": ("travel", "trip", "holiday", "旅行", "出差"),
    "elegant": ("elegant", "wedding", "formal", "优雅", "正式", "婚礼"),
    "party": ("party", "evening", "派对", "晚会"),
    "casual": ("casual", "everyday", "休闲", "日常"),
    "commute": ("commut", "bike", "cycl", "通勤", "骑车"),
    "sport": ("sport", "run", "yoga", "gym", "运动", "跑步", "瑜伽"),
    "kids": ("kid", "child", "son", "daughter", "孩", "儿童"),
    "home": ("home", "bedroom", "sofa", "家里", "卧室"),
}


def wish_tags(text: str) -> set[str]:
    """The occasions and seasons a text speaks of."""
    lowered = text.lower()
    return {tag for tag, words in TAG_WORDS.items() if any(word in lowered for word in words)}


def _passes(item: Item, wish: Wish) -> bool:
    if wish.category and item.category != wish.category:
        return False
    if wish.color and wish.color not in item.colors:
        return False
    if wish.size and len(item.sizes) > 1 and wish.size not in item.sizes:
        return False
    kids = "kids" in wish.tags or "kids" in wish_tags(wish.text)
    if "kids" in item.tags and not kids:
        return False
    if wish.min_cents is not None and item.price_cents < wish.min_cents:
        return False
    return wish.max_cents is None or item.price_cents <= wish.max_cents


def _on_shelf(item: Item, wish: Wish) -> bool:
    size = wish.size if len(item.sizes) > 1 else None
    return availability(item.id, wish.color, size).on_hand > 0


def _fit(item: Item, words: frozenset[str], tags: set[str], text: str) -> float:
    own = _words(f"{item.title_en} {item.description_en}")
    zh = sum(pair in item.title_zh + item.description_zh for pair in _pairs(text))
    title = len(words & _words(item.title_en))
    return (
        1.5 * len(tags & set(item.tags)) + 2.0 * title + 0.5 * len(words & own) + 0.7 * zh + item.rating / 2
    )


def _likeness(name: str, item: Item) -> float:
    """How much a name and a title share, by words, letter triples and Chinese pairs."""
    pairs = _pairs(name)
    zh = len(pairs & _pairs(item.title_zh)) / len(pairs) if pairs else 0.0
    bonus = 0.15 * len(pairs & _pairs(item.title_zh)) / max(len(_pairs(item.title_zh)), 1) if pairs else 0.0
    wanted, title = _words(name), _words(item.title_en)
    if not wanted:
        return zh * 0.85 + bonus
    shared = len(wanted & title)
    by_word = 2 * shared / (len(wanted) + len(title))
    grams, own = _grams(" ".join(sorted(wanted))), _grams(" ".join(sorted(title)))
    by_gram = 2 * len(grams & own) / max(len(grams) + len(own), 1)
    return max(zh * 0.85 + bonus, by_word, by_gram)


@lru_cache(4096)
def _words(text: str) -> frozenset[str]:
    found = re.findall(r"[a-z][a-z-]+", text.lower())
    return frozenset(_stem(word) for word in found if word not in _STOP and word not in COLORS)


def _stem(word: str) -> str:
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("oes", "o"), ("xes", "x")):
        if word.endswith(ending):
            return word[: -len(ending)] + instead
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word


@lru_cache(4096)
def _grams(text: str) -> frozenset[str]:
    padded = f" {text} "
    return frozenset(padded[start : start + 3] for start in range(len(padded) - 2))


@lru_cache(4096)
def _pairs(text: str) -> frozenset[str]:
    runs = re.findall(r"[\u4e00-\u9fff]+", text)
    return frozenset(run[start : start + 2] for run in runs for start in range(len(run) - 1))


def product_names(session: Session) -> list[tuple[str, str]]:
    """English and Chinese titles of all products, for lookup tables."""
    return [
        (english, chinese) for english, chinese in session.execute(select(Product.title_en, Product.title_zh))
    ]
