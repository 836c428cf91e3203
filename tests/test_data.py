"""The project's corpus keeps what its plan promised; figures on its card are these."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import numpy as np
import pytest
from stance.config import load_config
from stance.corpus import load_corpus
from stance.corpus.check import FROZEN, check, failures
from stance.corpus.stats import statistics_of
from stance.corpus.table import Row
from stance.distillation import resolved, soft_targets

from tests.conftest import ROOT

TEACHER = ROOT / "data/teacher.csv"
REGISTERS = {
    *("wire", "broadsheet", "state media", "ministry read-out", "UN debate", "parliament"),
    *("press conference", "historical diplomacy", "regional wire", "translated speech"),
}
FORMS = {
    *("direct quotation", "indirect speech", "narrated deed", "official statement", "headline"),
    *("first-person speech", "spokesman's briefing", "analysis", "background"),
}
DISPUTES = {
    *("war", "peace", "border", "nuclear", "sanctions", "trade", "energy", "sea", "diplomacy"),
    *("intbodies", "domestic", "labour", "separatism", "elections", "climate", "prisoners", "none"),
}
CHARGED = re.compile(
    r"\b(war|attack|kill|wound|sanction|troop|missile|weapon|bomb|strike|threat|accus|condemn|peace"
    r"|talks|agreement|treaty|cooperat|dialogue|friend|welcom|release|ceasefire|truce|negotiat"
    r"|prison|army|military|rebel|conflict|dispute|invad|invasion|arms|nuclear)",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return [row for split in load_corpus(ROOT / "data").splits.values() for row in split]


def test_passes_every_check_and_its_test_split_is_frozen() -> None:
    assert failures(check(ROOT / "data")) == []
    assert "  test.jsonl\n" in (ROOT / "data" / FROZEN).read_text()


def test_size_and_label_shares(rows: list[Row]) -> None:
    described = statistics_of(rows)
    assert described["sentences"] >= 6000
    for label, share in (("conciliatory", 0.30), ("neutral", 0.40), ("hardline", 0.30)):
        assert described["labels"][label] / len(rows) == pytest.approx(share, abs=0.05)
    assert 24 <= described["words"]["mean"] <= 30
    assert described["words"]["min"] >= 4
    assert described["words"]["max"] <= 80
    assert described["countries"] >= 60
    assert {"Africa", "Americas", "Asia", "Europe", "Middle East", "Oceania"} <= set(
        described["regions"]
    )


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("form", FORMS),
        ("register", REGISTERS),
        ("dispute", DISPUTES),
        ("decade", {f"{y}0s" for y in range(190, 203)}),
    ],
)
def test_every_cell_of_the_plan_is_filled(rows: list[Row], column: str, expected: set[str]) -> None:
    counts = Counter(row[column] for row in rows)
    assert set(counts) == expected
    assert min(counts.values()) >= 100


def test_each_hard_case_rule_decides_150_sentences(rows: list[Row]) -> None:
    counts = Counter(row["rule"] for row in rows)
    assert min(counts[rule] for rule in range(1, 15)) >= 150


def test_hard_neutrals(rows: list[Row]) -> None:
    neutral = [row for row in rows if row["label"] == "neutral"]
    assert sum(bool(CHARGED.search(row["text"])) for row in neutral) >= 1200


def test_families(rows: list[Row]) -> None:
    families: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["kind"] not in ("article", "document", "single"):
            families[row["group"]].append(row)
    contrast = [f for f in families.values() if not f[0]["kind"].startswith("inv-")]
    invariance = [f for f in families.values() if f[0]["kind"].startswith("inv-")]
    assert sum(len({row["label"] for row in family}) > 1 for family in contrast) >= 1000
    assert sum(len({row["label"] for row in family}) == 1 for family in invariance) >= 300


def test_three_readings_agree(rows: list[Row]) -> None:
    assert all(len(row["votes"].split("|")) == 3 for row in rows)
    agreement = statistics_of(rows)["agreement"]
    assert agreement["alpha"] >= 0.80
    assert min(agreement["rule"][str(rule)] for rule in range(15)) >= 0.80
    # Background is nearly always neutral, so that chance alone agrees often and alpha is strict.
    assert all(value >= 0.75 for value in agreement["form"].values())
    assert sum(value < 0.80 for value in agreement["form"].values()) <= 1


def test_a_third_of_the_sentences_have_neighbours(rows: list[Row]) -> None:
    with_context = sum("context_before" in row or "context_after" in row for row in rows)
    assert with_context >= len(rows) / 3


def test_the_larger_models_opinions_know_every_training_sentence_before_round_6() -> None:
    """`configs/default.yaml` learns from them; a sentence that changes loses its opinion."""
    settings = resolved(load_config(ROOT / "configs/default.yaml", [f"distill.teachers={TEACHER}"]))
    rows = load_corpus(ROOT / "data").rows("train")
    opinions = soft_targets([row["text"] for row in rows], settings)
    known = np.isfinite(opinions).all(axis=1)
    assert known.tolist() == [row["round"] < 6 for row in rows]
    gold = np.array([settings.labels.index(row["label"]) for row in rows])
    assert (opinions.argmax(axis=1) == gold)[known].mean() > 0.9
