"""Text from outside as HTML in which nothing of it acts: no markup, no control, no change of direction.

Owns which characters are shown by their number. The script of the review page does the same in the browser.
"""

from __future__ import annotations

import re
from html import escape

__all__ = ["html_text"]

_ODD = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")


def html_text(text: str) -> str:
    r"""Returns text as HTML that stands by itself, whichever way it is written.

    Controls and characters that turn the direction of writing are shown as `U+202E`.

    Example:
        >>> html_text("<b>\u202egnp.exe")
        '<bdi>&lt;b&gt;<span class="odd">U+202E</span>gnp.exe</bdi>'
    """
    return f"<bdi>{_ODD.sub(_name, escape(text))}</bdi>"


def _name(match: re.Match[str]) -> str:
    return f'<span class="odd">U+{ord(match.group()):04X}</span>'
