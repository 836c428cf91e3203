"""Unlabelled text: articles, tables and corpora become sentences, each once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from stance.corpus import load_corpus
from stance.corpus.texts import read_texts
from stance.schema import DataError, DocumentError

from tests.conftest import write_corpus

ARTICLE = "Talks fail\n\nWe will never negotiate, the army said. Ministers met on Monday."
SENTENCES = ["Talks fail", "We will never negotiate, the army said.", "Ministers met on Monday."]


def test_articles_and_tables_are_split_into_sentences() -> None:
    Path("texts").mkdir()
    Path("texts/a.txt").write_text(ARTICLE)
    Path("texts/notes.png").write_bytes(b"%PDF")
    Path("texts/._a.txt").write_bytes(b"\0Mac OS X")
    rows = [{"body": "They met. They left."}, {"body": None}, {"body": " "}, {"body": 3}]
    Path("table.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert read_texts(["texts"]) == SENTENCES
    assert read_texts(["table.jsonl"], text_column="body") == ["They met.", "They left."]


def test_a_sentence_is_read_once() -> None:
    Path("a.txt").write_text(ARTICLE)
    Path("b.txt").write_text("MINISTERS met\non Monday.\n\nThey left.")
    assert read_texts(["a.txt", "b.txt"]) == [*SENTENCES, "They left."]


def test_of_a_corpus_only_the_train_part_is_read() -> None:
    corpus = write_corpus(Path("data"))
    expected = [row["text"] for row in load_corpus(corpus).rows("train")]
    assert read_texts([corpus]) == expected


def test_what_cannot_be_read_is_told() -> None:
    Path("empty").mkdir()
    Path("rule.txt").write_text("* * *")
    Path("table.csv").write_text("sentence\nThey met.\n")
    with pytest.raises(DataError, match=r"empty: no text here; looked for \.txt"):
        read_texts(["empty"])
    with pytest.raises(DataError, match=r"rule\.txt: no sentence found"):
        read_texts(["rule.txt"])
    with pytest.raises(DataError, match=r"table\.csv: no column text"):
        read_texts(["table.csv"])
    with pytest.raises(DocumentError, match="nowhere: no such file"):
        read_texts(["nowhere"])


def test_of_a_published_corpus_only_the_train_part_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def public_rows(name: str, part: str) -> list[dict[str, str]]:
        asked.append((name, part))
        return [
            {"id": f"{i}", "text": f"they met {i} people", "label": "a", "group": f"{i}"}
            for i in range(40)
        ]

    monkeypatch.setattr("stance.corpus.uncut.public_rows", public_rows)
    found = read_texts(["public:cameo"])
    assert 20 < len(found) < 40
    assert asked == [("cameo", "train")]


def test_documents_of_a_published_corpus_are_split(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        {"text": ARTICLE.replace("the army", "the\narmy"), "group": g, "annotation": ""}
        for g in "ab"
    ]
    monkeypatch.setattr("stance.corpus.attributions.public_rows", lambda name, part: rows)
    assert read_texts(["public:polnear"]) == SENTENCES
