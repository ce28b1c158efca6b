"""Addresses of people and their machines: e-mail, IPv4 and IPv6.

Owns the patterns and what they leave alone. E-mail: the dot-atom form of RFC 5321 and 6531, with a domain that has
a dot, and without the signs that stand around addresses in text (`to=ada@example.org`, `{ada@example.org}`).
IP: what `ipaddress` reads and calls global, as in datatrove's formatter; addresses of private networks, of this
machine and of documentation name nobody. Versions that look like addresses stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

__all__ = ["find_emails", "find_ips"]

_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_EMAIL = re.compile(
    r"(?<![\w!#$%'*+/^`~.@-])['*`~]*"
    r"(?P<mail>[\w+!#$%-](?:[\w!#$%'*+/^`~.-]{0,62}[\w!#$%*+^~-])?"
    rf"@(?:{_LABEL}\.){{1,8}}(?P<top>[^\W\d_]{{2,24}}|xn--[a-z0-9-]{{2,59}}))(?![\w@-]|\.[\w@])"
)
_AT = re.compile(
    r"(?<![\w.])[\w.+-]{1,64}\s?[\[({]\s?at\s?[\])}]\s?"
    rf"(?:{_LABEL}\s?(?:\.|[\[({{]\s?(?:dot|punkt|point)\s?[\])}}])\s?){{1,6}}[A-Za-z]{{2,24}}(?!\w)",
    re.IGNORECASE,
)
_BRACKETED = re.compile(r"[\[({]\s?at\s?[\])}]", re.IGNORECASE)
_FILES = re.compile(r"(?i)avif|bmp|css|gif|html?|ico|jpe?g|jsx|less|md|pdf|png|s[ac]ss|svg|tiff?|webp")
_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_IPV4 = re.compile(rf"(?<![\w.:/@~^-])(?<![=<>] )(?<![=<>~!]=)(?:{_OCTET}\.){{3}}{_OCTET}(?![\w-]|\.\w|\+)")
_IPV4_AFTER = re.compile(rf"(?:(?<=//)|(?<=@)|(?<=\w:)|(?<=ffff:))(?:{_OCTET}\.){{3}}{_OCTET}(?![\w-]|\.\w)")
_IPV6 = re.compile(r"(?<![\w:.])(?=[0-9A-Fa-f]*:[0-9A-Fa-f]*:)[0-9A-Fa-f:]{3,39}(?:\.\d{1,3}){0,3}(?![\w])")
_DOTTED = re.compile(r"\d\.\d{1,3}\.\d{1,3}\.\d")
_COLONS = re.compile(r"[\dA-Fa-f]:[\dA-Fa-f]{0,4}:")
_VERSION = re.compile(
    r"(?:version|versions|ver\.?|v\.?|release|rev\.?|revision|build|firmware|driver|update|upgrade[d]? to|patch"
    r"|section|sections|sec\.?|chapter|clause|figure|table|appendix|paragraph|\u00a7+|oid|identifier|soname)\s*[:=(]?\s*[\"'(\[]?$",
    re.IGNORECASE,
)


def find_emails(text: str) -> Iterator[tuple[int, int]]:
    """Yields where e-mail addresses are, those with `[at]` and `[dot]` too."""
    if "@" in text:
        for match in _EMAIL.finditer(text):
            if _is_address(match, text):
                yield match.span("mail")
    if _BRACKETED.search(text):
        yield from (match.span() for match in _AT.finditer(text))


def _is_address(match: re.Match[str], text: str) -> bool:
    """Tells an address from a file (`logo@2x.png`), a login of a repository and a URL's user."""
    mail = match["mail"]
    if _FILES.fullmatch(match["top"]) or ".." in mail or mail.partition("@")[0].endswith("."):
        return False
    follows = text[match.end() : match.end() + 2]
    return not (follows[:1] == ":" and re.match(r":[\w/~]", follows) and mail.startswith("git@"))


def find_ips(text: str) -> Iterator[tuple[int, int]]:
    """Yields where addresses of machines are that anybody could reach."""
    if _DOTTED.search(text):
        for pattern in (_IPV4, _IPV4_AFTER):
            for match in pattern.finditer(text):
                if _is_global4(match[0]) and not _is_version(match, text):
                    yield match.span()
    if _COLONS.search(text):
        for match in _IPV6.finditer(text):
            found = match[0] if match[0].endswith("::") else match[0].rstrip(":")
            if _is_global6(found):
                yield match.start(), match.start() + len(found)


def _is_global4(found: str) -> bool:
    """Tells whether an address is of a machine: groups, reserved ranges and whole networks are not."""
    parts = [int(part) for part in found.split(".")]  # `ipaddress` refuses zeros in front
    address = IPv4Address(".".join(map(str, parts)))
    return address.is_global and not address.is_multicast and not address.is_reserved and parts[-1] not in (0, 255)


def _is_version(match: re.Match[str], text: str) -> bool:
    before = text[max(0, match.start() - 24) : match.start()]
    return bool(_VERSION.search(before))


def _is_global6(found: str) -> bool:
    try:
        address = IPv6Address(found)
    except ValueError:
        return False
    return address.is_global and address.packed[0] >> 5 == 1  # 2000::/3 is all that was ever given out
