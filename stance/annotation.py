"""From anyone's articles to labelled sentences: sample, hand out, read back, agree, export.

A folder of an annotation holds

    items.csv            the sentences: document, offsets, context
    NAME.csv             one sheet a reader, in an order of its own, with an empty column `label`
    label-studio.json, label-studio.xml     the same as tasks for Label Studio, and its interface
    codebook.txt         the labels in short
    disagreements.csv    written by `agree`, with an empty column `label` for the adjudicator

Readers must not see each other's labels: hand out the sheets, not the folder.
"""

from __future__ import annotations

import csv
import hashlib
import html
import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files as package_files
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import numpy as np

from stance import artifact
from stance.article import expand, read_document
from stance.article.sentences import split as split_sentences
from stance.corpus import SPLITS, standoff
from stance.corpus.pinned import sha256_of
from stance.corpus.table import Row, read_rows
from stance.metrics import krippendorff_alpha
from stance.prediction import load
from stance.schema import LABELS, DataError, require

Strategy = Literal["random", "uncertain", "diverse"]
Votes = dict[str, dict[str, str]]
"""For each reader the label of each item."""

TABLES = (".jsonl", ".csv", ".tsv", ".parquet")
MIN_WORDS, MAX_WORDS = 4, 80
MOST = 20_000
"""Sentences, drawn at random, that `uncertain` and `diverse` choose from."""

ITEM_COLUMNS = (
    "id",
    "document",
    "start",
    "end",
    "before_start",
    "after_end",
    "before",
    "sentence",
    "after",
    "sample",
)
SHEET_COLUMNS = ("id", "before", "sentence", "after", "label", "note")
HELD_OUT = 0.1
"""Share of the sentences that dev and test get, each."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far readers agree.

    Attributes:
        alpha: Krippendorff's alpha over all items with two votes or more; None if undefined.
        pairs: For each two readers, the share of common items they label alike, in [0, 1].
        labels: For each reader, how often each label.
        items: Items with at least one vote.
        disagreements: Ids of items whose votes differ.
    """

    alpha: float | None
    pairs: dict[tuple[str, str], float]
    labels: dict[str, dict[str, int]]
    items: int
    disagreements: list[str]


def sample(
    inputs: Sequence[str],
    count: int,
    output: str | Path,
    *,
    strategy: Strategy = "random",
    readers: Sequence[str] = ("reader-1", "reader-2"),
    labels: Sequence[str] = LABELS,
    text_column: str = "text",
    model: str | None = None,
    codebook: str | Path | None = None,
    seed: int = 13,
) -> int:
    """Draw sentences and write what readers need.

    Args:
        inputs: Text files, folders of them, or tables (.jsonl, .csv, .tsv, .parquet) with a
            document a row.
        count: Sentences to draw.
        output: Folder to write; must not hold an annotation yet.
        strategy: `random`; `uncertain`, those the model is least sure of (highest entropy); or
            `diverse`, the ones nearest to the centres of as many clusters.
        readers: Names of the sheets.
        labels: Labels to choose from.
        text_column: Column of a table that holds the document.
        model: For `uncertain`, as for `stance.load`.
        codebook: Text shown to readers; None takes the one in short of this project.
        seed: Of every draw.

    Returns:
        How many sentences were drawn: fewer than `count` if there are no more.

    Raises:
        DataError: If the folder holds an annotation, or there is no sentence to draw.
    """
    folder = Path(output)
    if (folder / "items.csv").exists():
        raise DataError(f"{folder}: holds an annotation already; name another folder")
    if len(set(readers)) != len(readers) or {"items", "disagreements"} & set(readers):
        raise DataError(f"readers {', '.join(readers)}: expected different names, none 'items'")
    candidates = _unique(_sentences(inputs, text_column))
    if not candidates:
        raise DataError(f"{', '.join(inputs)}: no sentence of {MIN_WORDS} to {MAX_WORDS} words")
    random.Random(seed).shuffle(candidates)
    if strategy == "uncertain":
        chosen = _most_uncertain(candidates[:MOST], count, model)
    elif strategy == "diverse":
        chosen = _most_diverse(candidates[:MOST], count, seed)
    else:
        chosen = candidates[:count]
    items = [{**item, "id": _id(item), "sample": strategy} for item in chosen]
    guide = Path(codebook).read_text(encoding="utf-8") if codebook else _codebook()
    _write_csv(folder / "items.csv", ITEM_COLUMNS, items)
    for reader in readers:
        order = list(items)
        random.Random(f"{seed} {reader}").shuffle(order)
        _write_csv(folder / f"{reader}.csv", SHEET_COLUMNS, order)
    _write(folder / "codebook.txt", guide)
    _write(folder / "label-studio.xml", _interface(labels, guide))
    tasks = [{"data": {name: item[name] for name in SHEET_COLUMNS[:4]}} for item in items]
    _write(folder / "label-studio.json", json.dumps(tasks, ensure_ascii=False, indent=1) + "\n")
    return len(items)


