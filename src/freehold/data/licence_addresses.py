"""Addresses of licences as SPDX identifiers (https://spdx.org/licenses), where one says exactly that licence.

Owns the table of Creative Commons' versions and jurisdictions. Pure. A licence without an identifier of its
own, such as a jurisdiction's version that SPDX does not list, becomes a `LicenseRef`; what names no version is
not guessed.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

__all__ = ["name_licence"]

_VERSIONS = {
    "by": [
        "1.0",
        "2.0",
        "2.5",
        "2.5-AU",
        "3.0",
        "3.0-AT",
        "3.0-AU",
        "3.0-DE",
        "3.0-IGO",
        "3.0-NL",
        "3.0-US",
        "4.0",
    ],
    "by-nc": ["1.0", "2.0", "2.5", "3.0", "3.0-DE", "4.0"],
    "by-nc-nd": ["1.0", "2.0", "2.5", "3.0", "3.0-DE", "3.0-IGO", "4.0"],
    "by-nc-sa": ["1.0", "2.0", "2.0-DE", "2.0-FR", "2.0-UK", "2.5", "3.0", "3.0-DE", "3.0-IGO", "4.0"],
    "by-nd": ["1.0", "2.0", "2.5", "3.0", "3.0-DE", "4.0"],
    "by-sa": ["1.0", "2.0", "2.0-UK", "2.1-JP", "2.5", "3.0", "3.0-AT", "3.0-DE", "3.0-IGO", "4.0"],
}
_KNOWN = {f"CC-{kind.upper()}-{version}" for kind, versions in _VERSIONS.items() for version in versions}
_SAME = {"nd-nc": "by-nc-nd", "by-nd-nc": "by-nc-nd", "by-sa-nc": "by-nc-sa"}

_CC = re.compile(
    r"/licenses/(?P<kind>[a-z-]{2,12})/(?P<version>[0-9]\.[0-9])(?:/(?P<place>(?!deed|legalcode)[a-z]{2,8}))?"
    r"(?:/(?:legalcode|deed)?(?:\.[a-z_-]{2,8})?(?:\.(?:txt|html))?)?"
)
_PUBLIC = re.compile(r"/publicdomain/(?P<kind>zero|mark)/1\.0(?:/.{0,30})?", re.DOTALL)
_SPDX = re.compile(r"/licenses/(?P<name>[A-Za-z0-9.+-]{2,60}?)(?:\.html|\.json|\.txt)?/?")
_EXACT = {
    "apache.org/licenses/license-2.0": "Apache-2.0",
    "opensource.org/licenses/mit": "MIT",
    "opensource.org/license/mit": "MIT",
    "opensource.org/licenses/bsd-2-clause": "BSD-2-Clause",
    "opensource.org/license/bsd-2-clause": "BSD-2-Clause",
    "opensource.org/licenses/bsd-3-clause": "BSD-3-Clause",
    "opensource.org/license/bsd-3-clause": "BSD-3-Clause",
    "opensource.org/licenses/0bsd": "0BSD",
    "unlicense.org": "Unlicense",
}


def name_licence(url: str) -> str:
    """Returns the SPDX identifier of the licence at an address, or nothing where that is not certain.

    Example:
        >>> name_licence("https://creativecommons.org/licenses/by-sa/4.0/deed.de")
        'CC-BY-SA-4.0'
        >>> name_licence("http://creativecommons.org/licenses/by/3.0/fr/")
        'LicenseRef-CC-BY-3.0-FR'
    """
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return ""
    host = parts.netloc.lower().removeprefix("www.")
    path = parts.path
    if parts.scheme not in ("http", "https"):
        return ""
    if host == "creativecommons.org":
        return _name_commons(path.lower())
    if host == "spdx.org" and (found := _SPDX.fullmatch(path)):
        return found["name"]
    bare = f"{host}{path}".lower().rstrip("/")
    return _EXACT.get(re.sub(r"\.(html|txt|php)$", "", bare), "")


def _name_commons(path: str) -> str:
    if found := _PUBLIC.fullmatch(path):
        return "CC0-1.0" if found["kind"] == "zero" else "CC-PDM-1.0"
    if re.fullmatch(r"/licenses/publicdomain/?", path):
        return "CC-PDDC"
    found = _CC.fullmatch(path)
    if found is None:
        return ""
    kind = _SAME.get(found["kind"], found["kind"])
    if kind not in _VERSIONS:
        return ""
    place = f"-{found['place'].upper()}" if found["place"] else ""
    name = f"CC-{kind.upper()}-{found['version']}{place}"
    return name if name in _KNOWN else f"LicenseRef-{name}"
