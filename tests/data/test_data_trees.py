from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from tests.data.documents.papers import LINES, SAMPLES
from tests.data.workplace import Work

from freehold.data import Refused
from freehold.data.trees import matches
from freehold.errors import DataError
from freehold.task import DataRules, Example, Source

FILES = {"b/two.txt": b"two", "a/one.md": b"one", "loose.txt": b"loose", "a/.hidden.txt": b"no", "a/x.bin": b"no"}


def zipped(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name, data in files.items():
            file.writestr(name, data)
    return packed.getvalue()


def tarred(files: dict[str, bytes], *, mode: str = "w") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as file:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def texts(rows: list[Example | Refused]) -> list[tuple[str, object]]:
    return [(row.inputs["text"], row.outputs.get("intent")) for row in rows if isinstance(row, Example)]


def reasons(rows: list[Example | Refused]) -> list[str]:
    return [row.reason for row in rows if isinstance(row, Refused)]


PACKED = {
    "a.zip": zipped(FILES),
    "a.tar": tarred(FILES),
    "a.tar.gz": tarred(FILES, mode="w:gz"),
    "a.tgz": tarred(FILES, mode="w:gz"),
    "a.tar.bz2": tarred(FILES, mode="w:bz2"),
    "a.tar.xz": tarred(FILES, mode="w:xz"),
}


@pytest.mark.parametrize("name", PACKED)
def test_an_archive_reads_like_its_folder(work: Work, name: str) -> None:
    work.put(name, PACKED[name])
    read = work.read(Source(name, {"intent": "label"}))
    assert sorted(texts(read), key=str) == [("loose", None), ("one", "a"), ("two", "b")]
    assert {row.passport.locator for row in read if isinstance(row, Example)} == {
        f"{name}/a/one.md:1",
        f"{name}/b/two.txt:1",
        f"{name}/loose.txt:1",
    }


@pytest.mark.parametrize("name", ["docs", "a.zip", "a.tar"])
def test_a_refused_document_is_named_and_not_its_tree(work: Work, name: str) -> None:
    files = {"a/none.txt": b" ", "a/ada.txt": b"Ask ada@example.org.", "b/two.txt": b"two"}
    for path, data in files.items():
        work.put(f"docs/{path}", data)
    work.put("a.zip", zipped(files))
    work.put("a.tar", tarred(files))
    read = work.read(Source(name, {"intent": "label"}), rules=DataRules(pii="drop"))
    refused = [row for row in read if isinstance(row, Refused)]
    assert sorted(row.said for row in refused) == [
        f"{name}/a/ada.txt:1: cleaning: pii.email: found in the text",
        f"{name}/a/none.txt:1: it is empty",
    ]
    assert {row.source for row in refused} == {name}


def test_a_refused_name_is_printable(work: Work) -> None:
    work.put("docs/a\x1b[2J.txt", b"")
    work.put("docs/b.txt", b"two")
    (refused,) = (row for row in work.read("docs") if isinstance(row, Refused))
    assert refused.said == r"docs/a\x1b[2J.txt:1: it is empty"


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_names_that_lead_out_are_refused(work: Work, pack: object) -> None:
    odd = ["../out.txt", "/etc/out.txt", "a/../../out.txt", "C:/out.txt", "..\\out.txt", "a\x01b.txt"]
    assert callable(pack)
    work.put("a.bin", b"")
    name = "a.zip" if pack is zipped else "a.tar"
    work.put(name, pack({"good.txt": b"good", **dict.fromkeys(odd, b"bad")}))
    read = work.read(Source(name, {"intent": "label"}))
    assert texts(read) == [("good", None)]
    assert len(reasons(read)) == len(odd)
    for reason in reasons(read):
        assert "leads out of the archive" in reason or "control character" in reason


def test_links_in_a_tar_file_are_refused(work: Work) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as file:
        for kind, name in ((tarfile.SYMTYPE, "s.txt"), (tarfile.LNKTYPE, "h.txt"), (tarfile.FIFOTYPE, "f.txt")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            file.addfile(info)
        info = tarfile.TarInfo("good.txt")
        info.size = 4
        file.addfile(info, io.BytesIO(b"good"))
    work.put("a.tar", packed.getvalue())
    read = work.read("a.tar")
    assert texts(read) == [("good", None)]
    assert reasons(read) == ["`s.txt` is a link", "`h.txt` is a link", "`f.txt` is no plain file"]


def test_a_link_in_a_zip_file_is_refused(work: Work) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        info = zipfile.ZipInfo("s.txt")
        info.external_attr = 0o120777 << 16
        file.writestr(info, "/etc/passwd")
        file.writestr("good.txt", "good")
    work.put("a.zip", packed.getvalue())
    read = work.read("a.zip")
    assert (texts(read), reasons(read)) == ([("good", None)], ["`s.txt` is a link"])


def test_a_bomb_is_refused_and_the_rest_is_read(work: Work) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        with file.open("bomb.txt", "w", force_zip64=True) as member:
            for _ in range(110):
                member.write(b"0" * 1_000_000)
        file.writestr("good.txt", "good")
    work.put("a.zip", packed.getvalue())
    read = work.read("a.zip")
    assert (texts(read), reasons(read)) == ([("good", None)], ["`bomb.txt` is longer than 100,000,000 bytes"])


def test_a_zip_entry_that_lies_about_its_length_is_damaged(work: Work) -> None:
    data = zipped({"bomb.txt": b"0" * 5_000, "good.txt": b"good"})
    directory = data.rindex(b"PK\1\2", 0, data.rindex(b"PK\1\2"))
    lying = bytearray(data)
    lying[directory + 24 : directory + 28] = (10).to_bytes(4, "little")
    work.put("a.zip", bytes(lying))
    read = work.read("a.zip")
    assert texts(read)[-1] == ("good", None)
    assert len(read) == 2


@pytest.mark.parametrize("name", PACKED)
def test_a_damaged_archive_is_an_error_or_gives_what_is_whole(work: Work, name: str) -> None:
    whole = PACKED[name]
    for cut in (1, 3, len(whole) // 2):
        work.put(name, whole[:cut])
        said = read_or_reason(work, name)
        assert said == "" or "is damaged" in said or "no file that is a document" in said
    work.put(name, b"")
    with pytest.raises(DataError, match="is empty"):
        work.read(name)


def read_or_reason(work: Work, name: str) -> str:
    try:
        work.read(name)
    except DataError as error:
        return str(error)
    return ""


def test_documents_of_every_format_lie_in_one_folder(work: Work) -> None:
    for name, data in SAMPLES.items():
        work.put(f"papers/safety/{name}", data)
    work.put("papers/safety/bad.pdf", b"%PDF-1.4")
    read = work.read(Source("papers", {"intent": "label"}))
    for line in LINES:
        assert sum(line in text for text, _ in texts(read)) == len(SAMPLES)
    assert {label for _, label in texts(read)} == {"safety"}
    assert [reason[:22] for reason in reasons(read)] == ["`safety/bad.pdf` is da"]
    (word,) = (row for row in read if isinstance(row, Example) and row.passport.locator.endswith("a.docx:1"))
    assert (word.passport.author, word.passport.time) == ("Ada", "2026-01-02T03:04:05Z")
    places = [row.passport.locator for row in read if isinstance(row, Example)]
    assert [place for place in places if "mbox" in place] == [f"papers/safety/a.mbox:{i}" for i in (1, 2)]


def test_one_document_is_a_source(work: Work) -> None:
    work.put("manual.pdf", SAMPLES["a.pdf"])
    (row,) = work.read("manual.pdf")
    assert isinstance(row, Example)
    assert LINES[0] in row.inputs["text"]
    work.put("broken.pdf", b"%PDF-1.4")
    with pytest.raises(DataError, match=r"source `broken.pdf` is damaged or protected"):
        work.read("broken.pdf")


def test_files_may_be_named_by_pattern(work: Work) -> None:
    for name, data in {"src/a.py": b"x = 1", "src/b.js": b"y", "readme.md": b"read"}.items():
        work.put(f"code/{name}", data)
    assert texts(work.read(Source("code", {"intent": "label"}, files=("*.py",)))) == [("x = 1", "src")]
    assert len(work.read(Source("code", {}, files=("src/*", "*.md")))) == 3
    with pytest.raises(DataError, match=r"no file that matches \*\.rs"):
        work.read(Source("code", {}, files=("*.rs",)))


@pytest.mark.parametrize(
    ("name", "globs", "found"),
    [
        ("a/b.md", ("*.md",), True),
        ("a/b.md", ("a/*",), True),
        ("x/a/b.md", ("a/*",), False),
        ("a/b.md", ("b.*", "c"), True),
        ("a/b.MD", ("*.md",), False),
    ],
)
def test_patterns(name: str, globs: tuple[str, ...], found: bool) -> None:
    assert matches(name, globs) is found


def test_nothing_is_written_outside_the_cache(work: Work, tmp_path: Path) -> None:
    work.put("a.zip", zipped({"../out.txt": b"bad", "good.txt": b"good"}))
    before = set(work.folder.rglob("*"))
    work.read("a.zip")
    assert set(work.folder.rglob("*")) == before


def test_a_member_without_a_name_is_passed_over(work: Work) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("x.txt", "nameless")
        file.writestr("good.txt", "good")
    data = packed.getvalue().replace(b"x.txt", b"\0.txt")  # zipfile reads a name up to its first NUL
    work.put("a.zip", data)
    assert texts(work.read("a.zip"))[-1] == ("good", None)
