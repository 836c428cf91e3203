"""Labelled data: what is read, and how faults are told."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from stance.corpus import load_corpus, read_labelled
from stance.corpus.load import fingerprint
from stance.schema import LABELS, DataError

from tests.conftest import ROOT, write_corpus

GOOD = {"id": "x", "text": "They met.", "label": "neutral", "group": "gx"}


def broken(split: str, *rows: object) -> Path:
    """A corpus with lines added to one split; strings are written as they are."""
    folder = write_corpus(Path("data"))
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    with (folder / f"{split}.jsonl").open("a", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))
    return folder


def test_project_corpus_is_sound() -> None:
    corpus = load_corpus(ROOT / "data")
    assert sum(len(rows) for rows in corpus.splits.values()) >= 1200


def test_dataset_has_the_columns(corpus_folder: Path) -> None:
    dataset = load_corpus(corpus_folder).dataset("dev")
    assert dataset.column_names == ["id", "text", "label", "group", "form"]
    assert len(dataset) == 9


def test_unknown_split_is_refused(corpus_folder: Path) -> None:
    with pytest.raises(DataError, match="no split 'all'; expected one of train, dev, test"):
        load_corpus(corpus_folder).rows("all")


@pytest.mark.parametrize(
    ("split", "row", "message"),
    [
        ("train", {**GOOD, "text": " "}, "train.jsonl:28: text is empty"),
        ("train", {**GOOD, "label": "hawkish"}, "train.jsonl:28: unknown label 'hawkish'"),
        ("train", {**GOOD, "label": None}, "train.jsonl:28: no label (columns found: id, text"),
        ("train", {"id": "x", "sentence": "They met."}, "no text and no label and no group"),
        ("train", {**GOOD, "text": "They \ufffd met."}, "decoded with the wrong encoding"),
        ("train", {**GOOD, "text": "They \x00 met."}, "control characters"),
        ("train", "{not json", "train.jsonl:28: not JSON"),
        ("train", "[1]", "train.jsonl:28: expected a JSON object"),
        (
            "dev",
            {**GOOD, "id": "dev-n0-0"},
            "id 'dev-n0-0' occurs again, first at data/dev.jsonl:7",
        ),
        (
            "test",
            {**GOOD, "text": "TRAIN 0  ministers met on monday."},
            "text occurs again, first at data/train.jsonl:19",
        ),
        (
            "test",
            {**GOOD, "group": "train-h0"},
            "group 'train-h0' is also in train (data/train.jsonl:1)",
        ),
    ],
)
def test_fault_is_told_with_its_place(split: str, row: object, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        load_corpus(broken(split, row))


def test_wrong_encoding_is_told_with_its_line() -> None:
    folder = write_corpus(Path("data"))
    with (folder / "dev.jsonl").open("ab") as file:
        file.write('{"text": "Außen"}\n'.encode("latin-1"))
    with pytest.raises(DataError, match=r"dev.jsonl:10: not UTF-8"):
        load_corpus(folder)


def test_all_faults_are_told_at_once() -> None:
    folder = broken("train", {**GOOD, "text": ""}, {**GOOD, "id": "y", "label": "odd"}, "nonsense")
    (folder / "test.jsonl").unlink()
    with pytest.raises(DataError, match="4 faults") as caught:
        load_corpus(folder)
    assert [problem.line for problem in caught.value.problems] == [None, 28, 29, 30]


def test_missing_folder_is_told() -> None:
    with pytest.raises(DataError, match=r"no such folder; expected one with train.jsonl"):
        load_corpus("nowhere")


def test_fingerprint_ignores_order_and_sees_a_label() -> None:
    rows = [GOOD, {**GOOD, "id": "y"}]
    turned = [rows[1], rows[0]]
    relabelled = [GOOD, {**GOOD, "id": "y", "label": "hardline"}]
    assert fingerprint({"train": rows}) == fingerprint({"train": turned})
    assert fingerprint({"train": rows}) != fingerprint({"train": relabelled})
    assert fingerprint({"train": rows}) != fingerprint({"dev": rows})


def test_limit_takes_whole_groups(corpus_folder: Path) -> None:
    chosen = load_corpus(corpus_folder).limited(10, seed=1)
    assert len(chosen) == 12
    assert len({row["group"] for row in chosen}) == 4
    assert chosen == load_corpus(corpus_folder).limited(10, seed=1)
    assert chosen != load_corpus(corpus_folder).limited(10, seed=2)


def labelled(name: str, content: str) -> Path:
    path = Path(name)
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'text,label\n"They met,\nthen left.",neutral\nNo.,hardline\n'),
        ("a.tsv", 'text\tlabel\n"They met,\nthen left."\tneutral\nNo.\thardline\n'),
        (
            "a.jsonl",
            '{"text": "They met,\\nthen left.", "label": "neutral"}\n\n'
            '{"text": "No.", "label": "hardline"}\n',
        ),
    ],
)
def test_labelled_files_are_read(name: str, content: str) -> None:
    rows = read_labelled(labelled(name, content), labels=LABELS)
    assert [row["text"] for row in rows] == ["They met,\nthen left.", "No."]
    assert [row["label"] for row in rows] == ["neutral", "hardline"]


def test_parquet_is_read_and_a_damaged_one_refused() -> None:
    import pandas as pd

    path = Path("a.parquet")
    pd.DataFrame({"text": ["No."], "label": ["hardline"], "doc": ["d"]}).to_parquet(path)
    assert read_labelled(path) == [{"text": "No.", "label": "hardline", "doc": "d"}]
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(DataError, match=r"a.parquet: not a readable Parquet file"):
        read_labelled(path)


def test_columns_can_be_named() -> None:
    path = labelled("a.csv", "sentence,gold\nNo.,hardline\n")
    rows = read_labelled(path, text_column="sentence", label_column="gold")
    assert (rows[0]["text"], rows[0]["label"]) == ("No.", "hardline")
    with pytest.raises(DataError, match="no column 'text' and no column 'label'; the columns are"):
        read_labelled(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "text,label\nNo.,odd\n,neutral\n", "2 faults"),
        ("a.csv", "text,label\nNo.,hardline,x\n", "a.csv:2: 3 fields, expected 2: text, label"),
        ("a.csv", "text,label\n", "a.csv: no rows"),
        ("a.csv", "", "a.csv: empty file"),
        ("a.xlsx", "x", "unknown kind of file; expected .jsonl, .csv, .tsv, .parquet"),
    ],
)
def test_bad_labelled_file_is_told(name: str, content: str, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        read_labelled(labelled(name, content), labels=LABELS)


def test_missing_labelled_file_and_folder_are_told() -> None:
    with pytest.raises(DataError, match="no such file"):
        read_labelled(Path("nope.csv"))
    Path("folder.csv").mkdir()
    with pytest.raises(DataError, match="is a folder"):
        read_labelled(Path("folder.csv"))
