"""Accounts of people: IBAN and payment cards, both with a checksum that must be right.

Owns the table of lengths and the ranges of issuers. IBAN: ISO 13616, remainder 97 (ISO 7064), lengths of the SWIFT
IBAN Registry (release 100). Cards: ISO/IEC 7812, the formula of Luhn (US patent 2,950,048), the ranges that the
networks publish.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["LENGTHS", "find_cards", "find_ibans", "has_luhn", "has_remainder"]

LENGTHS = {
    **dict.fromkeys(("NO",), 15),
    **dict.fromkeys(("BE",), 16),
    **dict.fromkeys(("DK", "FI", "FK", "FO", "GL", "NL", "SD"), 18),
    **dict.fromkeys(("MK", "SI"), 19),
    **dict.fromkeys(("AT", "BA", "EE", "KZ", "LT", "LU", "MN", "XK"), 20),
    **dict.fromkeys(("CH", "HR", "LI", "LV"), 21),
    **dict.fromkeys(("BG", "BH", "CR", "DE", "GB", "GE", "IE", "ME", "RS", "VA"), 22),
    **dict.fromkeys(("AE", "GI", "IL", "IQ", "OM", "SO", "TL"), 23),
    **dict.fromkeys(("AD", "CZ", "ES", "MD", "PK", "RO", "SA", "SE", "SK", "TN", "VG"), 24),
    **dict.fromkeys(("LY", "PT", "ST"), 25),
    **dict.fromkeys(("IS", "TR"), 26),
    **dict.fromkeys(("BI", "DJ", "FR", "GR", "IT", "MC", "MR", "SM"), 27),
    **dict.fromkeys(("AL", "AZ", "BY", "CY", "DO", "GT", "HN", "HU", "LB", "NI", "PL", "SV"), 28),
    **dict.fromkeys(("BR", "EG", "PS", "QA", "UA", "YE"), 29),
    **dict.fromkeys(("JO", "KW", "MU"), 30),
    **dict.fromkeys(("MT", "SC"), 31),
    **dict.fromkeys(("LC",), 32),
    **dict.fromkeys(("RU",), 33),
}
"""Country to the number of characters of its IBANs."""

_IBAN = re.compile(r"(?<![^\W_])[A-Za-z]{2}\d{2}(?=(?:[ \u00a0-]?[A-Za-z0-9]){11})")
_SEPARATED = re.compile(r"[ \u00a0-]?([A-Za-z0-9])")

_CARD = re.compile(
    r"(?<![\w.,+/-])(?:"
    r"\d{12,19}"
    r"|\d{4}(?P<by>[ \u00a0-])\d{4}(?P=by)\d{4}(?P=by)\d{4}(?:(?P=by)\d{1,3})?"
    r"|\d{4}(?P<to>[ \u00a0-])\d{6}(?P=to)\d{4,5}"
    r")(?![\w/]|[.,-]\d)"
)
_ISSUERS = (
    (range(400000, 500000), (16, 19)),  # Visa; 13 digits are no longer issued
    (range(510000, 560000), (16,)),  # Mastercard
    (range(222100, 272100), (16,)),
    (range(340000, 350000), (15,)),  # American Express
    (range(370000, 380000), (15,)),
    (range(300000, 306000), (14, 16, 17, 18, 19)),  # Diners Club
    (range(309500, 309600), (14, 16, 17, 18, 19)),
    (range(360000, 370000), (14, 16, 17, 18, 19)),
    (range(380000, 400000), (14, 16, 17, 18, 19)),
    (range(601100, 601200), (16, 17, 18, 19)),  # Discover
    (range(644000, 660000), (16, 17, 18, 19)),
    (range(352800, 359000), (16, 17, 18, 19)),  # JCB
    (range(620000, 630000), (16, 17, 18, 19)),  # UnionPay
    (range(810000, 820000), (16, 17, 18, 19)),
    (range(220000, 220500), (16, 17, 18, 19)),  # Mir
    *(
        (range(first, first + 100), (12, 13, 14, 15, 16, 17, 18, 19)) for first in (501800, 502000, 503800)
    ),  # Maestro
    *((range(first, first + 100), (12, 13, 14, 15, 16, 17, 18, 19)) for first in (589300, 630400, 675900)),
    (range(676100, 676400), (12, 13, 14, 15, 16, 17, 18, 19)),
    (range(508500, 509000), (16,)),  # RuPay
    (range(606900, 608600), (16,)),
)


def find_ibans(text: str) -> Iterator[tuple[int, int]]:
    """Yields where IBANs are, in groups or in one piece, whose country, length and check digits are right."""
    for match in _IBAN.finditer(text):
        length = LENGTHS.get(match[0][:2].upper(), 0)
        letters, end = match[0], match.end()
        while len(letters) < length and (following := _SEPARATED.match(text, end)):
            letters += following[1]
            end = following.end()
        ends_here = not text[end : end + 1].isalnum()
        if length and len(letters) == length and ends_here and has_remainder(letters):
            yield match.start(), end


def has_remainder(iban: str) -> bool:
    """Tells whether an IBAN's check digits are right: moved to the end, its number leaves 1 when divided by 97."""
    turned = iban[4:] + iban[:4]
    return iban.isascii() and int("".join(str(int(letter, 36)) for letter in turned)) % 97 == 1


def find_cards(text: str) -> Iterator[tuple[int, int]]:
    """Yields where card numbers are: of an issuer's range and length, with the right last digit."""
    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        if digits.isascii() and _is_issued(digits) and has_luhn(digits):
            yield match.span()


def has_luhn(digits: str) -> bool:
    """Tells whether the last digit of a number is what Luhn's formula makes of the others."""
    doubled = [int(digit) * 2 for digit in digits[-2::-2]]
    return (sum(map(int, digits[-1::-2])) + sum(each // 10 + each % 10 for each in doubled)) % 10 == 0


def _is_issued(digits: str) -> bool:
    first = int(digits[:6])
    return any(first in numbers and len(digits) in lengths for numbers, lengths in _ISSUERS)
