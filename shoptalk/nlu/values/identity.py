"""Order numbers, e-mail addresses and phone numbers in one form each."""

from __future__ import annotations

import re
from typing import Any

from shoptalk.nlu.values.numbers import ZH_NUMERAL, amount, fold, spelled_digits

_PREFIXED = re.compile(r"(?<![a-z0-9])(?:([a-z]{1,4})[ -]*)?(\d(?:[ -]?\d){2,})(?![a-z0-9])")
_PLACED = re.compile(f"{ZH_NUMERAL}*[十百千万]{ZH_NUMERAL}*")
_NO_PREFIX = frozenset({"no", "nr", "num", "is", "was", "the", "it", "for", "my", "and", "or", "of", "id"})
_MAIL = re.compile(r"[a-z0-9][a-z0-9._%+-]*@[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}")
LEAST_DIGITS = 6
"""Of a phone number without its country code; four are the end of one, five may be an order."""
_CHINESE_MOBILE = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)")


def read_identifier(text: str) -> dict[str, Any] | None:
    """A number that names something: its digits, and the letters before them, if any, as `prefix`."""
    folded = fold(text)
    placed = _PLACED.search(folded)
    if placed is not None and (number := amount(placed.group())) is not None:
        folded = folded.replace(placed.group(), str(int(number)))
    folded = re.sub(r"(?<=\d) (?=\d(?: |$))", "", spelled_digits(folded))
    match = _PREFIXED.search(folded)
    if match is None:
        return None
    prefix = match.group(1) if match.group(1) not in _NO_PREFIX else None
    value = re.sub(r"[ -]", "", match.group(2))
    return {"type": "value", "value": value, **({"prefix": prefix.upper()} if prefix else {})}


def read_email(text: str) -> dict[str, Any] | None:
    """An address in lower case, also one written as `anna at example dot com`."""
    folded = re.sub(r"\s*[(\[]\s*(at|dot)\s*[)\]]\s*", r" \1 ", fold(text)).replace("。", ".")
    folded = re.sub(r"(?<=\w)\s+dot\s+(?=\w)", ".", re.sub(r"(?<=\w)\s+at\s+(?=\w)", "@", folded))
    match = _MAIL.search(folded.removeprefix("mailto:"))
    return {"type": "value", "value": match.group()} if match else None


def read_phone(text: str, country: str | None) -> dict[str, Any] | None:
    """A number in E.164 with its country.

    Args:
        text: as written.
        country: two letters, of numbers without a country code; Chinese mobile numbers are told by their form.
    """
    import phonenumbers

    folded = fold(text)
    regions: list[str | None] = [country]
    if _CHINESE_MOBILE.search(re.sub(r"[ -]", "", folded)):
        regions.insert(0, "CN")
    for region in regions:
        try:
            number = phonenumbers.parse(folded, region)
        except phonenumbers.NumberParseException:
            continue
        digits, code = str(number.national_number or ""), number.country_code
        if len(digits) >= LEAST_DIGITS and phonenumbers.is_possible_number(number):
            written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            found = {"type": "value", "value": written}
            named = phonenumbers.region_code_for_country_code(code) if code else None
            return {**found, "country": named} if named and named != "ZZ" else found
    return None
