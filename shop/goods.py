"""Products and variants from the hand-written families in shop/goods."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from shop.policy import WARRANTY_MONTHS

GOODS = Path(__file__).resolve().parent / "goods"
FILES = ("clothing.yml", "shoes_home_outdoor.yml", "essentials.yml")
SIZES: dict[str, tuple[str, ...]] = {
    "apparel": ("XS", "S", "M", "L", "XL"),
    "kids": ("98", "110", "122", "134"),
    "shoes": ("36", "37", "38", "39", "40", "41", "42", "43", "44", "45"),
    "kids_shoes": ("24", "26", "28", "30"),
    "shoes_band": ("36-38", "39-41", "42-44", "45-47"),
    "belt": ("80", "85", "90", "95", "100", "105"),
    "bed": ("135x200", "155x220", "200x200"),
    "drop": ("225", "245", "260"),
    "volume": ("0.5 l", "0.75 l"),
    "volume_bag": ("10 l", "20 l", "35 l"),
    "persons": ("2P", "3P"),
    "one": ("one size",),
}
KIDS = {"apparel": "kids", "shoes": "kids_shoes"}
SHARED = ("material", "care", "waterproof", "fit")


def load_goods() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of the products and variants tables, in a fixed order."""
    products: list[dict[str, Any]] = []
    variants: list[dict[str, Any]] = []
    for name in FILES:
        for family in yaml.safe_load((GOODS / name).read_text(encoding="utf-8")):
            for model in family["models"]:
                product = _product(f"P{len(products) + 1:03d}", family, model)
                products.append(product)
                variants.extend(_variants(product["id"], family, model))
    return products, variants


def _product(product_id: str, family: dict[str, Any], model: list[Any]) -> dict[str, Any]:
    name, name_zh, price, _colors, sentence, sentence_zh = model
    noun, noun_zh = family["noun"]
    return {
        "id": product_id,
        "family": family["family"],
        "category": family["category"],
        # "=" marks a name that is a whole title already.
        "title_en": name.removeprefix("=") if name.startswith("=") else f"{name} {noun}",
        "title_zh": name_zh.removeprefix("=") if name_zh.startswith("=") else f"{name_zh}{noun_zh}",
        "description_en": f"{sentence} {family['about'][0]}",
        "description_zh": f"{sentence_zh}{family['about'][1]}",
        "price_cents": price * 100 - (10 if price >= 15 and not family.get("final_sale") else 0),
        "weight_g": family["weight_g"],
        "warranty_months": family.get("warranty_months", WARRANTY_MONTHS),
        "final_sale": bool(family.get("final_sale")),
        "hygiene": bool(family.get("hygiene")),
        "tags": [*family["tags"], *(["kids"] if "Kids" in name else [])],
        "details_en": {key: family[key][0] for key in SHARED},
        "details_zh": {key: family[key][1] for key in SHARED},
    }


def _variants(product_id: str, family: dict[str, Any], model: list[Any]) -> list[dict[str, Any]]:
    kind = family["sizes"]
    if "Kids" in model[0]:
        kind = KIDS.get(kind, kind)
    rows: list[dict[str, Any]] = []
    for color in model[3].split():
        for size in SIZES[kind]:
            code = size.replace(" ", "").replace(".", "").upper() if size != "one size" else "OS"
            sku = f"{product_id}-{color.upper()}-{code}"
            rows.append(
                {"sku": sku, "product_id": product_id, "position": len(rows), "color": color, "size": size}
            )
    return rows
