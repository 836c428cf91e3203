"""An article as a page to read."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from stance.cli.common import ActorsOption, ContextOption, ModelOption, PrivateOption, say
from stance.schema import StanceError


def report(
    article: Annotated[str, typer.Argument(help="A file of any format, a URL, or -.")],
    html: Annotated[
        Path | None, typer.Option("--html", help="File to write. [name of the article].html")
    ] = None,
    model: ModelOption = None,
    actors: ActorsOption = None,
    context: ContextOption = 0,
    words: Annotated[
        int, typer.Option(min=0, help="Show the words that carry so many of the strongest labels.")
    ] = 4,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads. [all]")] = None,
    allow_private: PrivateOption = False,
) -> None:
    """Write an article as a page: its sentences tinted, who says them, how its actors stand."""
    from stance.article import document_of, read_document
    from stance.artifact import write_text
    from stance.prediction import load

    document = document_of(read_document(article, allow_private=allow_private), None)
    target = html or Path(f"{Path(article.rstrip('/')).stem if article != '-' else 'article'}.html")
    if target.is_dir():
        raise StanceError(f"{target}: is a folder, expected a file to write to")
    loaded = load(model, actors=actors, threads=threads)
    scored = loaded.score_article(document, context=context)
    if words:
        scored = loaded.weigh_words(scored, strongest=words)
    for warning in scored.warnings:
        print(f"stance: {scored.name}: {warning}", file=sys.stderr)
    write_text(target, scored.to_html())
    say(f"wrote {target}")
