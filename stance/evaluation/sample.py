"""The labelled sentences that a model is measured on, and what is odd about them."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from stance.config import Config, DataConfig, restore
from stance.corpus import Corpus, load_configured, load_corpus, read_labelled
from stance.corpus.table import GROUP_COLUMNS, missing, read_votes
from stance.corpus.uncut import is_public, same_text
from stance.metrics import IntArray, group_index, numbers
from stance.prediction import Model
from stance.runtime import Scored
from stance.schema import DataError

FEW = 30
"""Fewer groups make an interval of little worth."""
MANY = 100_000
_BLOCK = 10_000


@dataclass(frozen=True, slots=True)
class Sample:
    """Labelled sentences.

    Attributes:
        name: What they are called in a report.
        rows: With `text`, `label` and any other columns.
        labels: The model's.
        grouped_by: Column that says what belongs together; None without one.
        corpus: The corpus they are of, if it is the model's own.
        warnings: What a reader of the figures should know of them.
    """

    name: str
    rows: Sequence[dict[str, Any]]
    labels: tuple[str, ...]
    grouped_by: str | None
    corpus: Corpus | None
    warnings: list[str] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        """The sentences."""
        return [row["text"] for row in self.rows]

    @property
    def gold(self) -> IntArray:
        """Label numbers, shape (N,)."""
        return numbers([row["label"] for row in self.rows], self.labels)

    @property
    def groups(self) -> list[object] | None:
        """What belongs together, of each row; a row without it is a group of its own."""
        if self.grouped_by is None:
            return None
        found = (row.get(self.grouped_by) for row in self.rows)
        # As text: a column `article` may hold whole objects, which are no keys.
        return [("row", i) if missing(key) else str(key) for i, key in enumerate(found)]

    def votes(self) -> list[list[int | None]] | None:
        """Return label numbers by annotator, or None without a column `votes` for this label set.

        Raises:
            DataError: If a vote is none of the labels, with the sentence.
        """
        number: dict[str | None, int | None] = {label: i for i, label in enumerate(self.labels)}
        found: list[list[int | None]] = []
        for i, row in enumerate(self.rows, start=1):
            try:
                names = read_votes(row.get("votes"), self.labels)
            except DataError as error:
                raise DataError(f"{self.name}: sentence {i}: {error}") from None
            found.append([number.get(name) for name in names])
        return found if any(found) else None

    def drawn(self, most: int) -> tuple[Sample, IntArray]:
        """Return so many of the sentences, drawn by a fixed seed, and their numbers; or all."""
        n = len(self.rows)
        chosen = sorted(random.Random(0).sample(range(n), most)) if n > most else list(range(n))
        return replace(self, rows=[self.rows[i] for i in chosen]), np.array(chosen, dtype=np.int64)

    def describe(self) -> dict[str, Any]:
        """Return what a report says of the data."""
        gold = Counter(row["label"] for row in self.rows)
        return {
            "name": self.name,
            "rows": len(self.rows),
            "groups": int(group_index(len(self.rows), self.groups).max()) + 1,
            "grouped_by": self.grouped_by,
            "labels_without_gold": [label for label in self.labels if not gold[label]],
            "warnings": list(self.warnings),
        }


def read_sample(
    scorer: Model,
    data: str | Path | None,
    *,
    split: str,
    text_column: str,
    label_column: str,
    group_column: str | None = None,
    vote_columns: Sequence[str] = (),
    say: Callable[[str], None],
) -> Sample:
    """Read what a model is to be measured on; see `stance.evaluation.evaluate`.

    Raises:
        DataError: With every fault of the data.
    """
    labels, corpus = scorer.labels, None
    rows: Sequence[dict[str, Any]]
    if data is None:
        name = f"{' + '.join(scorer.manifest.data['path'])} {split}"
        corpus = own_corpus(scorer, split, say)
        rows = corpus.rows(split)
    elif Path(data).is_dir() or is_public(Path(data)):
        name = f"{data} {split}"
        rows = load_corpus(data, labels=labels, splits=(split,)).rows(split)
    else:
        name = Path(data).name
        rows = read_labelled(
            Path(data), labels=labels, text_column=text_column, label_column=label_column
        )
    if not rows:
        raise DataError(f"{name}: no sentences; name another --split, or labelled ones by --data")
    rows = [_joined(row, vote_columns, name) for row in rows] if vote_columns else rows
    columns = GROUP_COLUMNS if group_column is None else (group_column,)
    column = next((c for c in columns if not all(missing(r.get(c)) for r in rows)), None)
    if group_column is not None and column is None:
        raise DataError(f"{name}: nothing in a column {group_column!r} to group the sentences by")
    sample = Sample(name, rows, labels, column, corpus)
    sample.warnings.extend(_oddities(sample))
    for warning in sample.warnings:
        say(f"{name}: {warning}")
    return sample


def _joined(row: dict[str, Any], columns: Sequence[str], name: str) -> dict[str, Any]:
    """Return a row with its annotators' columns as one, `votes`."""
    if absent := [column for column in columns if column not in row]:
        raise DataError(
            f"{name}: no column {', '.join(map(repr, absent))} with an annotator's labels; "
            f"the columns are {', '.join(map(repr, row))}"
        )
    rest = {key: value for key, value in row.items() if key not in columns}
    return {**rest, "votes": [row[column] for column in columns]}


