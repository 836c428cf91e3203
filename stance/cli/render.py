"""How scored articles are written: tables for people, JSON, JSON lines, CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from stance.schema import row_columns

if TYPE_CHECKING:
    from stance.schema import ScoredArticle


class Format(StrEnum):
    """How `stance predict` writes."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


def print_tables(scored: Sequence[ScoredArticle]) -> None:
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=110, no_color=True)
    for article in scored:
        _render(article, console)


def _render(article: ScoredArticle, console: Any) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 1), show_edge=False, header_style="bold")
    for column, justify in (
        ("at", "right"),
        ("stance", "left"),
        ("p", "right"),
        ("score", "right"),
    ):
        table.add_column(column, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    table.add_column("sentence", overflow="fold")
    styles = dict(zip(article.poles or (), ("green", "red"), strict=False))
    for s in article.sentences:
        table.add_row(
            str(s.start),
            Text(s.label or "-", style=styles.get(s.label or "", "")),
            f"{max(s.probabilities.values()):.2f}",
            "" if s.score is None else f"{s.score:+.2f}",
            Text(" ".join(s.text.split())),
        )
    counts = ", ".join(f"{n} {label}" for label, n in article.counts.items())
    console.print(Text(f"\n{article.name}", style="bold"))
    told = (article.metadata.title, article.metadata.outlet, article.metadata.date)
    if any(told):
        console.print(Text(" · ".join(filter(None, told)), style="dim"))
    console.print(table)
    console.print(Text(f"{_score(article)}; {counts}; model {article.model}", style="bold"))


def _score(article: ScoredArticle) -> str:
    if article.score is None or article.poles is None:
        return "no score"
    interval = ""
    if article.interval:
        interval = " [{:+.2f}, {:+.2f}]".format(*article.interval)
    low, high = article.poles
    return f"article score {article.score:+.2f}{interval} (-1 {low}, +1 {high})"


def _as_json(scored: Sequence[ScoredArticle]) -> str:
    documents = [article.to_dict() for article in scored]
    content = documents[0] if len(documents) == 1 else documents
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def _as_jsonl(scored: Sequence[ScoredArticle]) -> str:
    return "".join(json.dumps(a.to_dict(), ensure_ascii=False) + "\n" for a in scored)


def _as_csv(scored: Sequence[ScoredArticle]) -> str:
    buffer = io.StringIO(newline="")
    rows = [row for article in scored for row in article.to_rows()]
    writer = csv.DictWriter(buffer, row_columns(scored[0].counts))
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def _as_table(scored: Sequence[ScoredArticle]) -> str:
    from rich.console import Console

    buffer = io.StringIO()
    console = Console(file=buffer, width=110, no_color=True)
    for article in scored:
        _render(article, console)
    return buffer.getvalue()


WRITERS: dict[Format, Callable[[Sequence[ScoredArticle]], str]] = {
    Format.TABLE: _as_table,
    Format.JSON: _as_json,
    Format.JSONL: _as_jsonl,
    Format.CSV: _as_csv,
}
