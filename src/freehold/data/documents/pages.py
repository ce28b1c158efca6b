"""A web page as a document: its main text, without menus, margins and notices.

Owns how trafilatura is asked (Barbaresi 2021, "Trafilatura: A Web Scraping Library and Command-Line Tool for Text
Discovery and Extraction", ACL); the only module that imports it. No script is run and nothing is fetched.
"""

from __future__ import annotations

import re

from freehold.data.documents.document import Document, UnreadableError

__all__ = ["read_page"]

_PERMALINK = re.compile(r"[¶#]+(?=\s*$)", re.MULTILINE)
"""The mark that documentation puts behind headings, to link to them."""

_ALONE = re.compile(r"^[-*]?[ \t]*\n", re.MULTILINE)


def read_page(data: bytes | str, *, url: str = "") -> Document:
    """Returns the main text of an HTML page, and what the page says of itself.

    Args:
        data: As bytes, the character set is found in them.
        url: Where it is from, for what the page leaves to its address.

    Raises:
        UnreadableError: There is no main text.
    """
    import trafilatura

    found = trafilatura.bare_extraction(
        data,
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
        _tidy(found.text),
        title=_PERMALINK.sub("", found.title or "").strip(),
        author=found.author or "",
        time=found.date or "",
        licence=found.license or "",
        language=found.language or "",
    )


def _tidy(text: str) -> str:
    """Returns paragraphs with an empty line between them; list marks without an item, and link marks, are gone."""
    lines = _ALONE.sub("", _PERMALINK.sub("", text)).splitlines()
    return "\n\n".join(line.strip() for line in lines if line.strip())
