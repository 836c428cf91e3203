"""The errors, and the nouns that are no part of a scored article."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Any

LABELS: tuple[str, ...] = ("conciliatory", "neutral", "hardline")
"""The project's labels in their one order; a saved model carries its own."""


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


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model says of one sentence.

    Attributes:
        label: The most probable label; None where the model was asked to abstain and did.
        probabilities: Calibrated probability of each label; they sum to 1.
        score: `p(hardline) - p(conciliatory)` in [-1, +1], or the same of the model's own poles;
            None for a label set without poles.
        truncated: True if the sentence was longer than the model reads, so its end was not seen.
        label_set: The labels that cannot be ruled out: a conformal set, at 90 % coverage unless
            another was asked for; None from a model saved without.
        unfamiliar: True if the text is unlike what the model was trained on (sport, a recipe, code,
            another language), so that its label means little.
    """

    label: str | None
    probabilities: Mapping[str, float]
    score: float | None
    truncated: bool
    label_set: tuple[str, ...] | None = None
    unfamiliar: bool = False

    @property
    def abstained(self) -> bool:
        """Whether the model was not sure enough to give a label."""
        return self.label is None


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
