"""The storefront's data over HTTP: products, articles, pictures, demo customers. Reads only, nothing personal."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Response
from fastapi.responses import JSONResponse
from sqlalchemy import func, select

from shop import pictures
from shop.articles import find_article, load_articles
from shop.catalogue import Item, Wish, all_items, attribute_of, find_products, get_item, search, with_stock
from shop.database import reading
from shop.knowledge import warm_up
from shop.labels import ATTRIBUTES, CATEGORIES, COLORS, label
from shop.models import Customer, Order, Review
from shop.seed_orders import DEMO_CUSTOMERS
from shop.views import image_url, product_card


@contextlib.asynccontextmanager
async def _warm(app: FastAPI) -> AsyncIterator[None]:
    """Load the help centre's index beside the first requests, so that the first question need not wait for it."""
    task = asyncio.create_task(asyncio.to_thread(warm_up))
    yield
    task.cancel()


router = APIRouter(prefix="/shop", tags=["shop"], lifespan=_warm)
Language = Annotated[str, Query(pattern="^(en|zh)$")]
ATTRIBUTES_SHOWN = ("material", "care", "waterproof", "weight", "fit", "warranty", "sizes")


@router.get("/products")
def products(
    limit: Annotated[int, Query(ge=1, le=200)] = 24,
    q: Annotated[str, Query(max_length=100)] = "",
    category: Annotated[str, Query(max_length=24)] = "",
    language: Language = "en",
) -> list[dict[str, Any]]:
    """Products as cards; with `q` those whose name or words fit, best first."""
    found = _find(q, limit) if q.strip() else _front(limit, category)
    return [product_card(item, language) for item in found]


@router.get(
    "/products/{product_id}", response_model=None, responses={404: {"description": "No such product"}}
)
def product(product_id: str, language: Language = "en") -> dict[str, Any] | Response:
    """One product with its attributes, colours and latest reviews."""
    item = get_item(product_id) if re.fullmatch(r"P\d{3}", product_id) else None
    if item is None:
        return _missing("product_not_found", "there is no such product")
    return {
        **product_card(item, language),
        "category": label(CATEGORIES, item.category, language),
        "description": item.description(language),
        "colors": [
            {"id": color, "label": label(COLORS, color, language), "image": image_url(item.id, color)}
            for color in item.colors
        ],
        "sizes": list(item.sizes),
        "attributes": [
            {"label": label(ATTRIBUTES, key, language), "value": attribute_of(item, key, language)}
            for key in ATTRIBUTES_SHOWN
        ],
        "reviews": _reviews(item.id),
    }


@router.get("/articles")
def articles(language: Language = "en") -> list[dict[str, str]]:
    """The help centre's list."""
    return [
        {"slug": x.slug, "title": x.title, "category": x.category}
        for x in load_articles()
        if x.language == language
    ]


@router.get("/articles/{slug}", response_model=None, responses={404: {"description": "No such article"}})
def article(slug: str, language: Language = "en") -> dict[str, Any] | Response:
    """One help-centre article."""
    found = find_article(slug, language)
    if found is None:
        return _missing("article_not_found", "there is no such article")
    return {
        "slug": found.slug,
        "language": found.language,
        "category": found.category,
        "title": found.title,
        "text": found.text,
        "valid_from": found.valid_from,
    }


@router.get("/images/{file}", response_class=Response, responses={404: {"description": "No such picture"}})
def image(file: str) -> Response:
    """The drawing of a product in a colour, `P001-navy.svg`."""
    name = re.fullmatch(r"(P\d{3})-([a-z]+)\.svg", file)
    svg = pictures.draw(name.group(1), name.group(2)) if name else None
    if svg is None:
        return _missing("image_not_found", "there is no such picture")
    return Response(svg, media_type="image/svg+xml", headers={"Cache-Control": "public, max-age=86400"})


def demo_customers() -> list[dict[str, Any]]:
    """The customers a demonstration may sign in as."""
    wanted = (
        select(Customer, func.count(Order.number))
        .outerjoin(Order, Order.customer_id == Customer.id)
        .where(Customer.id.in_(DEMO_CUSTOMERS))
        .group_by(Customer.id)
        .order_by(Customer.id)
    )
    with reading() as session:
        return [
            {"id": person.id, "name": person.name, "language": person.language, "orders": count}
            for person, count in session.execute(wanted)
        ]


def _find(words: str, limit: int) -> list[Item]:
    by_name = [match.item for match in find_products(words, limit)]
    by_words = [
        item for item in search(Wish(text=words), limit) if item.id not in {found.id for found in by_name}
    ]
    return with_stock((by_name or by_words)[:limit])


def _front(limit: int, category: str) -> list[Item]:
    """One of each family in turn, so that the first page shows the whole shop."""
    turn: dict[str, int] = {}
    keyed = []
    for item in all_items():
        if category in ("", item.category):
            turn[item.family] = turn.get(item.family, -1) + 1
            keyed.append((turn[item.family], item.id, item))
    return with_stock([item for _, _, item in sorted(keyed, key=lambda row: row[:2])][:limit])


def _reviews(product_id: str) -> list[dict[str, Any]]:
    wanted = (
        select(Review)
        .where(Review.product_id == product_id)
        .order_by(Review.written_at.desc(), Review.id)
        .limit(5)
    )
    with reading() as session:
        return [
            {"stars": x.stars, "text": x.text, "language": x.language, "at": x.written_at}
            for x in session.scalars(wanted)
        ]


def _missing(code: str, message: str) -> JSONResponse:
    hint = "see /shop/products and /shop/articles for what there is"
    return JSONResponse({"error": {"code": code, "message": message, "hint": hint}}, status_code=404)
