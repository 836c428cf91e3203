"""Scored sentences and articles."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stance.schema.base import Metadata, Prediction, Span, Word, require
from stance.schema.voices import NOTHING_SAID, ActorScore, Mention, PairScore, Score

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1
"""Version of the document that `ScoredArticle.to_dict` makes (`document.schema.json`)."""

SCHEMA_MINOR = 1
"""Goes up when properties are added; what was there keeps its meaning."""


@dataclass(frozen=True, slots=True)
class ScoredPart:
    """A part of a sentence that has a speaker of its own, scored by itself.

    `article_text[start:end] == text` holds for the untouched article.
    """

    text: str
    start: int
    end: int
    label: str | None
    probabilities: Mapping[str, float]
    score: float | None
    form: str
    speaker: Mention | None = None
    target: Mention | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the part as plain JSON types."""
        return {
            "text": self.text,
            "start": self.start,
            "end": self.end,
            "label": self.label,
            "probabilities": dict(self.probabilities),
            "score": self.score,
            **_voice(self.form, self.speaker, self.target),
        }


@dataclass(frozen=True, slots=True)
class ScoredSentence:
    """A sentence of an article with its place, its prediction and its speaker.

    `article_text[start:end] == text` holds for the untouched article.

    Attributes:
        label: As in `Prediction`, and so are `label_set` and `unfamiliar`.
        form: One of `FORMS`; None where speakers were not looked for, as without a tagger.
        speaker: Who says or does it; None for background, or if unclear.
        target: Toward whom; None for nobody, or if unclear.
        parts: What each of several speakers says in it; they count for their actors in its place.
        in_context: What the model says of it read together with its neighbours; None unless asked.
        evidence: What each of its words adds to the label's probability; empty unless asked.
    """

    text: str
    start: int
    end: int
    label: str | None
    probabilities: Mapping[str, float]
    score: float | None
    truncated: bool
    form: str | None = None
    speaker: Mention | None = None
    target: Mention | None = None
    parts: tuple[ScoredPart, ...] = ()
    in_context: Prediction | None = None
    evidence: tuple[Word, ...] = ()
    label_set: tuple[str, ...] | None = None
    unfamiliar: bool = False

    @property
    def depends_on_context(self) -> bool:
        """Whether its neighbours change its label; False if that was not looked for."""
        if self.in_context is None:
            return False
        alone, wide = self.probabilities, self.in_context.probabilities
        return max(wide, key=wide.__getitem__) != max(alone, key=alone.__getitem__)

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
            "label_set": None if self.label_set is None else list(self.label_set),
            "unfamiliar": self.unfamiliar,
            **_voice(self.form, self.speaker, self.target),
            "parts": [part.to_dict() for part in self.parts],
            "in_context": _in_context(self.in_context),
            "depends_on_context": self.depends_on_context,
            "evidence": [
                {"start": word.start, "end": word.end, "weight": word.weight}
                for word in self.evidence
            ],
        }


def _voice(form: str | None, speaker: Mention | None, target: Mention | None) -> dict[str, Any]:
    return {
        "form": form,
        "speaker": speaker.to_dict() if speaker else None,
        "target": target.to_dict() if target else None,
    }


def _in_context(prediction: Prediction | None) -> dict[str, Any] | None:
    if prediction is None:
        return None
    return {
        "label": prediction.label,
        "probabilities": dict(prediction.probabilities),
        "score": prediction.score,
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
        actors: Its actors with their scores, those who say most first; empty without a tagger.
        pairs: Who stands how toward whom, the pairs with most statements first.
        narration: The score of what the outlet tells in its own words, deeds and background.
        run: Id of the MLflow run that trained the model; None if it was not tracked.
        correction: What the corrected shares rest on: `source`, `sentences`, `model`; None if the
            model's mistakes are unknown.
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
    actors: tuple[ActorScore, ...] = ()
    pairs: tuple[PairScore, ...] = ()
    narration: Score = NOTHING_SAID
    correction: Mapping[str, Any] | None = None
    run: str | None = None

    def __len__(self) -> int:
        return len(self.sentences)

    def __iter__(self) -> Iterator[ScoredSentence]:
        return iter(self.sentences)

    def to_dict(self) -> dict[str, Any]:
        """Return the article as plain JSON types, as `document.schema.json` describes."""
        return {
            "schema_version": SCHEMA_VERSION,
            "schema_minor": SCHEMA_MINOR,
            "name": self.name,
            "metadata": self.metadata.to_dict(),
            "model": self.model,
            "run": self.run,
            "poles": list(self.poles) if self.poles else None,
            "score": self.score,
            "interval": list(self.interval) if self.interval else None,
            "counts": dict(self.counts),
            "warnings": list(self.warnings),
            "text": self.text,
            "boilerplate": [{"start": s.start, "end": s.end} for s in self.boilerplate],
            "sentences": [sentence.to_dict() for sentence in self.sentences],
            "actors": [actor.to_dict() for actor in self.actors],
            "pairs": [pair.to_dict() for pair in self.pairs],
            "narration": self.narration.to_dict(),
            "correction": dict(self.correction) if self.correction else None,
        }

    def actor(self, name: str) -> ActorScore:
        """Return an actor by its id or its name.

        Raises:
            KeyError: If the article has no such actor.
        """
        for actor in self.actors:
            if name in (actor.id, actor.name):
                return actor
        raise KeyError(f"{name!r}: expected one of {', '.join(a.name for a in self.actors)}")

    def to_html(self) -> str:
        """Return the article as a page of its own: readable offline, in any browser."""
        # The page is a floor above its nouns, so it is fetched by name when it is asked for.
        page = importlib.import_module("stance.page")
        return str(page.render(self))

    def to_frame(self) -> pd.DataFrame:
        """Return one row a sentence, with the columns `row_columns`.

        Raises:
            DependencyError: If pandas is not installed.
        """
        pandas = require("pandas", extra="frame", purpose="to_frame()")
        return pandas.DataFrame(self.to_rows(), columns=row_columns(self.counts))

    def to_rows(self) -> list[dict[str, Any]]:
        """Return one flat dictionary a sentence, as CSV files and data frames want it."""
        names = {actor.id: actor.name for actor in self.actors}
        rows: list[dict[str, Any]] = []
        for s in self.sentences:
            row: dict[str, Any] = {"name": self.name, "text": s.text, "start": s.start}
            row |= {"end": s.end, "label": s.label}
            row |= {f"p_{label}": p for label, p in s.probabilities.items()}
            row |= {"score": s.score, "truncated": s.truncated, "form": s.form}
            for column, mention in (("speaker", s.speaker), ("target", s.target)):
                told = [names.get(actor, actor) for actor in mention.actors] if mention else []
                row[column] = "; ".join(told) or None
            row["label_set"] = None if s.label_set is None else "|".join(s.label_set)
            row["unfamiliar"] = s.unfamiliar
            row["speaker_how"] = s.speaker.how if s.speaker else None
            row["target_how"] = s.target.how if s.target else None
            row["depends_on_context"] = s.depends_on_context
            rows.append(row)
        return rows


def row_columns(labels: Iterable[str]) -> list[str]:
    """Return the columns of a row of `ScoredArticle.to_rows`, in order."""
    return [
        *("name", "text", "start", "end", "label"),
        *(f"p_{label}" for label in labels),
        *("score", "truncated", "form", "speaker", "target", "label_set", "unfamiliar"),
        *("speaker_how", "target_how", "depends_on_context"),
    ]
