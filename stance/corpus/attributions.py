"""Texts with marked attributions: the corpus's own, and PolNeAR's."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stance.article import split
from stance.corpus.articles import load_articles
from stance.corpus.load import load_corpus
from stance.corpus.markup import read_markup
from stance.corpus.public import public_rows
from stance.schema import Attribution, DataError, Span

POLNEAR = "public:polnear"


@dataclass(frozen=True, slots=True)
class MarkedText:
    """A text with all its attributions marked.

    Attributes:
        id: Its id in its source.
        text: The text.
        sentences: Its sentences.
        attributions: Who says what in it.
    """

    id: str
    text: str
    sentences: tuple[Span, ...]
    attributions: tuple[Attribution, ...]


def load_marked(source: str, part: str, *, dev: float = 0.08) -> list[MarkedText]:
    """Load texts with attributions.

    Args:
        source: A corpus folder with articles; a folder of texts with marks, `train.txt` and so on
            (`stance.corpus.markup`); or `public:polnear` (Newell et al. 2018), whose train part is
            cut in two, and whose development part is `test`.
        part: `train`, `dev` or `test`.
        dev: Share of PolNeAR's train part that is `dev`.

    Raises:
        DataError: If a source is none of these, cannot be had or is faulty.
    """
    if source == POLNEAR:
        return _polnear(part, dev)
    if source.startswith("public:"):
        raise DataError(f"{source}: has no attributions; expected {POLNEAR} or a corpus folder")
    folder = Path(source)
    if any(folder.glob("*.txt")):
        file = folder / f"{part}.txt"
        return list(_marked_up(file)) if file.is_file() else []
    corpus = load_corpus(source)
    ids = {row["id"] for row in corpus.rows(part)}
    return [
        MarkedText(
            article.id,
            article.text,
            tuple(sentence.span for sentence in article.sentences),
            article.attributions,
        )
        for article in load_articles(folder, corpus=corpus)
        if article.sentences[0].id in ids
    ]


def _marked_up(file: Path) -> Iterator[MarkedText]:
    for name, text, marked in read_markup(file):
        yield MarkedText(name, text, split(text).sentences, marked)


def _polnear(part: str, dev: float) -> list[MarkedText]:
    if part == "test":
        return list(_documents("dev"))
    documents = list(_documents("train"))
    random.Random(13).shuffle(documents)
    cut = round(dev * len(documents))
    return documents[:cut] if part == "dev" else documents[cut:]


def _documents(part: str) -> Iterator[MarkedText]:
    """Yield the documents of a part, each once: of several annotations the first."""
    seen = set()
    for row in public_rows("polnear", part):
        if row["group"] in seen:
            continue
        seen.add(row["group"])
        text = row["text"]
        marked = tuple(_events(row["annotation"]))
        yield MarkedText(row["group"], text, split(text).sentences, marked)


def _events(annotation: str) -> Iterator[Attribution]:
    """Yield the attributions of a brat stand-off annotation.

    `T1<tab>Cue 33 47;50 52<tab>words` is a span in pieces; `E1<tab>Attribution:T9 Cue:T1 Source:T2`
    an attribution. Some events name spans that were deleted.
    """
    spans: dict[str, tuple[Span, ...]] = {}
    lines = [line.split("\t") for line in annotation.split("\n") if "\t" in line]
    for key, value, *_ in (line for line in lines if line[0].startswith("T")):
        pieces = value.partition(" ")[2].split(";")
        spans[key] = tuple(Span(*map(int, piece.split())) for piece in pieces)
    for _, value, *_ in (line for line in lines if line[0].startswith("E")):
        parts: dict[str, list[Span]] = {"Source": [], "Cue": [], "Content": []}
        for argument in value.split():
            role, _, key = argument.partition(":")
            if (role := role.rstrip("0123456789")) in parts:
                parts[role].extend(spans.get(key, ()))
        source, cue, content = (tuple(sorted(p, key=lambda s: s.start)) for p in parts.values())
        if source or cue or content:
            yield Attribution(source, cue, content)
