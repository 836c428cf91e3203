"""Puts the parts of the page together."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from stance.page.panels import actors_panel, legend, overview, pairs_panel, timeline
from stance.page.text import UNSURE, clean, paragraphs
from stance.schema import Mention, ScoredArticle, ScoredPart, ScoredSentence

_HERE = Path(__file__).parent


class _Page(Template):
    delimiter = "%%"  # scripts and styles are full of dollars


def render(article: ScoredArticle) -> str:
    """Return an article as a page of HTML that stands alone.

    Args:
        article: A scored article; with `Model.weigh_words`, its strongest sentences show which
            words carry their label.
    """
    about = article.metadata
    title = about.title or Path(article.name).name
    byline = [escape(clean(part)) for part in (about.outlet, about.author, about.date) if part]
    template = _Page((_HERE / "template.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=escape(clean(title)),
        byline=" · ".join(byline),
        language=escape(about.language or "en"),
        style=(_HERE / "page.css").read_text(encoding="utf-8"),
        script=(_HERE / "page.js").read_text(encoding="utf-8"),
        overview=overview(article),
        legend=legend(article),
        timeline=timeline(article),
        body=paragraphs(article),
        actors=actors_panel(article),
        pairs=pairs_panel(article),
        warnings="".join(f"<li>{escape(clean(w))}</li>" for w in article.warnings),
        model=escape(article.model),
        data=_embedded(_data(article)),
    )


def _embedded(data: dict[str, Any]) -> str:
    """Return JSON that no text in it can end: `<` and line separators are written as escapes."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for character in ("<", ">", "&", "\u2028", "\u2029"):
        text = text.replace(character, f"\\u{ord(character):04x}")
    return "".join(c if not "\ud800" <= c <= "\udfff" else f"\\u{ord(c):04x}" for c in text)


def _data(article: ScoredArticle) -> dict[str, Any]:
    about = article.metadata
    names = {actor.id: clean(actor.name) for actor in article.actors}
    sides = {actor.id: actor.actor.side for actor in article.actors}
    return {
        "name": clean(article.name),
        "title": clean(about.title or ""),
        "outlet": clean(about.outlet or ""),
        "date": about.date,
        "url": clean(about.url or ""),
        "model": article.model,
        "run": article.run,
        "labels": list(article.counts),
        "poles": list(article.poles) if article.poles else None,
        "names": names,
        "sides": sides,
        "sentences": [_sentence(article, sentence) for sentence in article.sentences],
    }


def _sentence(article: ScoredArticle, sentence: ScoredSentence) -> dict[str, Any]:
    words = [word for word in sentence.evidence if word.text[0].isalnum()]
    strongest = sorted(words, key=lambda word: -abs(word.weight))[:6]
    return {
        **_unit(article, sentence),
        "truncated": sentence.truncated,
        "set": list(sentence.label_set) if sentence.label_set else None,
        "unfamiliar": sentence.unfamiliar,
        "context": sentence.in_context.label if sentence.in_context else None,
        "parts": [_unit(article, part) for part in sentence.parts],
        "words": [
            [clean(word.text), round(word.weight, 3)]
            for word in strongest
            if abs(word.weight) > 0.005
        ],
    }


def _unit(article: ScoredArticle, unit: ScoredSentence | ScoredPart) -> dict[str, Any]:
    return {
        "text": clean(" ".join(unit.text.split())),
        "at": [unit.start, unit.end],
        "label": unit.label or UNSURE,
        "p": [round(unit.probabilities.get(label, 0.0), 3) for label in article.counts],
        "score": None if unit.score is None else round(unit.score, 3),
        "form": unit.form,
        "speaker": _mention(article, unit.speaker),
        "target": _mention(article, unit.target),
    }


def _mention(article: ScoredArticle, mention: Mention | None) -> dict[str, Any] | None:
    if mention is None:
        return None
    words = "" if mention.start is None else article.text[mention.start : mention.end]
    return {"actors": list(mention.actors), "how": mention.how, "words": clean(words)}
