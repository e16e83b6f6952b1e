"""Flat drawings of the goods as SVG: a shape for each family, an ink for each colour, nothing stored."""

from __future__ import annotations

import re
from collections.abc import Callable

from shop import shapes_goods as goods
from shop import shapes_worn as worn
from shop.catalogue import get_item
from shop.ink import INKS, Ink, ink_of

SIZE = 400
GROUNDS = ("#f3ede4", "#e9eeec", "#eeeaf0", "#f1efe3", "#e8edf2", "#f4e9e4")


SHAPES: dict[str, Callable[[Ink], str]] = {
    "rain_jacket": worn.jacket,
    "down_jacket": worn.down,
    "wool_coat": worn.coat,
    "blazer": worn.blazer,
    "tshirt": worn.tshirt,
    "shirt": worn.shirt,
    "polo": worn.polo,
    "base_layer": worn.sweater,
    "sweater": worn.sweater,
    "hoodie": worn.hoodie,
    "trousers": worn.trousers,
    "jeans": worn.trousers,
    "shorts": worn.shorts,
    "leggings": worn.leggings,
    "dress": worn.dress,
    "skirt": worn.skirt,
    "socks": goods.sock,
    "sneakers": goods.sneaker,
    "hiking_boots": goods.boot,
    "rain_boots": goods.rain_boot,
    "loafers": goods.loafer,
    "slippers": goods.slipper,
    "backpack": goods.backpack,
    "tote": goods.tote,
    "crossbody": goods.crossbody,
    "scarf": goods.scarf,
    "beanie": goods.beanie,
    "gloves": goods.glove,
    "umbrella": goods.umbrella,
    "blanket": goods.blanket,
    "cushion": goods.cushion,
    "bedding": goods.bedding,
    "towel": goods.towel,
    "curtain": goods.curtain,
    "belt": goods.belt,
    "headlamp": goods.headlamp,
    "bottle": goods.bottle,
    "tent": goods.tent,
    "sleeping_bag": goods.sleeping_bag,
    "dry_bag": goods.dry_bag,
    "gift_card": goods.gift_card,
    "face_mask_sale": goods.mask,
    "apron": goods.apron,
    "pyjamas": goods.pyjamas,
    "camping_mug": goods.mug,
    "trekking_poles": goods.poles,
}


def draw(product_id: str, color: str) -> str | None:
    """The SVG of a product in a colour; None if there is no such product or colour."""
    item = get_item(product_id)
    if item is None or color not in INKS:
        return None
    shape = SHAPES.get(item.family, goods.gift_card)
    ink = ink_of(color)
    ground = GROUNDS[int(re.sub(r"\D", "", product_id)) % len(GROUNDS)]
    body = shape(ink)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}" role="img" '
        f'aria-label="{item.title_en}, {color}">'
        f'<rect width="{SIZE}" height="{SIZE}" fill="{ground}"/>'
        f'<ellipse cx="200" cy="352" rx="112" ry="11" fill="#000" opacity=".08"/>'
        f'<g stroke="{ink.line}" stroke-width="4" stroke-linejoin="round" stroke-linecap="round">{body}</g></svg>'
    )
