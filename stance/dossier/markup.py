"""HTML and SVG as trees: everything that is put in is escaped, and every tag is closed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, tostring

Child = Element | str | None


def node(tag: str, *children: Child, **attributes: object) -> Element:
    """Make an element; `class_` and `aria_label` become `class` and `aria-label`."""
    element = Element(tag, {k.rstrip("_").replace("_", "-"): str(v) for k, v in attributes.items()})
    for child in children:
        if isinstance(child, Element):
            element.append(child)
        elif child:
            last = element[-1] if len(element) else None
            if last is None:
                element.text = (element.text or "") + child
            else:
                last.tail = (last.tail or "") + child
    return element


def table(
    head: Sequence[Child], rows: Iterable[Sequence[Child]], *, caption: str, numbers: int = 0
) -> Element:
    """Make a table that scrolls on its own where the page is narrow.

    Args:
        head: Cells of the head.
        rows: Cells of the rows; the first of each names it.
        caption: What the table shows.
        numbers: How many of the last columns are set to the right.
    """
    wide = len(head)

    def cell(tag: str, i: int, content: Child, **attributes: object) -> Element:
        right = {"class_": "number"} if i >= wide - numbers else {}
        if right and isinstance(content, str):
            content = content.replace(", ", ",\u00a0")  # an interval stays in one line
        return node(tag, content, **right, **attributes)

    body = [
        node(
            "tr",
            *(cell("td", i, c) if i else cell("th", i, c, scope="row") for i, c in enumerate(row)),
        )
        for row in rows
    ]
    top = node("tr", *(cell("th", i, c, scope="col") for i, c in enumerate(head)))
    whole = node("table", node("caption", caption), node("thead", top), node("tbody", *body))
    return node("div", whole, class_="scroll", tabindex=0, role="region", aria_label=caption)


def page(title: str, *content: Child) -> str:
    """Return a self-contained HTML page: no script, nothing fetched."""
    style = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    head = node(
        "head",
        node("meta", charset="utf-8"),
        node("meta", name="viewport", content="width=device-width, initial-scale=1"),
        node("meta", http_equiv="Content-Security-Policy", content=policy),
        node("meta", name="color-scheme", content="light dark"),
        node("title", title),
        node("style", style),
    )
    whole = node("html", head, node("body", node("main", *content)), lang="en")
    return "<!DOCTYPE html>\n" + tostring(whole, encoding="unicode", method="html") + "\n"
