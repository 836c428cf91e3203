"""The section of a report on where a model is worse than elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from stance.dossier.markup import Child, node, table
from stance.dossier.plots import bar
from stance.metrics import told

_SHOWN = 12


def slices(result: Mapping[str, Any]) -> Iterator[Element]:
    """The worst slices of the data, then the slices of every column."""
    found = result["slices"]
    if not found["tested"]:
        yield node("p", "No part of the data has enough sentences to be looked at alone.")
        return
    rows: list[list[Child]] = [
        [
            each["name"],
            f"{each['rows']:,}",
            bar(each["error"]),
            told(each["error"], percent=True),
            f"{each['rest']:.1%}",
            f"{each['p_corrected']:.3f}",
        ]
        for each in found["worst"]
    ]
    head = ("slice", "sentences", "error, 0 to 100 %", "error", "elsewhere", "p, corrected")
    caption = (
        f"The worst of {found['tested']} slices; p is the chance of so much more error than "
        f"elsewhere, corrected for the number of slices"
    )
    yield table(head, rows, caption=caption, numbers=3)
    for column, own in found["columns"].items():
        yield _column(column, own)


def _column(column: str, found: Sequence[Mapping[str, Any]]) -> Element:
    """Return the slices of a column, the worst of them where there are many."""
    shown: Sequence[Mapping[str, Any]] = found
    caption = column
    if len(found) > _SHOWN:
        shown = sorted(found, key=lambda each: -each["error"]["value"])[:_SHOWN]
        caption = f"{column}: the {_SHOWN} of {len(found)} with the largest error"
    rows: list[list[Child]] = [
        [
            each["name"].removeprefix(f"{column}="),
            f"{each['rows']:,}",
            bar(each["error"]),
            told(each["error"], percent=True),
            told(each["macro_f1"]),
        ]
        for each in shown
    ]
    head = ("slice", "sentences", "error, 0 to 100 %", "error", "macro-F1")
    return table(head, rows, caption=caption, numbers=2)
