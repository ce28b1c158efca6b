"""Replies as records of WARC files (ISO 28500, version 1.1): each a gzip member of its own, readable by
others' tools.

Owns the record's form, and finding the members of a file that may end in the middle of one. What the crawler
knew of a reply stands in the record's header `Freehold-Facts`, as JSON. The only module that imports warcio.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from freehold.data.web.signals import Signals, pack_signals, unpack_signals
from freehold.errors import IntegrityError

__all__ = ["Facts", "Member", "Record", "pack_info", "pack_record", "read_members", "unpack_record"]

_FACTS = "Freehold-Facts"
_UNCHANGED = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
_MOST = 1 << 29
_PIECE = 1 << 18


@dataclass(frozen=True, slots=True)
class Facts:
    """What the crawler knew of a reply.

    Attributes:
        kind: `page`, `sitemap`, `robots` or `tdm`.
        status: Of HTTP.
        host: Without a port.
        depth: Links from a start.
        hops: Redirects before it.
        via: The URL that was asked first, where redirects led here.
        canonical: The URL that the page calls its own, where that is another one within the scope.
        charset: Of a page's text, by Python's name; empty where it is none.
        sha256: Of what was unpacked.
        signals: What was said about its use.
    """

    kind: str
    status: int
    host: str
    depth: int = 0
    hops: int = 0
    via: str = ""
    canonical: str = ""
    charset: str = ""
    sha256: str = ""
    signals: Signals = Signals()  # noqa: RUF009, a frozen value


class Record(NamedTuple):
    """A reply in the archive.

    Attributes:
        url: What was asked.
        time: When: ISO 8601, UTC.
        block: The reply as it came over the wire.
        unchanged: It is a 304: what the archive has is still right.
        address: Whom it came from.
    """

    url: str
    time: str
    block: bytes
    facts: Facts
    unchanged: bool = False
    address: str = ""


class Member(NamedTuple):
    """A whole gzip member of a file."""

    start: int
    end: int
    data: bytes


def pack_record(record: Record, *, payload: bytes) -> bytes:
    """Returns a record as a gzip member.

    Args:
        payload: The reply's body as it was sent, for its digest.
    """
    headers = {
        "WARC-Target-URI": record.url,
        "WARC-Date": record.time.replace("+00:00", "Z"),
        "WARC-IP-Address": record.address,
        "WARC-Block-Digest": _digest(record.block),
        "WARC-Payload-Digest": _digest(payload),
        _FACTS: json.dumps(_plain(record.facts), separators=(",", ":")),
    }
    if record.unchanged:
        headers |= {"WARC-Profile": _UNCHANGED, "WARC-Refers-To-Target-URI": record.url}
        del headers["WARC-Payload-Digest"]
    kind = "revisit" if record.unchanged else "response"
    return _pack(kind, headers, record.block, content_type="application/http; msgtype=response")


def pack_info(name: str, info: Mapping[str, str], *, time: str) -> bytes:
    """Returns the record that a file begins with, as a gzip member."""
    block = "".join(f"{key}: {value}\r\n" for key, value in info.items()).encode()
    headers = {"WARC-Date": time.replace("+00:00", "Z"), "WARC-Filename": name}
    return _pack("warcinfo", headers, block, content_type="application/warc-fields")


def _pack(kind: str, headers: Mapping[str, str], block: bytes, *, content_type: str) -> bytes:
    from warcio.recordloader import ArcWarcRecord
    from warcio.statusandheaders import StatusAndHeaders, StatusAndHeadersParser
    from warcio.warcwriter import WARCWriter

    fields = [("WARC-Type", kind), ("WARC-Record-ID", StatusAndHeadersParser.make_warc_id())]
    fields += [(name, value) for name, value in headers.items() if value]
    known = StatusAndHeaders("", fields, protocol="WARC/1.1")
    made = io.BytesIO()
    # The header says what it is; of a revisit, the writer would leave out the block.
    record = ArcWarcRecord("warc", "response", known, io.BytesIO(block), None, content_type, len(block))
    WARCWriter(made, gzip=True, warc_version="1.1").write_record(record)
    return made.getvalue()


def unpack_record(data: bytes) -> Record | None:
    """Returns the reply in an unpacked member; None where the member holds something else.

    Raises:
        IntegrityError: It is no record of ours.
    """
    from warcio.archiveiterator import ArchiveIterator
    from warcio.exceptions import ArchiveLoadFailed

    try:
        record = next(iter(ArchiveIterator(io.BytesIO(data), no_record_parse=True)), None)
        if record is None or record.rec_type not in ("response", "revisit"):
            return None
        headers = record.rec_headers
        block = record.raw_stream.read()
        if headers.get_header("WARC-Block-Digest") != _digest(block):
            raise IntegrityError("a record of the crawl's archive is not what was recorded.")
        return Record(
            url=headers.get_header("WARC-Target-URI"),
            time=headers.get_header("WARC-Date").replace("Z", "+00:00"),
            block=block,
            facts=_facts(json.loads(headers.get_header(_FACTS))),
            unchanged=record.rec_type == "revisit",
            address=headers.get_header("WARC-IP-Address") or "",
        )
    except (ArchiveLoadFailed, ValueError, TypeError, AttributeError) as error:
        raise IntegrityError(f"a record of the crawl's archive cannot be read: {str(error)[:200]}.") from None


def read_members(path: Path, *, start: int = 0) -> Iterator[Member]:
    """Yields the gzip members of a file, up to one that is cut off by the file's end.

    Raises:
        IntegrityError: There is something else between or after them; the message says where.
    """
    with path.open("rb") as file:
        file.seek(start)
        rest = b""
        while rest or (rest := file.read(_PIECE)):
            unpacker = zlib.decompressobj(31)
            made = bytearray()
            end = start
            while not unpacker.eof:
                if not rest and not (rest := file.read(_PIECE)):
                    return
                made += _step(unpacker, rest, path=path, start=start)
                # At a member's end both may hold what is behind it, where the size of the output stopped zlib.
                left = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
                end, rest = end + len(rest) - len(left), left
                if len(made) > _MOST:
                    raise IntegrityError(f"`{path}` has a record of more than {_MOST:,} bytes at {start:,}.")
            yield Member(start, end, bytes(made))
            start = end


def _step(unpacker: Any, data: bytes, *, path: Path, start: int) -> bytes:
    try:
        return bytes(unpacker.decompress(data, _PIECE))
    except zlib.error as error:
        raise IntegrityError(f"`{path}` is damaged at {start:,}: {error}.") from None


def _digest(data: bytes) -> str:
    return "sha256:" + base64.b32encode(hashlib.sha256(data).digest()).decode()


def _plain(facts: Facts) -> dict[str, Any]:
    names = ("kind", "status", "host", "depth", "hops", "via", "canonical", "charset", "sha256")
    values = {name: getattr(facts, name) for name in names}
    return {name: value for name, value in values.items() if value} | {"signals": pack_signals(facts.signals)}


def _facts(data: Mapping[str, Any]) -> Facts:
    signals = unpack_signals(data.get("signals", {}))
    return Facts(
        **{"status": 0, **{name: value for name, value in data.items() if name != "signals"}}, signals=signals
    )
