"""Pictures as SVG, in the colours of the page; what a colour tells, a shape tells too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from stance.dossier.markup import node

Point = tuple[float, float]

_WIDTH, _HEIGHT = 340, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 42, 12, 24, 40
_BAR, _THICK = 200, 16


def bar(
    figure: Mapping[str, float | None],
    *,
    low: float = 0,
    high: float = 1,
    limit: float | None = None,
) -> Element | None:
    """Draw a figure as a dot on its interval, with a broken line at its limit.

    Args:
        figure: `value`, `low`, `high`.
        low: Left end of the scale.
        high: Its right end.
        limit: What the figure is held to.
    """
    value = figure["value"]
    if value is None:
        return None

    def x(at: float) -> str:
        return f"{6 + (min(max(at, low), high) - low) / (high - low) * (_BAR - 12):.1f}"

    y = _THICK / 2
    told = f"{value:.3f}"
    marks = [node("line", class_="grid", x1=6, x2=_BAR - 6, y1=y, y2=y)]
    if low < 0 < high:
        marks.append(node("line", class_="axis", x1=x(0), x2=x(0), y1=1, y2=_THICK - 1))
    if limit is not None:
        marks.append(node("line", class_="limit", x1=x(limit), x2=x(limit), y1=0, y2=_THICK))
        told += f", limit {limit:g}"
    if figure["low"] is not None and figure["high"] is not None:
        ends = {"x1": x(figure["low"]), "x2": x(figure["high"])}
        marks.append(node("line", class_="one", y1=y, y2=y, **ends))
        told += f", interval {figure['low']:.3f} to {figure['high']:.3f}"
    marks.append(node("circle", class_="dot", cx=x(value), cy=y, r=4))
    box = f"0 0 {_BAR} {_THICK}"
    return node("svg", *marks, class_="bar", viewBox=box, role="img", aria_label=told)


class Chart:
    """A plot of lines over two axes.

    Args:
        title: What it shows, for those who cannot see it.
        across: Label of the horizontal axis.
        up: Label of the vertical axis.
        x: Its ends of the horizontal axis.
        y: Those of the vertical axis.
    """

    def __init__(
        self, title: str, *, across: str, up: str, x: Point = (0, 1), y: Point = (0, 1)
    ) -> None:
        self._title, self._x, self._y = title, x, y
        self._marks: list[Element] = []
        right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
        for i in range(5):
            at_x, at_y = (low + (high - low) * i / 4 for low, high in (x, y))
            cx, cy = self._place((at_x, at_y))
            self._add("line", class_="grid", x1=_LEFT, x2=right, y1=cy, y2=cy)
            self._add("text", f"{at_x:.2g}", x=cx, y=bottom + 15, text_anchor="middle")
            self._add("text", f"{at_y:.2g}", x=_LEFT - 6, y=cy + 4, text_anchor="end")
        self._add("path", class_="axis", d=f"M{_LEFT} {_TOP}V{bottom}H{right}")
        middle = (_LEFT + right) / 2
        self._add("text", across, x=middle, y=_HEIGHT - 6, text_anchor="middle")
        self._add("text", up, x=_LEFT, y=_TOP - 10)

    def line(self, points: Sequence[Point], *, style: str, name: str = "", at: int = -1) -> None:
        """Draw a line, `one` solid or `two` broken, with its name at one of its points."""
        path = "M" + "L".join("{:.1f} {:.1f}".format(*self._place(p)) for p in points)
        self._add("path", class_=style, d=path)
        if name and points:
            x, y = self._place(points[at])
            # Above a rising line there is room to its left, above a falling one to its right.
            rises = points[-1][1] > points[0][1]
            x, anchor = (x - 6, "end") if rises else (x + 6, "start")
            self._add(
                "text",
                name,
                x=f"{x:.1f}",
                y=f"{max(y - 8, 10):.1f}",
                class_="name",
                text_anchor=anchor,
            )

    def guide(self, start: Point, end: Point) -> None:
        """Draw a thin line to compare with."""
        (x1, y1), (x2, y2) = self._place(start), self._place(end)
        self._add("line", class_="axis", stroke_dasharray="2 3", x1=x1, y1=y1, x2=x2, y2=y2)

    def interval(self, at: float, figure: Mapping[str, Any], *, style: str) -> None:
        """Draw a figure with its interval: a dot in style `one`, a diamond in style `two`."""
        if figure["value"] is None:
            return
        x, y = self._place((at, figure["value"]))
        if figure["low"] is not None:
            _, bottom = self._place((at, figure["low"]))
            _, top = self._place((at, figure["high"]))
            self._add("line", class_=style, stroke_opacity="0.6", x1=x, x2=x, y1=bottom, y2=top)
        if style == "one":
            self._add("circle", class_="dot", cx=x, cy=y, r=3.5)
        else:
            self._add("path", class_="diamond", d=f"M{x} {y - 4.5}l4.5 4.5l-4.5 4.5l-4.5 -4.5z")

    def draw(self, caption: str) -> Element:
        """Return the picture with its caption."""
        picture = node(
            "svg",
            node("title", self._title),
            *self._marks,
            viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
            role="img",
            aria_label=self._title,
        )
        return node("figure", picture, node("figcaption", caption))

    def _add(self, tag: str, text: str = "", **attributes: object) -> None:
        self._marks.append(node(tag, text, **attributes))

    def _place(self, point: Point) -> Point:
        def part(at: float, ends: Point) -> float:
            return min(max((at - ends[0]) / (ends[1] - ends[0]), 0), 1)

        x = _LEFT + part(point[0], self._x) * (_WIDTH - _LEFT - _RIGHT)
        y = _HEIGHT - _BOTTOM - part(point[1], self._y) * (_HEIGHT - _TOP - _BOTTOM)
        return round(x, 1), round(y, 1)
