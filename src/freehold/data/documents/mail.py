"""Mail as documents: one message (`.eml`), or a mailbox of them (`.mbox`, RFC 4155).

Owns which part of a message is its text: the plain one, else the main text of the HTML one. Attachments are not
read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

from freehold.data.documents.document import Document, UnreadableError
from freehold.data.documents.pages import read_page

__all__ = ["read_mail", "read_mailbox"]

_START = re.compile(rb"^From [^\r\n]*\r?\n", re.MULTILINE)
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)


def read_mail(data: bytes) -> Document:
    """Returns a message: its text, subject (as title), sender (as author) and date.

    Raises:
        UnreadableError: It has no header, or no text.
    """
    message = message_from_bytes(data, policy=policy.default)
    if not isinstance(message, EmailMessage) or not message.keys():
        raise UnreadableError("it has no header of a mail")
    return Document(
        _body(message),
        title=_header(message, "subject"),
        author=_header(message, "from"),
        time=_date(_header(message, "date")),
        language=_header(message, "content-language"),
    )


def read_mailbox(data: bytes) -> Iterator[Document]:
    """Yields the messages of a mailbox; those without text are left out.

    Raises:
        UnreadableError: It does not begin as a mailbox does.
    """
    starts = [each for each in _START.finditer(data) if _is_border(data, each.start())]
    if not starts or data[: starts[0].start()].strip():
        raise UnreadableError("it does not begin with a `From ` line, as a mailbox does")
    ends = [*(each.start() for each in starts[1:]), len(data)]
    for number, (start, end) in enumerate(zip(starts, ends, strict=True), start=1):
        try:
            yield read_mail(_QUOTED.sub(rb"\1", data[start.end() : end]))._replace(part=number)
        except UnreadableError:
            continue


def _is_border(data: bytes, place: int) -> bool:
    """Tells whether a `From ` line begins a message: it is the first line, or an empty one is before it."""
    return place == 0 or data[:place].endswith((b"\n\n", b"\n\r\n"))


def _body(message: EmailMessage) -> str:
    part = message.get_body(preferencelist=("plain", "html"))
    if part is None:
        raise UnreadableError("it has no text, attachments alone")
    try:
        text = part.get_content()
    except (LookupError, ValueError, KeyError):  # a character set that nobody knows
        raw = part.get_payload(decode=True)
        text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else ""
    if part.get_content_subtype() == "html":
        return read_page(str(text)).text
    return str(text).replace("\r\n", "\n").strip()


def _header(message: EmailMessage, name: str) -> str:
    try:
        return " ".join(str(message.get(name, "")).split())
    except (ValueError, IndexError, AttributeError, TypeError):  # the standard library's parser on broken headers
        return ""


def _date(text: str) -> str:
    try:
        date = parsedate_to_datetime(text)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    except (ValueError, TypeError, OverflowError, IndexError):
        return ""
