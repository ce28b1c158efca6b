"""Debian's Python manual as a web site, with traps: what nginx is told to do, and what is to come of each.

The traps are below `/traps/`, all linked from `/traps/index.html`, which only the sitemap lists.
"""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

FORBIDDEN = ("/_sources/", "/genindex", "/distutils/", "/traps/private")
"""What robots.txt disallows."""

RETRY_AFTER = 3
"""Seconds that the limited pages ask for; nginx gives one of them every three seconds."""

BOMB = 5 << 30
SENTENCE = "Müller sagt: schöne Grüße aus Köln, und zwar überaus höflich. "
RUSSIAN = "Это простой русский текст, в котором достаточно букв для догадки. "
JAPANESE = "これは日本語の文章です。文字コードが間違って宣言されています。"


class Lie(NamedTuple):
    """A text, the charset that it is in, and the one that the header says."""

    said: str
    charset: str
    text: str


CHARSETS = {
    "cp1252-as-utf8": Lie("utf-8", "cp1252", SENTENCE),
    "utf8-as-latin1": Lie("iso-8859-1", "utf-8", SENTENCE),
    "cp1251-as-utf8": Lie("utf-8", "cp1251", RUSSIAN),
    "utf8-as-cp1251": Lie("windows-1251", "utf-8", RUSSIAN),
    "sjis-as-utf8": Lie("utf-8", "cp932", JAPANESE),
    "utf8-as-gb2312": Lie("gb2312", "utf-8", JAPANESE),
    "utf16-as-utf8": Lie("utf-8", "utf-16", SENTENCE),
    "utf8-as-nonsense": Lie("nonsense", "utf-8", SENTENCE),
}
"""Pages whose charset is not what nginx says."""

REASONS = {
    "/traps/self": "it redirects to itself",
    "/traps/chain/11111": "it redirects more than 5 times",
    "/traps/out": "it redirects to 'http://10.0.0.1/secret': the host '10.0.0.1' is outside the scope",
    "/traps/file": "it redirects to 'file:///etc/passwd': its scheme is 'file', not http or https",
    "/traps/private/page.html": "robots.txt",
    "/traps/private/other.html": "robots.txt",
    "/traps/missing.html": "status 404",
    "/traps/gone": "status 410",
    "/traps/broken": "status 500",
    "/traps/busy": "status 429",
    "/traps/cut": "the reply is cut off",
    "/traps/large.html": "it has more than 10,485,760 bytes",
    "/traps/bomb.html": "it unpacks to more than 10,485,760 bytes",
}
"""Traps without a page, with why there is none."""

PAGES = ("/traps/new.html", "/traps/folder/", "/traps/slow.html", "/traps/limited/1.html", "/traps/limited/2.html")
"""Pages behind redirects and delays."""

MOVED = {
    "/traps/old.html": "/traps/new.html",
    "/traps/folder": "/traps/folder/",
    "/traps/loop/a": "/traps/loop/b",
    "/traps/loop/b": "/traps/loop/a",
    "/traps/hidden": "/traps/private/other.html",
}
"""Redirects that are followed as links are."""

ENDLESS = ("/traps/maze/", "/traps/calendar?day=1", "/traps/endless/")
"""Where links that never end begin."""

_SERVER = """\
root {manual};
location = /robots.txt {{ root {own}; }}
location = /sitemap.xml {{ root {own}; }}
location = /whatsnew/changelog.html {{ gzip_static on; }}
location /traps/ {{ root {own}; index index.html; }}
location = /traps/old.html {{ return 301 /traps/new.html; }}
location = /traps/loop/a {{ return 302 /traps/loop/b; }}
location = /traps/loop/b {{ return 307 /traps/loop/a; }}
location = /traps/self {{ return 302 /traps/self; }}
location = /traps/hidden {{ return 302 /traps/private/other.html; }}
location = /traps/out {{ return 302 http://10.0.0.1/secret; }}
location = /traps/file {{ return 302 file:///etc/passwd; }}
location /traps/chain/ {{ return 302 ${{request_uri}}1; }}
location = /traps/gone {{ return 410; }}
location = /traps/broken {{ return 500; }}
location = /traps/cut {{ return 444; }}
location = /traps/busy {{ add_header Retry-After 1 always; return 429; }}
location @later {{ add_header Retry-After {retry_after} always; return 429; }}
location /traps/limited/ {{ root {own}; limit_req zone=once; limit_req_status 429; error_page 429 = @later; }}
location = /traps/slow.html {{ root {own}; limit_rate 200k; }}
location = /traps/bomb.html {{ root {own}; gzip_static always; }}
location = /traps/bomb.xml.gz {{ alias {own}/traps/bomb.html.gz; }}
location /traps/maze/ {{ default_type text/html; return 200 '<a href="deeper/">on</a>'; }}
location = /traps/calendar {{ default_type text/html; return 200 '<a href="?day=1$arg_day">tomorrow</a>'; }}
location /traps/endless/ {{ default_type text/html; return 200 '<a href="$request_id">a</a>'; }}
location /traps/wide/ {{
    default_type text/html;
    return 200 '<a href="/traps/wide/${{request_id}}a">a</a><a href="/traps/wide/${{request_id}}b">b</a>';
}}
"""


