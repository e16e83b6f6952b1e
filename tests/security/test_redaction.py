"""S13: how much of what Faker makes up for five countries is blanked, wherever in a sentence it stands."""

from __future__ import annotations

import re
from collections import Counter

from faker import Faker

from shoptalk.server.observe import redact

LOCALES = ("en_US", "en_GB", "de_DE", "fr_FR", "zh_CN")
SENTENCES = (
    "call {} please",
    "{}",
    "it's {}, thanks",
    "my number:{}!",
    "请打{}联系我",
    "我的号码是{}。",
    "电话：{}，谢谢",
)
EACH = 100
DEMAND = 0.99


def in_fours(value: str) -> str:
    return " ".join(value[at : at + 4] for at in range(0, len(value), 4))


def is_left(kind: str, value: str, after: str) -> bool:
    """Whether the value, or more than five of its digits in a row, can still be read."""
    digits = re.findall(r"\d{6,}", re.sub(r"[ ()./-]", "", after))
    return value in after or (kind != "e-mail" and bool(digits))


def test_what_is_private_is_blanked_in_five_countries() -> None:
    found: Counter[str] = Counter()
    missed = []
    for locale in LOCALES:
        maker = Faker(locale)
        maker.seed_instance(7)
        for at in range(EACH):
            card, iban = maker.credit_card_number(), maker.iban()
            values = [
                ("e-mail", maker.email()),
                ("phone", maker.phone_number()),
                ("card", card),
                ("IBAN", iban),
            ]
            values += [("card", in_fours(card)), ("IBAN", in_fours(iban))]
            for kind, value in values:
                after = redact(SENTENCES[at % len(SENTENCES)].format(value))
                found[kind] += 1
                if is_left(kind, value, after):
                    missed.append((kind, value, after))
    lost = Counter(kind for kind, _, _ in missed)
    recall = {kind: 1 - lost[kind] / count for kind, count in found.items()}
    print(f"\nS13: blanked of {found.total()}: " + ", ".join(f"{k} {r:.1%}" for k, r in recall.items()))
    assert min(recall.values()) >= DEMAND, missed[:20]
