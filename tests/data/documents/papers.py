"""Small documents of every format, made here byte by byte, so that no library that writes them is needed."""

from __future__ import annotations

import io
import zipfile
import zlib

__all__ = ["LINES", "SAMPLES", "docx", "eml", "epub", "html", "mbox", "pdf", "pptx"]

LINES = ("The pump must be stopped before the cover is opened.", "Lift the filter with two hands.")
"""What every sample says."""

_OFFICE = "http://schemas.openxmlformats.org"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


def _zip(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return packed.getvalue()


def _relations(*targets: tuple[str, str]) -> str:
    rows = "".join(
        f'<Relationship Id="r{i}" Type="{_OFFICE}/officeDocument/2006/relationships/{kind}" Target="{target}"/>'
        for i, (kind, target) in enumerate(targets)
    )
    return f'{_HEAD}<Relationships xmlns="{_OFFICE}/package/2006/relationships">{rows}</Relationships>'


def _types(**parts: str) -> str:
    rows = "".join(f'<Override PartName="/{name}" ContentType="{kind}"/>' for name, kind in parts.items())
    return (
        f'{_HEAD}<Types xmlns="{_OFFICE}/package/2006/content-types"><Default Extension="rels" '
        f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>{rows}</Types>'
    )


def _core(title: str, author: str) -> str:
    return (
        f'{_HEAD}<cp:coreProperties xmlns:cp="{_OFFICE}/package/2006/metadata/core-properties" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<dc:title>{title}</dc:title><dc:creator>{author}</dc:creator>"
        '<dcterms:modified xsi:type="dcterms:W3CDTF">2026-01-02T03:04:05Z</dcterms:modified></cp:coreProperties>'
    )


def docx(lines: tuple[str, ...] = LINES) -> bytes:
    word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    body = "".join(f"<w:p><w:r><w:t>{line}</w:t></w:r></w:p>" for line in lines)
    return _zip(
        {
            "[Content_Types].xml": _types(**{"word/document.xml": word}),
            "_rels/.rels": _relations(("officeDocument", "word/document.xml"), ("core", "docProps/core.xml")),
            "docProps/core.xml": _core("Pump", "Ada"),
            "word/document.xml": f'{_HEAD}<w:document xmlns:w="{_OFFICE}/wordprocessingml/2006/main"><w:body>'
            f"{body}</w:body></w:document>",
        }
    )


def pptx(lines: tuple[str, ...] = LINES) -> bytes:
    kind = "application/vnd.openxmlformats-officedocument.presentationml"
    texts = "".join(f"<a:p><a:r><a:t>{line}</a:t></a:r></a:p>" for line in lines)
    spaces = (
        f'xmlns:p="{_OFFICE}/presentationml/2006/main" xmlns:a="{_OFFICE}/drawingml/2006/main" '
        f'xmlns:r="{_OFFICE}/officeDocument/2006/relationships"'
    )
    slide = (
        f"{_HEAD}<p:sld {spaces}><p:cSld><p:spTree><p:sp><p:nvSpPr><p:cNvPr id='2' name='Text'/></p:nvSpPr>"
        f"<p:txBody>{texts}</p:txBody></p:sp></p:spTree></p:cSld></p:sld>"
    )
    deck = (
        f'{_HEAD}<p:presentation {spaces}><p:sldIdLst><p:sldId id="256" r:id="r0"/></p:sldIdLst></p:presentation>'
    )
    parts = {"ppt/presentation.xml": f"{kind}.presentation.main+xml", "ppt/slides/slide1.xml": f"{kind}.slide+xml"}
    return _zip(
        {
            "[Content_Types].xml": _types(**parts),
            "_rels/.rels": _relations(("officeDocument", "ppt/presentation.xml")),
            "ppt/presentation.xml": deck,
            "ppt/_rels/presentation.xml.rels": _relations(("slide", "slides/slide1.xml")),
            "ppt/slides/slide1.xml": slide,
        }
    )


def epub(lines: tuple[str, ...] = LINES) -> bytes:
    text = "".join(f"<p>{line}</p>" for line in lines)
    return _zip(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": f'{_HEAD}<container version="1.0" '
            'xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="book.opf" '
            'media-type="application/oebps-package+xml"/></rootfiles></container>',
            "book.opf": f'{_HEAD}<package xmlns="http://www.idpf.org/2007/opf" version="3.0" '
            'unique-identifier="i">'
            '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Pump</dc:title>'
            '<dc:creator>Ada</dc:creator><dc:language>en</dc:language><dc:identifier id="i">x</dc:identifier>'
            '</metadata><manifest><item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest>'
            '<spine><itemref idref="a"/></spine></package>',
            "a.xhtml": f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title>t</title></head><body>{text}</body>'
            "</html>",
        }
    )


def pdf(lines: tuple[str, ...] = LINES) -> bytes:
    shown = " T* ".join(f"({line}) Tj" for line in lines)
    stream = zlib.compress(f"BT /F1 12 Tf 14 TL 50 700 Td {shown} ET".encode())
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n%b\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Title (Pump) /Author (Ada) >>",
    ]
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, part in enumerate(parts, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n%b" % (len(parts) + 1, table)
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info 6 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(parts) + 1, start)
    return bytes(out)


def html(lines: tuple[str, ...] = LINES) -> bytes:
    text = "".join(f"<p>{line} This is said so that the paragraph is as long as one.</p>" for line in lines)
    return (
        '<!doctype html><html lang="en"><head><title>Pump</title><meta name="author" content="Ada Byron">'
        '<link rel="license" href="https://creativecommons.org/licenses/by/4.0/"></head><body>'
        '<nav><a href="/">Home</a> <a href="/shop">Shop</a></nav>'
        f"<main><article><h1>Pump</h1>{text}</article></main>"
        "<footer>All about cookies</footer><script>alert(1)</script></body></html>"
    ).encode()


def eml(lines: tuple[str, ...] = LINES) -> bytes:
    head = (
        "From: Ada <ada@example.org>\nTo: bob@example.org\nSubject: Pump\nDate: Fri, 2 Jan 2026 04:04:05 +0100\n"
    )
    return (
        head + "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n" + "\n".join(lines) + "\n"
    ).encode()


def mbox(lines: tuple[str, ...] = LINES) -> bytes:
    return b"\n".join(b"From ada@example.org Fri Jan  2 03:04:05 2026\n" + eml((line,)) for line in lines)


SAMPLES = {
    "a.docx": docx(),
    "a.pptx": pptx(),
    "a.epub": epub(),
    "a.pdf": pdf(),
    "a.html": html(),
    "a.eml": eml(),
    "a.mbox": mbox(),
    "a.txt": "\n".join(LINES).encode(),
    "a.md": "\n\n".join(LINES).encode(),
}
