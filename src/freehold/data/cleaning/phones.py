"""Telephone numbers, told from other digits by their form.

Owns the forms: international ones (ITU-T E.164: a plus, or 00 and a space, then a country's code), those of North
America, those with a zero in front and groups (most of Europe, Asia and Oceania), Brazil's; and any plausible
digits behind a word such as `phone`. Digits in one piece without a plus or such a word stay: more often than not
they are order numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["find_phones"]

_CODE = (
    r"(?:1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]"
    r"|21[1-368]|2[2-5]\d|26\d|29[0178-9]|35\d|37\d|38[0-35-79]|42[013]|50\d|59\d|67[02-9]|68[0-35-9]|69[0-2]"
    r"|80[08]|85[02356]|87[08]|88[0-368]|96[0-8]|97[0-79]|99[2-68])"
)
_APART = r"[ \u00a0./\u2010\u2011\u2013-]"
_GAP = f"{_APART}?"
_NO_BEFORE = r"(?<![\w+])(?<![\d][.,/:-])"
_NO_AFTER = r"(?!\d|[.,:/-]\d|\w|%|[ \u00a0-]?[\u20ac$\u00a3\u00a5])"

_INTERNATIONAL = re.compile(
    rf"{_NO_BEFORE}(?:\(?\+|(?P<zeros>00)[ ]?)(?P<code>{_CODE})(?P<gap>\)?{_GAP})"
    rf"(?P<rest>(?:\(\d{{1,5}}\)|\d)(?:{_APART}{{0,2}}(?:\(\d{{1,5}}\)|\d)){{3,13}}){_NO_AFTER}"
)
_AMERICAN = re.compile(
    rf"(?<![\w+.,/$\u20ac\u00a3-])(?:\+?1[-. ])?"
    rf"(?:\([2-9]\d\d\)[ -]?|[2-9]\d\d(?P<by>[-.])|[2-9]\d\d/)[2-9]\d\d(?(by)(?P=by)|[-. ])\d{{4}}{_NO_AFTER}"
)
_TRUNK = re.compile(
    r"(?<![\w+.,/$\u20ac\u00a3-])(?<!\d[ \u00a0])"
    r"(?:\(0[1-9]\d{0,4}\)[ \u00a0]?\d{2,9}|0[1-9]\d{0,4}(?=[ \u00a0/.-]))"
    rf"(?:{_APART}{{1,2}}\d{{2,9}}){{0,5}}(?![ \u00a0-]\d){_NO_AFTER}"
)
_BRAZILIAN = re.compile(rf"(?<![\w+.,-])\(\d\d\) ?9?\d{{4}}-\d{{4}}{_NO_AFTER}")
_NAMED = re.compile(
    r"\b(?:tel(?:ef[oó]n[oe]?|ephone|éphone|eph?)?|phones?|ph|mob(?:ile?|il)?|cell|fax|gsm|handy|m[oó]vil|celular"
    r"|portable|whatsapp|sms|hotline|call|dial|telefone?|komórka|tlf|tlf\.|numéro|rufnummer)\b[.:#]?\s*"
    r"(?:(?:me|us|him|her|them|number|numbers|nummer|no|nr|n°|at|on|is|was|under|now|to|the|my|our|direct)\b[.:]?\s*){0,4}"
    r"[:=(\u2013-]?\s*(?P<number>\(?\d(?:[ \u00a0()./\u2013-]{0,2}\d){6,14})(?![\w%]|[.,:/-]\d)",
    re.IGNORECASE,
)
_ENOUGH = re.compile(r"\d(?:[^\d\n]{0,4}\d){6}")
"""Seven digits near each other: without them, the rest need not be asked."""

_DATE = re.compile(
    r"(?:0[1-9]|[12]\d|3[01])[./ -](?:0[1-9]|1[0-2])[./ -](?:19|20)\d\d"
    r"|(?:0[1-9]|1[0-2])[./ -](?:0[1-9]|[12]\d|3[01])[./ -](?:19|20)\d\d"
    r"|(?:19|20)\d\d[./ -](?:0[1-9]|1[0-2])[./ -](?:0[1-9]|[12]\d|3[01])"
)
_OTHER = re.compile(rf"{_DATE.pattern}|\d{{1,3}}(?:\.\d{{1,3}}){{3}}$|\d+(?:-\d+){{4,}}$")
"""Dates, addresses of machines and identifiers: what may stand behind a word such as `call`."""

_PLANS = (
    (5, "247 290 500 682"),
    (6, "298 299 672 687"),
    (7, "238 239 246 248 269 291 297 592 597 673 674 676 677 678 680 683 688 690 691 692"),
    (8, "45 47 216 222 223 226 227 228 232 235 236 241 253 257 266 268 350 356 357"),
    (8, "370 371 373 374 386 389 505 509 599 670 675 686 800 853 961 965 973 975 993"),
    (9, "27 32 33 34 36 40 41 46 51 93 94 211 212 213 218 220 221 224 231 233 237 240"),
    (9, "242 244 245 249 250 251 252 255 256 258 260 261 262 263 264 265 351 354 355"),
    (9, "376 377 382 385 387 420 421 423 508 590 591 594 596 681 689 852 886 962 963"),
    (9, "967 968 992 994 995 998"),
    (11, "31 54 55 56 57 65 92 352 375 501 502 503 504 507 593 595 679 974 977"),
    (12, "30 39 86 359 381 383 870 882 971 972"),
    (13, "43 49 62 63 66 81 82 90 91 234 598"),
)
_LONGEST = {code: most for most, codes in _PLANS for code in codes.split()}
"""Country's code to the most digits behind it, where that is not 10: the plans filed with the ITU, as collected by
libphonenumber 9.0. What follows a number that is complete is not of it."""

_ZERO_FIRST = ("39", "225", "229", "241", "242", "378", "379")
"""Countries in whose numbers a zero may follow the code."""


def find_phones(text: str) -> Iterator[tuple[int, int]]:
    """Yields where telephone numbers are; a number may be found in two ways."""
    if not _ENOUGH.search(text):
        return
    place = 0
    while match := _INTERNATIONAL.search(text, place):
        end = _international_end(match)
        if end:
            yield match.start() + (match[0][0] == "(" and ")" not in text[match.start() : end]), end
        place = end or match.start() + 1  # a number may begin in what did not fit
    yield from (match.span() for match in _AMERICAN.finditer(text))
    yield from (match.span() for match in _BRAZILIAN.finditer(text))
    for match in _TRUNK.finditer(text):
        if _is_national(match[0]):
            yield match.span()
    for match in _NAMED.finditer(text):
        digits = _digits(match["number"])
        if 7 <= len(digits) <= 15 and not _OTHER.match(match["number"]) and len(set(digits)) > 1:
            yield match.span("number")


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _international_end(match: re.Match[str]) -> int:
    """Returns where an international number ends: behind as many of its groups as make one; 0 where none do."""
    if match["zeros"] and not match["gap"]:
        return 0
    rest = match["rest"]
    ends = [each.end() for each in re.finditer(r"\d+\)?(?=[ \u00a0]|$)", rest)]
    if match["zeros"]:  # less sure than a plus
        ends = [end for end in ends if len(_digits(match["code"] + rest[:end])) >= 9]
    fitting = (end for end in reversed(ends) if _is_international(match["code"], rest[:end]))
    return match.start("rest") + next(fitting, -match.start("rest"))


def _is_international(code: str, rest: str) -> bool:
    """Checks what E.164 and the plans of North America and Russia say of the digits behind the code."""
    digits = _digits(re.sub(r"^\(0\)", "", rest))
    if code == "1":
        return bool(re.fullmatch(r"[2-9]\d\d[2-9]\d{6}", digits))
    if code == "7":
        return len(digits) == 10
    if re.search(r"\.\d(?!\d)", rest):
        return False  # a fraction
    if not digits or (digits[0] == "0" and code not in _ZERO_FIRST) or len(set(digits)) == 1:
        return False
    return 4 <= len(digits) <= _LONGEST.get(code, 10) and len(code + digits) >= 7


def _is_national(found: str) -> bool:
    """Tells a number with a zero in front from a date, a list of small numbers, a fraction and a ZIP code."""
    groups = re.findall(r"\d+", found)
    pairs = all(len(group) == 2 for group in groups)
    if not 9 <= sum(map(len, groups)) <= 12 or _DATE.match(found) or (pairs and len(groups) != 5):
        return False
    if re.fullmatch(r"\d{5}-\d{4}", found):
        return False
    return "." not in found or pairs
