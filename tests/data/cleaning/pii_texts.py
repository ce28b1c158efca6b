"""Made texts with what tells of a person in them, and with what only looks like it.

Seeded; checksums are made here, apart from the code that checks them. The three sets have other templates, other
countries' formats and seeds. The code was mended after looking at `DEVELOPING` and `SECOND`; `FINAL` was written
before it was run for the first time, and what that run said stands in `bench/LOG.md`.
"""

from __future__ import annotations

import ipaddress
import random
import string
from collections.abc import Callable
from typing import NamedTuple

from freehold.data.cleaning.accounts import LENGTHS

__all__ = ["DEVELOPING", "FINAL", "SECOND", "Planted", "Style", "make"]

R = random.Random


class Planted(NamedTuple):
    """A text, and what is in it: kind, start and end."""

    text: str
    finds: tuple[tuple[str, int, int], ...]


class Style(NamedTuple):
    """How a set of texts is made: `{}` in a frame is a find or a decoy."""

    seed: int
    frames: tuple[str, ...]
    makers: dict[str, Callable[[R], str]]
    decoys: tuple[Callable[[R], str], ...]


def make(style: Style, *, count: int) -> list[Planted]:
    """Returns texts, each with up to four slots, of which about a third are decoys."""
    random_ = R(style.seed)
    return [_make_one(style, random_) for _ in range(count)]


def _make_one(style: Style, random_: R) -> Planted:
    text, finds = "", []
    for number, piece in enumerate(random_.choice(style.frames).split("{}")):
        if number:
            if random_.random() < 0.35:
                text += random_.choice(style.decoys)(random_)
            else:
                kind = random_.choice(sorted(style.makers))
                lead, _, made = style.makers[kind](random_).rpartition("|")
                finds.append((kind, len(text + lead), len(text + lead + made)))
                text += lead + made
        text += piece
    return Planted(text, tuple(finds))


def digits(r: R, count: int) -> str:
    return "".join(r.choice(string.digits) for _ in range(count))


def filled(r: R, pattern: str) -> str:
    """`9` becomes any digit, `8` one from 2 to 9; `{` and `}` fence what stays; before `|` is what leads up."""
    out, fixed = "", False
    for letter in pattern:
        if letter in "{}":
            fixed = letter == "{"
        elif fixed or letter not in "89":
            out += letter
        else:
            out += r.choice(string.digits if letter == "9" else "23456789")
    return out


def forms(text: str) -> list[str]:
    """Forms of numbers, between semicolons."""
    return [form.strip() for form in text.split(";")]


def iban(r: R, *, country: str = "") -> str:
    country = country or r.choice(sorted(LENGTHS))
    letters = string.digits if r.random() < 0.7 else string.digits + string.ascii_uppercase
    rest = "".join(r.choice(letters) for _ in range(LENGTHS[country] - 4))
    number = int("".join(str(string.digits.find(c) if c.isdigit() else ord(c) - 55) for c in f"{rest}{country}00"))
    return f"{country}{98 - number % 97:02}{rest}"


def grouped(text: str, *sizes: int, by: str) -> str:
    parts: list[str] = []
    place = 0
    while place < len(text):
        size = sizes[min(len(parts), len(sizes) - 1)]
        parts.append(text[place : place + size])
        place += size
    return by.join(parts)


