"""Short labels in both languages; sentences live in the domain's responses."""

from __future__ import annotations

import calendar
import re
import time

Pair = tuple[str, str]

COLORS: dict[str, Pair] = {
    "black": ("black", "黑色"),
    "white": ("white", "白色"),
    "grey": ("grey", "灰色"),
    "navy": ("navy", "藏青色"),
    "blue": ("blue", "蓝色"),
    "teal": ("teal", "蓝绿色"),
    "green": ("green", "绿色"),
    "olive": ("olive", "橄榄绿"),
    "yellow": ("yellow", "黄色"),
    "red": ("red", "红色"),
    "burgundy": ("burgundy", "酒红色"),
    "pink": ("pink", "粉色"),
    "brown": ("brown", "棕色"),
    "camel": ("camel", "驼色"),
    "cream": ("cream", "米白色"),
    "indigo": ("indigo", "靛蓝色"),
}
# Other words for a colour, in lower case; the longest match wins.
COLOR_WORDS: dict[str, str] = {
    "dark blue": "navy",
    "midnight": "navy",
    "turquoise": "teal",
    "khaki": "olive",
    "beige": "camel",
    "tan": "camel",
    "off-white": "cream",
    "ivory": "cream",
    "gray": "grey",
    "wine": "burgundy",
    "maroon": "burgundy",
    "rose": "pink",
    "黑": "black",
    "白": "white",
    "灰": "grey",
    "藏青": "navy",
    "深蓝": "navy",
    "蓝": "blue",
    "青": "teal",
    "绿": "green",
    "橄榄": "olive",
    "军绿": "olive",
    "黄": "yellow",
    "红": "red",
    "酒红": "burgundy",
    "粉": "pink",
    "棕": "brown",
    "咖啡": "brown",
    "驼": "camel",
    "卡其": "camel",
    "米": "cream",
    "靛": "indigo",
    "蓝绿": "teal",
    "米白": "cream",
}
CATEGORIES: dict[str, Pair] = {
    "jackets": ("jackets", "外套"),
    "tops": ("tops", "上衣"),
    "knitwear": ("knitwear", "针织衫"),
    "trousers": ("trousers", "裤子"),
    "dresses": ("dresses and skirts", "裙装"),
    "shoes": ("shoes", "鞋子"),
    "bags": ("bags", "包袋"),
    "accessories": ("accessories", "配饰"),
    "home": ("home textiles", "家居"),
    "outdoor": ("outdoor gear", "户外用品"),
    "gift_cards": ("gift cards", "礼品卡"),
}
CATEGORY_WORDS: dict[str, str] = {
    "jacket": "jackets",
    "coat": "jackets",
    "parka": "jackets",
    "blazer": "jackets",
    "outerwear": "jackets",
    "shirt": "tops",
    "top": "tops",
    "t-shirt": "tops",
    "tee": "tops",
    "polo": "tops",
    "blouse": "tops",
    "sweater": "knitwear",
    "jumper": "knitwear",
    "hoodie": "knitwear",
    "cardigan": "knitwear",
    "knit": "knitwear",
    "pullover": "knitwear",
    "trouser": "trousers",
    "pants": "trousers",
    "jeans": "trousers",
    "shorts": "trousers",
    "leggings": "trousers",
    "dress": "dresses",
    "skirt": "dresses",
    "shoe": "shoes",
    "boot": "shoes",
    "sneaker": "shoes",
    "loafer": "shoes",
    "slipper": "shoes",
    "trainers": "shoes",
    "bag": "bags",
    "backpack": "bags",
    "tote": "bags",
    "rucksack": "bags",
    "accessor": "accessories",
    "scarf": "accessories",
    "hat": "accessories",
    "glove": "accessories",
    "umbrella": "accessories",
    "sock": "accessories",
    "belt": "accessories",
    "home": "home",
    "bedding": "home",
    "blanket": "home",
    "towel": "home",
    "cushion": "home",
    "curtain": "home",
    "outdoor": "outdoor",
    "camping": "outdoor",
    "tent": "outdoor",
    "hiking": "outdoor",
    "gift card": "gift_cards",
    "夹克": "jackets",
    "外套": "jackets",
    "大衣": "jackets",
    "羽绒服": "jackets",
    "风衣": "jackets",
    "西装": "jackets",
    "上衣": "tops",
    "衬衫": "tops",
    "t恤": "tops",
    "毛衣": "knitwear",
    "卫衣": "knitwear",
    "针织": "knitwear",
    "裤": "trousers",
    "裙": "dresses",
    "鞋": "shoes",
    "靴": "shoes",
    "包": "bags",
    "双肩包": "bags",
    "配饰": "accessories",
    "围巾": "accessories",
    "帽": "accessories",
    "手套": "accessories",
    "伞": "accessories",
    "袜": "accessories",
    "家居": "home",
    "床品": "home",
    "被套": "home",
    "毯": "home",
    "毛巾": "home",
    "浴巾": "home",
    "窗帘": "home",
    "户外": "outdoor",
    "露营": "outdoor",
    "帐篷": "outdoor",
    "徒步": "outdoor",
    "礼品卡": "gift_cards",
}
STATES: dict[str, Pair] = {
    "placed": ("placed, waiting for payment", "已下单，待付款"),
    "paid": ("paid", "已付款"),
    "packed": ("packed", "已打包"),
    "shipped": ("on its way", "运输中"),
    "delivered": ("delivered", "已送达"),
    "cancelled": ("cancelled", "已取消"),
    "return_requested": ("return under way", "退货处理中"),
    "returned": ("returned", "已退货"),
}
STEPS: dict[str, Pair] = {
    "placed": ("Placed", "下单"),
    "paid": ("Paid", "付款"),
    "packed": ("Packed", "打包"),
    "shipped": ("Shipped", "发货"),
    "delivered": ("Delivered", "送达"),
    "cancelled": ("Cancelled", "取消"),
    "return_requested": ("Return requested", "申请退货"),
    "returned": ("Returned", "退货完成"),
}
REASONS: dict[str, Pair] = {
    "too_small": ("too small", "太小"),
    "too_large": ("too large", "太大"),
    "damaged": ("damaged", "破损"),
    "wrong_item": ("wrong item", "发错货"),
    "not_as_described": ("not as described", "与描述不符"),
    "changed_mind": ("changed my mind", "不想要了"),
    "late": ("arrived too late", "送达太晚"),
    "other": ("other", "其他"),
}
REASON_WORDS: dict[str, tuple[str, ...]] = {
    "too_small": ("small", "tight", "short", "小", "紧", "短"),
    "too_large": ("large", "big", "loose", "long", "wide", "大", "松", "长", "宽"),
    "damaged": (
        "damage",
        "broken",
        "broke",
        "fell apart",
        "fall apart",
        "falling apart",
        "came off",
        "leak",
        "crack",
        "defect",
        "torn",
        "hole",
        "stain",
        "fault",
        "rip",
        "zip",
        "tear",
        "坏",
        "破",
        "损",
        "瑕疵",
        "污",
        "洞",
        "裂",
        "质量",
        "起球",
        "漏",
        "脱线",
        "开胶",
        "开线",
        "断",
        "掉色",
    ),
    "wrong_item": ("wrong", "different item", "not what i ordered", "错", "不是我买的", "不是我要的"),
    "not_as_described": (
        "described",
        "description",
        "picture",
        "photo",
        "looks different",
        "colour is",
        "color is",
        "描述",
        "图片",
        "照片",
        "色差",
        "不一样",
        "不符",
    ),
    "changed_mind": (
        "mind",
        "don't like",
        "do not like",
        "don't want",
        "not need",
        "no longer",
        "don't need",
        "不想要",
        "不喜欢",
        "不需要",
        "后悔",
        "不要了",
    ),
    "late": ("late", "slow", "晚", "迟", "慢"),
    "other": ("other", "something else", "其他", "其它", "别的"),
}
RESOLUTIONS: dict[str, Pair] = {
    "refund": ("refund", "退款"),
    "exchange": ("exchange", "换货"),
    "repair": ("repair", "维修"),
    "store_credit": ("store credit", "购物金"),
}
RESOLUTION_WORDS: dict[str, tuple[str, ...]] = {
    "store_credit": ("credit", "voucher", "gift card", "购物金", "代金券", "余额"),
    "exchange": ("exchange", "swap", "another size", "different size", "replace", "换", "重新发", "补发"),
    "repair": ("repair", "fix", "mend", "修"),
    "refund": ("refund", "money", "cash", "退款", "退钱", "钱", "退"),
}
EXCHANGE_FOR: Pair = ("exchange for size {size}", "换成{size}码")
SIZE: Pair = ("size {size}", "{size}码")
ONE_SIZE: Pair = ("one size", "均码")
NEW_ONE: Pair = ("a new one", "一件新的")
REFUND_STATES: dict[str, Pair] = {
    "pending": ("being checked", "审核中"),
    "sent": ("sent to your bank", "已提交银行"),
    "completed": ("paid out", "已到账"),
}
ATTRIBUTES: dict[str, Pair] = {
    "material": ("Material", "材质"),
    "care": ("Care", "洗护"),
    "waterproof": ("Waterproofing", "防水性"),
    "weight": ("Weight", "重量"),
    "fit": ("Fit", "版型"),
    "warranty": ("Warranty", "质保"),
    "colors": ("Colours", "颜色"),
    "sizes": ("Sizes", "尺码"),
    "price": ("Price", "价格"),
    "rating": ("Rating", "评分"),
    "stock": ("In stock", "库存"),
}
ATTRIBUTE_WORDS: dict[str, tuple[str, ...]] = {
    "material": (
        "material",
        "made of",
        "made from",
        "fabric",
        "cotton",
        "wool",
        "leather",
        "polyester",
        "lining",
        "材质",
        "材料",
        "面料",
        "什么做",
        "成分",
        "棉",
        "羊毛",
        "皮",
    ),
    "care": ("wash", "care", "clean", "iron", "dry", "machine", "洗", "护理", "保养", "熨", "烘"),
    "waterproof": ("water", "rain", "防水", "雨", "防泼"),
    "weight": ("weigh", "heavy", "gram", "kilo", "light", "多重", "重量", "重", "轻", "克"),
    "fit": (
        "fit",
        "cut",
        "run small",
        "run large",
        "true to size",
        "narrow",
        "dimension",
        "how big",
        "how tall",
        "版型",
        "偏大",
        "偏小",
        "合身",
        "尺寸",
        "修身",
        "宽松",
    ),
    "warranty": ("warranty", "guarantee", "质保", "保修"),
    "colors": ("colour", "color", "颜色", "色"),
    "sizes": ("size", "尺码", "码"),
    "rating": ("rating", "review", "stars", "评价", "评分", "好评"),
}
SEVERAL: Pair = ("{first} and {count} more", "{first}等{count}件")
TYPE_IT: Pair = ("enter it yourself", "自己输入")


