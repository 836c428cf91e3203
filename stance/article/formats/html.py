"""Web pages, by trafilatura (Barbaresi 2021, https://aclanthology.org/2021.acl-demo.15).

It leaves navigation, cookie banners, share bars, captions, related links and comments out; what
looks like a line of such inside the article is set apart by the splitter into sentences.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Any

from stance.article.document import Document, compose, tidy
from stance.schema import DocumentError, Metadata, require

_META = re.compile(rb"""<meta[^>]+charset\s*=\s*["']?\s*([a-z0-9_:.-]+)""", re.I)
_XML = re.compile(rb"""<\?xml[^>]+encoding\s*=\s*["']([a-z0-9_:.-]+)""", re.I)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_BLOCKS = {"p", "head", "quote", "list", "item", "table", "row", "cell", "code", "div", "body"}
_PRUNED = [
    "//figcaption",
    "//figure",
    "//*[@role='navigation']",
    "//*[@aria-hidden='true']",
    # A banner, not a page that remembers having shown one.
    "//*[contains(@id, 'cookie') or contains(@class, 'cookie')]"
    "[not(self::html or self::body or descendant::article or descendant::h1)]",
]
_MAX_DEPTH = 250
"""Where the parser stops reading (256 in libxml2), and what follows would be lost in silence."""
_MAX_ATTRIBUTE = 2_000
_STOP = re.compile(r"[.!?…][\"'”’»)\]]*\s*$")


def read(content: bytes, charset: str | None = None) -> Document:
    """Extract the article of a web page.

    Raises:
        DocumentError: If the page has no article.
        DependencyError: If trafilatura is not installed.
    """
    page = decode(content, charset).replace("\0", "")
    trafilatura = require("trafilatura", extra="read", purpose="reading a web page")
    tree = trafilatura.load_html(page)
    if tree is None:
        raise DocumentError("is no HTML that can be read")
    _lighten(tree)
    declared = next(iter(tree.xpath("//html/@lang | //html/@xml:lang")), None)
    found = trafilatura.bare_extraction(
        tree,
        with_metadata=True,
        include_comments=False,
        prune_xpath=_PRUNED,
        # A date guessed from the text would be worse than none.
        date_extraction_params={"extensive_search": False, "original_date": True},
    )
    blocks = list(_blocks(found.body)) if found is not None else []
    # A page of links has words too, but nothing that anybody says.
    if not any(_STOP.search(block) or len(block.split()) > 6 for block, _ in blocks):
        raise DocumentError(
            "no article in this page (does it need JavaScript, or a subscription?); "
            "save the article's text as a file"
        )
    title = tidy(found.title or "") or None
    if title and not _has(title, blocks[:10]):
        blocks.insert(0, (title, False))
    text, apart = compose(blocks)
    metadata = Metadata(
        format="html",
        title=title,
        date=found.date,
        outlet=tidy(found.sitename or found.hostname or "") or None,
        author=tidy(found.author or "") or None,
        language=declared.partition("-")[0].lower() if declared else None,
        url=found.url,
    )
    return Document("", text, metadata, apart)


def decode(content: bytes, charset: str | None) -> str:
    """Turn a page's bytes into text: its mark, the server's word, its own word, or a guess."""
    for bom, name in _BOMS:
        if content.startswith(bom):
            return content.decode(name, errors="replace")
    declared = _META.search(content[:4096]) or _XML.match(content[:200])
    for encoding in (charset, declared and declared[1].decode("ascii"), "utf-8"):
        try:
            if encoding:
                return content.decode(encoding)
        except (LookupError, UnicodeError):
            continue  # a server or a page that is wrong about itself
    # What browsers take a page for that is no UTF-8.
    return content.decode("windows-1252", errors="replace")


def _lighten(tree: Any) -> None:
    """Drop huge attributes, such as pictures in the page, that cost much and say nothing.

    Raises:
        DocumentError: If elements are nested deeper than a parser reads.
    """
    from lxml import etree

    depth = 0
    for event, element in etree.iterwalk(tree, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth >= _MAX_DEPTH:
            raise DocumentError(f"elements of this page are nested over {_MAX_DEPTH} deep")
        if event == "start":
            for name, value in element.items():
                if len(value) > _MAX_ATTRIBUTE:
                    del element.attrib[name]


def _has(title: str, blocks: list[tuple[str, bool]]) -> bool:
    """Tell whether the headline is among the first paragraphs already."""
    words = re.findall(r"\w+", title.casefold())
    return any(re.findall(r"\w+", block.casefold())[: len(words)] == words for block, _ in blocks)


def _blocks(body: Any) -> Iterator[tuple[str, bool]]:
    """Yield the paragraphs of trafilatura's tree; what is no sentence in a table is set apart.

    Pages of an older kind are laid out in tables, article and menu alike.
    """
    from lxml import etree

    buffer: list[str] = []
    cells = 0
    for event, element in etree.iterwalk(body, events=("start", "end")):
        starts = event == "start"
        if element.tag in _BLOCKS:
            text = "".join(buffer)
            buffer.clear()
            if text.strip():
                yield text, cells > 0 and len(text.split()) < 5 and not _STOP.search(text)
        if element.tag == "cell":
            cells += 1 if starts else -1
        if starts and element.tag == "lb":
            buffer.append("\n")
        # Line ends in the source of a page mean nothing, those of <br> do.
        words = element.text if starts else element.tail
        buffer.append(re.sub(r"\s+", " ", words or ""))
    yield "".join(buffer), False