def read_labels(sheets: Sequence[str | Path], *, labels: Sequence[str] = LABELS) -> Votes:
    """Read filled sheets: CSV (the file's name is the reader) or Label Studio's JSON export.

    Rows without a label are passed over: a reader may not be done.

    Raises:
        DataError: Naming file and row of every unknown label, or if nothing is labelled.
    """
    votes: Votes = {}
    faults = []
    for sheet in map(Path, sheets):
        rows = _export_rows(sheet) if sheet.suffix == ".json" else _sheet_rows(sheet)
        for place, reader, item, label in rows:
            if label not in labels:
                faults.append(f"{place}: label {label!r}, expected one of {', '.join(labels)}")
            votes.setdefault(reader, {})[item] = label
    if faults:
        raise DataError("\n".join(faults))
    if not votes:
        raise DataError(f"{', '.join(map(str, sheets))}: no row has a label")
    return votes


def agree(folder: str | Path, votes: Votes) -> Agreement:
    """Compute agreement, and write `disagreements.csv` for the adjudicator.

    What an adjudicator has filled in before is kept.

    Raises:
        DataError: If a vote is on an item that the folder does not have.
    """
    items = _items(folder)
    by_item = _by_item(items, votes)
    differing = [item for item, given in by_item.items() if len(set(given.values())) > 1]
    path = Path(folder) / "disagreements.csv"
    decided = _decisions(path)
    _write_csv(
        path,
        ("id", "before", "sentence", "after", "votes", "label"),
        [
            {
                **items[item],
                "votes": ", ".join(f"{reader}: {vote}" for reader, vote in by_item[item].items()),
                "label": decided.get(item, ""),
            }
            for item in differing
        ],
    )
    pairs = {}
    for one, other in combinations(votes, 2):
        common = votes[one].keys() & votes[other].keys()
        if common:
            alike = sum(votes[one][item] == votes[other][item] for item in common)
            pairs[one, other] = alike / len(common)
    return Agreement(
        alpha=krippendorff_alpha([list(given.values()) for given in by_item.values()]),
        pairs=pairs,
        labels={reader: dict(Counter(given.values())) for reader, given in votes.items()},
        items=len(by_item),
        disagreements=differing,
    )


def export(
    folder: str | Path,
    votes: Votes,
    output: str | Path,
    *,
    majority: bool = False,
    repository: str | None = None,
    commit: str = "",
    root: str | Path = ".",
    licence: str = "",
) -> dict[str, int]:
    """Write a training corpus: train, dev and test, whole documents in one split.

    Args:
        folder: Folder of the annotation; what `disagreements.csv` decides wins over votes.
        votes: The readers' labels.
        output: Folder to write.
        majority: Let a majority of votes decide what nobody adjudicated.
        repository: If given, write stand-off labels (no text) that point into this public
            repository, `owner/name`, at `commit`.
        commit: The commit of `repository` that the files under `root` are.
        root: Folder that is the root of the repository.
        licence: Terms of the text in a line.

    Returns:
        Rows of each split.

    Raises:
        DataError: If disagreements are undecided, there are fewer documents than splits, or
            stand-off labels are asked of a table.
    """
    items = _items(folder)
    by_item = _by_item(items, votes)
    labels = _decisions(Path(folder) / "disagreements.csv")
    open_ = []
    for item, given in by_item.items():
        (label, most), *others = Counter(given.values()).most_common()
        if item in labels:
            continue
        if not others or (majority and most > others[0][1]):
            labels[item] = label
        else:
            open_.append(item)
    if open_:
        raise DataError(
            f"{folder}: {len(open_)} disagreements are undecided (the first: {open_[0]}); fill in "
            f"the column label of disagreements.csv, or let the majority decide"
        )
    splits = _splits(Counter(items[item]["document"] for item in by_item))
    rows = [
        {
            **items[item],
            "label": labels[item],
            "votes": "|".join(given.values()),
            "split": splits[items[item]["document"]],
        }
        for item, given in by_item.items()
    ]
    target = Path(output)
    if repository is None:
        _export_plain(rows, target)
    else:
        _export_standoff(rows, target, repository, commit, Path(root), licence)
    return {split: sum(row["split"] == split for row in rows) for split in SPLITS}


