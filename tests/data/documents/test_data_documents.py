from __future__ import annotations

import io
import os
import random
import signal
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.data.documents.papers import LINES, SAMPLES, docx, eml, html, mbox

from freehold.data.documents import DOCUMENT_ENDINGS, Document, DocumentReader, UnreadableError
from freehold.data.documents.worker import TEXT_LIMIT
from freehold.data.kept_documents import KeptDocuments


@pytest.fixture(scope="module")
def reader() -> Iterator[DocumentReader]:
    with DocumentReader(seconds=30) as open_reader:
        yield open_reader


@pytest.mark.parametrize("name", SAMPLES)
def test_every_format_gives_its_text(reader: DocumentReader, name: str) -> None:
    text = "\n".join(document.text for document in reader.read(name, SAMPLES[name]))
    for line in LINES:
        assert line in text


def test_every_ending_is_known_by_a_sample() -> None:
    twins = {".htm", ".xhtml", ".rst"}
    assert {Path(name).suffix for name in SAMPLES} | twins == set(DOCUMENT_ENDINGS)


@pytest.mark.parametrize(
    ("name", "title", "author", "time"),
    [
        ("a.docx", "Pump", "Ada", "2026-01-02T03:04:05Z"),
        ("a.epub", "Pump", "Ada", ""),
        ("a.pdf", "Pump", "Ada", ""),
        ("a.html", "Pump", "Ada Byron", ""),
        ("a.eml", "Pump", "Ada <ada@example.org>", "2026-01-02T03:04:05+00:00"),
    ],
)
def test_documents_tell_what_their_files_say(
    reader: DocumentReader, name: str, title: str, author: str, time: str
) -> None:
    (document,) = reader.read(name, SAMPLES[name])
    assert (document.title, document.author, document.time) == (title, author, time)


@pytest.mark.parametrize(
    ("head", "author"),
    [
        ("", ""),
        ('<meta name="author" content="Ada Byron">', "Ada Byron"),
        ('<script type="application/ld+json">{"@type": "Article", "author": {"name": "Ada Byron"}}</script>', ""),
        (
            '<script type="application/ld+json">{"@context": "https://schema.org", "@type": "Article", "author": '
            '{"@type": "Person", "name": "Ada Byron"}}</script>',
            "Ada Byron",
        ),
        ('<script type="application/ld+json">[1, {"@type": "Person", "author": "Ada"}]</script>', ""),
        ('<script type="application/ld+json">' + '{"a":' * 5_000 + "1" + "}" * 5_000 + "</script>", ""),
        (f'<meta name="author" content="Ada {"B" * 300_000}">', "Ada " + "B" * 196),
    ],
)
def test_a_page_has_the_author_that_its_metadata_name(reader: DocumentReader, head: str, author: str) -> None:
    said = "<p>It is called by set authorizer, and that is said so that the paragraph is as long as one.</p>" * 3
    byline = '<p class="author">By <a rel="author" href="#">Set Authorizer</a></p>'
    data = f"<html><head>{head}</head><body><article>{byline}{said}</article></body></html>".encode()
    (page,) = reader.read("a.html", data)
    assert page.author == author


def test_a_page_is_its_main_text(reader: DocumentReader) -> None:
    (page,) = reader.read("a.html", html())
    assert "Shop" not in page.text
    assert "cookies" not in page.text
    assert "alert" not in page.text


def test_line_ends_inside_of_a_paragraph_are_spaces(reader: DocumentReader) -> None:
    said = "<p>The pump must be\nstopped before the <code>cover</code>\n  is opened, and it must be cold.</p>"
    rows = "<table><tr><th>part</th><th>weight</th></tr><tr><td>filter</td><td>9 kg</td></tr></table>"
    items = "<ul><li>First lift the filter out.</li><li>Then clean it with water.</li></ul>"
    page = f"<html><body><article><h1>Safety¶</h1>{said}{said}{rows}{items}</article></body></html>".encode()
    (document,) = reader.read("a.html", page)
    paragraphs = document.text.split("\n\n")
    assert "The pump must be stopped before the cover is opened, and it must be cold." in paragraphs
    assert "filter | 9 kg" in paragraphs
    assert "First lift the filter out." in paragraphs
    assert "Safety" in paragraphs


def test_a_mailbox_is_its_messages(reader: DocumentReader) -> None:
    quoted = mbox((*LINES, "Dear all\n\n>From now on, no smoking."))
    messages = reader.read("a.mbox", quoted)
    assert [message.text for message in messages] == [*LINES, "Dear all\n\nFrom now on, no smoking."]
    assert [message.part for message in messages] == [1, 2, 3]


