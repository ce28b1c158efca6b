"""The scope: what is inside, what ends endless sites, and mistakes that are named."""

from __future__ import annotations

from typing import Any

import pytest

from freehold.data.web import Bounds, Identity, Scope, canonical
from freehold.data.web.examining import find
from freehold.data.web.tally import Shapes
from freehold.errors import DataError

START = "https://docs.example.org/3/"


@pytest.mark.parametrize(
    ("hosts", "url", "is_inside"),
    [
        ((), "https://docs.example.org/x", True),
        ((), "http://docs.example.org/x", True),
        ((), "https://docs.example.org:8443/x", False),
        ((), "https://example.org/x", False),
        (("example.org",), "https://docs.example.org/x", False),
        (("*.example.org",), "https://docs.example.org/x", True),
        (("*.example.org",), "https://example.org/x", True),
        (("*.example.org",), "https://badexample.org/x", False),
        (("*.example.org",), "https://example.org.evil.com/x", False),
        (("example.org:8080",), "http://example.org:8080/x", True),
        (("example.org:8080",), "http://example.org/x", False),
        (("example.org:443",), "http://example.org/x", False),
        (("EXAMPLE.org.",), "http://example.org/x", True),
        (("bücher.example",), "http://xn--bcher-kva.example/", True),
        (("[2606:4700::1111]",), "http://[2606:4700:0::1111]/", True),
    ],
)
def test_hosts_and_ports(hosts: tuple[str, ...], url: str, is_inside: bool) -> None:
    assert bool(Scope((START,), hosts=hosts).refuse_host(canonical(url))) != is_inside


@pytest.mark.parametrize(
    ("include", "exclude", "path", "why"),
    [
        ((), (), "/anything", ""),
        (("/3/**",), (), "/3/library/os.html", ""),
        (("/3/**",), (), "/2/library/os.html", "no path of `include` matches"),
        (("/3/*",), (), "/3/library/os.html", "no path of `include` matches"),
        (("/3/*.html", "/3/**/*.html"), (), "/3/library/os.html", ""),
        (("**.html",), (), "/3/a.html", ""),
        (("/?/a",), (), "/3/a", ""),
        ((), ("/3/whatsnew/**",), "/3/whatsnew/3.14.html", "`exclude` has '/3/whatsnew/**'"),
        (("/3/**",), ("**.zip",), "/3/a.zip", "`exclude` has '**.zip'"),
        ((), ("/a.c",), "/abc", ""),
        ((), (), "/" + "a/b/" * 3 + "c", ""),
        ((), (), "/" + "a/b/" * 4, "its path has a segment more than 3 times"),
        ((), (), "/" + "/".join(map(str, range(21))), "its path has more than 20 segments"),
    ],
)
def test_paths(include: tuple[str, ...], exclude: tuple[str, ...], path: str, why: str) -> None:
    scope = Scope((START,), include=include, exclude=exclude)
    assert scope.refuse(canonical(path, base=START)) == why


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"start": ()}, "needs a URL to start at"),
        ({"start": ("ftp://x.org",)}, "cannot start at 'ftp://x.org': its scheme is 'ftp', not http or https"),
        ({"depth": -1}, "`depth` is at least 0; this is -1"),
        ({"pages": 0}, "`pages` is at least 1; this is 0"),
        ({"total_bytes": 0}, "`total_bytes` is at least 1"),
        ({"page_bytes": -5}, "`page_bytes` is at least 1"),
        ({"delay": -1.0}, "`delay` is 0 to 86,400 seconds; this is -1.0"),
        ({"delay": float("nan")}, "`delay` is 0 to 86,400 seconds; this is nan"),
        ({"include": ("docs/**",)}, "a path glob begins with `/` or `\\*`"),
        ({"exclude": ("/" + "a" * 500,)}, "at most 500 characters"),
        ({"hosts": ("https://x.org",)}, "`hosts` has 'https://x.org': it is more than a host"),
        ({"hosts": ("x y",)}, "`hosts` has 'x y'"),
        ({"hosts": ("a.org:99999",)}, "`hosts` has 'a.org:99999'"),
    ],
)
def test_mistakes_are_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Scope(**{"start": (START,), **values})


@pytest.mark.parametrize(
    ("name", "contact", "message"),
    [
        ("", "a@b.org", "`name` is letters"),
        ("free hold", "a@b.org", "`name` is letters"),
        ("freehold\r\nX: y", "a@b.org", "`name` is letters"),
        ("freehold", "", "`contact` is a URL or an e-mail address"),
        ("freehold", "me", "`contact` is a URL or an e-mail address"),
        ("freehold", "a@b.org\r\nX: y", "`contact` is a URL or an e-mail address"),
        ("freehold", "a@b.org)", "`contact` is a URL or an e-mail address"),
    ],
)
def test_an_identity_can_be_sent(name: str, contact: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Identity(name, contact)


def test_an_identity_says_who_asks() -> None:
    assert Identity("freehold", "https://x.org/bot").user_agent == "freehold/1.0 (+https://x.org/bot)"


def choose(shapes: Shapes, *urls: str) -> list[str]:
    return [each.url for each in shapes.choose([find(canonical(url)) for url in urls])]


def test_known_urls_and_too_many_of_a_shape_are_left_out() -> None:
    bounds = Bounds(variants=2, host_pages=6, hosts=3)
    known = "http://a.org/known"
    shapes = Shapes([known, "http://a.org/p?n=0"], bounds=bounds)
    assert choose(shapes, known, "http://a.org/p?n=0", "http://a.org/p?n=1", "http://a.org/p?n=2") == [
        "http://a.org/p?n=1"
    ]
    assert choose(shapes, *[f"http://a.org/{n}" for n in range(9)]) == [f"http://a.org/{n}" for n in range(3)]
    assert choose(shapes, *[f"http://{n}.org/" for n in "bcdef"]) == ["http://b.org/", "http://c.org/"]
    assert choose(shapes, "http://b.org/2", "http://g.org/") == ["http://b.org/2"]