def find_manual() -> Path | None:
    """Returns where Debian's package `python3-doc` has the manual; None where it is not installed."""
    found = sorted(Path("/usr/share/doc").glob("python3*/html/library/index.html"))
    return found[0].parents[1] if found else None


def list_files(manual: Path) -> set[str]:
    """Returns the paths of the manual's pages, as a browser asks for them; one is stored packed."""
    files = [*manual.rglob("*.html"), *manual.rglob("*.html.gz")]
    return {f"/{path.relative_to(manual).as_posix()}".removesuffix(".gz") for path in files}


def list_links(manual: Path) -> set[str]:
    """Returns where the links of the manual's pages lead that robots.txt allows, within the site."""
    found: set[str] = set()
    for path in filter(is_allowed, list_files(manual)):
        text = read_file(manual, path).decode("utf-8", "replace")
        for href in set(re.findall(r"<a\s[^>]*?href=\"([^\"]*)\"", text)):
            target = urlsplit(urldefrag(urljoin(f"http://site{path}", unescape(href).strip()))[0])
            if target.netloc == "site":
                found.add(unquote(target.path))
    return found


def read_file(manual: Path, path: str) -> bytes:
    """Returns a page of the manual, unpacked."""
    file = manual / path[1:]
    return file.read_bytes() if file.exists() else gzip.decompress(Path(f"{file}.gz").read_bytes())


def is_allowed(path: str) -> bool:
    return not path.startswith(FORBIDDEN)


def write_text(lie: Lie) -> str:
    """Returns a page, long enough for a guess."""
    return f"<p>{lie.text * 10}</p>"


def write_site(own: Path, manual: Path, *, port: int, bomb: bool = True, rules: str = "") -> str:
    """Writes what the site has beside the manual, and returns nginx's `server` block for both.

    Args:
        own: An empty folder.
        manual: Its pages.
        port: Where the site will be.
        bomb: Whether five gigabytes are packed, too.
        rules: More lines for robots.txt.
    """
    traps = own / "traps"
    for name in ("private", "folder", "limited"):
        (traps / name).mkdir(parents=True)
    for name in ("new", "folder/index", "private/page", "limited/1", "limited/2"):
        (traps / f"{name}.html").write_text(f"<p>{name}</p>", encoding="utf-8")
    (traps / "slow.html").write_text("<p>slow</p>" + " " * 300_000, encoding="utf-8")
    with (traps / "large.html").open("wb") as file:
        file.truncate(12 << 20)
    if bomb:
        with (traps / "bomb.html.gz").open("wb") as file:
            file.writelines(_pack_zeros(BOMB))
    for name, each in CHARSETS.items():
        (traps / f"{name}.html").write_bytes(write_text(each).encode(each.charset))
    (traps / "index.html").write_text("".join(f'<a href="{path}">x</a>' for path in _starts()), encoding="utf-8")
    _write_lists(own, manual, port=port, rules=rules)
    said = "".join(
        f"location = /traps/{name}.html {{\n"
        f"    root {own}; types {{ }} default_type 'text/html; charset={lie.said}';\n"
        "}\n"
        for name, lie in CHARSETS.items()
    )
    return _SERVER.format(manual=manual, own=own, retry_after=RETRY_AFTER) + said


def _starts() -> Iterator[str]:
    """Yields what the index of the traps links to."""
    yield from (path for path in REASONS if path not in ("/traps/chain/11111", "/traps/private/other.html"))
    yield from ("/traps/chain/", *MOVED, *ENDLESS, "/traps/slow.html")
    yield from ("/traps/limited/1.html", "/traps/limited/2.html")
    yield from (f"/traps/{name}.html" for name in CHARSETS)


def _write_lists(own: Path, manual: Path, *, port: int, rules: str) -> None:
    """Writes robots.txt and the sitemap that it names, beside one that is a bomb."""
    site = f"http://127.0.0.1:{port}"
    paths = sorted({*list_files(manual), "/traps/index.html"})
    urls = "".join(f"<url><loc>{site}{path}</loc></url>" for path in paths)
    (own / "sitemap.xml").write_text(f"<urlset>{urls}</urlset>", encoding="utf-8")
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in FORBIDDEN), rules]
    lines += [f"Sitemap: {site}/{path}" for path in ("sitemap.xml", "traps/bomb.xml.gz")]
    (own / "robots.txt").write_text("\n".join([*lines, ""]), encoding="utf-8")


def _pack_zeros(size: int) -> Iterator[bytes]:
    """Yields one gzip member that unpacks to zeros; a piece that stands for itself is packed once."""
    piece = bytes(1 << 26)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
    count, check = size // len(piece), 0
    yield b"\x1f\x8b\x08" + bytes(7)
    for _ in range(count):
        check = zlib.crc32(piece, check)
        yield packed
    yield zlib.compressobj(9, zlib.DEFLATED, -15).flush() + struct.pack("<II", check, size & 0xFFFFFFFF)