def _sentences(inputs: Sequence[str], text_column: str) -> Iterator[Row]:
    tables = [name for name in inputs if Path(name).suffix.lower() in TABLES]
    for name in expand([name for name in inputs if name not in tables]):
        document = read_document(name)
        yield from _sentences_of(document.name, document.text)
    for name in tables:
        numbered, problems = read_rows(Path(name))
        if numbered and text_column not in numbered[0][1]:
            raise DataError(
                f"{name}: no column {text_column!r}; the columns are {', '.join(numbered[0][1])}"
            )
        if problems:
            raise DataError(f"{name}: {len(problems)} faults", problems)
        for line, row in numbered:
            yield from _sentences_of(f"{name}#{row.get('id') or line}", str(row[text_column] or ""))


def _sentences_of(document: str, text: str) -> Iterator[Row]:
    spans = split_sentences(text).sentences
    for number, span in enumerate(spans):
        sentence = standoff.clean(text[span.start : span.end])
        if not MIN_WORDS <= len(sentence.split()) <= MAX_WORDS:
            continue
        before = spans[number - 1] if number else None
        after = spans[number + 1] if number + 1 < len(spans) else None
        yield {
            "document": document,
            "start": span.start,
            "end": span.end,
            "before_start": before.start if before else "",
            "after_end": after.end if after else "",
            "before": standoff.clean(text[before.start : span.start]) if before else "",
            "sentence": sentence,
            "after": standoff.clean(text[span.end : after.end]) if after else "",
        }


def _unique(candidates: Iterable[Row]) -> list[Row]:
    return list({item["sentence"].lower(): item for item in candidates}.values())


def _most_uncertain(candidates: list[Row], count: int, model: str | None) -> list[Row]:
    predictions = load(model).predict([item["sentence"] for item in candidates])
    probs = np.array([list(p.probabilities.values()) for p in predictions])  # (N, K)
    entropy = -(probs * np.log(np.clip(probs, 1e-12, None))).sum(axis=1)
    return [candidates[i] for i in np.argsort(-entropy, kind="stable")[:count]]


def _most_diverse(candidates: list[Row], count: int, seed: int) -> list[Row]:
    if count >= len(candidates):
        return candidates
    require("sklearn", extra="train", purpose="drawing diverse sentences")
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import normalize

    words = TfidfVectorizer(sublinear_tf=True).fit_transform([c["sentence"] for c in candidates])
    width = min(100, words.shape[1] - 1, len(candidates) - 1)
    points = normalize(TruncatedSVD(max(width, 1), random_state=seed).fit_transform(words))
    distances = MiniBatchKMeans(count, random_state=seed, n_init=1).fit_transform(points)
    chosen: dict[int, None] = {}
    for cluster in range(count):
        order = np.argsort(distances[:, cluster], kind="stable")
        chosen[next(int(i) for i in order if int(i) not in chosen)] = None
    return [candidates[i] for i in chosen]


def _id(item: Row) -> str:
    place = f"{item['document']} {item['start']} {item['sentence']}"
    return hashlib.sha256(place.encode()).hexdigest()[:12]


def _splits(sizes: Mapping[str, int]) -> dict[str, str]:
    """Give each document a split: a tenth of the sentences to dev, a tenth to test, at least one
    document each, in an order that depends on the documents' names alone."""
    if len(sizes) < len(SPLITS):
        raise DataError(
            f"{len(sizes)} documents; a corpus of {len(SPLITS)} splits needs as many at least, "
            f"since no document may be in two"
        )
    order = sorted(sizes, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    splits: dict[str, str] = {}
    for split in ("dev", "test"):
        rows = 0
        while not rows or (rows < HELD_OUT * sum(sizes.values()) and len(order) > len(SPLITS)):
            splits[order[0]] = split
            rows += sizes[order.pop(0)]
    return splits | dict.fromkeys(order, "train")


def _codebook() -> str:
    return package_files("stance").joinpath("codebook.txt").read_text(encoding="utf-8")


def _interface(labels: Sequence[str], guide: str) -> str:
    choices = "\n".join(f'    <Choice value="{html.escape(label)}"/>' for label in labels)
    lines = "\n".join(
        f'    <Text name="guide{n}" value="{html.escape(line)}"/>'
        for n, line in enumerate(" ".join(part.split()) for part in guide.split("\n\n"))
        if line
    )
    return f"""<View>
  <Text name="before" value="$before"/>
  <Header value="$sentence"/>
  <Text name="sentence" value="$sentence"/>
  <Text name="after" value="$after"/>
  <Choices name="label" toName="sentence" choice="single-radio" required="true">
{choices}
  </Choices>
  <Collapse><Panel value="Codebook">
{lines}
  </Panel></Collapse>
</View>
"""


def _sheet_rows(path: Path) -> Iterator[tuple[str, str, str, str]]:
    for line, row in _rows(path, ("id", "label")):
        if label := (row["label"] or "").strip().lower():
            yield f"{path}:{line}", path.stem, row["id"], label


def _export_rows(path: Path) -> Iterator[tuple[str, str, str, str]]:
    """Yield the labels of a Label Studio export, the last annotation of each reader counting."""
    try:
        tasks = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(tasks, list):
            raise TypeError(f"expected a list of tasks, found {type(tasks).__name__}")
        for number, task in enumerate(tasks, start=1):
            for annotation in task["annotations"]:
                if annotation.get("was_cancelled"):
                    continue
                reader = annotation.get("completed_by", "label-studio")
                name = reader.get("email", "?") if isinstance(reader, dict) else str(reader)
                for result in annotation["result"]:
                    if choices := result["value"].get("choices"):
                        yield f"{path}: task {number}", name, task["data"]["id"], choices[0]
    except (ValueError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path}: not a Label Studio export in the form JSON ({type(error).__name__}: {error})"
        ) from None


