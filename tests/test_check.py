"""Corpus checks find what they are for; the project's own corpus passes them all."""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from pathlib import Path

import pytest
from stance.actors import find_actors, gazetteer
from stance.corpus import Corpus
from stance.corpus import check as checks
from stance.corpus.stats import RANDOM, drift, statistics_of, to_text
from stance.metrics import alpha_figure, krippendorff_alpha
from stance.schema import LABELS, DataError

from tests.conftest import write_corpus

LONG = "the foreign minister of the northern state arrived in the capital for talks on the river"


def row(text: str, group: str, label: str = "neutral", **more: str) -> dict[str, str]:
    return {"id": f"id-{group}-{len(text)}", "text": text, "label": label, "group": group, **more}


def test_near_duplicates_are_found_across_groups_only() -> None:
    rows = [row(LONG, "a"), row(f"{LONG} delta", "a"), row("they met", "b")]
    assert checks.near_duplicates(rows).passed
    found = checks.near_duplicates([*rows, row(f"Yesterday, {LONG}", "c")])
    assert not found.passed
    assert "id-a-" in found.detail


def test_leak_between_splits_is_found() -> None:
    def corpus(train: str, test: str) -> Corpus:
        return Corpus({"train": [row(train, "a")], "dev": [], "test": [row(test, "b")]}, "")

    assert checks.leaks(corpus(LONG, "They met.")).passed
    found = checks.leaks(corpus(LONG, f"Yesterday, {LONG}"))
    assert not found.passed
    assert found.detail.startswith("1 pairs id-a-")


def test_changed_frozen_split_is_found() -> None:
    folder = write_corpus(Path("data"))
    lost = checks.frozen(folder)
    assert not lost.passed
    assert "sha256sum test.jsonl >> SHA256SUMS" in lost.detail
    (folder / checks.FROZEN).write_text("0  other.jsonl\n")
    assert "does not list test.jsonl" in checks.frozen(folder).detail
    digest = hashlib.sha256((folder / "test.jsonl").read_bytes()).hexdigest()
    (folder / checks.FROZEN).write_text(f"{digest}  test.jsonl\n")
    assert checks.frozen(folder).detail == "unchanged"
    with (folder / "test.jsonl").open("a") as file:
        file.write("\n")
    assert "test.jsonl changed" in checks.frozen(folder).detail
    assert not checks.frozen(folder).passed


@pytest.mark.parametrize("kind", ["csv", "text", "fingerprints"])
def test_sentence_copied_from_an_evaluation_file_is_found(kind: str) -> None:
    source = f"As reported, {LONG}."
    path = Path("gold.csv" if kind == "csv" else "gold.txt")
    content = {
        "csv": f'text,label\n"{source}",neutral\n',
        "text": source,
        "fingerprints": "\n".join(checks.fingerprints(source)),
    }[kind]
    path.write_text(content)
    copied = row(f"He saw how THE FOREIGN minister, of the Northern state arrived in {kind}", "a")
    assert not checks.copied([copied], path).passed
    assert checks.copied([row("The minister of the northern state arrived.", "a")], path).passed


def test_fingerprint_is_the_published_one() -> None:
    text = "One, two; THREE four -- five six seven eight"
    expected = hashlib.sha256(b"one two three four five six seven eight").hexdigest()[:12]
    assert list(checks.fingerprints(text)) == [expected]


def actor_rows(share_hardline: float) -> list[dict[str, str]]:
    rng = random.Random(0)
    rows = []
    for number in range(900):
        name, share = [("France", 1 / 3), ("Kenya", 1 / 3), ("Japan", share_hardline)][number % 3]
        label = "hardline" if rng.random() < share else rng.choice(LABELS[:2])
        rows.append(row(f"{name} spoke {number}", str(number), label))
    return rows


def test_actor_that_carries_a_label_is_found() -> None:
    assert checks.actors(actor_rows(1 / 3)).passed
    found = checks.actors(actor_rows(0.8))
    assert not found.passed
    assert "jpn hardline +" in found.detail


def test_mutual_information_of_a_known_table() -> None:
    import math

    same = [Counter(a=500, b=500), Counter(a=500, b=500)]
    assert checks.mutual_information(same, ["a", "b"]) == 0
    apart = [Counter(a=500), Counter(b=500)]
    expected = math.log(2) - 1 / 2000
    assert checks.mutual_information(apart, ["a", "b"]) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("South Korea and the North Koreans met.", {"kor", "prk"}),
        ("Paris told the French ambassador to leave.", {"fra"}),
        ("The Kremlin and the United Nations disagree.", {"rus", "un"}),
        ("They chat in china shops about turkey.", set()),
        ("Boats in the South China Sea and the Gulf of Mexico; Latin America.", set()),
        ("Chadian rebels; Niger and Nigeria.", {"tcd", "ner", "nga"}),
    ],
)
def test_actors_are_found_by_name(text: str, expected: set[str]) -> None:
    assert find_actors(text) == expected


def test_gazetteer_gives_an_alias_to_one_actor() -> None:
    counts = Counter(
        name for actor in gazetteer().values() for name in {actor.name, *actor.aliases}
    )
    assert [name for name, count in counts.items() if count > 1] == []
    assert sum(actor.type == "state" for actor in gazetteer().values()) >= 193


