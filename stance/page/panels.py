"""What stands beside the article: its score, its actors, who is how toward whom, the timeline."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from stance.page.text import clean, pole, short_name
from stance.schema import MIN_STATEMENTS, ActorScore, PairScore, Score, ScoredArticle, Statement

_SHOWN = 12
_MATRIX = 7
_NO_SPEAKERS = (
    "Who says what was not looked for: there is no tagger beside the model. Train one with "
    "<code>stance attribution train</code>."
)


def signed(value: float) -> str:
    """Return a score with its sign, a true minus and two digits."""
    return f"{value:+.2f}".replace("-", "−")


def overview(article: ScoredArticle) -> str:
    """Return the article's score, its scale and its labels."""
    total = max(sum(article.counts.values()), 1)
    counts = "".join(
        f'<li class="{pole(article, label)}"><span class="key" aria-hidden="true"></span>'
        f"<b>{count}</b> {escape(label)} <small>{count / total:.0%}</small></li>"
        for label, count in article.counts.items()
    )
    score = ""
    if article.score is not None and article.poles:
        low, high = map(escape, article.poles)
        score = (
            f'<div class="big"><output>{signed(article.score)}</output>'
            f"{_interval(article.interval)}</div>{_bar(article.score, article.interval)}"
            f'<div class="ends"><span>{low}</span><span>{high}</span></div>'
        )
    narration = article.narration
    apart = ""
    if narration.count:
        apart = (
            f"<p class=note>In the outlet's own words: {_value(narration)} over {narration.count} "
            f"sentences of narration and background.</p>"
        )
    return f"{score}<ul class=counts>{counts}</ul>{apart}"


def legend(article: ScoredArticle) -> str:
    """Return what the marks mean."""
    items = []
    if article.poles:
        low, high = map(escape, article.poles)
        items = [
            f'<span class="s high" style="--t:.9">{high}</span>',
            f'<span class="s low" style="--t:.9">{low}</span>',
        ]
    if any(s.form for s in article.sentences):
        items += [
            '<span class="f-direct s">quotation</span>',
            '<span class="f-indirect s">reported</span>',
            '<span class="f-narration s">told by the outlet</span>',
        ]
    if any(s.depends_on_context for s in article.sentences):
        items.append('<span class="s ctx">label depends on neighbours</span>')
    return "".join(f"<li>{item}</li>" for item in items)


def timeline(article: ScoredArticle) -> str:
    """Return bars through the text, a sentence each: up against, down toward the other side."""
    scores = [s.score for s in article.sentences]
    if not scores or article.poles is None:
        return ""
    width = 1000 / len(scores)
    bars = []
    for number, s in enumerate(article.sentences):
        value = s.score or 0.0
        height = max(abs(value) * 46, 1.2)
        y = 50 - height if value > 0 else 50
        told = " told" if s.form in ("narration", "background") else ""
        bars.append(
            f'<rect class="{pole(article, s.label)}{told}" data-n="{number}" '
            f'x="{number * width:.2f}" y="{y:.2f}" width="{max(width * 0.8, 0.6):.2f}" '
            f'height="{height:.2f}"/>'
        )
    low, high = article.poles
    title = (
        f"Score of each of {len(scores)} sentences through the text: above the line {high}, "
        f"below {low}"
    )
    return (
        f'<svg class="line" viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(title)}"><line x1="0" x2="1000" y1="50" y2="50"/>'
        f"{''.join(bars)}</svg>"
    )


def actors_panel(article: ScoredArticle) -> str:
    """Return the actors who say or do something, with bars and intervals."""
    if not any(s.form for s in article.sentences):
        return f"<p class=note>{_NO_SPEAKERS}</p>" if article.sentences else ""
    active = [a for a in article.actors if a.words.count or a.deeds.count or a.side]
    if not active:
        return "<p class=note>No actor was found who says or does anything.</p>"
    shown = "".join(_actor(article, actor) for actor in active[:_SHOWN])
    more = active[_SHOWN:]
    rest = ""
    if more:
        hidden = "".join(_actor(article, actor) for actor in more)
        rest = f"<details class=more><summary>{len(more)} more</summary><ul>{hidden}</ul></details>"
    return f"<ul class=actors>{shown}</ul>{rest}{_correction(article)}"


def _correction(article: ScoredArticle) -> str:
    if not article.correction:
        return ""
    known = article.correction
    return (
        f"<p class=note>Corrected shares allow for the mistakes that the model makes on "
        f"{known['sentences']} sentences of its {escape(str(known['source']))} split; on texts of "
        f"another kind it makes others.</p>"
    )


def _actor(article: ScoredArticle, actor: ActorScore) -> str:
    about = [actor.actor.type]
    if actor.actor.side:
        about.append(f"speaks for {short_name(article, actor.actor.side)}")
    rows = ""
    for title, score in (("words", actor.words), ("deeds", actor.deeds), ("side", actor.side)):
        if score and score.count:
            rows += _row(article, title, score)
    return (
        f'<li class=actor><button type=button class=pick data-actor="{escape(actor.id)}" '
        f"aria-pressed=false>{escape(clean(actor.name))}</button>"
        f"<small>{escape(clean(', '.join(about)))}</small>{rows}</li>"
    )


_ROWS = {
    "words": ("words", "What it is quoted or reported to say"),
    "deeds": ("deeds", "What the outlet tells that it does"),
    "side": ("whole side", "The words of all who speak for it"),
}


