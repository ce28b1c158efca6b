"""Charsets: what is said counts where the bytes can be that."""

# ruff: noqa: RUF001, that letters look like others is what is tested here

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.data.web.charsets import decode, find_charset

GREEK = "Ελληνικά γράμματα, και λίγο κείμενο ακόμη για να φαίνεται η γλώσσα. " * 5
RUSSIAN = "Это простой русский текст, в котором достаточно букв для догадки. " * 5


@pytest.mark.parametrize(
    ("body", "content_type", "charset"),
    [
        (b"plain", "text/html", "utf-8"),
        (b"plain", "text/html; charset=ISO-8859-1", "cp1252"),
        ("é".encode(), "text/html; charset=UTF-8", "utf-8"),
        ("é".encode(), "text/html; charset='utf8'", "utf-8"),
        ("é".encode(), "text/html; charset=nonsense", "utf-8"),
        ("é".encode(), "text/html; charset=hex", "utf-8"),
        ("é".encode(), "text/html; charset=idna", "utf-8"),
        (b"\\u00e9", "text/html; charset=unicode_escape", "utf-8"),
        (b"+AOk-", "text/html; charset=utf-7", "utf-8"),
        (b"\xef\xbb\xbf\xc3\xa9", "text/html; charset=iso-8859-1", "utf-8"),
        ("é".encode("utf-16"), "text/html", "utf-16-le"),
        (b'<meta charset="windows-1251">' + "Это".encode("cp1251"), "text/html", "cp1251"),
        (b'<meta http-equiv=x content="text/html; charset=koi8-r">' + "Это".encode("koi8-r"), "", "koi8-r"),
        (b'<?xml version="1.0" encoding="Shift_JIS"?>' + "日本".encode("cp932"), "text/xml", "cp932"),
        (b'<meta charset="utf-16">' + "é".encode(), "text/html", "utf-8"),
        ("中文".encode("gb18030"), "text/html; charset=gb2312", "gb18030"),
        (RUSSIAN.encode("cp1251"), "text/html; charset=utf-8", "cp1251"),
        (GREEK.encode("iso8859-7"), "text/html", "iso8859-7"),
        ("é".encode(), "text/html; charset=iso-8859-1", "utf-8"),
        (RUSSIAN.encode(), "text/html; charset=windows-1251", "utf-8"),
        (("中文" * 10).encode(), "text/html; charset=gb2312", "utf-8"),
        ("ยก".encode("cp874"), "text/html; charset=tis-620", "cp874"),
        ("é".encode("utf-16-be"), "text/html; charset=utf-16-be", "utf-16-be"),
    ],
)
def test_the_evidence_is_weighed(body: bytes, content_type: str, charset: str) -> None:
    found = find_charset(body, content_type)
    assert body.decode(found) == body.decode(charset)


def test_a_header_that_lies_is_not_believed() -> None:
    body = "Müller und Söhne sagen „Grüß Gott“ an der Straße.".encode("cp1252")
    assert "Grüß" in decode(body, find_charset(body, "text/html; charset=utf-8"))


def test_bytes_that_are_no_letters_are_marked_and_a_mark_is_dropped() -> None:
    assert decode(b"a\xffb", "utf-8") == "a\ufffdb"
    assert decode(b"\xef\xbb\xbfa", "utf-8") == "a"


@given(st.binary(max_size=80), st.text(max_size=30))
def test_every_page_has_a_charset(body: bytes, label: str) -> None:
    assert isinstance(decode(body, find_charset(body, f"text/html; charset={label}")), str)
