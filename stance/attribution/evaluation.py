"""How good a tagger is on marked texts: its spans, and the speakers of direct quotations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from stance.attribution.scores import RESAMPLES, SpanScore, span_scores
from stance.attribution.tagger import Tagger
from stance.attribution.words import tags
from stance.corpus.attributions import MarkedText
from stance.schema import Attribution, Span

_QUOTED = re.compile(r"[\"“„«‘']|``")
_AFTER_HEAD = re.compile(
    r"\s*[,(;:—–]|\s+-|\s+(?:who|which|that|of|in|at|for|from|with|to|on|by|near|under|whose|and)\b"
)
_BESIDE = re.compile(
    r",\s+(?=(?:the|an?|his|her|their|its|one)\s|[A-Z])(?P<it>[^,]+)",
)
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class TaggerEvaluation:
    """Figures of a tagger.

    Attributes:
        spans: By role.
        speakers: Share of the direct quotations whose source was found: the head of the marked
            source, or of a name or an office that stands beside it in apposition, is the head of
            the source of what was found in its place.
        speakers_interval: 95 % interval, articles drawn with replacement.
        quotations: How many there are, with a source that is marked.
        articles: How many there are.
    """

    spans: dict[str, SpanScore]
    speakers: float
    speakers_interval: tuple[float, float]
    quotations: int
    articles: int

    @property
    def f1(self) -> float:
        """Mean exact F1 of the roles."""
        return float(np.mean([score.exact for score in self.spans.values()]))

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain JSON types."""
        return {"f1": self.f1, **asdict(self)}

    def to_text(self) -> str:
        """Return a table of the figures."""
        lines = [f"{'span F1':12}{'exact':>22}{'by overlap':>22}{'marked':>9}{'found':>7}"]
        for name, s in self.spans.items():
            exact = _figure(s.exact, s.exact_interval)
            overlap = _figure(s.overlap, s.overlap_interval)
            lines.append(f"{name:12}{exact:>22}{overlap:>22}{s.gold:9,}{s.found:7,}")
        lines.append(
            f"speaker of direct quotations right: "
            f"{_figure(self.speakers, self.speakers_interval)} of {self.quotations:,}"
        )
        return "\n".join(lines) + "\n"


def evaluate_tagger(tagger: Tagger, texts: Sequence[MarkedText]) -> TaggerEvaluation:
    """Measure a tagger on marked texts; each figure with a bootstrap interval over articles."""
    gold, found, speakers = [], [], []
    for text in texts:
        words = tagger.read(text.text, text.sentences)
        said = tagger.attributions(text.text, text.sentences)
        gold.append(tags(words, text.attributions))
        found.append(tags(words, said))
        speakers.append(speakers_right(text.text, text.attributions, said))
    counts = np.array([[sum(right), len(right)] for right in speakers])
    draws = np.random.default_rng(0).integers(0, len(counts), (RESAMPLES, len(counts)))
    sums = counts[draws].sum(axis=1)
    shares = sums[:, 0] / np.maximum(1, sums[:, 1])
    low, high = np.percentile(shares, [2.5, 97.5])
    right, total = (int(value) for value in counts.sum(axis=0))
    return TaggerEvaluation(
        span_scores(gold, found), right / max(1, total), (low, high), total, len(texts)
    )


def speakers_right(
    text: str, gold: Sequence[Attribution], found: Sequence[Attribution]
) -> list[bool]:
    """Return for each marked direct quotation with a source whether its speaker was found."""
    result = []
    for marked in gold:
        if not marked.sources or not any(_QUOTED.match(text, c.start) for c in marked.contents):
            continue
        best = max(found, key=lambda f: _shared(marked.contents, f.contents), default=None)
        heads = [place for source in marked.sources for place in _heads(text, source)]
        right = (
            best is not None
            and _shared(marked.contents, best.contents) > 0
            and _shared(heads, [head(text, source) for source in best.sources]) > 0
        )
        result.append(right)
    return result


def head(text: str, source: Span) -> Span:
    """Return the head of a source: the last word before a comma, a preposition or a clause."""
    end = source.end
    for stop in _AFTER_HEAD.finditer(text, source.start, source.end):
        if stop.start() > source.start:
            end = stop.start()
            break
    if text[max(source.start, end - 2) : end] in ("'s", "’s"):
        end -= 2
    found = [Span(*match.span()) for match in _WORD.finditer(text, source.start, end)]
    return found[-1] if found else source


def _heads(text: str, source: Span) -> Iterator[Span]:
    """Yield the head of a source and those of what stands beside it: "the minister, Sergei Lavrov".

    A relative clause, or what a preposition begins, stands for somebody else.
    """
    yield head(text, source)
    for beside in _BESIDE.finditer(text, source.start, source.end):
        yield head(text, Span(beside.start("it"), source.end))


def _shared(a: Sequence[Span], b: Sequence[Span]) -> int:
    """Return how many characters two lists of spans share."""
    return sum(max(0, min(x.end, y.end) - max(x.start, y.start)) for x in a for y in b)


def _figure(value: float, interval: tuple[float, float]) -> str:
    return f"{value:.3f} [{interval[0]:.3f}, {interval[1]:.3f}]"