def _row(article: ScoredArticle, title: str, score: Score) -> str:
    bar = "" if score.value is None else _bar(score.value, score.interval)
    strongest = _strongest(article, score)
    name, meaning = _ROWS[title]
    return (
        f'<details class="row {title}"><summary title="{meaning}"><span class=what>{name}</span>'
        f"<span class=n>{score.count}×</span>{bar}<span class=v>{_value(score)}</span></summary>"
        f"{_shares(score)}{strongest}</details>"
    )


def _shares(score: Score) -> str:
    rows = "".join(
        f"<tr><th scope=row>{escape(label)}</th><td>{share.raw:.0%}</td><td>"
        + (
            f"{share.corrected:.0%} <small>{share.interval[0]:.0%}–{share.interval[1]:.0%}</small>"
            if share.corrected is not None and share.interval
            else "<small>too few</small>"
        )
        + "</td></tr>"
        for label, share in score.shares.items()
    )
    head = "<tr><td></td><th scope=col>labelled</th><th scope=col>corrected</th></tr>"
    return f"<table class=shares>{head}{rows}</table>"


def _strongest(article: ScoredArticle, score: Score) -> str:
    items = "".join(
        f'<li><a href="#s{s.sentence}">{escape(_excerpt(article, s))}</a> {signed(s.score)}</li>'
        for s in (*score.high, *score.low)
    )
    return f"<ol class=strongest>{items}</ol>" if items else ""


def _excerpt(article: ScoredArticle, statement: Statement) -> str:
    sentence = article.sentences[statement.sentence]
    text = sentence.text if statement.part is None else sentence.parts[statement.part].text
    text = clean(" ".join(text.split()))
    return text if len(text) <= 90 else text[:88].rstrip() + "…"


def _value(score: Score) -> str:
    if score.value is None:
        return f"<span class=few>too little evidence ({score.count} of {MIN_STATEMENTS})</span>"
    return f"<b>{signed(score.value)}</b>{_interval(score.interval)}"


def _interval(interval: tuple[float, float] | None) -> str:
    if interval is None:
        return ""
    return f" <small class=ci>[{signed(interval[0])}, {signed(interval[1])}]</small>"


def _bar(value: float, interval: tuple[float, float] | None) -> str:
    """Return a scale from −1 to +1 with a dot and the interval; the numbers stand beside it."""

    def x(score: float) -> float:
        return 50 + 48 * score

    low, high = interval or (value, value)
    side = "high" if value > 0.05 else "low" if value < -0.05 else "mid"
    return (
        f'<svg class="bar {side}" viewBox="0 0 100 14" preserveAspectRatio="none" '
        f'aria-hidden="true">'
        f'<line class="axis" x1="2" x2="98" y1="7" y2="7"/>'
        f'<line class="zero" x1="50" x2="50" y1="2" y2="12"/>'
        f'<rect class="ci" x="{x(low):.1f}" y="4" height="6" '
        f'width="{max(x(high) - x(low), 0.8):.1f}"/>'
        f'<rect class="dot" x="{x(value) - 1:.1f}" y="1" width="2" height="12"/></svg>'
    )


def pairs_panel(article: ScoredArticle) -> str:
    """Return a matrix of who stands how toward whom, for sides and for single actors."""
    tables = []
    for level, title in (("side", "by side"), ("actor", "by actor")):
        pairs = [pair for pair in article.pairs if pair.level == level]
        if pairs:
            tables.append((title, _matrix(article, pairs)))
    if len(tables) == 2 and tables[0][1] == tables[1][1]:
        tables = tables[:1]
    return "".join(
        f"<details{'' if number else ' open'}><summary>{title}</summary>{table}</details>"
        for number, (title, table) in enumerate(tables)
    )


def _matrix(article: ScoredArticle, pairs: Sequence[PairScore]) -> str:
    rows = list(dict.fromkeys(pair.speaker for pair in pairs))[:_MATRIX]
    columns = list(dict.fromkeys(pair.target for pair in pairs))[:_MATRIX]
    found = {(pair.speaker, pair.target): pair for pair in pairs}
    heads = "".join(
        f"<th scope=col><span>{escape(clean(short_name(article, c)))}</span></th>" for c in columns
    )
    body = ""
    for row in rows:
        cells = "".join(_cell(found.get((row, column))) for column in columns)
        body += f"<tr><th scope=row>{escape(clean(short_name(article, row)))}</th>{cells}</tr>"
    return (
        '<div class=scroll tabindex=0 role=region aria-label="Who toward whom">'
        f"<table class=matrix><tr><td class=corner>from ↓ toward →</td>{heads}</tr>"
        f"{body}</table></div>"
    )


def _cell(pair: PairScore | None) -> str:
    if pair is None:
        return "<td class=none>·</td>"
    score = pair.words if pair.words.count >= pair.deeds.count else pair.deeds
    kind = "words" if score is pair.words else "deeds"
    count = pair.words.count + pair.deeds.count
    title = f"{pair.words.count} statements, {pair.deeds.count} deeds"
    first = (*pair.words.statements, *pair.deeds.statements)[0].sentence
    ends = f'data-speaker="{escape(pair.speaker)}" data-target="{escape(pair.target)}"'
    link = f'href="#s{first}" {ends}'
    if score.value is None:
        return f'<td class=few title="{title}: too few"><a {link}><small>{count}×</small></a></td>'
    side = "high" if score.value > 0.05 else "low" if score.value < -0.05 else "mid"
    return (
        f'<td class={side} style="--t:{abs(score.value):.2f}" title="{title}; score of its {kind}">'
        f"<a {link}>{signed(score.value)}<small>{count}×</small></a></td>"
    )
