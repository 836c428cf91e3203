"""Checks of a corpus that go beyond its rows: copies, leaks, a frozen test split, actors.

Each check returns a `Finding`; none changes anything.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from stance.actors import find_actors
from stance.corpus.load import Corpus, load_corpus
from stance.corpus.pinned import sha256_of
from stance.corpus.standoff import is_standoff, split_file
from stance.corpus.table import Row, read_sound_rows

FROZEN = "SHA256SUMS"
"""File in a corpus folder that pins splits which must not change, in the form of `sha256sum`."""

NEAR = 0.6
"""Jaccard similarity of word 3-grams over which two sentences are near-duplicates."""

SHARED_WORDS = 8
"""Length of a run of words that two texts share only if one was copied from the other."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check: its name, whether it passed, and the figures."""

    name: str
    passed: bool
    detail: str


def check(
    folder: str | Path = "data", *, against: Sequence[str | Path] = (), found: bool = False
) -> list[Finding]:
    """Run every check on a corpus.

    Args:
        folder: Folder with the three splits.
        against: Evaluation files that nothing in the corpus may be copied from.
        found: The text was found, not written to a plan, and actors may carry labels, as in life;
            always so with stand-off labels.

    Raises:
        DataError: If rows are faulty; then there is nothing further to check.
    """
    corpus = load_corpus(folder)
    rows = [row for split in corpus.splits.values() for row in split]
    sizes = ", ".join(f"{split} {len(part)}" for split, part in corpus.splits.items())
    findings = [
        Finding("rows", True, f"{sizes}; fingerprint {corpus.fingerprint[:16]}"),
        frozen(Path(folder)),
        near_duplicates(rows),
        leaks(corpus),
    ]
    if not (found or is_standoff(Path(folder))):
        findings.append(actors(rows))
    return findings + [copied(rows, Path(file)) for file in against]


def frozen(folder: Path) -> Finding:
    """Check the files that `SHA256SUMS` pins; the test split must be one of them."""
    sums = folder / FROZEN
    test = split_file(folder, "test").name
    pin = f"pin it:  (cd {folder} && sha256sum {test} >> {FROZEN})"
    if not sums.is_file():
        return Finding(
            "frozen splits", False, f"no {FROZEN}: lost, or the test is not pinned; {pin}"
        )
    pinned = [line.partition("  ") for line in sums.read_text(encoding="utf-8").splitlines()]
    if test not in [name for _, _, name in pinned]:
        return Finding("frozen splits", False, f"{FROZEN} does not list {test}; {pin}")
    changed = []
    for expected, _, name in pinned:
        path = folder / name
        if not path.is_file() or sha256_of(path.read_bytes()) != expected:
            changed.append(name)
    if changed:
        return Finding(
            "frozen splits",
            False,
            f"{', '.join(changed)} changed: figures on it are no longer comparable; restore it, or "
            f"release a new version of the corpus and its {FROZEN}",
        )
    return Finding("frozen splits", True, "unchanged")


def near_duplicates(rows: Sequence[Row], *, limit: float = 0.01) -> Finding:
    """Check that few sentences of different groups are nearly the same."""
    pairs = list(similar(rows))
    share = len({one for pair in pairs for one in pair}) / max(len(rows), 1)
    shown = "; ".join(f"{rows[a]['id']} ~ {rows[b]['id']}" for a, b in pairs[:5])
    detail = f"{share:.2%} of the sentences have one in another group (limit {limit:.0%})"
    return Finding("near-duplicates", share < limit, f"{detail} {shown}".strip())


def leaks(corpus: Corpus) -> Finding:
    """Check that no sentence has a near-duplicate in another split."""
    placed = [(row, split) for split, rows in corpus.splits.items() for row in rows]
    rows = [row for row, _ in placed]
    pairs = [(a, b) for a, b in similar(rows) if placed[a][1] != placed[b][1]]
    shown = "; ".join(f"{rows[a]['id']} ~ {rows[b]['id']}" for a, b in pairs[:5])
    return Finding("leaks between splits", not pairs, f"{len(pairs)} pairs {shown}".strip())


