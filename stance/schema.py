"""The nouns of the package and its errors. Standard library only: every other module may import it.

StanceError
├── ConfigError      a configuration file or override is wrong
├── DataError        labelled data is wrong; carries every problem found
├── DocumentError    an article or sentence cannot be read or scored
├── ModelError       a saved model is missing, incomplete, corrupt or of another kind
├── BusyError        another process is at work where this one wants to be
├── TeamError        another process of the same training has ended
└── DependencyError  an optional part of the package is not installed
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

LABELS: tuple[str, ...] = ("conciliatory", "neutral", "hardline")
"""The project's labels in their one order; a saved model carries its own."""

SCHEMA_VERSION = 1
"""Version of the document that `ScoredArticle.to_dict` makes (`document.schema.json`)."""


class StanceError(Exception):
    """A mistake the user can mend: the command line prints it and exits with code 2."""


class ConfigError(StanceError):
    """A configuration file or an override is wrong."""


class DocumentError(StanceError):
    """An article or a sentence cannot be read or scored."""


class ModelError(StanceError):
    """A saved model is missing, incomplete, corrupt, or has other labels than expected."""


class BusyError(StanceError):
    """Another process is at work where this one wants to be."""


class TeamError(StanceError):
    """Another process of the same training has ended."""


class DependencyError(StanceError):
    """An optional dependency is not installed."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault in a data file, with its place."""

    path: str
    line: int | None
    message: str

    def __str__(self) -> str:
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{place}: {self.message}"


class DataError(StanceError):
    """Labelled data is wrong. All faults are collected in `problems` and shown together."""

    SHOWN = 25

    def __init__(self, headline: str, problems: Sequence[Problem] = ()) -> None:
        self.problems = tuple(problems)
        lines = [headline, *(f"  {problem}" for problem in self.problems[: self.SHOWN])]
        if len(self.problems) > self.SHOWN:
            lines.append(f"  ... and {len(self.problems) - self.SHOWN} more")
        super().__init__("\n".join(lines))


