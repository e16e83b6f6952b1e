"""The catalogue's names as a lookup table for training: `python -m shop.lookups > data/lookup/products.yml`."""

from __future__ import annotations

from shop.goods import load_goods

HEAD = """\
version: "3.1"
# Made by `python -m shop.lookups`; run it again when the catalogue changes.
nlu:
- lookup: product
  examples: |
"""


def table() -> str:
    """Every product's English and Chinese title, as YAML."""
    products, _ = load_goods()
    titles = [product[key] for key in ("title_en", "title_zh") for product in products]
    return HEAD + "".join(f"    - {title}\n" for title in titles)


if __name__ == "__main__":
    print(table(), end="")
