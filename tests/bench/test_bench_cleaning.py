"""The benchmark of cleaning measures every family and reads catalogues of messages."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from bench import cleaning

WELSH = {
    "The file could not be opened": "Nid oedd modd agor y ffeil honno",
    "Save %s": "Cadw'r ffeil yma: %s",
    "OK": "Iawn",
    "Cancel the whole thing": "Cancel the whole thing",
}


def catalogue(messages: dict[str, str]) -> bytes:
    """A GNU message catalogue, as `msgfmt` writes it."""
    pairs = sorted({"": "Content-Type: text/plain; charset=UTF-8\n", **messages}.items())
    count, place, tables, body = len(pairs), 28 + 16 * len(pairs), [b"", b""], b""
    for column in (0, 1):
        for pair in pairs:
            raw = pair[column].encode()
            tables[column] += struct.pack("<II", len(raw), place + len(body))
            body += raw + b"\0"
    return struct.pack("<7I", 0x950412DE, 0, count, 28, 28 + 8 * count, 0, 0) + tables[0] + tables[1] + body


def test_messages_are_read_with_their_languages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "locale" / "cy_GB" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "one.mo").write_bytes(catalogue(WELSH))
    (folder / "damaged.mo").write_bytes(b"\xde\x12\x04\x95" + b"\xff" * 8)
    monkeypatch.setattr(cleaning, "_SYSTEM", tmp_path)
    assert list(cleaning.messages(seed=1)) == [("cy", "Nid oedd modd agor y ffeil honno")]
    table = cleaning.languages(seed=1)
    assert table is not None
    assert [row["letters"] for row in table.rows] == ["20+"] * 5


def test_every_step_is_measured() -> None:
    texts = cleaning.docstrings(count=3, seed=1)
    table = cleaning.speeds(texts, name="few", repeats=1)
    assert [row["step"] for row in table.rows][-3:] == ["ROWS", "DOCUMENTS", "chunks of 200 words"]
    assert len(cleaning.descriptions()) > 50
