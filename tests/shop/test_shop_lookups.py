"""The lookup table of training and the catalogue say the same."""

from __future__ import annotations

from pathlib import Path

from shop import lookups

ROOT = Path(__file__).resolve().parents[2]


def test_the_table_of_products_is_the_catalogue():
    assert (ROOT / "data" / "lookup" / "products.yml").read_text(encoding="utf-8") == lookups.table()