def test_a_mail_in_html_is_its_main_text(reader: DocumentReader) -> None:
    message = eml().partition(b"\n\n")[0].replace(b"text/plain", b"text/html") + b"\n\n" + html()
    (document,) = reader.read("a.eml", message)
    assert LINES[0] in document.text
    assert "<p>" not in document.text


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.txt", b"", "it is empty"),
        ("a.txt", b"\xff", "it is not UTF-8: byte 0xff at 0"),
        ("a.txt", b"a\0b", "it has a NUL byte"),
        ("a.pdf", b"%PDF-1.4\nnothing", "it is damaged or protected"),
        ("a.docx", b"PK\3\4", "it is damaged or protected"),
        ("a.epub", b"no zip", "it is damaged or protected"),
        ("a.html", b"<html></html>", "no main text is found in the page"),
        ("a.eml", b"no header at all\n", "it has no header of a mail"),
        ("a.mbox", b"Subject: x\n\ntext\n", "it does not begin with a `From ` line"),
        ("a.docx", docx(("",)), "it holds no text"),
    ],
)
def test_what_cannot_be_read_says_why(reader: DocumentReader, name: str, data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableError, match=f"^{reason}"):
        reader.read(name, data)


def test_text_may_be_utf_16_by_its_mark(reader: DocumentReader) -> None:
    assert reader.read("a.txt", "käse".encode("utf-16"))[0].text == "käse"


def test_a_document_that_takes_too_long_ends_and_the_next_is_read() -> None:
    with DocumentReader(seconds=0.01) as hasty:
        with pytest.raises(UnreadableError, match=r"takes longer than 0\.01 s"):
            hasty.read("a.pdf", SAMPLES["a.pdf"])
        hasty._seconds = 30
        assert LINES[0] in hasty.read("a.pdf", SAMPLES["a.pdf"])[0].text


def test_a_parser_that_dies_costs_one_document(reader: DocumentReader) -> None:
    with DocumentReader() as own:
        own.read("a.eml", eml())
        process = own._process
        assert process is not None
        os.kill(process.pid, signal.SIGSEGV)
        process.wait()
        with pytest.raises(UnreadableError, match="its parser died of SIGSEGV"):
            own.read("a.eml", eml())
        assert own.read("a.eml", eml())[0].title == "Pump"


def test_a_document_that_unpacks_to_gigabytes_is_refused(reader: DocumentReader) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(docx())) as small, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as large:
        for name in small.namelist():
            data = small.read(name)
            if name == "word/document.xml":
                head, _, tail = data.partition(b"<w:t>")
                with large.open(name, "w", force_zip64=True) as member:
                    member.write(head + b"<w:t>")
                    for _ in range(600):
                        member.write(b"many words " * 100_000)
                    member.write(tail)
            else:
                large.writestr(name, data)
    with pytest.raises(UnreadableError, match=r"memory|damaged|longer than|died|too large"):
        reader.read("a.docx", packed.getvalue())
    assert reader.read("a.docx", docx())[0].title == "Pump"


def test_a_text_beyond_all_bounds_is_refused(reader: DocumentReader) -> None:
    with pytest.raises(UnreadableError, match="longer than 20,000,000 characters"):
        reader.read("a.eml", eml(("word " * (TEXT_LIMIT // 5 + 1),)))


@pytest.mark.parametrize("name", [name for name in SAMPLES if name not in ("a.txt", "a.md")])
def test_damaged_documents_end_in_text_or_in_a_reason(reader: DocumentReader, name: str) -> None:
    """Bytes flipped, cut and doubled: the reader answers every time."""
    chance = random.Random(name)
    for _ in range(15):
        data = bytearray(SAMPLES[name])
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        broken = bytes(data[: chance.randint(1, len(data))]) if chance.random() < 0.4 else bytes(data)
        assert answer(reader, name, broken)


def answer(reader: DocumentReader, name: str, data: bytes) -> list[Document] | str:
    """Returns the documents, or the reason why there are none."""
    try:
        return reader.read(name, data)
    except UnreadableError as reason:
        return str(reason)


class Counting:
    """A reader that counts."""

    def __init__(self) -> None:
        self.read_names: list[str] = []

    def read(self, name: str, data: bytes) -> list[Document]:
        self.read_names.append(name)
        return [Document(data.decode(), title="t")]


def test_what_was_read_before_is_kept(tmp_path: Path) -> None:
    counting = Counting()
    for _ in range(2):
        kept = KeptDocuments(counting, folder=tmp_path)
        assert kept.read("a.pdf", b"one") == [Document("one", title="t")]
    kept.read("b.pdf", b"one")
    kept.read("a.html", b"one")
    kept.read("a.txt", b"one")
    kept.read("a.txt", b"one")
    assert counting.read_names == ["a.pdf", "a.html", "a.txt", "a.txt"]


def test_what_is_kept_and_was_damaged_is_read_again(tmp_path: Path) -> None:
    counting = Counting()
    kept = KeptDocuments(counting, folder=tmp_path)
    kept.read("a.pdf", b"one")
    (path,) = (each for each in tmp_path.rglob("*.json"))
    path.write_text('[["on')
    assert kept.read("a.pdf", b"one") == [Document("one", title="t")]
    assert len(counting.read_names) == 2
