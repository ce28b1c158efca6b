"""What a document is, once it is read. Knows no format."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Document", "UnreadableError"]


class Document(NamedTuple):
    """A text, and what its file says of it; what the file does not say is empty.

    Attributes:
        text: Paragraphs, with an empty line between them; headings and lists as in Markdown.
        time: ISO 8601, in UTC where the file names a zone: when it was written, by its own word.
        licence: As the file has it: a name or an address, no SPDX identifier yet.
        language: As the file declares it, not as it was detected.
        part: Which part of the file it is, from 1, where a file holds several (a mailbox); otherwise 0.
    """

    text: str
    title: str = ""
    author: str = ""
    time: str = ""
    licence: str = ""
    language: str = ""
    part: int = 0


class UnreadableError(Exception):
    """A document that cannot be read; its text is the reason, without the document's name."""
