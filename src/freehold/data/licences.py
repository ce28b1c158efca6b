"""Licences: what an SPDX expression allows, and whether a task's rules let a row in.

Owns the table of licences that data often has (https://spdx.org/licenses, https://creativecommons.org/licenses)
and the reading of expressions (SPDX 2.3, annex D: `OR`, `AND`, `WITH` and brackets). It is no legal advice. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from freehold.data.licence_addresses import name_licence as name_address
from freehold.task import DataRules

__all__ = [
    "LICENCES",
    "RESERVED",
    "Licence",
    "name_licence",
    "refuse_consent",
    "refuse_licence",
    "satisfies",
    "uses",
]


RESERVED = "tdm-reserved"
"""The consent of a row whose maker reserved text and data mining (W3C TDM Reservation Protocol, 2022)."""


class Licence(NamedTuple):
    """What a licence lets one do with a text.

    Attributes:
        commercial: It may be used in a business.
        changes: What is made from it may be given to others.
        attribution: Its makers must be named.
        share_alike: What is made from it must come under the same licence.
    """

    commercial: bool = True
    changes: bool = True
    attribution: bool = True
    share_alike: bool = False


_FREE = Licence(attribution=False)
_NAMED = Licence()
_SHARED = Licence(share_alike=True)


def _creative_commons() -> dict[str, Licence]:
    kinds = {
        "BY": _NAMED,
        "BY-SA": _SHARED,
        "BY-NC": Licence(commercial=False),
        "BY-NC-SA": Licence(commercial=False, share_alike=True),
        "BY-ND": Licence(changes=False),
        "BY-NC-ND": Licence(commercial=False, changes=False),
    }
    versions = ("1.0", "2.0", "2.5", "3.0", "4.0")
    return {f"CC-{kind}-{version}": licence for kind, licence in kinds.items() for version in versions}


LICENCES: Mapping[str, Licence] = MappingProxyType(
    {
        **_creative_commons(),
        **dict.fromkeys(("CC0-1.0", "PDDL-1.0", "Unlicense", "0BSD", "MIT-0", "CC-PDDC", "CC-PDM-1.0"), _FREE),
        **dict.fromkeys(("MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "ISC", "PSF-2.0"), _NAMED),
        **dict.fromkeys(("ODC-By-1.0", "Python-2.0", "Zlib", "OGL-UK-3.0", "etalab-2.0", "DL-DE-BY-2.0"), _NAMED),
        **dict.fromkeys(("ODbL-1.0", "MPL-2.0", "EUPL-1.2", "GFDL-1.3-only", "GFDL-1.3-or-later"), _SHARED),
        **dict.fromkeys(("GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0-only", "GPL-3.0-or-later"), _SHARED),
        **dict.fromkeys(("LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later"), _SHARED),
        **dict.fromkeys(("AGPL-3.0-only", "AGPL-3.0-or-later"), _SHARED),
    }
)
"""SPDX identifier to what it allows, as far as it is a matter of a few words."""

_BY_SPELLING = {name.casefold(): name for name in LICENCES}
_TOKENS = re.compile(r"[()]|[^\s()]+")
_LONGEST, _DEEPEST = 2000, 50
"""What is longer, or has more brackets, is no expression: whoever wrote it wants to keep us busy."""

_PORTED = re.compile(r"(?:LicenseRef-)?(CC-[A-Z-]+-\d\.\d)-[A-Z]+")
"""A Creative Commons licence of one jurisdiction."""


def name_licence(said: str) -> str:
    """Returns the SPDX identifier of a licence as somebody wrote it: `cc-by-4.0`, or the address of its text.

    What is not known comes back as it is, on one line.
    """
    words = " ".join(said.split())
    if found := name_address(words):
        return found
    return _BY_SPELLING.get(words.replace(" ", "-").casefold(), words)


@lru_cache(maxsize=1024)
def refuse_licence(licence: str, rules: DataRules) -> str:
    """Returns why a row under a licence is refused; empty where it is not."""
    if not licence and rules.licences:
        return f"its licence is not known, and `licences` allows {_listed(rules.licences)}"
    if not licence:
        return f"its licence is not known, and `use` asks for {_listed(rules.use)}" if rules.use else ""
    if rules.forbid and not satisfies(licence, lambda name: not _among(name, rules.forbid)):
        return f"its licence {licence!r} is forbidden"
    if rules.licences and not satisfies(licence, lambda name: _among(name, rules.licences)):
        return f"its licence {licence!r} is not among those that `licences` allows: {_listed(rules.licences)}"
    return _refuse_use(licence, rules)


def _refuse_use(licence: str, rules: DataRules) -> str:
    """Returns why a licence does not meet all rules at once; empty where it does.

    Of `A OR B` one must meet them by itself, for it is the one that is chosen.
    """
    if _fits(licence, rules):
        return ""
    if not rules.use:
        return f"its licence {licence!r} leaves no choice that `licences` allows and `forbid` does not"
    unknown = tuple(name for name in _names(licence) if _known(name) is None)
    trusting = replace(rules, licences=(*(rules.licences or "*"), *unknown))
    if unknown and _fits(licence, trusting):
        listed = ", ".join(json.dumps(name, ensure_ascii=False) for name in trusting.licences)
        known = "is not known to allow"
        hint = f"; where it does, name it in full: licences = [{listed}]"
    else:
        known, hint = "does not allow", ""
    lacking = [use for use in rules.use if not _fits(licence, replace(rules, use=(use,)))]
    wanted = " and ".join(repr(use) for use in lacking or rules.use)
    return f"its licence {licence!r} {known} {wanted}, which `use` asks for{hint}"


def _fits(licence: str, rules: DataRules) -> bool:
    return satisfies(licence, lambda name: _meets(name, rules))


def _meets(name: str, rules: DataRules) -> bool:
    """Tells whether one licence meets all rules. What we know nothing of allows what the owner names it for."""
    if _among(name, rules.forbid) or (rules.licences and not _among(name, rules.licences)):
        return False
    known = _known(name)
    if known is None:
        return not rules.use or name.casefold() in map(str.casefold, rules.licences)
    return all(getattr(known, use) for use in rules.use)


def refuse_consent(consent: str, rules: DataRules) -> str:
    """Returns why a row with that word of its maker is refused; empty where it is not."""
    if consent == RESERVED and not rules.reserved:
        return "its maker reserved text and data mining; `reserved = true` in `[data]` says that you may use it"
    return ""


def uses(licence: str) -> Licence | None:
    """Returns what a licence allows; of `A OR B` what either does, of `A AND B` what both do.

    None where one of its parts is not known.
    """
    found = {name: _known(name) for name in _names(licence)}
    known = {name: each for name, each in found.items() if each}
    if not found or len(known) < len(found):
        return None
    return Licence(
        satisfies(licence, lambda name: known[name].commercial),
        satisfies(licence, lambda name: known[name].changes),
        not satisfies(licence, lambda name: not known[name].attribution),
        not satisfies(licence, lambda name: not known[name].share_alike),
    )


def _names(expression: str) -> list[str]:
    """Returns the licences in an expression, once each; it is one itself where it cannot be read."""
    names: dict[str, bool] = {}
    satisfies(expression, lambda name: names.setdefault(name, True))
    return [expression] if expression in names else [*names]


def _known(name: str) -> Licence | None:
    plain = _PORTED.sub(r"\1", name)
    return LICENCES.get(_BY_SPELLING.get(plain.casefold(), plain))


def satisfies(expression: str, allowed: Callable[[str], bool]) -> bool:
    """Tells whether an SPDX expression can be met with licences that are allowed.

    One that cannot be read as an expression counts as a single licence of that name.

    Example:
        >>> satisfies("MIT OR (GPL-2.0-only AND CC-BY-4.0)", {"MIT"}.__contains__)
        True
    """
    if len(expression) > _LONGEST or expression.count("(") > _DEEPEST:
        return allowed(expression)
    tokens = _TOKENS.findall(expression)
    try:
        met, rest = _either(tokens, allowed)
    except IndexError:
        return allowed(expression)
    return allowed(expression) if rest else met


def _either(tokens: list[str], allowed: Callable[[str], bool]) -> tuple[bool, list[str]]:
    met, rest = _both(tokens, allowed)
    while rest and rest[0].upper() == "OR":
        other, rest = _both(rest[1:], allowed)
        met = met or other
    return met, rest


def _both(tokens: list[str], allowed: Callable[[str], bool]) -> tuple[bool, list[str]]:
    met, rest = _one(tokens, allowed)
    while rest and rest[0].upper() == "AND":
        other, rest = _one(rest[1:], allowed)
        met = met and other
    return met, rest


def _one(tokens: list[str], allowed: Callable[[str], bool]) -> tuple[bool, list[str]]:
    if tokens[0] == "(":
        met, rest = _either(tokens[1:], allowed)
        if rest[0] != ")":
            raise IndexError
        return met, rest[1:]
    name, rest = tokens[0], tokens[1:]
    if rest and rest[0].upper() == "WITH":
        rest = rest[2:]
    return allowed(name), rest


def _among(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name.casefold(), pattern.casefold()) for pattern in patterns)


def _listed(patterns: tuple[str, ...]) -> str:
    return ", ".join(patterns)
