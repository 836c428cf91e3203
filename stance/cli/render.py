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
    from stance.schema import ActorScore, Score, ScoredArticle, ScoredPart, ScoredSentence


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
    from rich.text import Text

    spoken = any(s.form for s in article.sentences)
    counts = ", ".join(f"{n} {label}" for label, n in article.counts.items())
    console.print(Text(f"\n{article.name}", style="bold"))
    told = (article.metadata.title, article.metadata.outlet, article.metadata.date)
    if any(told):
        console.print(Text(" · ".join(filter(None, told)), style="dim"))
    console.print(_sentences(article, spoken=spoken))
    console.print(Text(f"{_score(article)}; {counts}; model {article.model}", style="bold"))
    active = [actor for actor in article.actors if actor.words.count or actor.deeds.count]
    if active:
        console.print()
        console.print(_actors(article, active))
    elif article.sentences and not spoken:
        told_how = "who says what was not looked for: no tagger beside the model"
        console.print(Text(f"{told_how} (stance attribution train)", style="dim"))


def _sentences(article: ScoredArticle, *, spoken: bool) -> Any:
    from rich.text import Text

    columns = [("at", "right"), ("stance", "left"), ("p", "right"), ("score", "right")]
    columns += [("form", "left")] if spoken else []
    table = _table(*columns)
    if spoken:
        table.add_column("who → whom", overflow="fold", max_width=26)
    table.add_column("sentence", overflow="fold")
    styles = _styles(article)
    for s in article.sentences:
        label = Text(s.label or "-", style=styles.get(s.label or "", ""))
        if s.depends_on_context:
            label.append(" *", style="dim")
        cells = [
            str(s.start),
            label,
            f"{max(s.probabilities.values()):.2f}",
            "" if s.score is None else f"{s.score:+.2f}",
        ]
        if spoken:
            cells += [s.form or "", Text(_voices(article, s))]
        table.add_row(*cells, Text(" ".join(s.text.split())))
        for part in s.parts:  # what each of several speakers says of it
            row = ["", Text(part.label or "-", style=styles.get(part.label or "", "")), ""]
            row += ["" if part.score is None else f"{part.score:+.2f}", part.form]
            words = Text(f"⤷ {' '.join(part.text.split())}", style="dim")
            table.add_row(*row, Text(_voices(article, part)), words)
    return table


def _actors(article: ScoredArticle, active: Sequence[ActorScore]) -> Any:
    from rich.text import Text

    table = _table(
        ("actor", "left"), ("type", "left"), ("words", "right"), ("score", "right"), ("", "left")
    )
    table.add_column("deeds", justify="right", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    for actor in active:
        side = actor.actor.side
        name = f"{actor.name} ({article.actor(side).name})" if side else actor.name
        table.add_row(
            Text(name),
            actor.actor.type,
            str(actor.words.count or ""),
            _mean(actor.words),
            _gauge(actor.words),
            str(actor.deeds.count or ""),
            _mean(actor.deeds),
        )
    return table


def _table(*columns: tuple[str, str]) -> Any:
    from rich.table import Table

    table = Table(box=None, padding=(0, 1), show_edge=False, header_style="bold")
    for column, justify in columns:
        table.add_column(column, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    return table


def _styles(article: ScoredArticle) -> dict[str, str]:
    return dict(zip(article.poles or (), ("green", "red"), strict=False))


def _voices(article: ScoredArticle, unit: ScoredSentence | ScoredPart) -> str:
    names = {actor.id: actor.name for actor in article.actors}
    who, whom = (
        " and ".join(names.get(actor, actor) for actor in mention.actors) if mention else ""
        for mention in (unit.speaker, unit.target)
    )
    return f"{who} → {whom}" if whom else who


def _mean(score: Score) -> str:
    """Return a mean with its interval, or that there is too little evidence."""
    if not score.count:
        return ""
    if score.value is None or score.interval is None:
        return "too few"
    low, high = score.interval
    return f"{score.value:+.2f} [{low:+.2f}, {high:+.2f}]"


def _gauge(score: Score) -> str:
    """Draw a mean between -1 and +1 as a mark on a line."""
    if score.value is None:
        return ""
    cells = ["─"] * 5 + ["┼"] + ["─"] * 5
    cells[round(5 + 5 * score.value)] = "●"
    return "".join(cells)


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
