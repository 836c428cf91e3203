"""What stands between quotation marks."""

from __future__ import annotations

import re
from collections.abc import Sequence

from stance.schema import Span

_PAIRS = {"“": "”", "„": "“”", "«": "»", '"': '"'}
_BREAK = re.compile(r"\n\s*\n")


def quotations(text: str) -> list[Span]:
    """Return what is quoted, marks included, in order; one left open ends with its paragraph."""
    spans: list[Span] = []
    start, closing = -1, ""
    breaks = {match.start() for match in _BREAK.finditer(text)}
    for place, character in enumerate(text):
        if start >= 0 and character in closing:
            spans.append(Span(start, place + 1))
            start = -1
        elif start < 0 and character in _PAIRS:
            start, closing = place, _PAIRS[character]
        elif start >= 0 and place in breaks:
            spans.append(Span(start, place))
            start = -1
    if start >= 0:
        spans.append(Span(start, len(text)))
    return spans


def quoted_share(pieces: Sequence[Span], quoted: Sequence[Span], text: str) -> float:
    """Return the share of the letters of some spans that stands in quotation marks, 0 to 1."""
    inside = total = 0
    for piece in pieces:
        for place in range(piece.start, piece.end):
            if text[place].isalnum():
                total += 1
                inside += any(q.start <= place < q.end for q in quoted)
    return inside / total if total else 0.0
