"""Loads a corpus: three splits, written out, as stand-off labels or cut here, every row checked.

Columns: `id`, `text`, `label`, `group` (what a split may not cut: an article, a contrast family),
and any others, which are kept.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stance.config import Config, CutConfig
from stance.corpus.standoff import is_standoff, read_standoff, split_file
from stance.corpus.table import Numbered, Row, label_faults, read_rows, text_faults
from stance.corpus.uncut import is_public, read_file, read_public, same_text
from stance.schema import LABELS, DataError, Problem

if TYPE_CHECKING:
    from datasets import Dataset

SPLITS: tuple[str, ...] = ("train", "dev", "test")
REQUIRED: tuple[str, ...] = ("id", "text", "label", "group")


@dataclass(frozen=True, slots=True)
class Corpus:
    """Labelled sentences in three splits.

    Attributes:
        splits: Rows of `train`, `dev` and `test`.
        fingerprint: sha256 over ids, texts, labels and splits, independent of row order.
    """

    splits: dict[str, list[Row]]
    fingerprint: str

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that occur, sorted."""
        return tuple(sorted({row["label"] for rows in self.splits.values() for row in rows}))

    def dataset(self, split: str) -> Dataset:
        """Return a split as a `datasets.Dataset` of id, text, label, group and other columns.

        Raises:
            DataError: If there is no such split.
        """
        from datasets import Dataset

        rows = self.rows(split)
        columns = dict.fromkeys(key for row in rows for key in row)
        return Dataset.from_dict({key: [row.get(key) for row in rows] for key in columns})

    def rows(self, split: str) -> list[Row]:
        """Return the rows of a split."""
        if split not in self.splits:
            raise DataError(f"no split {split!r}; expected one of {', '.join(self.splits)}")
        return self.splits[split]

    def limited(self, rows: int, *, seed: int) -> list[Row]:
        """Return about `rows` training rows: whole groups in an order drawn with `seed`."""
        groups: dict[str, list[Row]] = {}
        for row in self.splits["train"]:
            groups.setdefault(row["group"], []).append(row)
        order = list(groups)
        random.Random(seed).shuffle(order)
        chosen: list[Row] = []
        for group in order:
            if len(chosen) >= rows:
                break
            chosen.extend(groups[group])
        return chosen


def load_corpus(
    path: str | Path | Sequence[str | Path] = "data",
    *,
    labels: Sequence[str] = LABELS,
    splits: Sequence[str] = SPLITS,
    cut: CutConfig | None = None,
    text_column: str = "text",
    label_column: str = "label",
) -> Corpus:
    """Read and check a corpus, or several as one.

    Args:
        path: Folder with `train.jsonl`, `dev.jsonl` and `test.jsonl`, or with stand-off labels
            (`stance.corpus.standoff`), whose public files are fetched; a labelled file; a published
            corpus, `public:NAME` (`stance.corpus.public`); or a list of these.
        labels: Labels that may occur; none allows any.
        splits: Splits that are wanted; without `test`, that of a published corpus is not fetched.
        cut: How a file or a published corpus is cut into splits; None takes the defaults.
        text_column: Column of a file with the sentence.
        label_column: Column of a file with the label.

    Returns:
        The rows of all sources. Each has a column `corpus`, its source, if there are several.

    Raises:
        DataError: With every fault at once, by file and line: a missing file or column, wrong
            encoding, empty text, unknown label, a repeated id or text, a group in two splits.
            For stand-off labels also a missing public file or one that changed.
    """
    sources = [Path(path)] if isinstance(path, str | Path) else [Path(one) for one in path]
    if len({source.resolve() for source in sources}) < len(sources):
        raise DataError(f"{', '.join(map(str, sources))}: one is named twice")
    if unknown := [split for split in splits if split not in SPLITS]:
        raise DataError(f"no split {unknown[0]!r}; expected one of {', '.join(SPLITS)}")
    cut = cut or CutConfig()
    found: dict[str, list[Row]] = {split: [] for split in SPLITS}
    known: dict[str, list[Row]] = {split: [] for split in SPLITS}
    problems: list[Problem] = []
    seen = _Seen()
    for source in sources:
        if is_public(source):
            parts = read_public(source, cut, splits)
        elif source.is_file():
            parts = read_file(source, cut, text_column=text_column, label_column=label_column)
        else:
            parts = _read_folder(source, problems)
        for split, numbered in parts.items():
            file = split_file(source, split) if source.is_dir() else source
            # A published test part stands as it is, sentences of its train part and all, and its
            # file is known by its sum: the fingerprint is the same whether it was read or not.
            published = is_public(source) and split == "test"
            for line, row in numbered:
                faults = _faults(row, labels)
                if not published:
                    faults = faults or seen.faults(row, split, f"{file}:{line}")
                    known[split].append(row)
                problems.extend(Problem(str(file), line, fault) for fault in faults)
                found[split].append({**row, "corpus": str(source)} if sources[1:] else row)
    if problems:
        problems.sort(key=lambda problem: (problem.path, problem.line or 0))
        headline = f"{', '.join(map(str, sources))}: {len(problems)} faults in the corpus"
        given = {str(row["label"]) for rows in found.values() for row in rows if row.get("label")}
        if labels and given and not given & set(labels):
            headline += (
                f"; its labels are {', '.join(sorted(given)[:20])}: name them as `labels` in the "
                f"configuration, or let `labels: null` take them"
            )
        raise DataError(headline, problems)
    return Corpus({split: found[split] for split in splits}, fingerprint(known))


