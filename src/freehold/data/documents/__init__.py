"""Documents: files that people write, read as plain text with what they say of themselves.

Knows nothing of rows, folders or tasks: bytes with a name go in, text comes out. Whatever parses a format that
strangers write does so in a process of its own (`reader`), which may fail, hang or swell without harm.
"""

from freehold.data.documents.document import Document, UnreadableError
from freehold.data.documents.formats import DOCUMENT_ENDINGS, find_format
from freehold.data.documents.reader import DocumentReader

__all__ = ["DOCUMENT_ENDINGS", "Document", "DocumentReader", "UnreadableError", "find_format"]