def _oddities(sample: Sample) -> list[str]:
    """Say what is odd about the data, so that nobody is misled by a figure."""
    rows, found = sample.rows, []
    groups = int(group_index(len(rows), sample.groups).max()) + 1
    what = f"by {sample.grouped_by}" if sample.grouped_by else "each sentence its own"
    if groups == 1:
        found.append(
            f"{len(rows)} sentences in one group ({what}): no figure has an interval; add documents"
        )
    elif groups < FEW:
        found.append(
            f"{len(rows)} sentences in {groups} groups ({what}): the intervals mean little under "
            f"{FEW} groups"
        )
    if sample.grouped_by is None:
        found.append(
            f"no column {', '.join(GROUP_COLUMNS)} (or --group-column): the intervals take "
            f"sentences for independent, and are too narrow if several are of one article"
        )
    given = Counter(row["label"] for row in rows)
    if absent := [label for label in sample.labels if not given[label]]:
        found.append(
            f"no sentence is labelled {', '.join(absent)}: recall and ROC-AUC of these are not "
            f"defined, and the macro-F1 is not comparable with others"
        )
    ids = Counter(str(row["id"]) for row in rows if not missing(row.get("id")))
    if repeated := [key for key, count in ids.items() if count > 1]:
        found.append(f"{len(repeated)} ids occur more than once ({repeated[0]!r} is the first)")
    texts: dict[str, str] = {}
    torn = set()
    for row in rows:
        text = same_text(row["text"])
        if texts.setdefault(text, row["label"]) != row["label"]:
            torn.add(text)
    if repeats := len(rows) - len(texts):
        found.append(f"{repeats} sentences are repeats of others; each counts")
    if torn:
        found.append(f"{len(torn)} sentences occur with more than one label; no model can have all")
    if len(rows) > MANY:
        found.append(f"over {MANY:,} sentences: intervals of 200 resamples instead of 1,000")
    return found


def score(scorer: Model, texts: Sequence[str], say: Callable[[str], None]) -> Scored:
    """Score block by block: the tokens of a million texts fit no memory."""
    blocks, begun = [], time.monotonic()
    for start in range(0, len(texts), _BLOCK):
        if start:
            left = (time.monotonic() - begun) * (len(texts) / start - 1)
            say(f"scored {start:,} of {len(texts):,}, about {left / 60:.1f} minutes left")
        blocks.append(scorer.outputs(texts[start : start + _BLOCK]))
    distances = [block.distances for block in blocks if block.distances is not None]
    return Scored(
        np.concatenate([block.logits for block in blocks]),
        np.concatenate([block.truncated for block in blocks]),
        np.concatenate(distances) if distances else None,
    )


def own_corpus(scorer: Model, split: str, say: Callable[[str], None]) -> Corpus:
    """Read the corpus a model was trained on, with a split to measure it on."""
    manifest = scorer.manifest
    saved = {**manifest.config["data"], "path": manifest.data["path"]}
    data = restore(DataConfig, saved, where=scorer.name)
    config = Config(labels=scorer.labels, poles=None, data=data)
    splits = tuple(dict.fromkeys(("train", "dev", split)))
    _, corpus = load_configured(config, splits=splits)
    if corpus.fingerprint != manifest.data["fingerprint"]:
        say("the corpus has changed since this model was trained; a test sentence of today")
        say("may have been a training sentence then")
    seen = {same_text(row["text"]) for row in corpus.rows("train")}
    if split != "train" and (n := sum(same_text(r["text"]) in seen for r in corpus.rows(split))):
        say(f"{n} of {len(corpus.rows(split))} {split} sentences are also in the training data")
    return corpus