def pick(pair: Pair, language: str) -> str:
    """The label in a language (`zh`, anything else is English)."""
    return pair[1] if language == "zh" else pair[0]


def label(table: dict[str, Pair], code: str, language: str) -> str:
    """The label of a code, or the code itself when the table lacks it."""
    return pick(table[code], language) if code in table else code


def size_label(size: str, language: str) -> str:
    """A size in words; most are the same everywhere."""
    return pick(ONE_SIZE, language) if size == "one size" else size


def money(cents: int, currency: str = "EUR") -> str:
    """An amount as shoppers read it: `EUR 49.90`."""
    return f"{currency} {cents / 100:.2f}"


def day(at: int | None, language: str) -> str:
    """A day in words: `3 March 2026` or `2026年3月3日`; a dash when there is none."""
    if at is None:
        return "-"
    moment = time.gmtime(at)
    if language == "zh":
        return f"{moment.tm_year}年{moment.tm_mon}月{moment.tm_mday}日"
    return f"{moment.tm_mday} {calendar.month_name[moment.tm_mon]} {moment.tm_year}"


_PLACES = (
    re.compile(r"\b(?:first|1st|newest|latest|most recent)\b|第[一1]|最新|最近", re.I),
    re.compile(r"\b(?:second|2nd)\b|第[二2]", re.I),
    re.compile(r"\b(?:third|3rd)\b|第[三3]", re.I),
    re.compile(r"\b(?:fourth|4th)\b|第[四4]", re.I),
)


def read_place(text: str) -> int | None:
    """The place in a list, from 0, that a text names: "the second one". Lists begin with the newest."""
    return next((place for place, words in enumerate(_PLACES) if words.search(text)), None)


def match_words(words: dict[str, tuple[str, ...]], text: str) -> str | None:
    """The code whose longest word occurs in the text."""
    lowered = text.lower()
    found = [
        (len(word), code)
        for code, many in words.items()
        for word in (code.replace("_", " "), *many)
        if word in lowered
    ]
    return max(found, key=lambda pair: pair[0])[1] if found else None


def match_word(words: dict[str, str], text: str) -> str | None:
    """The code of the longest word of the table that occurs in the text."""
    lowered = text.lower()
    found = [word for word in words if word in lowered]
    return words[max(found, key=len)] if found else None