def _rows(path: Path, columns: Sequence[str]) -> list[tuple[int, Row]]:
    rows, problems = read_rows(path)
    if problems:
        raise DataError(f"{path}: {len(problems)} faults", problems)
    if rows and (missing := [name for name in columns if name not in rows[0][1]]):
        raise DataError(f"{path}: no column {', '.join(missing)}")
    return rows


def _items(folder: str | Path) -> dict[str, Row]:
    path = Path(folder) / "items.csv"
    if not path.is_file():
        raise DataError(f"{folder}: no items.csv here; start one with  stance annotate sample")
    return {row["id"]: row for _, row in _rows(path, ITEM_COLUMNS)}


def _by_item(items: Mapping[str, Row], votes: Votes) -> dict[str, dict[str, str]]:
    unknown = [item for given in votes.values() for item in given if item not in items]
    if unknown:
        raise DataError(f"{len(unknown)} labelled ids are none of this annotation: {unknown[0]}")
    return {
        item: given
        for item in items
        if (given := {name: labels[item] for name, labels in votes.items() if item in labels})
    }


def _decisions(path: Path) -> dict[str, str]:
    if not path.is_file() or path.stat().st_size == 0:
        return {}
    return {row["id"]: row["label"] for _, row in _rows(path, ("id", "label")) if row["label"]}


def _export_plain(rows: Sequence[Row], folder: Path) -> None:
    for split in SPLITS:
        lines = [
            {
                "id": row["id"],
                "text": row["sentence"],
                "label": row["label"],
                "group": row["document"],
                "votes": row["votes"],
                "context_before": row["before"] or "",
                "context_after": row["after"] or "",
            }
            for row in rows
            if row["split"] == split
        ]
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        _write(folder / f"{split}.jsonl", text)


def _export_standoff(
    rows: Sequence[Row], folder: Path, repository: str, commit: str, root: Path, licence: str
) -> None:
    if not commit:
        raise DataError(f"stand-off labels of {repository} need the commit that its files are at")
    paths = {}
    for document in {row["document"] for row in rows}:
        if not Path(document).is_file():
            raise DataError(f"{document}: stand-off labels point into text files, not into tables")
        try:
            paths[document] = Path(document).resolve().relative_to(root.resolve()).as_posix()
        except ValueError:
            raise DataError(f"{document}: not under {root}, the root of {repository}") from None
    files = [
        {
            "repository": repository,
            "commit": commit,
            "path": path,
            "sha256": sha256_of(Path(document).read_bytes()),
            "encoding": "utf-8",
            "source": repository.rpartition("/")[2],
            "licence": licence,
        }
        for document, path in sorted(paths.items())
    ]
    _write_csv(folder / standoff.FILES, standoff.FILE_COLUMNS, files)
    for split in SPLITS:
        pointers = [
            {
                **row,
                "repository": repository,
                "commit": commit,
                "path": paths[row["document"]],
                "document": paths[row["document"]],
                "sha256": sha256_of(row["sentence"].encode()),
            }
            for row in rows
            if row["split"] == split
        ]
        _write_csv(folder / f"{split}.csv", standoff.COLUMNS, pointers)


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    with artifact.atomic(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as f:
        writer = csv.DictWriter(f, columns, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def _write(path: Path, text: str) -> None:
    with artifact.atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")
