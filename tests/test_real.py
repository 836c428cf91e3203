"""Stand-off labels in `data/real`: pointers only, nothing from evaluation, split by document."""

from __future__ import annotations

import csv
import os
import random
import re
from collections import Counter
from pathlib import Path

import pytest
from stance.config import load_config
from stance.corpus import check, load_corpus, read_votes, standoff
from stance.corpus.load import SPLITS
from stance.corpus.texts import read_texts
from stance.metrics import krippendorff_alpha
from stance.schema import LABELS

from tests.conftest import ROOT

FOLDER = ROOT / "data" / "real"
MIRROR = os.environ.get("STANCE_MIRROR")
FINGERPRINTS = os.environ.get("STANCE_FINGERPRINTS")


def table(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    return [{**row, "split": split} for split in SPLITS for row in table(f"{split}.csv")]


@pytest.fixture(scope="module")
def source_of() -> dict[tuple[str, str], str]:
    return {(f["repository"], f["path"]): f["source"] for f in table("files.csv")}


def test_size_and_sources(
    rows: list[dict[str, str]], source_of: dict[tuple[str, str], str]
) -> None:
    assert len(rows) >= 6000
    counts = Counter(source_of[row["repository"], row["path"]] for row in rows)
    assert len(counts) == 5
    assert min(counts.values()) >= 900
    assert {row["label"] for row in rows} == set(LABELS)


def test_a_third_of_each_draw(rows: list[dict[str, str]]) -> None:
    """Of the first release; what was added later is training material alone, and says so."""
    counts = Counter(row["sample"] for row in rows)
    later = counts.pop("extra")
    assert set(counts) == {"random", "uncertain", "rare"}
    assert min(counts.values()) >= 0.3 * (len(rows) - later)
    assert {row["split"] for row in rows if row["sample"] == "extra"} == {"train"}


def test_presidents_are_mostly_of_the_last_century(
    rows: list[dict[str, str]], source_of: dict[tuple[str, str], str]
) -> None:
    years = [
        int(match.group(1))
        for row in rows
        if source_of[row["repository"], row["path"]] == "presidents"
        and (match := re.match(r"data/(\d{4})-", row["path"]))
    ]
    assert sum(year >= 1898 for year in years) >= 0.8 * len(years)


def test_no_text_is_in_the_tables(rows: list[dict[str, str]]) -> None:
    names = {"id", "repository", "commit", "path", "document", "sha256", "split"}
    for row in rows:
        assert set(row) == {*standoff.COLUMNS, "split"}
        assert re.fullmatch(r"[0-9a-f]{64}", row["sha256"])
        assert re.fullmatch(r"[0-9a-f]{40}", row["commit"])
        rest = [value for name, value in row.items() if name not in names]
        assert all(len(value.split()) <= 2 for value in rest), row


def test_ids_and_places_are_unique(rows: list[dict[str, str]]) -> None:
    assert len({row["id"] for row in rows}) == len(rows)
    assert len({row["sha256"] for row in rows}) == len(rows)
    assert len({(row["path"], row["row"], row["start"]) for row in rows}) == len(rows)


def test_no_document_is_in_two_splits(rows: list[dict[str, str]]) -> None:
    homes: dict[str, set[str]] = {}
    for row in rows:
        homes.setdefault(row["document"], set()).add(row["split"])
    assert all(len(splits) == 1 for splits in homes.values())


def test_no_meeting_of_the_security_council_is_in_two_splits(rows: list[dict[str, str]]) -> None:
    homes: dict[str, set[str]] = {}
    for row in rows:
        if meeting := re.match(r"UNSC_\d{4}_SPV\.\d+", row["document"]):
            homes.setdefault(meeting[0], set()).add(row["split"])
    assert len(homes) >= 10
    assert all(len(splits) == 1 for splits in homes.values())


def test_nothing_comes_from_an_evaluation_document(rows: list[dict[str, str]]) -> None:
    excluded = {row["document"] for row in table("excluded.csv")}
    assert len(excluded) > 400
    assert not {row["document"] for row in rows} & excluded
    assert not {row["path"] for row in rows} & excluded


def test_unlabelled_sentences_are_of_no_evaluation_document_and_not_of_dev_or_test(
    rows: list[dict[str, str]], source_of: dict[tuple[str, str], str]
) -> None:
    unlabelled = table("unlabelled.csv")
    assert len({row["sha256"] for row in unlabelled} - {row["sha256"] for row in rows}) > 30_000
    judged = {row["document"] for row in rows if row["split"] != "train"}
    judged |= {row["document"] for row in table("excluded.csv")}
    for row in unlabelled:
        assert row["document"] not in judged
        assert row["path"] not in judged
        assert (row["repository"], row["path"]) in source_of
        assert not row["label"]


def test_every_vote_is_kept_and_readers_agree(rows: list[dict[str, str]]) -> None:
    votes = [read_votes(row["votes"], LABELS) for row in rows]
    assert all(len(vote) == 3 for vote in votes)
    alpha = krippendorff_alpha(votes)
    assert alpha is not None
    assert alpha >= 0.80


@pytest.mark.parametrize(
    "source", ["presidents", "reuters", "ukraine_addresses", "security_council", "un_debate"]
)
def test_readers_agree_on_each_source(
    rows: list[dict[str, str]], source_of: dict[tuple[str, str], str], source: str
) -> None:
    votes = [
        row["votes"].split("|")
        for row in rows
        if source_of[row["repository"], row["path"]] == source
    ]
    alpha = krippendorff_alpha(votes)
    assert alpha is not None
    assert alpha >= 0.80


def test_three_hundred_drawn_at_random_were_read_again(rows: list[dict[str, str]]) -> None:
    again = table("reread.csv")
    drawn = random.Random(300).sample(sorted(row["id"] for row in rows), 300)
    assert sorted(drawn) == [row["id"] for row in again]
    labels = {row["id"]: row["label"] for row in rows}
    same = [labels[row["id"]] == row["label"] for row in again if row["label"]]
    assert len(same) == 299
    assert sum(same) / len(same) >= 0.9


def test_most_passages_of_presidents_are_of_the_topics_that_were_wanted(
    rows: list[dict[str, str]],
) -> None:
    judged = table("topics.csv")
    speeches = {row["id"] for row in rows if "presidential" in row["repository"]}
    drawn = random.Random(150).sample(sorted(speeches), 150)
    assert sorted(drawn) == [row["id"] for row in judged]
    assert {row["topic"] for row in judged} == {"on", "off"}
    off = sum(row["topic"] == "off" for row in judged)
    assert off / len(judged) == 0.14  # as docs/REAL.md says


def test_the_full_configuration_reads_both_corpora_and_the_default_needs_no_network() -> None:
    full, default = (load_config(ROOT / f"configs/{name}.yaml") for name in ("full", "default"))
    assert full.data.path == (Path("data"), Path("data/real"))
    assert default.data.path == (Path("data"),)
    assert not standoff.is_standoff(ROOT / "data")
    assert full.encoder == default.encoder


@pytest.mark.skipif(
    not MIRROR or not Path(str(MIRROR), "pool", "excluded.tsv").is_file(),
    reason="needs the list of evaluation documents beside the public files (STANCE_MIRROR)",
)
def test_every_evaluation_document_is_on_the_list() -> None:
    lines = Path(str(MIRROR), "pool", "excluded.tsv").read_text(encoding="utf-8").splitlines()[1:]
    known = {(row["repository"], row["document"]) for row in table("excluded.csv")}
    assert known == {tuple(line.split("\t")) for line in lines}


def test_the_test_split_is_frozen() -> None:
    assert check.frozen(FOLDER).passed


@pytest.mark.skipif(not MIRROR, reason="needs the public files: name their folder, STANCE_MIRROR")
def test_every_sentence_is_rebuilt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANCE_MIRROR", str(Path(str(MIRROR)).resolve()))
    corpus = load_corpus(FOLDER)
    assert sum(map(len, corpus.splits.values())) >= 6000
    found = check.failures(check.check(FOLDER))
    assert found == []


@pytest.mark.skipif(
    not (MIRROR and FINGERPRINTS),
    reason="needs the public files (STANCE_MIRROR) and hashes of evaluation text "
    "(STANCE_FINGERPRINTS)",
)
def test_nothing_is_shared_with_evaluation_text() -> None:
    corpus = load_corpus(FOLDER)
    rows = [row for split in corpus.splits.values() for row in split]
    unlabelled = [{"id": t, "text": t} for t in read_texts([FOLDER / "unlabelled.csv"])]
    assert check.copied([*rows, *unlabelled], Path(str(FINGERPRINTS))).passed


def test_a_rebuilt_sentence_that_is_evaluated_on_would_be_found(tmp_path: Path) -> None:
    text = "The two delegations agreed to meet again before the end of the month."
    marks = tmp_path / "marks.txt"
    marks.write_text("\n".join(check.fingerprints(f"As told, {text.upper()}")))
    row = {"id": "real-1", "text": text, "label": "conciliatory", "group": "x"}
    assert not check.copied([row], marks).passed