def load_configured(
    config: Config, *, splits: Sequence[str] = ("train", "dev")
) -> tuple[Config, Corpus]:
    """Read the corpus that a configuration names.

    Returns:
        The configuration, with the labels of the data if it left them open, and the corpus.

    Raises:
        DataError: As `load_corpus` does.
        ConfigError: If the labels of the data are not what the configuration needs.
    """
    data = config.data
    corpus = load_corpus(
        data.path,
        labels=config.labels,
        splits=splits,
        cut=data.cut,
        text_column=data.text_column,
        label_column=data.label_column,
    )
    return (config if config.labels else config.with_labels(corpus.labels)), corpus


def _read_folder(folder: Path, problems: list[Problem]) -> dict[str, list[Numbered]]:
    """Return the numbered rows of each split, and add what is wrong to `problems`."""
    if not folder.is_dir():
        raise DataError(
            f"{folder}: no such folder; expected one with {_names()}, a labelled file, "
            f"or a published corpus (public:NAME)"
        )
    if is_standoff(folder):
        splits, faults = read_standoff(folder, SPLITS)
        problems.extend(faults)
        return splits
    splits = {}
    for split in SPLITS:
        file = split_file(folder, split)
        if not file.is_file():
            problems.append(Problem(str(file), None, f"missing; expected {_names()}"))
            continue
        splits[split], faults = read_rows(file)
        problems.extend(faults)
    return splits


def fingerprint(splits: dict[str, list[Row]]) -> str:
    """Return a sha256 that changes with any id, text, label or split, not with row order."""
    lines = sorted(
        "\x1f".join((split, row["id"], row["text"], row["label"]))
        for split, rows in splits.items()
        for row in rows
    )
    return hashlib.sha256("\x1e".join(lines).encode()).hexdigest()


def _names() -> str:
    return ", ".join(f"{split}.jsonl" for split in SPLITS)


def _faults(row: Row, labels: Sequence[str]) -> list[str]:
    missing = [name for name in REQUIRED if not isinstance(row.get(name), str) or not row[name]]
    if missing:
        return [f"no {' and no '.join(missing)} (columns found: {', '.join(row)})"]
    return text_faults(row["text"]) + (label_faults(row["label"], labels) if labels else [])


class _Seen:
    """Remembers what came before, to find what may occur only once."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._groups: dict[str, tuple[str, str]] = {}

    def faults(self, row: Row, split: str, place: str) -> list[str]:
        found = []
        if (first := self._ids.setdefault(row["id"], place)) != place:
            found.append(f"id {row['id']!r} occurs again, first at {first}")
        text = same_text(row["text"])
        if (first := self._texts.setdefault(text, place)) != place:
            found.append(f"text occurs again, first at {first}")
        home, first = self._groups.setdefault(row["group"], (split, place))
        if home != split:
            found.append(f"group {row['group']!r} is also in {home} ({first}); a split cuts it")
        return found