def actors(
    rows: Sequence[Row], *, most: int = 60, limit: float = 0.02, spread: float = 0.15
) -> Finding:
    """Check that the label is independent of the actors named.

    Over the `most` frequent actors: mutual information of actor and label in nats, bias removed
    (Miller & Madow 1955), under `limit`; and each actor of 20 or more sentences within `spread` of
    the overall share of each label.
    """
    labels: Counter[str] = Counter(row["label"] for row in rows)
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        for actor in find_actors(row["text"]):
            table[actor][row["label"]] += 1
    frequent = sorted(table, key=lambda actor: -sum(table[actor].values()))[:most]
    information = mutual_information([table[actor] for actor in frequent], list(labels))
    total = sum(labels.values())
    far = []
    for actor in frequent:
        count = sum(table[actor].values())
        for label, overall in labels.items():
            difference = table[actor][label] / count - overall / total
            if count >= 20 and abs(difference) > spread:
                far.append(f"{actor} {label} {difference:+.0%} of {count}")
    detail = (
        f"mutual information {information:.4f} nats over {len(frequent)} actors (limit {limit})"
    )
    if far:
        detail += f"; over {spread:.0%} from the overall share: {', '.join(far)}"
    return Finding("actors carry no label", information < limit and not far, detail)


def mutual_information(counts: Sequence[Counter[str]], labels: Sequence[str]) -> float:
    """Return the mutual information of row and label of a table of counts, in nats, at least 0.

    The plug-in estimate is biased upwards by (R - 1)(K - 1) / 2N; that is taken off.
    """
    total = sum(sum(row.values()) for row in counts)
    if not total:
        return 0.0
    columns = Counter[str]()
    for row in counts:
        columns.update(row)
    information = 0.0
    for row in counts:
        size = sum(row.values())
        for label in labels:
            if row[label]:
                ratio = row[label] * total / (size * columns[label])
                information += row[label] / total * math.log(ratio)
    bias = (len(counts) - 1) * (len(labels) - 1) / (2 * total)
    return max(0.0, information - bias)


def copied(rows: Sequence[Row], file: Path) -> Finding:
    """Check that no sentence shares a run of eight words with a text of an evaluation file.

    The file is a labelled file, plain text, or a list of fingerprints: a line for each run, the
    first 12 hex digits of its sha256.
    """
    if file.suffix.lower() in (".txt", ".md"):
        text = file.read_text(encoding="utf-8")
        lines = text.split()
        hashed = bool(lines) and all(re.fullmatch(r"[0-9a-f]{12}", line) for line in lines[:100])
        known = set(lines) if hashed else set(fingerprints(text))
    else:
        known = {
            mark
            for _, row in read_sound_rows(file)
            for mark in fingerprints(str(row.get("text", "")))
        }
    hits = [row["id"] for row in rows if not known.isdisjoint(fingerprints(row["text"]))]
    detail = f"{len(hits)} sentences share {SHARED_WORDS} words in a row {', '.join(hits[:5])}"
    return Finding(f"nothing from {file.name}", not hits, detail.strip())


def fingerprints(text: str) -> Iterator[str]:
    """Yield the first 12 hex digits of the sha256 of every run of eight words of a text.

    The text is lower-cased and each run of other characters than a-z and 0-9 is one blank.
    """
    words = re.sub(r"[^a-z0-9]+", " ", text.lower()).split()
    for start in range(len(words) - SHARED_WORDS + 1):
        run = " ".join(words[start : start + SHARED_WORDS])
        yield hashlib.sha256(run.encode()).hexdigest()[:12]


def similar(rows: Sequence[Row]) -> Iterator[tuple[int, int]]:
    """Yield pairs of row numbers of different groups that are near-duplicates.

    Exact, by an inverted index of word 3-grams: what MinHash estimates is cheap to know for some
    ten thousand sentences.
    """
    index: dict[tuple[str, ...], list[int]] = defaultdict(list)
    sizes: list[int] = []
    for number, row in enumerate(rows):
        grams = _grams(row["text"])
        sizes.append(len(grams))
        shared = Counter(other for gram in grams for other in index[gram])
        for other, common in shared.items():
            union = sizes[number] + sizes[other] - common
            if common > NEAR * union and rows[other]["group"] != row["group"]:
                yield other, number
        for gram in grams:
            index[gram].append(number)


def _grams(text: str) -> set[tuple[str, ...]]:
    words = re.sub(r"[^\w]+", " ", text.lower()).split()
    return {tuple(words[i : i + 3]) for i in range(len(words) - 2)}


def failures(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that did not pass."""
    return [finding for finding in findings if not finding.passed]
