"""Draws sentences from articles and hands them out: sheets, tasks for Label Studio, a codebook."""

from __future__ import annotations

import hashlib
import html
import json
import os
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files as package_files
from pathlib import Path
from typing import Literal

import numpy as np

from stance.annotation.sheets import (
    ITEM_COLUMNS,
    ITEMS,
    SETTINGS,
    SHEET_COLUMNS,
    read_items,
    write,
    write_csv,
    write_sheet,
)
from stance.article import Document, expand, read_document, split_document
from stance.corpus import SPLITS, load_corpus, standoff
from stance.corpus.attributions import load_marked
from stance.corpus.table import SUFFIXES, Row, read_rows
from stance.corpus.uncut import holds_documents, is_corpus, is_public
from stance.prediction import load
from stance.schema import LABELS, DataError, require

Strategy = Literal["random", "uncertain", "diverse"]

MIN_WORDS, MAX_WORDS = 4, 80
MOST = 20_000
"""Sentences, drawn at random, that `uncertain` and `diverse` choose from."""


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
    exclude: Sequence[str | Path] = (),
    seed: int = 13,
) -> int:
    """Draw sentences and write what readers need.

    Args:
        inputs: Text files, folders of them, tables (.jsonl, .csv, .tsv, .parquet) with a
            document a row, or corpora: folders of train, dev and test, of stand-off labels, or
            published (`public:NAME`, without its test part).
        count: Sentences to draw.
        output: Folder to write; must not hold an annotation yet.
        strategy: `random`; `uncertain`, those the model is least sure of (highest entropy); or
            `diverse`, the ones nearest to the centres of as many clusters.
        readers: Names of the sheets.
        labels: Labels to choose from.
        text_column: Column of a table that holds the document.
        model: For `uncertain`, as for `stance.load`.
        codebook: Text shown to readers; None takes the one in short of this project.
        exclude: Folders of earlier annotations; their sentences are not drawn again.
        seed: Of every draw.

    Returns:
        How many sentences were drawn: fewer than `count` if there are no more.

    Raises:
        DataError: If the folder holds an annotation, or there is no sentence to draw.
    """
    folder = Path(output)
    if (folder / ITEMS).exists():
        raise DataError(f"{folder}: holds an annotation already; name another folder")
    if len(set(labels)) < 2 or len({label.casefold() for label in labels}) < len(labels):
        raise DataError(f"labels {', '.join(labels)!r}: expected two or more different ones")
    if any("|" in label for label in labels):
        raise DataError(f"labels {', '.join(labels)!r}: '|' stands between votes, and in no label")
    if len(set(readers)) != len(readers) or {"items", "disagreements"} & set(readers):
        raise DataError(f"readers {', '.join(readers)}: expected different names, none 'items'")
    try:
        guide = Path(codebook).read_text(encoding="utf-8") if codebook else _codebook()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{codebook}: cannot be read as text ({error})") from None
    drawn = {item["sentence"].lower() for past in exclude for item in read_items(past).values()}
    candidates = _unique(_sentences(inputs, text_column))
    candidates = [item for item in candidates if item["sentence"].lower() not in drawn]
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
    settings = {"labels": list(labels), "strategy": strategy, "seed": seed, "inputs": list(inputs)}
    write(folder / SETTINGS, json.dumps(settings, ensure_ascii=False, indent=1) + "\n")
    for reader in readers:
        order = list(items)
        random.Random(f"{seed} {reader}").shuffle(order)
        write_sheet(folder / f"{reader}.csv", SHEET_COLUMNS, order)
    write(folder / "codebook.txt", guide)
    write(folder / "label-studio.xml", _interface(labels, guide))
    tasks = [{"data": {name: item[name] for name in SHEET_COLUMNS[:4]}} for item in items]
    write(folder / "label-studio.json", json.dumps(tasks, ensure_ascii=False, indent=1) + "\n")
    write_csv(folder / ITEMS, ITEM_COLUMNS, items)  # last: what makes it an annotation
    return len(items)


def _sentences(inputs: Sequence[str], text_column: str) -> Iterator[Row]:
    corpora = [name for name in inputs if is_corpus(Path(name))]
    tables = [name for name in inputs if Path(name).suffix.lower() in SUFFIXES]
    for name in corpora:
        if holds_documents(Path(name)):
            for marked in load_marked(name, "train"):
                yield from _sentences_of(Document(marked.id, marked.text), marked.id)
        else:
            yield from _sentences_of_corpus(name)
    for name in expand([name for name in inputs if name not in (*tables, *corpora)]):
        yield from _sentences_of(read_document(name), _named(name))
    for name in tables:
        numbered, problems = read_rows(Path(name))
        if numbered and text_column not in numbered[0][1]:
            raise DataError(
                f"{name}: no column {text_column!r}; the columns are {', '.join(numbered[0][1])}"
            )
        if problems:
            raise DataError(f"{name}: {len(problems)} faults", problems)
        for line, row in numbered:
            text = row.get(text_column)
            if text is not None and not isinstance(text, str):
                raise DataError(f"{name}:{line}: {text_column} is {type(text).__name__}, not text")
            document = f"{_named(name)}#{row.get('id') or line}"
            yield from _sentences_of(Document(document, text or ""), document)


def _sentences_of_corpus(name: str) -> Iterator[Row]:
    """Yield labelled sentences for another reading, with the context they were read in."""
    splits = ("train", "dev") if is_public(Path(name)) else SPLITS
    corpus = load_corpus(name, labels=(), splits=splits)
    for row in (row for split in splits for row in corpus.rows(split)):
        sentence = standoff.clean(row["text"])
        if MIN_WORDS <= len(sentence.split()) <= MAX_WORDS:
            yield {
                "document": row["group"],
                **dict.fromkeys(("start", "end", "before_start", "after_end"), ""),
                "before": row.get("context_before") or "",
                "sentence": sentence,
                "after": row.get("context_after") or "",
            }


def _named(name: str) -> str:
    """Return a file's name seen from here: by it a document keeps its split, however given."""
    return os.path.relpath(name) if Path(name).exists() else name


def _sentences_of(document: Document, name: str) -> Iterator[Row]:
    text = document.text
    spans = split_document(document).sentences
    for number, span in enumerate(spans):
        sentence = standoff.clean(text[span.start : span.end])
        if not MIN_WORDS <= len(sentence.split()) <= MAX_WORDS:
            continue
        before = spans[number - 1] if number else None
        after = spans[number + 1] if number + 1 < len(spans) else None
        yield {
            "document": name,
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
    # A letter first: a spreadsheet would take some bare digests for numbers.
    return "s" + hashlib.sha256(place.encode()).hexdigest()[:11]


def _codebook() -> str:
    return package_files("stance").joinpath("codebook.txt").read_text(encoding="utf-8")


def _entries(guide: str) -> Iterator[str]:
    """Yield the paragraphs of a codebook; hanging lists and numbered rules item by item."""
    for part in guide.split("\n\n"):
        hanging = any(line[:1].isspace() for line in part.splitlines())
        for entry in re.split(r"\n(?=\S)", part) if hanging else [part]:
            for rule in re.split(r"\s(?=\(\d+\)\s)", entry):
                if words := rule.split():
                    yield " ".join(words)


def _interface(labels: Sequence[str], guide: str) -> str:
    choices = "\n".join(f'    <Choice value="{html.escape(label)}"/>' for label in labels)
    lines = "\n".join(
        f'    <Text name="guide{n}" value="{html.escape(line)}"/>'
        for n, line in enumerate(_entries(guide))
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
