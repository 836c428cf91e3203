"""Makes files of every format that is read, so that none of a stranger's is committed."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

PARAGRAPHS = (
    "Norland on Friday rejected an offer by Southmark to withdraw its troops from the border.",
    "“We will never negotiate under threat,” Foreign Minister Ilse Karan told reporters.",
    "Southmark said it was ready to talk at any time and without conditions.",
    "A second round of talks was called off on Thursday, according to two diplomats.",
)
TITLE = "Norland rejects Southmark’s border offer"
FURNITURE = (
    "We use cookies",
    "Accept all",
    "Politics",
    "Share on Facebook",
    "Photograph",
    "calls up reservists",
    "2 Comments",
    "joe77",
    "All rights reserved",
)
"""What `news_page` has around its article."""


def news_page(*, paragraphs: Sequence[str] = PARAGRAPHS, title: str = TITLE) -> str:
    body = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return f"""<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">
<title>{title} | The Harbour Post</title>
<meta property="og:title" content="{title}">
<meta property="og:site_name" content="The Harbour Post">
<meta property="article:published_time" content="2024-05-03T09:12:00+02:00">
<meta name="author" content="Ana Prosper"></head><body>
<div id="cookie-banner" class="cookie-consent"><p>We use cookies to improve your experience on our
site. By continuing you agree to our policy.</p><button>Accept all</button></div>
<header><nav><ul><li><a href="/">Home</a></li><li><a href="/p">Politics</a></li></ul></nav></header>
<main><article><h1>{title}</h1><p class="byline">By Ana Prosper</p>
<div class="share-bar"><a href="#">Share on Facebook</a> <a href="#">Tweet</a></div>
<figure><img src="a.jpg" alt=""><figcaption>Soldiers guard the crossing at Teld on Thursday.
Photograph: J. Moe/Agency</figcaption></figure>{body}
<aside class="related"><h3>Related stories</h3><ul><li><a href="/1">Southmark calls up reservists
along the border</a></li></ul></aside></article>
<section id="comments" class="comments"><h3>2 Comments</h3><div class="comment"><p>joe77: They
should just bomb them all, the cowards deserve nothing better.</p></div></section></main>
<footer><p>© 2024 The Harbour Post. All rights reserved.</p></footer></body></html>"""


def pdf(pages: Sequence[Sequence[str]], *, info: str = "") -> bytes:
    """Make a PDF with a line of text (Latin-1) a line, its table of contents without a fault."""
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for i, lines in enumerate(pages):
        shown = [line.translate({40: r"\(", 41: r"\)", 92: r"\\"}) for line in lines]
        stream = "BT /F1 11 Tf 14 TL 60 780 Td " + " ".join(f"({line}) Tj T*" for line in shown)
        stream += " ET"
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] "
            f"/Resources << /Font << /F1 3 0 R >> >> /Contents {5 + 2 * i} 0 R >>"
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    objects.append(f"<< {info} >>")
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{content}\nendobj\n".encode("latin-1")
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{place:010} 00000 n \n".encode() for place in places)
    out += f"trailer << /Size {len(objects) + 1} /Root 1 0 R /Info {len(objects)} 0 R >>\n".encode()
    return bytes(out + f"startxref\n{start}\n%%EOF\n".encode())


_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_CORE = (
    '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/'
    'core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:dcterms="http://purl.org/dc/terms/"><dc:title>Border offer</dc:title>'
    "<dc:creator>Ana Prosper</dc:creator><dcterms:created>2024-05-03T09:12:00Z</dcterms:created>"
    "</cp:coreProperties>"
)


def paragraph(text: str, *, style: str = "") -> str:
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{properties}<w:r><w:t>{text}</w:t></w:r></w:p>"


def docx(body: str, *, prolog: str = "") -> bytes:
    """Make a Word document of the XML of its paragraphs."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "word/document.xml",
            f'{prolog}<w:document xmlns:w="{_WORD}"><w:body>{body}</w:body></w:document>',
        )
        archive.writestr("docProps/core.xml", _CORE)
    return buffer.getvalue()
