"""The dev server's own small catalogue, articles and orders: made up, enough to see every card."""

from __future__ import annotations

import time
from typing import Any

DAY_S = 86_400

# id, English title, Chinese title, category, price, stock, rating, colour, shape
_ROWS = [
    ("P0001", "Harbour Rain Jacket", "海港防雨夹克", "jackets", 129.0, 14, 4.7, "#2f5d73", "jacket"),
    ("P0002", "Felted Wool Overshirt", "毡呢羊毛衬衫外套", "jackets", 98.0, 3, 4.5, "#8a4b2d", "jacket"),
    ("P0003", "Indigo Work Shirt", "靛蓝工装衬衫", "tops", 64.0, 22, 4.4, "#27407c", "shirt"),
    ("P0004", "Undyed Linen Tee", "本色亚麻短袖", "tops", 34.0, 60, 4.2, "#d8c9a8", "shirt"),
    ("P0005", "Ridge Trail Boots", "山脊徒步靴", "shoes", 149.0, 0, 4.8, "#6b4226", "boot"),
    ("P0006", "Canvas Court Shoes", "帆布平底鞋", "shoes", 59.0, 31, 4.1, "#b93a22", "boot"),
    ("P0007", "Waxed Market Tote", "蜡布买菜包", "bags", 45.0, 18, 4.6, "#5c6b34", "bag"),
    ("P0008", "Roll-Top Daypack", "卷口双肩包", "bags", 89.0, 5, 4.6, "#c8862b", "bag"),
    ("P0009", "Blue Calico Throw", "蓝印花布盖毯", "home", 72.0, 9, 4.9, "#1d2b53", "cloth"),
    ("P0010", "Washed Linen Bedding", "水洗亚麻床品", "home", 189.0, 12, 4.7, "#a9b3a0", "cloth"),
    ("P0011", "Paper Lantern, Round", "圆形纸灯笼", "home", 28.0, 40, 4.3, "#e0542f", "lantern"),
    ("P0012", "Folding Camp Lantern", "折叠露营灯", "outdoor", 39.0, 26, 4.5, "#e7a83a", "lantern"),
]

ARTICLES = {
    "shipping": {
        "en": (
            "Shipping: cost and time",
            "Parcels leave our workshop on working days.\n\n## Cost\n- Within Germany: 4.90 EUR, free from 60 EUR\n- Other EU countries: 9.90 EUR\n\n## Time\nTwo to four working days in Germany, four to seven elsewhere. You get a tracking number by e-mail; see also [returns](/shop/articles/returns).",
        ),
        "zh": (
            "配送：费用与时间",
            "包裹在工作日从工坊发出。\n\n## 费用\n- 德国境内：4.90 欧元，满 60 欧元免运费\n- 其他欧盟国家：9.90 欧元\n\n## 时间\n德国境内 2–4 个工作日，其他国家 4–7 个工作日。物流单号会发到您的邮箱；另见[退货](/shop/articles/returns)。",
        ),
    },
    "returns": {
        "en": (
            "Returns and exchanges",
            "You have 30 days from delivery. Unworn, with the tag still on it.\n\n- Start the return in the chat\n- We send you a label\n- The money is back within five working days of arrival",
        ),
        "zh": (
            "退货与换货",
            "签收后 30 天内可退换，须未穿着且吊牌完好。\n\n- 在聊天中发起退货\n- 我们为您寄送运单\n- 收到商品后五个工作日内退款",
        ),
    },
}


def products(language: str, query: str = "", shelf: str = "") -> list[dict[str, Any]]:
    """The catalogue in a language, narrowed to titles and categories that hold the query."""
    found = []
    for key, english, chinese, category, price, stock, rating, _, _ in _ROWS:
        title = chinese if language == "zh" else english
        if query and query.lower() not in f"{english} {chinese} {category}".lower():
            continue
        if shelf and shelf != category:
            continue
        text = (
            "天然材料，手工缝制，可修补。"
            if language == "zh"
            else "Natural fibres, sewn by hand, made to be mended."
        )
        found.append(
            {
                "id": key,
                "title": title,
                "category": category,
                "price": price,
                "currency": "EUR",
                "stock": stock,
            }
            | {
                "rating": rating,
                "image": f"/shop/images/{key}.svg",
                "url": f"/?product={key}",
                "description": text,
            }
        )
    return found