def luhn(start: str) -> str:
    """Returns a number with the digit that makes it right."""
    total = 0
    for place, digit in enumerate(reversed(start)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return start + str(-total % 10)


def card(r: R, *, prefixes: dict[str, int]) -> str:
    prefix = r.choice(sorted(prefixes))
    return luhn(prefix + digits(r, prefixes[prefix] - len(prefix) - 1))


def ip4(r: R) -> str:
    while True:
        parts = [r.randrange(1, 224), r.randrange(256), r.randrange(256), r.randrange(1, 255)]
        address = ".".join(map(str, parts))
        if ipaddress.ip_address(address).is_global:
            return address


def ip6(r: R) -> str:
    groups = [r.randrange(0x2400, 0x2FFF), *(r.randrange(65536) for _ in range(7))]
    if r.random() < 0.5:
        groups[3:6] = [0, 0, 0]
    address = ipaddress.IPv6Address(int("".join(f"{group:04x}" for group in groups), 16))
    return r.choice((address.compressed, address.compressed.upper(), address.exploded))


def word(r: R, least: int = 3, most: int = 9) -> str:
    return "".join(r.choice(string.ascii_lowercase) for _ in range(r.randint(least, most)))


def _developing_email(r: R) -> str:
    local = r.choice((word(r), f"{word(r)}.{word(r)}", f"{word(r)}+{word(r)}", f"{word(r)}_{digits(r, 2)}"))
    return f"{local}@{word(r)}.{r.choice(('com', 'org', 'de', 'co.uk', 'io'))}"


def _final_email(r: R) -> str:
    locals_ = (
        f"{word(r).title()}.{word(r).title()}",
        f"{word(r, 1, 1)}-{word(r)}",
        f"{digits(r, 4)}{word(r)}",
        f"{word(r)}.{word(r, 1, 1)}.{word(r)}",
        f"j\u00f6rg.{word(r)}",
    )
    hosts = (f"{word(r)}-{word(r)}", f"mail.{word(r)}", f"{word(r)}{digits(r, 2)}", f"m\u00fcll{word(r)}")
    top = r.choice(("museum", "fr", "com.au", "gov", "photography", "ac.jp", "eu", "info"))
    return f"{r.choice(locals_)}@{r.choice(hosts)}.{top}"


_DEVELOPING_PHONE = forms(
    """
    +{49} 899 9999999; +1 899-899-9999; (899) 899-9999; 899-899-9999; +{33} 8 99 99 99 99; {0}89 99999999;
    {01} 99 99 99 99; +{44} {20} 8999 9999; {020} 8999 9999; +{41448}999999
    """
)


def _developing_phone(r: R) -> str:
    return filled(r, r.choice(_DEVELOPING_PHONE))


_FINAL_PHONE = forms(
    """
    +{61} 4{9}9 999 999; +{81}-{3}-8999-9999; +{34} {6}99 99 99 99; +{39} {06} 8999 9999;
    +{91} {9}9999 99999; +{55} {11} {9}9999-9999; +{48}{5}99999999; +{31} (0){6} 99999999; {0161} 899 9999;
    {07}999 999999; {06}.99.99.99.99; {0171}/8999999; (0{2}) 8999 9999; {03}-8999-9999; {044} 899 99 99;
    1-899-899-9999; 899.899.9999; {0049 30} 8999999; +{358} {40} 8999999; +{972}-{52}-899-9999;
    +{1} (899) 899-9999; {0}8{1}2 999 9999
    """
)


def _final_phone(r: R) -> str:
    return filled(r, r.choice(_FINAL_PHONE))


def _styled_iban(by: tuple[str, ...]) -> Callable[[R], str]:
    return lambda r: grouped(iban(r), 4, by=r.choice(by))


def _styled_card(prefixes: dict[str, int], by: tuple[str, ...]) -> Callable[[R], str]:
    def make_card(r: R) -> str:
        number = card(r, prefixes=prefixes)
        sizes = {14: (4, 6, 4), 15: (4, 6, 5)}.get(len(number), (4,))
        return grouped(number, *sizes, by=r.choice(by))

    return make_card


def _bad_iban(r: R) -> str:
    """An IBAN with another last digit: no change of one digit leaves the same remainder."""
    right = iban(r, country=r.choice(("DE", "FR", "ES", "NL", "PL")))
    while not right[-1].isdigit():
        right = iban(r, country=right[:2])
    return right[:-1] + str((int(right[-1]) + r.randint(1, 9)) % 10)


def _bad_card(r: R) -> str:
    right = luhn("4" + digits(r, 14))
    return right[:-1] + str((int(right[-1]) + r.randint(1, 9)) % 10)


COMMON: tuple[Callable[[R], str], ...] = (
    _bad_iban,
    _bad_card,
    lambda r: f"{r.randint(2000, 2030)}-{r.randint(1, 12):02}-{r.randint(1, 28):02}",
    lambda r: f"order {digits(r, 10)}",
    lambda r: f"v{r.randint(1, 20)}.{r.randint(0, 20)}.{r.randint(0, 9)}.{r.randint(0, 9)}",
    lambda r: f"{r.randint(1, 999)},{digits(r, 3)}.{digits(r, 2)} EUR",
    lambda r: f"192.168.{r.randint(0, 255)}.{r.randint(0, 255)}",
)

DEVELOPING = Style(
    11,
    (
        "Please write to {} or call {} before Friday.",
        "Customer data: {}; {}; {}.",
        "Dear team,\n\nmy details are {} and {}. Thank you!\n",
        "({}) was charged to {}, see also {}.",
    ),
    {
        "email": _developing_email,
        "phone": _developing_phone,
        "iban": _styled_iban(("", " ")),
        "card": _styled_card({"4": 16, "51": 16, "37": 15}, ("", " ", "-")),
        "ip": lambda r: r.choice((ip4, ip6))(r),
    },
    COMMON,
)

SECOND = Style(
    29,
    (
        "Hi, this is Kim. Reach me via {}, or else {}. Greetings from Oslo",
        "| name | contact |\n|---|---|\n| Ada | {} |\n| Bob | {} |\n",
        "Subject: account\nFrom: {}\n\n> as discussed: {}\n\nBest, M.",
        "Überweisung an {} (Ref. 7/2024), Rückfragen: {}!",
        "user={}\tlast_login_from={}\tnote='{}'",
        "\u00ab{}\u00bb, r\u00e9pondit-elle; puis: {}?",
        "Kontakt: {} \u2014 {} \u2014 {}",
        '{{"to": "{}", "cc": "{}"}}'.replace("{{", "{ ").replace("}}", " }"),
    ),
    {
        "email": _final_email,
        "phone": _final_phone,
        "iban": _styled_iban(("", " ", "\u00a0")),
        "card": _styled_card(
            {"4": 19, "2221": 16, "55": 16, "34": 15, "36": 14, "6011": 16, "3530": 16, "62": 17, "2200": 16},
            ("", " ", "-", "\u00a0"),
        ),
        "ip": lambda r: r.choice((ip4, ip6))(r),
    },
    (
        *COMMON,
        lambda r: f"ISBN 978-{r.randint(0, 9)}-{digits(r, 3)}-{digits(r, 5)}-{digits(r, 1)}",
        lambda r: f"{digits(r, 8)}-{word(r, 4, 4)}-4{word(r, 3, 3)}-{word(r, 4, 4)}-{digits(r, 12)}",
        lambda r: ":".join(f"{r.randrange(256):02x}" for _ in range(6)),
        lambda r: f"{r.randint(0, 23):02}:{r.randint(0, 59):02}:{r.randint(0, 59):02}",
        lambda r: f"{r.randint(1, 28):02}.{r.randint(1, 12):02}.{r.randint(1990, 2030)}",
        lambda r: f"{word(r)}@{r.randint(2, 3)}x.png",
        lambda r: f"{word(r)}@{r.randint(1, 9)}.{r.randint(0, 9)}.{r.randint(0, 9)}",
        lambda r: f"git@github.com:{word(r)}/{word(r)}.git",
        lambda r: f"{word(r)}::{word(r)}",
        lambda r: f"{r.uniform(-90, 90):.6f}",
        lambda r: f"version {r.randint(1, 9)}.{r.randint(0, 99)}.{r.randint(0, 99)}.{r.randint(1, 99)}",
        lambda r: f"{r.randint(1, 9)} {digits(r, 3)} {digits(r, 3)},{digits(r, 2)} kr",
        lambda r: f"part no. {word(r, 2, 2).upper()}-{digits(r, 6)}",
        lambda r: f"{r.randint(10, 99)}%",
        lambda r: f"@{word(r)}",
        lambda r: f"sha1 {''.join(r.choice('0123456789abcdef') for _ in range(40))}",
        lambda r: f"{r.randint(128, 999)} x {r.randint(128, 999)} px",
    ),
)


def _fresh_email(r: R) -> str:
    locals_ = (
        f"{word(r)}{r.randint(1950, 2010)}",
        f"{word(r)}'{word(r)}",
        f"{word(r, 1, 1)}.{word(r)}+{word(r)}-{digits(r, 3)}",
        f"{word(r).upper()}",
        f"_{word(r)}",
        f"{word(r)}.{word(r)}-{word(r)}",
    )
    hosts = (word(r, 1, 2), word(r), f"{word(r)}.{word(r)}.{word(r)}")
    top = r.choice(("net", "ch", "in", "co.za", "dev", "edu", "berlin", "se", "com.br"))
    return f"{r.choice(locals_)}@{r.choice(hosts)}.{top}"


_FRESH_PHONE = forms(
    """
    +{46} {70} 999 99 99; +{47} {4}99 99 999; +{45} 89 99 99 99; +{351} {91}9 999 999; +{353} {87} 999 9999;
    +{86} {13}9 9999 9999; +{82}-{10}-8999-9999; +{52} {55} 8999 9999; +{7} {9}99 999-99-99;
    +{90} {5}32 999 99 99; +{27} {82} 999 9999; +{65} 8999 9999; +{43} {664} 8999999; +{32} {4}79 99 99 99;
    +{420} {6}99 999 999; {0131} 899 9999; {089} 8999999; {05} 99 99 99 99; {01}-89 99 99 99;
    ({0221}) 8999999; {06}-89999999; {02} 899 99 99; {041} 899 99 99; {0664} 8999999; (0{7}) 8999 9999;
    {0}4{12} 999 999; {090}-8999-9999; {02}-899-9999; (899)899-9999; +{1}.899.899.9999; 899/899-9999;
    ({11}) {9}8999-9999; {00 44 20} 8999 9999; Tel. |899 99 99 99; mobile: |89999 99999; phone |89 99 99 99
    """
)


def _fresh_phone(r: R) -> str:
    return filled(r, r.choice(_FRESH_PHONE))


FINAL = Style(
    101,
    (
        "Our new clerk ({}) will answer; in urgent cases {} works too.",
        "id;value\n1;{}\n2;{}\n3;{}\n",
        "<p>Contact: <b>{}</b><br/>Office: {}</p>",
        "[2024-05-06 07:08:09] INFO request from {} for {} took 35 ms",
        "To: {}; Cc: {}",
        "Ola! Meus dados: {} / {}. Obrigado.",
        "\u6211\u7684\u8054\u7cfb\u65b9\u5f0f {} \uff0c\u8c22\u8c22\u3002 {}",
        "Q: who pays?\nA: {}, by {}, since 3 March.",
        "* {}\n* {}\n* {}\n* {}\n",
        '"{}","{}","{}"\r\n',
    ),
    {
        "email": _fresh_email,
        "phone": _fresh_phone,
        "iban": _styled_iban(("", " ")),
        "card": _styled_card(
            {"48": 16, "53": 16, "2720": 16, "37": 15, "38": 14, "65": 16, "3589": 16, "6250": 19, "6763": 16},
            ("", " ", "-"),
        ),
        "ip": lambda r: r.choice((ip4, ip6, lambda q: f"{ip4(q)}"))(r),
    },
    (
        *COMMON,
        lambda r: f"ISSN {digits(r, 4)}-{digits(r, 3)}X",
        lambda r: f"#{digits(r, 6)}",
        lambda r: f"10.{digits(r, 4)}/{word(r)}.{digits(r, 7)}",
        lambda r: f"{r.randint(1, 12)}/{r.randint(1, 28)}/{r.randint(1980, 2030)}",
        lambda r: f"{digits(r, 13)}ms",
        lambda r: f"{r.randint(1, 99)}.{digits(r, 3)}.{digits(r, 3)} EUR",
        lambda r: f"${r.randint(1, 9)},{digits(r, 3)},{digits(r, 3)}.00",
        lambda r: f"{word(r)}-{r.randint(1, 9)}.{r.randint(0, 9)}.{r.randint(0, 9)}.{r.randint(0, 9)}.tar.gz",
        lambda r: f"127.0.0.{r.randint(1, 9)}",
        lambda r: f"10.{r.randint(0, 255)}.{r.randint(0, 255)}.{r.randint(0, 255)}/16",
        lambda r: f"{r.randint(50, 300)}-{r.randint(301, 900)} pages",
        lambda r: f"{word(r)} @ {word(r)}",
        lambda r: f"user@{word(r)}",
        lambda r: f"fe80::{r.randrange(1, 65536):x}:{r.randrange(1, 65536):x}",
        lambda r: f"{r.randint(1, 9)}:{r.randint(10, 59)}:{r.randint(10, 59)}.{digits(r, 3)}",
        lambda r: f"SKU {digits(r, 4)} {digits(r, 4)}",
        lambda r: f"{digits(r, 5)}-{digits(r, 4)}",
        lambda r: f"0x{digits(r, 8)}",
        lambda r: f"{r.randint(1, 9)}e-{digits(r, 2)}",
        lambda r: f"{r.uniform(0, 1):.10f}",
    ),
)
