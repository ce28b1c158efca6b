"""URLs: one form for what asks for the same thing, whatever they come as."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.data.web.urls import URL_LIMIT, BadUrlError, canonical

BASE = "http://example.org/a/b?q=1"

FORMS = [
    ("HTTP://EXAMPLE.org", "http://example.org/"),
    ("http://example.org:80/", "http://example.org/"),
    ("https://example.org:443/", "https://example.org/"),
    ("https://example.org:80/", "https://example.org:80/"),
    ("http://example.org/a/./b/../c", "http://example.org/a/c"),
    ("http://example.org/../../a", "http://example.org/a"),
    ("http://example.org/a/..", "http://example.org/"),
    ("http://example.org/a/b/.", "http://example.org/a/b/"),
    ("http://example.org/%2e%2e/a/%2E/b", "http://example.org/a/b"),
    ("http://example.org/a//b/", "http://example.org/a//b/"),
    ("http://example.org/%7euser/%41%2f%3f", "http://example.org/~user/A%2F%3F"),
    ("http://example.org/ä b|c", "http://example.org/%C3%A4%20b%7Cc"),
    ("http://example.org/100%", "http://example.org/100%25"),
    ("http://example.org/a#top", "http://example.org/a"),
    ("http://example.org/?", "http://example.org/"),
    ("http://example.org/?b=2&a=1", "http://example.org/?b=2&a=1"),
    ("http://example.org/?utm_source=x&a=1&UTM_Medium=y&gclid=z", "http://example.org/?a=1"),
    ("http://example.org/?%75tm_source=x", "http://example.org/"),
    ("http://example.org/?utm=1&my_utm_x=2", "http://example.org/?utm=1&my_utm_x=2"),
    ("http://example.org/a;jsessionid=ABC123?x=1&PHPSESSID=2", "http://example.org/a?x=1"),
    ("  http://example.org/a\n", "http://example.org/a"),
    ("http://exam\nple.org/\ta", "http://example.org/a"),
    ("http:\\\\example.org\\a?b=\\", "http://example.org/a?b=%5C"),
    ("c", "http://example.org/a/c"),
    ("../c", "http://example.org/c"),
    ("/c?d", "http://example.org/c?d"),
    ("?r=2", "http://example.org/a/b?r=2"),
    ("#x", "http://example.org/a/b?q=1"),
    ("//other.org/c", "http://other.org/c"),
    ("https://other.org", "https://other.org/"),
]


@pytest.mark.parametrize(("text", "url"), FORMS)
def test_forms_become_one(text: str, url: str) -> None:
    assert str(canonical(text, base=BASE)) == url


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("mailto:me@example.org", "its scheme is 'mailto', not http or https"),
        ("http://user@example.org/", "it has a user's name before its host"),
        ("http://example.org:0/", "its port is 0"),
        ("http://example.org/" + "a" * URL_LIMIT, "it has more than 2,000 characters"),
        ("http://example.org/" + "ä" * 400, "it has more than 2,000 characters"),
        ("http://-/", "its host is '-', which no name can be"),
    ],
)
def test_what_is_not_asked_says_why(text: str, reason: str) -> None:
    with pytest.raises(BadUrlError, match="^" + reason.replace("(", r"\(")):
        canonical(text, base=BASE)


PIECES = st.sampled_from(
    ["/", "..", ".", "%2e", "%", "%41", ";jsessionid=", "?", "&", "utm_x=", "=", "#", "a", "ä", "\\"]
)


@given(st.lists(PIECES | st.text(max_size=3), max_size=14))
def test_the_form_of_a_form_is_itself(pieces: list[str]) -> None:
    try:
        once = canonical("http://example.org/" + "".join(pieces))
    except BadUrlError:
        return
    assert canonical(str(once)) == once
    assert str(once).isascii()
    assert not set(str(once)) & set(' \t\r\n\\"<>#')


@given(st.text(max_size=60) | st.text(max_size=40).map("http://{}/".format))
def test_no_text_is_too_strange(text: str) -> None:
    try:
        url = canonical(text)
    except BadUrlError:
        return
    assert url.host
    assert canonical(str(url)) == url
