"""Which formats there are, and who parses each.

Owns the table of endings. The parsers are imported with the first document that needs them, in the process that
reads documents; the only module that imports kreuzberg.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from freehold.data.documents.document import Document, UnreadableError

__all__ = ["DOCUMENT_ENDINGS", "find_format", "parse"]

_FORMATS: Mapping[str, str] = MappingProxyType(
    {
        ".txt": "text",
        ".md": "text",
        ".rst": "text",
        ".html": "page",
        ".htm": "page",
        ".xhtml": "page",
        ".pdf": "application/pdf",
        ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        ".epub": "application/epub+zip",
        ".eml": "mail",
        ".mbox": "mailbox",
    }
)

DOCUMENT_ENDINGS = tuple(_FORMATS)
"""The endings of the files that are read as documents."""


def find_format(name: str) -> str:
    """Returns the format of a file by its name's ending; empty where it is no document."""
    lower = name.lower()
    return next((form for ending, form in _FORMATS.items() if lower.endswith(ending)), "")


def parse(form: str, data: bytes) -> list[Document]:
    """Returns the documents in a file.

    Raises:
        UnreadableError: It is damaged, protected by a password, or holds no text.
    """
    documents = [each for each in _PARSERS.get(form, _parse_office)(form, data) if each.text.strip()]
    if not documents:
        raise UnreadableError("it holds no text")
    return documents


def _parse_page(_: str, data: bytes) -> list[Document]:
    from freehold.data.documents.pages import read_page

    return [read_page(data)]


def _parse_mail(_: str, data: bytes) -> list[Document]:
    from freehold.data.documents.mail import read_mail

    return [read_mail(data)]


def _parse_mailbox(_: str, data: bytes) -> list[Document]:
    from freehold.data.documents.mail import read_mailbox

    return list(read_mailbox(data))


def _parse_office(form: str, data: bytes) -> list[Document]:
    """Reads what kreuzberg reads. Nothing is left out that it takes for headers: lines that repeat are ours."""
    import kreuzberg

    everything = kreuzberg.ContentFilterConfig(
        include_headers=True, include_footers=True, strip_repeating_text=False
    )
    settings = kreuzberg.ExtractionConfig(
        use_cache=False,
        disable_ocr=True,  # type: ignore[call-arg] # it is there; its stub does not say so
        output_format="markdown",
        content_filter=everything,
    )
    try:
        result = kreuzberg.extract_bytes_sync(data, form, settings)
    except kreuzberg.KreuzbergError as error:
        raise UnreadableError(_reason(error)) from error
    told: Mapping[str, Any] = result.metadata
    authors = told.get("authors") or []
    return [
        Document(
            result.content.replace("\r\n", "\n"),
            title=_word(told.get("title")),
            author=", ".join(name for name in authors if isinstance(name, str)),
            time=_word(told.get("modified_at") or told.get("created_at")),
            language=_word(told.get("language")),
        )
    ]


def _word(value: object) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""


def _reason(error: Exception) -> str:
    first = next(iter(str(error).splitlines()), "")
    return f"it is damaged or protected ({first[:160].rstrip('.')})" if first else "it is damaged or protected"


_PARSERS: Mapping[str, Callable[[str, bytes], list[Document]]] = MappingProxyType(
    {"page": _parse_page, "mail": _parse_mail, "mailbox": _parse_mailbox}
)
