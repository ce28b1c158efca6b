"""Bytes of a page as text: which charset they are in, by what is said of them and by what they are.

Owns the order of evidence: a byte order mark, the header, the page's own word, then a guess. What is said
counts only where the bytes can be that, and are not plainly UTF-8. The only module that imports
charset_normalizer.
"""

from __future__ import annotations

import codecs
import re

__all__ = ["decode", "find_charset"]

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_HEADER = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_META = re.compile(rb"<meta[^>]{0,400}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_XML = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{1,40})", re.IGNORECASE)
_HEAD = 4_096
_SAMPLE = 1 << 16

_GUESSED = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"),
    *("iso8859_2", "iso8859_5", "iso8859_7", "koi8_r", "koi8_u", "cp874", "cp932", "euc_jp", "cp949"),
    *("gb18030", "big5"),
)
"""Only what browsers know: charsets of old Macintoshes and DOS fit a few letters by chance."""

_LABELS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
}
"""What a label means in practice (https://encoding.spec.whatwg.org/#names-and-labels), by Python's names."""

_NO_TEXT = frozenset(
    {"utf-7", "idna", "punycode", "raw-unicode-escape", "unicode-escape", "undefined", "mbcs", "oem"}
)


_PAIRED = frozenset({"cp874", "cp932", "euc_jp", "cp949", "gb18030", "big5"})
"""Where a letter or two may happen to be UTF-8 as well."""

_MANY = 20


def find_charset(body: bytes, content_type: str) -> str:
    """Returns the charset of a page, by Python's name for it.

    Args:
        body: Unpacked.
        content_type: The header's value; may be empty.

    Example:
        >>> find_charset("é".encode("cp1252"), "text/html; charset=utf-8")
        'cp1252'
    """
    for mark, name in _MARKS:
        if body.startswith(mark):
            return name
    head = body[:_HEAD]
    said = [found[1] for found in [_HEADER.search(content_type)] if found]
    said += [found[1].decode("ascii") for found in (_META.search(head), _XML.search(head)) if found]
    names = [name for name in map(_known, said) if name]
    # A page that says UTF-16 in bytes that were read as ASCII is not (WHATWG: it is UTF-8 then).
    names = [
        "utf-8" if name.startswith("utf-16") and b"<" in head and b"\0" not in head else name for name in names
    ]
    for name in [*names, "utf-8"]:
        if _fits(body, name):
            return "utf-8" if _is_plainly_utf8(body, said=name) else name
    return _guess(body) or (names[0] if names else "cp1252")


def decode(body: bytes, charset: str) -> str:
    """Returns the text; bytes that are none in this charset become U+FFFD."""
    text = body.decode(charset, "replace")
    return text.removeprefix("\ufeff")


def _known(label: str) -> str:
    """Returns Python's name for a charset of text, or nothing."""
    try:
        found = codecs.lookup(label.strip().lower())
    except (LookupError, ValueError):
        return ""
    name = _LABELS.get(found.name, found.name)
    # Python's codecs that are no charsets (`hex`, `rot13`) say so only here.
    return "" if name in _NO_TEXT or not getattr(found, "_is_text_encoding", True) else name


def _fits(body: bytes, name: str) -> bool:
    try:
        body.decode(name)
    except UnicodeError:
        return False
    return True


def _is_plainly_utf8(body: bytes, *, said: str) -> bool:
    """Returns whether bytes are UTF-8 whatever is said: words of other charsets are so only by rare chance.

    Servers add one charset to all that they send, and old texts are not the only ones that they send.
    """
    if body.isascii() or b"\0" in body or not _fits(body, "utf-8"):
        return False
    return said not in _PAIRED or len(body) - len(body.decode()) >= _MANY


def _guess(body: bytes) -> str:
    from charset_normalizer import from_bytes

    found = from_bytes(body[:_SAMPLE], cp_isolation=list(_GUESSED)).best()
    return _known(found.encoding) if found is not None else ""