def require(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import an optional dependency, or say which extra brings it.

    Args:
        module: Name of the module to import.
        extra: Extra of this package that installs it.
        purpose: What it is needed for, to complete "... needs MODULE".

    Raises:
        DependencyError: If the module is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
        raise DependencyError(
            f"{purpose} needs {error.name}, which is not installed: "
            f"run  pip install 'stance[{extra}]'"
        ) from error


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of code points in an untouched text: `text[start:end]`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Attribution:
    """Words that somebody is reported to have said; spans index the untouched text.

    Attributes:
        sources: Who says it ("the foreign minister, Sergei Lavrov", "he"); may be empty.
        cues: Reporting words ("said", "according to"); may be empty.
        contents: What is said, in order, quotation marks included; a quotation that runs on over
            sentences has a span for each of them.
        probability: Of the spans and of their belonging together, 0 to 1; 1 where people marked it.
    """

    sources: tuple[Span, ...]
    cues: tuple[Span, ...]
    contents: tuple[Span, ...]
    probability: float = 1.0


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is known of a document beside its text; None for what is not.

    Attributes:
        format: `text`, `markdown`, `html`, `pdf`, `docx` or `mail`.
        title: The headline, or the subject of a mail.
        date: The day it was published (a PDF, a Word document: made), `YYYY-MM-DD`.
        outlet: Who published it; the sender of a mail.
        author: Who wrote it.
        language: ISO 639-1 code: detected, or with too little text what the document declares.
        url: Where it was fetched; of a saved page, where it says that it belongs.
        retrieved: When it was fetched from a URL, ISO 8601 in UTC.
    """

    format: str = "text"
    title: str | None = None
    date: str | None = None
    outlet: str | None = None
    author: str | None = None
    language: str | None = None
    url: str | None = None
    retrieved: str | None = None

    def to_dict(self) -> dict[str, str | None]:
        """Return the metadata as plain JSON types, every property present."""
        return asdict(self)


FORMS = ("direct", "indirect", "mixed", "narration", "background")
"""Forms of a sentence: a quotation, reported speech, reported speech with a quotation in it, a deed
that the article narrates, and what no actor says or does."""

ACTOR_TYPES = ("state", "person", "organisation", "armed group", "group")
"""What an actor of an article may be; a `group` is people without an organisation."""


@dataclass(frozen=True, slots=True)
class Mention:
    """Words that stand for an actor in an article.

    Attributes:
        start: Where they begin in the untouched text; None if the actor is only understood.
        end: Where they end.
        actor: Id of the actor, among those of the article.
        how: What told so: `name`, `title`, `office`, `metonymy`, `demonym`, `pronoun`,
            `description`, `continued` (a quotation goes on), `headline`, `author`, `signatory`;
            of a target `addressee`, `named`, `title`, `pronoun`, `dispute` (the other party).
        jointly: Further actors that the words stand for ("Canada and Mexico").
    """

    start: int | None
    end: int | None
    actor: str
    how: str
    jointly: tuple[str, ...] = ()

    @property
    def actors(self) -> tuple[str, ...]:
        """All actors that the words stand for."""
        return (self.actor, *self.jointly)


@dataclass(frozen=True, slots=True)
class ArticleActor:
    """An actor of an article.

    Attributes:
        id: That of the gazetteer (ISO 3166-1 alpha-3 in lower case for a state), else made of the
            name.
        name: Its usual name, or the fullest one of the article.
        type: One of `ACTOR_TYPES`.
        side: Id of the actor that it speaks for; None for itself or if unknown.
        mentions: Where the article names it as a speaker, doer or target.
    """

    id: str
    name: str
    type: str
    side: str | None = None
    mentions: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model says of one sentence.

    Attributes:
        label: The most probable label.
        probabilities: Calibrated probability of each label; they sum to 1.
        score: `p(hardline) - p(conciliatory)` in [-1, +1], or the same of the model's own poles;
            None for a label set without poles.
        truncated: True if the sentence was longer than the model reads, so its end was not seen.
    """

    label: str
    probabilities: Mapping[str, float]
    score: float | None
    truncated: bool


@dataclass(frozen=True, slots=True)
class Word:
    """A word or a mark of punctuation, and what it does for a label.

    Attributes:
        text: The word, `sentence[start:end]`.
        start: Offset of its first code point in the sentence.
        end: Offset after its last.
        weight: What it adds to the probability of the label, in [-1, 1]; below 0 it speaks against.
    """

    text: str
    start: int
    end: int
    weight: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a sentence has its label: the weight of every word.

    Attributes:
        text: The sentence.
        label: Its predicted label, which the weights are about.
        probability: That label's calibrated probability.
        words: Words and marks of punctuation, from left to right.
        method: How the weights were found: `occlusion` or `gradients`.
    """

    text: str
    label: str
    probability: float
    words: tuple[Word, ...]
    method: str

    def to_dict(self) -> dict[str, Any]:
        """Return the explanation as plain JSON types."""
        return {**asdict(self), "words": [asdict(word) for word in self.words]}


@dataclass(frozen=True, slots=True)
class ScoredSentence:
    """A sentence of an article with its place and its prediction.

    `article_text[start:end] == text` holds for the untouched article.
    """

    text: str
    start: int
    end: int
    label: str
    probabilities: Mapping[str, float]
    score: float | None
    truncated: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the sentence as plain JSON types."""
        return {
            "text": self.text,
            "start": self.start,
            "end": self.end,
            "label": self.label,
            "probabilities": dict(self.probabilities),
            "score": self.score,
            "truncated": self.truncated,
        }


@dataclass(frozen=True, slots=True)
class ScoredArticle:
    """An article, sentence by sentence.

    Attributes:
        name: Where the text came from: a path, `<stdin>`, or what the caller gave.
        sentences: Scored sentences in order of appearance.
        score: Mean of the sentence scores, in [-1, +1]; None without sentences or poles.
        interval: 95 % bootstrap interval of `score` over the sentences; None with fewer than two.
        counts: Number of sentences of each label.
        model: Name of the model that scored it.
        poles: The labels at -1 and +1 of a score; None for a label set without.
        warnings: What the reader should know: another language, truncated sentences.
        boilerplate: Spans of text set apart as not part of the article ("0 Comments").
        text: The text that all spans index: the content of a text file, what was extracted from
            another.
        metadata: Title, date, outlet, language of the document.
    """

    name: str
    sentences: tuple[ScoredSentence, ...]
    score: float | None
    interval: tuple[float, float] | None
    counts: Mapping[str, int]
    model: str
    poles: tuple[str, str] | None = None
    warnings: tuple[str, ...] = ()
    boilerplate: tuple[Span, ...] = field(default=())
    text: str = field(default="", repr=False)
    metadata: Metadata = field(default_factory=Metadata)

    def __len__(self) -> int:
        return len(self.sentences)

    def __iter__(self) -> Iterator[ScoredSentence]:
        return iter(self.sentences)

    def to_dict(self) -> dict[str, Any]:
        """Return the article as plain JSON types, as `document.schema.json` describes."""
        return {
            "schema_version": SCHEMA_VERSION,
            "name": self.name,
            "metadata": self.metadata.to_dict(),
            "model": self.model,
            "poles": list(self.poles) if self.poles else None,
            "score": self.score,
            "interval": list(self.interval) if self.interval else None,
            "counts": dict(self.counts),
            "warnings": list(self.warnings),
            "text": self.text,
            "boilerplate": [{"start": s.start, "end": s.end} for s in self.boilerplate],
            "sentences": [sentence.to_dict() for sentence in self.sentences],
        }

    def to_frame(self) -> pd.DataFrame:
        """Return one row a sentence: name, text, start, end, label, p_LABEL..., score, truncated.

        Raises:
            DependencyError: If pandas is not installed.
        """
        pandas = require("pandas", extra="frame", purpose="to_frame()")
        columns = [
            *("name", "text", "start", "end", "label"),
            *(f"p_{label}" for label in self.counts),
            *("score", "truncated"),
        ]
        return pandas.DataFrame(self.to_rows(), columns=columns)

    def to_rows(self) -> list[dict[str, Any]]:
        """Return one flat dictionary a sentence, as CSV files and data frames want it."""
        rows = []
        for sentence in self.sentences:
            row = {"name": self.name, **sentence.to_dict()}
            probabilities = row.pop("probabilities")
            row.update({f"p_{label}": p for label, p in probabilities.items()})
            rows.append(row)
        return rows
