"""Finding goods, reading what shoppers write, drawing, and the storefront's routes."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from shop import catalogue, pictures, web
from shop.catalogue import Wish
from shop.labels import REASON_WORDS, RESOLUTION_WORDS, match_words
from shop.recommendations import best_rated, for_customer, for_wishes, similar

pytestmark = pytest.mark.usefixtures("shop_to_read")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_title_finds_its_own_product(language: str) -> None:
    for item in catalogue.all_items():
        found = catalogue.find_products(item.title(language))
        assert found[0].item.title(language) == item.title(language)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("harbour rain jacket", "Harbour Rain Jacket"),
        ("harbor rain jackets", "Harbour Rain Jacket"),
        ("tarn swaeter", "Tarn Sweater"),
        ("the firn jacket", "Firn Down Jacket"),
        ("teahouse bottle", "Teahouse Insulated Bottle"),
        ("P001", "Harbour Rain Jacket"),
        ("P001-NAVY-M", "Harbour Rain Jacket"),
        ("海港夹克", "Harbour Rain Jacket"),
        ("茶馆保温杯", "Teahouse Insulated Bottle"),
        ("粒雪羽绒服", "Firn Down Jacket"),
    ],
)
def test_names_with_slips(name: str, title: str) -> None:
    assert catalogue.find_products(name)[0].item.title_en == title


@pytest.mark.parametrize("name", ["", "spaceship", "P999", "宇宙飞船", "   ", "🙂"])
def test_what_the_shop_lacks(name: str) -> None:
    assert catalogue.the_product(name) is None


def test_a_kind_of_goods_is_not_one_product() -> None:
    assert catalogue.the_product("rain jacket") is None
    assert len(catalogue.find_products("rain jacket")) == 5


@pytest.mark.parametrize(
    ("text", "color"),
    [("navy", "navy"), ("dark blue", "navy"), ("深蓝色", "navy"), ("蓝绿色", "teal"), ("beige", "camel"), ("灰色的", "grey"), ("loud", None)],
)  # fmt: skip
def test_colours(text: str, color: str | None) -> None:
    assert catalogue.read_color(text) == color


@pytest.mark.parametrize(
    ("text", "size"),
    [("M", "M"), ("size m please", "M"), ("extra large", "XL"), ("大号", "L"), ("42", "42"), ("39-41", "39-41"), ("135x200", "135x200"),
     ("??", None)],
)  # fmt: skip
def test_sizes(text: str, size: str | None) -> None:
    assert catalogue.read_size(text) == size


@pytest.mark.parametrize(
    ("text", "cents"),
    [("under 80 euros", 8000), ("49,90", 4990), ("100欧以内", 10000), (80, 8000), ("cheap", None)],
)
def test_amounts(text: object, cents: int | None) -> None:
    assert catalogue.read_cents(text) == cents


@pytest.mark.parametrize(
    ("value", "budget"),
    [
        ("under 80 euros", (None, 8000)),
        (None, (None, None)),
        ({"type": "value", "value": 60, "unit": "EUR"}, (None, 6000)),
        ({"type": "interval", "to": {"value": 100}}, (None, 10000)),
        ({"type": "interval", "from": {"value": 50}}, (5000, None)),
        ({"type": "interval", "from": {"value": 50}, "to": {"value": 80.5}}, (5000, 8050)),
    ],
)
def test_budgets(value: object, budget: tuple[int | None, int | None]) -> None:
    assert catalogue.read_budget(value) == budget


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("too small", "too_small"),
        ("它太小了", "too_small"),
        ("sleeves are too long", "too_large"),
        ("the zip is broken", "damaged"),
        ("质量有问题", "damaged"),
        ("you sent the wrong item", "wrong_item"),
        ("颜色和图片不一样", "not_as_described"),
        ("I changed my mind", "changed_mind"),
        ("不想要了", "changed_mind"),
    ],
)
def test_reasons(text: str, code: str) -> None:
    assert match_words(REASON_WORDS, text) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [("my money back", "refund"), ("swap it", "exchange"), ("换一件", "exchange"), ("store credit", "store_credit"), ("退款吧", "refund"),
     ("please repair it", "repair"), ("banana", None)],
)  # fmt: skip
def test_resolutions(text: str, code: str | None) -> None:
    assert match_words(RESOLUTION_WORDS, text) == code


def test_wishes_filter() -> None:
    found = for_wishes(Wish(text="warm for winter", category="jackets", max_cents=20_000))
    assert found
    assert all(item.category == "jackets" and item.price_cents <= 20_000 and item.on_hand for item in found)
    assert all("kids" not in item.tags for item in found)
    assert any(
        "kids" in item.tags for item in for_wishes(Wish(text="rain jacket for my kid", category="jackets"))
    )


def test_recommendations_vary_and_are_in_stock() -> None:
    for items in (for_customer("C0001")[0], best_rated(), similar(catalogue.all_items()[0])):
        assert len(items) >= 3
        assert all(item.on_hand > 0 for item in items)
    mine, owned = for_customer("C0001")
    assert len({item.family for item in mine}) == len(mine)
    assert not {item.id for item in mine} & {item.id for item in owned}


def test_every_product_has_a_picture_in_every_colour() -> None:
    for item in catalogue.all_items():
        assert item.family in pictures.SHAPES
        for color in item.colors:
            svg = pictures.draw(item.id, color)
            assert svg is not None
            ElementTree.fromstring(svg)
    assert pictures.draw("P001", "plaid") is None
    assert pictures.draw("P999", "navy") is None


@pytest.fixture
def client() -> TestClient:
    app = FastAPI()
    app.include_router(web.router)
    return TestClient(app)


def test_the_storefront_lists_searches_and_shows(client: TestClient) -> None:
    front = client.get("/shop/products?limit=12").json()
    assert len(front) == 12
    assert set(front[0]) == {"id", "title", "price", "currency", "image", "stock", "rating", "url"}
    found = client.get("/shop/products", params={"q": "毛衣", "language": "zh"}).json()
    assert all("毛衣" in item["title"] for item in found[:3])
    one = client.get("/shop/products/P001?language=zh").json()
    assert one["title"] == "海港防雨夹克"
    assert len(one["reviews"]) == 5
    image = client.get(one["colors"][0]["image"])
    assert image.headers["content-type"].startswith("image/svg+xml")


@pytest.mark.parametrize(
    "path",
    ["/shop/products/P999", "/shop/products/x", "/shop/articles/none", "/shop/images/P001-plaid.svg", "/shop/images/..%2f..%2fetc.svg"],
)  # fmt: skip
def test_what_is_not_there_is_404_with_a_hint(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "path", ["/shop/products?limit=0", "/shop/products?limit=x", "/shop/products?language=fr"]
)
def test_wrong_parameters_are_422(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 422


def test_articles_over_http(client: TestClient) -> None:
    assert len(client.get("/shop/articles").json()) >= 60
    assert "EUR 4.90" in client.get("/shop/articles/shipping-cost?language=zh").json()["text"]


def test_demo_customers() -> None:
    people = web.demo_customers()
    assert [person["id"] for person in people] == ["C0001", "C0002", "C0003", "C0004", "C0005"]
    assert {person["language"] for person in people} == {"en", "zh"}
    assert (people[0]["orders"], people[-1]["orders"]) == (4, 0)
