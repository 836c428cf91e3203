"""The article as marked-up paragraphs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path

from stance.schema import ScoredArticle, ScoredSentence, Span

_UNSHOWN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
_BREAK = re.compile(r"[\n\r\f\u2028\u2029]\s*[\n\r\f\u2028\u2029]")
_LINE = re.compile(r"[\n\r\f\u2028\u2029]")
_ENDS = ".!?…\"”»’'"

FORM_NAMES = {
    "direct": "quotation",
    "indirect": "reported speech",
    "mixed": "reported, in part quoted",
    "narration": "deed, told by the outlet",
    "background": "background",
}


UNSURE = "no label: unsure"
"""What is said in place of a label that the model withholds."""


def clean(text: str) -> str:
    """Return a text without characters that HTML forbids; each is shown as a replacement sign."""
    return _UNSHOWN.sub("\ufffd", text)


def paragraphs(article: ScoredArticle) -> str:
    """Return the article's paragraphs as HTML, a `span` for every sentence."""
    blocks: list[list[str]] = [[]]
    heads: list[bool] = [False]
    at = 0
    # Where no sentence runs over a line, lines were not broken for width: each is a paragraph.
    parting = _BREAK if any(_LINE.search(s.text) for s in article.sentences) else _LINE
    for kind, span, number in _pieces(article):
        gap = article.text[at : span.start]
        line = bool(_LINE.search(gap)) and article.text[at - 1 : at] not in _ENDS
        if parting.search(gap) or kind == "apart" or line:
            blocks.append([])
            heads.append(False)
        elif blocks[-1]:
            blocks[-1].append(" ")
        if kind == "apart":
            words = escape(clean(article.text[span.start : span.end].strip()))
            blocks[-1].append(f'<span class="apart" title="not scored">{words}</span>')
            blocks.append([])
            heads.append(False)
        else:
            blocks[-1].append(_sentence(article, number))
            heads[-1] |= number == 0 and _is_headline(article)
        at = span.end
    return "\n".join(
        f'<p dir="auto"{" class=headline" if head else ""}>{"".join(block)}</p>'
        for block, head in zip(blocks, heads, strict=True)
        if block
    )


def _pieces(article: ScoredArticle) -> Iterator[tuple[str, Span, int]]:
    sentences = [("s", Span(s.start, s.end), n) for n, s in enumerate(article.sentences)]
    apart = [("apart", span, -1) for span in article.boilerplate]
    yield from sorted([*sentences, *apart], key=lambda piece: piece[1].start)


def _is_headline(article: ScoredArticle) -> bool:
    first = article.sentences[0]
    alone = _LINE.match(article.text[first.end : first.end + 1] or " ")
    return bool(alone) and first.text[-1] not in _ENDS and len(article.sentences) > 1


def pole(article: ScoredArticle, label: str | None) -> str:
    """Return `low` or `high` for a label at an end of the scale, else `mid`."""
    low, high = article.poles or ("", "")
    return "low" if label == low else "high" if label == high else "mid"


def _sentence(article: ScoredArticle, number: int) -> str:
    s = article.sentences[number]
    sure = max(s.probabilities.values(), default=0.0)
    classes = ["s", pole(article, s.label), f"f-{s.form or 'none'}"]
    if s.depends_on_context:
        classes.append("ctx")
    return (
        f'<span class="{" ".join(classes)}" id="s{number}" data-n="{number}" tabindex="-1" '
        f'style="--t:{sure:.2f}">{_who(article, number)}{_words(s)}'
        f'<span class="vh"> ({escape(_told(article, s))})</span></span>'
    )


def _words(s: ScoredSentence) -> str:
    """Return a sentence's text, the words that carry its label marked."""
    most = max((abs(word.weight) for word in s.evidence), default=0.0)
    strong = [word for word in s.evidence if word.weight > max(0.2 * most, 0.01)]
    parts, at = [], 0
    for word in strong:
        parts.append(escape(clean(s.text[at : word.start])))
        share = word.weight / most
        parts.append(f'<b class="ev" style="--w:{share:.2f}">')
        parts.append(f"{escape(clean(s.text[word.start : word.end]))}</b>")
        at = word.end
    return "".join([*parts, escape(clean(s.text[at:]))])


def _who(article: ScoredArticle, number: int) -> str:
    """Return a small label with the speaker where the speaker changes."""
    s = article.sentences[number]
    before = article.sentences[number - 1].speaker if number else None
    if s.speaker is None or (before is not None and before.actors == s.speaker.actors):
        return ""
    name = escape(clean(short_name(article, s.speaker.actor)))
    return f'<span class="who" aria-hidden="true">{name}</span>'


def short_name(article: ScoredArticle, actor: str) -> str:
    """Return a name that fits a label: of a person, the last word."""
    for known in article.actors:
        if known.id == actor:
            words = known.name.split()
            short = words[-1] if known.actor.type == "person" and len(words) < 5 else known.name
            return short if len(short) < 28 else short[:26].rstrip() + "…"
    return Path(actor).name


def _told(article: ScoredArticle, s: ScoredSentence) -> str:
    """Return what a reader who does not see the marks is told of a sentence."""
    names = {actor.id: actor.name for actor in article.actors}
    told = [s.label or UNSURE]
    if s.form:
        told.append(FORM_NAMES[s.form])
    if s.speaker:
        told.append(clean(" and ".join(names.get(a, a) for a in s.speaker.actors)))
    if s.target:
        told.append("toward " + clean(" and ".join(names.get(a, a) for a in s.target.actors)))
    return ", ".join(told)
