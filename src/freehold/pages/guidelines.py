"""The guidelines of a task, Markdown, as HTML: a small part of it, and nothing that acts.

Owns what is understood: headings, paragraphs, lists, quotations, code, bold and slanted words. All else, HTML and
links among it, is shown as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from freehold.pages.safe_text import html_text

__all__ = ["html_guidelines"]

_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*")
_ITEM = re.compile(r"(?:(?P<dash>[-*+])|\d{1,9}[.)])\s+(?P<text>.*)")
_FENCE = re.compile(r"(```+|~~~+).*")
_INLINE = re.compile(r"`([^`]+)`|\*\*(?=\S)(.+?)(?<=\S)\*\*|(?<![\w*])[*_](?=\S)([^*_]+)(?<=\S)[*_](?![\w*])")
_TOP = 2
"""The page has its own first and second heading: those of the guidelines begin below."""


def html_guidelines(text: str) -> str:
    r"""Returns the guidelines as HTML.

    Example:
        >>> html_guidelines("# Cards\n- **lost**: gone")
        '<h3><bdi>Cards</bdi></h3>\n<ul>\n<li><strong><bdi>lost</bdi></strong><bdi>: gone</bdi></li>\n</ul>'
    """
    return "\n".join(_blocks(text.replace("\r\n", "\n").replace("\r", "\n").split("\n")))


def _blocks(lines: list[str]) -> Iterator[str]:
    rest = lines
    while rest:
        line = rest[0].strip()
        if not line:
            rest = rest[1:]
        elif match := _HEADING.fullmatch(line):
            level = min(6, _TOP + len(match[1]))
            yield f"<h{level}>{_inline(match[2])}</h{level}>"
            rest = rest[1:]
        elif _FENCE.fullmatch(line):
            end = next((n for n, each in enumerate(rest[1:], 1) if each.strip().startswith(line[:3])), len(rest))
            yield f"<pre><code>{html_text(chr(10).join(rest[1:end]))}</code></pre>"
            rest = rest[end + 1 :]
        elif match := _ITEM.fullmatch(line):
            taken = _run(rest, listed=True)
            name = "ul" if match["dash"] else "ol"
            yield from (f"<{name}>", *(f"<li>{_inline(each)}</li>" for each in _items(rest[:taken])), f"</{name}>")
            rest = rest[taken:]
        else:
            taken = _run(rest, listed=False)
            words = " ".join(each.strip().removeprefix(">").strip() for each in rest[:taken])
            name = "blockquote" if line.startswith(">") else "p"
            yield f"<{name}>{_inline(words)}</{name}>"
            rest = rest[taken:]


def _run(lines: list[str], *, listed: bool) -> int:
    """Returns how many lines belong to the block that begins here."""
    for number, line in enumerate(lines):
        bare = line.strip()
        ends = not bare or _HEADING.fullmatch(bare) or _FENCE.fullmatch(bare)
        if number and (ends or (not listed and _ITEM.fullmatch(bare))):
            return number
    return len(lines)


def _items(lines: list[str]) -> list[str]:
    found: list[str] = []
    for line in lines:
        match = _ITEM.fullmatch(line.strip())
        if match:
            found.append(match["text"])
        else:
            found[-1] += f" {line.strip()}"
    return found


def _inline(text: str) -> str:
    parts, done = [], 0
    for match in _INLINE.finditer(text):
        parts += [html_text(text[done : match.start()])] if match.start() > done else []
        code, bold, slanted = match.groups()
        name = "code" if code else "strong" if bold else "em"
        parts.append(f"<{name}>{html_text(code or bold or slanted)}</{name}>")
        done = match.end()
    return "".join([*parts, *([html_text(text[done:])] if done < len(text) else [])])
