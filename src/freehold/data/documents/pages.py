"""A web page as a document: its main text, without menus, margins and notices.

Owns how trafilatura is asked (Barbaresi 2021, "Trafilatura: A Web Scraping Library and Command-Line Tool for Text
Discovery and Extraction", ACL); the only module that imports it. No script is run and nothing is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from freehold.data.documents.document import Document, UnreadableError

__all__ = ["read_page"]

_PERMALINK = re.compile(r"[¶#]+\s*$")
"""The mark that documentation puts behind headings, to link to them."""

_UNSHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_NAME = 200
"""Characters of an author's name that are kept."""

_OUTER = frozenset(["p", "head", "list", "item", "quote", "table", "row"])
"""The elements of a page's main text that are paragraphs, or hold some."""


def read_page(data: bytes | str, *, url: str = "") -> Document:
    """Returns the main text of an HTML page, and what the page says of itself.

    Args:
        data: As bytes, the character set is found in them.
        url: Where it is from, for what the page leaves to its address.

    Raises:
        UnreadableError: There is no main text.
    """
    import trafilatura

    tree = trafilatura.load_html(data)
    if tree is None:
        raise UnreadableError("no main text is found in the page")
    author = _find_author(tree)
    found = trafilatura.bare_extraction(
        tree,
        url=url or None,
        include_comments=False,
        include_tables=True,
        include_formatting=False,
        with_metadata=True,
        date_extraction_params={"extensive_search": False, "original_date": False},
    )
    if not isinstance(found, trafilatura.settings.Document) or not found.text:
        raise UnreadableError("no main text is found in the page")
    return Document(
        "\n\n".join(filter(None, _paragraphs(found.body))),
        title=_PERMALINK.sub("", found.title or "").strip(),
        author=author,
        time=found.date or "",
        licence=found.license or "",
        language=found.language or "",
    )


def _find_author(tree: Any) -> str:
    """Returns who a page's metadata say has written it; what trafilatura guesses from its text is often none."""
    from trafilatura.metadata import examine_meta, extract_meta_json

    told = examine_meta(tree)
    with suppress(Exception):  # JSON of strangers: trafilatura's reader of it falls over some shapes
        told = extract_meta_json(tree, told)
    return _UNSHOWN.sub(" ", told.author or "")[:_NAME].strip()


def _paragraphs(node: Any) -> Iterator[str]:
    """Yields the paragraphs below an element. Line ends within one are spaces, as a browser shows them."""
    if node.tag == "row":
        cells = (" ".join("".join(cell.itertext()).split()) for cell in node)
        yield " | ".join(cell for cell in cells if cell)
        return
    running = node.text or ""
    for child in node:
        if child.tag in _OUTER:
            yield _line(running)
            yield from _paragraphs(child)
            running = child.tail or ""
        else:
            running += "".join(child.itertext()) + (child.tail or "")
    yield _line(running)


def _line(text: str) -> str:
    return _PERMALINK.sub("", " ".join(text.split())).rstrip()
