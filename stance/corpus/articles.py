"""The corpus's whole articles: text, labelled sentences, and who is quoted saying what."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stance.corpus.load import Corpus
from stance.corpus.table import read_rows
from stance.schema import Attribution, DataError, Problem, Span

FILE = "articles.jsonl"


@dataclass(frozen=True, slots=True)
class ArticleSentence:
    """A sentence of an article: `text[start:end]` of the article's text.

    Attributes:
        id: Its id in the splits.
        span: Its place.
        label: Its stance.
        form: Direct quotation, indirect speech, narrated deed, ...
        speaker: Whose stance it is, as an analyst would list the actor; None for narration.
        target: Toward whom; None if nobody.
    """

    id: str
    span: Span
    label: str
    form: str
    speaker: str | None
    target: str | None


@dataclass(frozen=True, slots=True)
class Article:
    """A whole article of the corpus."""

    id: str
    title: str
    text: str
    sentences: tuple[ArticleSentence, ...]
    attributions: tuple[Attribution, ...]


def load_articles(folder: str | Path = "data", *, corpus: Corpus | None = None) -> list[Article]:
    """Read the articles and check that every span holds.

    Args:
        folder: Folder with `articles.jsonl`.
        corpus: Splits that the sentences must be found in, with the same text and label.

    Raises:
        DataError: With every fault: a span outside its text, a sentence that the splits do not
            have or label otherwise, an article cut by a split.
    """
    path = Path(folder) / FILE
    rows, problems = read_rows(path)
    known = {}
    if corpus is not None:
        for split, part in corpus.splits.items():
            known.update({row["id"]: (row, split) for row in part})
    articles = []
    for line, row in rows:
        try:
            article = _parse(row)
        except (KeyError, TypeError, ValueError) as error:
            problems.append(Problem(str(path), line, f"malformed article: {error!r}"))
            continue
        faults = _span_faults(article) + _attribution_faults(article, row["attributions"])
        if corpus is not None:
            faults += _split_faults(article, known)
        problems.extend(Problem(str(path), line, fault) for fault in faults)
        articles.append(article)
    if problems:
        raise DataError(f"{path}: {len(problems)} faults", problems)
    return articles


def _parse(row: dict[str, Any]) -> Article:
    def spans(pairs: list[list[int]]) -> tuple[Span, ...]:
        return tuple(Span(start, end) for start, end in pairs)

    return Article(
        id=row["id"],
        title=row["title"],
        text=row["text"],
        sentences=tuple(
            ArticleSentence(
                s["id"],
                Span(s["start"], s["end"]),
                s["label"],
                s["form"],
                s["speaker"],
                s["target"],
            )
            for s in row["sentences"]
        ),
        attributions=tuple(
            Attribution(spans(a["sources"]), spans(a["cues"]), spans(a["contents"]))
            for a in row["attributions"]
        ),
    )


def _span_faults(article: Article) -> list[str]:
    faults = []
    last = 0
    for sentence in article.sentences:
        if not last <= sentence.span.start < sentence.span.end <= len(article.text):
            faults.append(f"{sentence.id}: span {sentence.span} is out of order or out of the text")
        last = sentence.span.end
    return faults


def _attribution_faults(article: Article, rows: list[dict[str, Any]]) -> list[str]:
    faults = []
    places = {sentence.id: sentence.span for sentence in article.sentences}
    for row, attribution in zip(rows, article.attributions, strict=True):
        home = places.get(row["sentence"])
        parts = (*attribution.sources, *attribution.cues, *attribution.contents)
        if home is None or any(s.start < home.start or s.end > home.end for s in parts):
            faults.append(f"{row['sentence']}: an attribution leaves its sentence")
        if any(s.start >= s.end for s in parts):
            faults.append(f"{row['sentence']}: an attribution has an empty span")
    return faults


def _split_faults(article: Article, known: dict[str, tuple[dict[str, Any], str]]) -> list[str]:
    faults = []
    homes = set()
    for sentence in article.sentences:
        if sentence.id not in known:
            faults.append(f"{sentence.id}: not in the splits")
            continue
        row, split = known[sentence.id]
        homes.add(split)
        if row["text"] != article.text[sentence.span.start : sentence.span.end]:
            faults.append(f"{sentence.id}: text differs from the splits")
        if row["label"] != sentence.label:
            faults.append(f"{sentence.id}: labelled {sentence.label}, in the splits {row['label']}")
    if len(homes) > 1:
        faults.append(f"{article.id}: cut by splits ({', '.join(sorted(homes))})")
    return faults