def test_alpha_of_a_published_example() -> None:
    # Krippendorff (2011), Computing Krippendorff's alpha-reliability, section C: 0.743.
    units = [
        "111",
        "2223",
        "3333",
        "3333",
        "2222",
        "1234",
        "4444",
        "1121",
        "2222",
        "555",
        "11",
        "3",
    ]
    assert krippendorff_alpha(units) == pytest.approx(0.743, abs=5e-4)
    assert krippendorff_alpha(["cc", "cc"]) is None
    assert krippendorff_alpha(["c"]) is None


def test_alpha_has_an_interval_over_groups() -> None:
    votes = [["c", "c"], ["n", "n"], ["c", "n"], ["n", "n"], ["c", "c"], ["n", "c"]] * 20
    found = alpha_figure(votes)
    assert found["value"] == pytest.approx(krippendorff_alpha(votes))
    assert found["low"] is not None
    assert found["high"] is not None
    assert 0 < found["low"] < found["value"] < found["high"] < 1
    # What is alike within a group is no independent evidence.
    wider = alpha_figure(votes, groups=[number % 6 for number in range(120)])
    assert wider["low"] is not None
    assert wider["low"] < found["low"]
    assert alpha_figure([["c", "c"]]) == {"value": None, "low": None, "high": None}


def test_statistics_tell_sources_apart_and_what_was_drawn_at_random() -> None:
    rows = [
        row("They met.", "a", "neutral", source="un", sample="random", votes="n|n"),
        row("They agreed.", "a", "conciliatory", source="un", sample="rare", votes="c|n"),
        row("They refused.", "b", "hardline", source="wire", sample="random", votes="h|h"),
    ]
    described = statistics_of(rows)
    assert described["source"]["un"] == {"neutral": 1, "conciliatory": 1}
    assert described[RANDOM] == {"un": {"neutral": 1}, "wire": {"hardline": 1}}
    assert described["agreement"]["source"]["un"] == pytest.approx(krippendorff_alpha(["nn", "cn"]))
    assert "source, drawn at random" in to_text(described, LABELS)


def test_drift_is_what_a_later_reading_says() -> None:
    rows = [row(f"They met {n}.", f"g{n}", "neutral" if n % 2 else "hardline") for n in range(8)]
    rows = [{**each, "id": f"r{n}"} for n, each in enumerate(rows)]
    file = Path("reread.csv")
    file.write_text("id,label\nr0,hardline\nr1,neutral\nr2,neutral\nr3,\n")
    found = drift(rows, file)
    assert (found["read"], found["labelled"]) == (4, 3)
    assert found["same"]["value"] == pytest.approx(2 / 3)
    assert found["same"]["low"] < found["same"]["value"] < found["same"]["high"]
    assert found["alpha"]["value"] == pytest.approx(krippendorff_alpha(["hh", "nn", "hn"]))
    text = to_text({**statistics_of(rows), "drift": found}, LABELS)
    assert "3 of 4 read again got a label; the one they had: 0.667 [" in text
    file.write_text("id,label\nx,neutral\n")
    with pytest.raises(DataError, match=r"reread\.csv: id 'x' is none of this corpus"):
        drift(rows, file)


def test_statistics_count_and_print() -> None:
    rows = [
        row("France spoke.", "a", "hardline", form="speech", votes="h|h|n"),
        row("Kenya spoke today.", "a", "neutral", form="speech", votes="n|n|n"),
        row("They met.", "b", "neutral", form="report", context_before="x"),
    ]
    described = statistics_of(rows)
    assert described["labels"] == {"hardline": 1, "neutral": 2}
    assert described["form"]["speech"] == {"hardline": 1, "neutral": 1}
    assert described["countries"] == 2
    assert described["with_context"] == 1
    assert described["agreement"]["alpha"] == pytest.approx(krippendorff_alpha(["hhn", "nnn"]))
    text = to_text(described, LABELS)
    assert "3 sentences in 2 groups, 1 with context; words: mean 2.33, 2 to 3" in text


def test_suspects_find_a_flipped_label(tiny_encoder: Path) -> None:
    from stance.suspects import suspects

    folder = Path("data")
    folder.mkdir()
    rng = random.Random(1)
    flipped = {f"train{number}" for number in range(2, 110, 18)}
    words = {"hardline": "refuse attack", "conciliatory": "welcome peace", "neutral": "met monday"}
    for split, count in (("train", 180), ("dev", 30), ("test", 30)):
        lines = []
        for number in range(count):
            label = LABELS[number % 3]
            extra = " ".join(rng.choices(["a", "of", "the", "people", "army", "they", "we"], k=5))
            text = f"{words[label]} {extra} {split} {number}"
            wrong = "neutral" if f"{split}{number}" in flipped else label
            lines.append(
                json.dumps(row(text, f"{split}{number}", wrong) | {"id": f"{split}{number}"})
            )
        (folder / f"{split}.jsonl").write_text("\n".join(lines))
    found = suspects(folder, encoder=str(tiny_encoder))
    assert {suspect.id for suspect in found[:5]} <= flipped
    assert (found[0].label, found[0].guess) == ("neutral", "hardline")
    assert len(found) <= 10