def product(key: str, language: str) -> dict[str, Any] | None:
    """One product with all there is to say about it."""
    for item in products(language):
        if item["id"] == key:
            labels = ("材质", "洗护") if language == "zh" else ("Material", "Care")
            values = ("亚麻", "30 °C 水洗") if language == "zh" else ("linen", "wash at 30 °C")
            colors = ("本色", "靛蓝") if language == "zh" else ("undyed", "indigo")
            return item | {
                "attributes": [{"label": a, "value": b} for a, b in zip(labels, values, strict=True)],
                "colors": [
                    {"id": str(i), "label": name, "image": item["image"] + f"?{i}" * i}
                    for i, name in enumerate(colors)
                ],
                "sizes": ["S", "M", "L"],
                "reviews": [{"stars": 5, "text": "Warm and light.", "language": "en", "at": time.time()}],
            }
    return None


def article_list(language: str) -> list[dict[str, str]]:
    """The titles of the articles."""
    return [{"slug": slug, "title": both[language][0], "category": slug} for slug, both in ARTICLES.items()]


def order(language: str) -> dict[str, Any]:
    """An order on its way."""
    now = time.time()
    labels = ["Ordered", "Packed", "Handed to the carrier", "Out for delivery", "Delivered"]
    if language == "zh":
        labels = ["已下单", "已打包", "已交快递", "派送中", "已送达"]
    states = ["placed", "packed", "shipped", "out_for_delivery", "delivered"]
    steps = [
        {"state": state, "label": label, "at": now - (4 - i) * DAY_S if i < 3 else None, "done": i < 3}
        for i, (state, label) in enumerate(zip(states, labels, strict=True))
    ]
    catalogue = products(language)
    return {
        "id": "10234", "state": "shipped", "placed_at": now - 4 * DAY_S, "total": 163.0, "currency": "EUR",
        "eta": now + 2 * DAY_S, "carrier": "DHL", "tracking_number": "JD0146000099812", "steps": steps,
        "items": [
            {"title": catalogue[0]["title"], "quantity": 1, "image": catalogue[0]["image"]},
            {"title": catalogue[3]["title"], "quantity": 2, "image": catalogue[3]["image"]},
        ],
    }  # fmt: skip


def orders(language: str) -> list[dict[str, Any]]:
    """A customer's last orders, in different states."""
    now = time.time()
    states = [
        ("shipped", "On its way", "运输中"),
        ("delivered", "Delivered", "已送达"),
        ("cancelled", "Cancelled", "已取消"),
    ]
    return [
        {"id": str(10234 - 97 * i), "state": state, "label": chinese if language == "zh" else english}
        | {"placed_at": now - (4 + 30 * i) * DAY_S, "total": 163.0 - 31 * i, "currency": "EUR"}
        for i, (state, english, chinese) in enumerate(states)
    ]


_SHAPES = {
    "jacket": '<path d="M62 62l28-14h20l28 14 22 84-22 8-8-34v78H70v-78l-8 34-22-8z"/><path d="M100 56v142" {s}/>'
    '<path d="M80 130h14M106 130h14" {s}/>',
    "shirt": '<path d="M66 60l24-10q10 10 20 0l24 10 26 44-22 14-10-14v94H72v-94l-10 14-22-14z"/><path d="M100 58v138" {s}/>',
    "boot": '<path d="M70 56h46v70l42 18q14 6 14 24v12H64z"/><path d="M64 182h108" {s}/><path d="M100 76h16M100 92h16M100 108h16" {s}/>',
    "bag": '<path d="M54 92h92l10 106H44z"/><path d="M74 92q0-44 26-44t26 44" fill="none" stroke="{c}" stroke-width="9"/>'
    '<path d="M54 120h92" {s}/>',
    "cloth": '<path d="M44 70q56-22 112 0v120q-56 22-112 0z"/><path d="M58 84q42-14 84 0M58 104q42-14 84 0M58 124q42-14 84 0'
    'M58 144q42-14 84 0M58 164q42-14 84 0" {s}/>',
    "lantern": '<path d="M76 62h48q34 60 0 120H76q-34-60 0-120z"/><path d="M84 62q-18 60 0 120M100 62v120M116 62q18 60 0 120" {s}/>'
    '<path d="M80 54h40v8H80zM80 182h40v8H80zM98 30h4v24h-4zM97 190h6v26h-6z" fill="#1d2b53"/>',
}


def image(key: str) -> str | None:
    """A drawing of a product, or None when there is no such product."""
    for row in _ROWS:
        if row[0] == key:
            stitch = 'fill="none" stroke="#fff" stroke-opacity=".7" stroke-width="2.5" stroke-dasharray="6 5"'
            shape = _SHAPES[row[8]].format(s=stitch, c=row[7])
            return (
                '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 240"><rect width="200" height="240" fill="#efe9dc"/>'
                f'<ellipse cx="100" cy="206" rx="72" ry="9" fill="#1b2540" opacity=".12"/><g fill="{row[7]}">{shape}</g></svg>'
            )
    return None
