"""Checks that links between pages lead somewhere: files that exist, headings that are there.

Knows nothing of the web: links with a scheme are left alone.
"""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["broken_links"]

CODE = re.compile(r"^( *)```.*?^\1```\s*$|`[^`\n]*`", re.M | re.S)
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?)\s*$", re.M)


def broken_links(page: Path) -> list[str]:
    """Returns one sentence for each link of a page that leads nowhere."""
    text = CODE.sub("", page.read_text(encoding="utf-8"))
    return [
        f"{page}: the link `{target}` leads nowhere."
        for target in LINK.findall(text)
        if not re.match(r"[a-z]+:", target) and not _leads_somewhere(page, target)
    ]


def _leads_somewhere(page: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    file = page.parent / path if path else page
    if not file.exists():
        return False
    return not anchor or anchor in _anchors(file)


def _anchors(page: Path) -> set[str]:
    """Returns the anchors that GitHub makes of a page's headings."""
    text = re.sub(r"^( *)```.*?^\1```\s*$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    names = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(text))
    return {name.strip().replace(" ", "-") for name in names}
