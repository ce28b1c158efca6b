"""Which addresses of the internet may be connected to, and which host names are not even looked up.

Owns the table of networks that are nobody's public address
(https://www.iana.org/assignments/iana-ipv4-special-registry and its IPv6 sibling) and the many ways to write
an IPv4 address. Pure: knows nothing of sockets, nor of what is asked.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TypeAlias

__all__ = ["Address", "BadHostError", "read_address", "refuse_address", "refuse_host"]

Address: TypeAlias = IPv4Address | IPv6Address


class BadHostError(ValueError):
    """A host that can be neither a name nor an address; the text says why."""


_CLOSED_4 = {
    IPv4Network(network): what
    for network, what in {
        "0.0.0.0/8": "this network",
        "10.0.0.0/8": "private",
        "100.64.0.0/10": "shared by a carrier's customers",
        "127.0.0.0/8": "loopback",
        "168.63.129.16/32": "a cloud's own service",
        "169.254.0.0/16": "link-local, where clouds keep their metadata",
        "172.16.0.0/12": "private",
        "192.0.0.0/24": "for protocols",
        "192.0.2.0/24": "for documentation",
        "192.88.99.0/24": "a relay of 6to4",
        "192.168.0.0/16": "private",
        "198.18.0.0/15": "for benchmarks",
        "198.51.100.0/24": "for documentation",
        "203.0.113.0/24": "for documentation",
        "224.0.0.0/4": "multicast",
        "240.0.0.0/4": "reserved",
    }.items()
}
_CLOSED_6 = {
    IPv6Network(network): what
    for network, what in {
        "::/128": "no address",
        "::1/128": "loopback",
        "::ffff:0:0/96": "an IPv4 address in disguise",
        "64:ff9b:1::/48": "a translation of private addresses",
        "100::/64": "where packets are thrown away",
        "2001::/32": "a tunnel (Teredo)",
        "2001::/23": "for protocols",
        "2001:db8::/32": "for documentation",
        "2002::/16": "a tunnel (6to4)",
        "3fff::/20": "for documentation",
        "fc00::/7": "private",
        "fe80::/10": "link-local",
        "fec0::/10": "private",
        "ff00::/8": "multicast",
    }.items()
}
_PUBLIC_6 = IPv6Network("2000::/3")
_TRANSLATED = IPv6Network("64:ff9b::/96")

_INSIDE = ("localhost", "localdomain", "local", "internal", "intranet", "lan", "home", "corp", "private")
_INSIDE_ENDINGS = tuple(f".{name}" for name in (*_INSIDE, "home.arpa", "onion", "in-addr.arpa", "ip6.arpa"))

_NUMBER = re.compile(r"0[xX][0-9A-Fa-f]*|[0-9]+")


def read_address(host: str) -> Address | None:
    """Returns the address that a host is written as, in any form that some resolver takes, or None for a name.

    Numbers may be decimal, octal or hexadecimal, and fewer than four, as `inet_aton` and browsers read them
    (https://url.spec.whatwg.org/#concept-ipv4-parser). IPv6 stands in brackets.

    Raises:
        BadHostError: It ends in a number and still is no address, or the brackets hold none.

    Example:
        >>> read_address("0x7f.1"), read_address("2130706433"), read_address("example.org")
        (IPv4Address('127.0.0.1'), IPv4Address('127.0.0.1'), None)
    """
    if host.startswith("["):
        try:
            return IPv6Address("" if "%" in host else host[1:].removesuffix("]"))
        except ValueError:
            raise BadHostError("brackets hold no IPv6 address") from None
    parts = host.removesuffix(".").split(".")
    if not _NUMBER.fullmatch(parts[-1]):
        return None
    if len(parts) > 4 or not all(_NUMBER.fullmatch(part) for part in parts):
        raise BadHostError("it ends in a number, and is no address")
    try:
        *first, last = [_read_number(part) for part in parts]
    except ValueError:
        raise BadHostError("it ends in a number, and is no address") from None
    if any(number > 255 for number in first) or last >= 256 ** (4 - len(first)):
        raise BadHostError("a number of its address is too large")
    return IPv4Address(sum(number << (24 - 8 * place) for place, number in enumerate(first)) + last)


def _read_number(text: str) -> int:
    if len(text) > 64:
        raise BadHostError("a number of its address is too large")
    if text[:2] in ("0x", "0X"):
        return int(text[2:] or "0", 16)
    return int(text, 8) if len(text) > 1 and text[0] == "0" else int(text)


def refuse_address(address: Address, *, allow_loopback: bool = False) -> str:
    """Returns why an address may not be connected to; empty where it may.

    Args:
        allow_loopback: 127.0.0.0/8 and ::1 may be; nothing else changes.

    Example:
        >>> refuse_address(IPv4Address("169.254.169.254"))
        'link-local, where clouds keep their metadata'
    """
    if isinstance(address, IPv4Address):
        why = next((what for network, what in _CLOSED_4.items() if address in network), "")
        return "" if why == "loopback" and allow_loopback else why
    if address in _TRANSLATED:
        why = refuse_address(IPv4Address(int(address) & 0xFFFFFFFF))
        return f"translated to one that is {why}" if why else ""
    why = next((what for network, what in _CLOSED_6.items() if address in network), "")
    if why == "loopback" and allow_loopback:
        return ""
    return why or ("" if address in _PUBLIC_6 and address.scope_id is None else "not a public address")


def refuse_host(host: str, *, allow_loopback: bool = False) -> str:
    """Returns why a host may not be asked, before its name is looked up; empty where it may.

    Args:
        host: As `canonical` writes it: lower case, ASCII, without a trailing dot.
        allow_loopback: Loopback addresses and `localhost` may be.
    """
    try:
        address = read_address(host)
    except BadHostError as error:
        return str(error)
    if address is not None:
        return refuse_address(address, allow_loopback=allow_loopback)
    bare = host.rstrip(".").lower()
    if bare == "localhost" or bare.endswith(".localhost"):
        return "" if allow_loopback else "a name of this machine"
    if "." not in bare or bare.endswith(_INSIDE_ENDINGS):
        return "a name inside a network"
    return ""
