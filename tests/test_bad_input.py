"""Data that an evaluation cannot or can hardly use: a clear message, or figures with a warning."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
import stance
from stance.evaluation.sample import Sample, _oddities
from stance.evaluation.slices import find_slices
from stance.schema import DataError, ModelError, StanceError

GOOD = [
    ("we will never negotiate.", "hardline"),
    ("they refuse talks and attack the border.", "hardline"),
    ("we welcome the offer of peace talks.", "conciliatory"),
    ("ministers met on monday.", "neutral"),
]


def write(rows: list[dict[str, Any]], name: str = "gold.jsonl") -> Path:
    path = Path(name)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def measured(model: Path, path: Path) -> dict[str, Any]:
    found = stance.evaluate(model, data=path, baselines=False, behaviour=False, output=None)
    result = found.to_dict()
    json.dumps(result, allow_nan=False)  # never a silent NaN
    assert found.to_text()
    return result


def test_file_without_gold_says_which_columns_there_are(model_folder: Path) -> None:
    path = write([{"text": "we met.", "stance": "neutral"}])
    with pytest.raises(
        DataError, match=r"no column 'label'; the columns are 'text', 'stance': .*--label-column"
    ):
        measured(model_folder, path)


def test_labels_that_the_model_lacks_are_listed_by_line(model_folder: Path) -> None:
    path = write([{"text": text, "label": label} for text, label in [*GOOD, ("we met.", "hawk")]])
    with pytest.raises(DataError, match=r"gold.jsonl:5: unknown label 'hawk'; expected one of con"):
        measured(model_folder, path)


def test_one_class_only_is_measured_with_a_warning(model_folder: Path) -> None:
    path = write([{"text": text, "label": "hardline"} for text, _ in GOOD])
    result = measured(model_folder, path)
    assert any(
        "no sentence is labelled conciliatory, neutral" in w for w in result["data"]["warnings"]
    )
    assert result["figures"]["roc_auc"]["value"] is None
    assert 0 <= result["figures"]["accuracy"]["value"] <= 1


def test_three_rows_are_measured_with_a_warning(model_folder: Path) -> None:
    path = write([{"text": t, "label": label, "doc": i} for i, (t, label) in enumerate(GOOD[:3])])
    warnings = measured(model_folder, path)["data"]["warnings"]
    assert any("3 sentences in 3 groups (by doc): the intervals mean little" in w for w in warnings)


def test_one_document_has_no_intervals(model_folder: Path) -> None:
    """Its sentences drawn again are the same, which would look like certainty."""
    path = write([{"text": t, "label": label, "doc": "a"} for t, label in GOOD])
    result = stance.evaluate(model_folder, data=path, behaviour=False, output="reports").result
    assert any("in one group (by doc): no figure has" in w for w in result["data"]["warnings"])
    macro, ece = result["figures"]["macro_f1"], result["calibration"]["after"]["ece"]
    assert (macro["low"], macro["high"], ece["low"], ece["high"]) == (None,) * 4
    for rival in result["baselines"].values():
        assert rival["difference"]["p"] == 1
    texts = [file.read_text(encoding="utf-8") for file in Path("reports").rglob("*.txt")]
    assert [f"{macro['value']:.3f}\n" in text for text in texts] == [True]


def test_one_row_is_measured(model_folder: Path) -> None:
    result = measured(model_folder, write([{"text": "we met.", "label": "neutral"}]))
    assert math.isfinite(result["calibration"]["after"]["ece"]["value"])


@pytest.mark.parametrize("text", ["nan", "NaN", "", None, 3.5, float("nan")])
def test_missing_text_is_refused_by_line(model_folder: Path, text: object) -> None:
    path = write([{"text": "we met.", "label": "neutral"}, {"text": text, "label": "neutral"}])
    with pytest.raises(DataError, match=r"gold.jsonl:2: text is"):
        measured(model_folder, path)


def test_missing_text_of_a_table_is_refused(model_folder: Path) -> None:
    import pandas as pd

    frame = pd.DataFrame({"text": ["we met.", None], "label": ["neutral", "neutral"]})
    frame.to_csv("gold.csv", index=False, na_rep="nan")
    frame.to_parquet("gold.parquet")
    for name in ("gold.csv", "gold.parquet"):
        with pytest.raises(DataError, match="text is"):
            measured(model_folder, Path(name))


def test_repeated_ids_and_texts_are_told(model_folder: Path) -> None:
    rows = [{"id": "a", "text": text, "label": label} for text, label in GOOD]
    rows += [{"id": "b", "text": "We will never  negotiate.", "label": "neutral"}]
    warnings = "\n".join(measured(model_folder, write(rows))["data"]["warnings"])
    assert "1 ids occur more than once ('a' is the first)" in warnings
    assert "1 sentences are repeats of others; each counts" in warnings
    assert "1 sentences occur with more than one label" in warnings
    assert "no column group, doc" in warnings


def test_rows_without_a_group_are_groups_of_their_own(model_folder: Path) -> None:
    rows = [{"text": text, "label": label, "doc": ""} for text, label in GOOD]
    assert measured(model_folder, write(rows))["data"]["groups"] == 4


def test_groups_may_be_objects_and_empty_cells_are_none(model_folder: Path) -> None:
    articles: list[dict[str, Any]] = [{}, {"article": {"id": 1}}, {"article": {"id": 1}}]
    articles.append({"article": math.nan})
    rows = [
        {"text": text, "label": label, **article}
        for (text, label), article in zip(GOOD, articles, strict=True)
    ]
    data = measured(model_folder, write(rows))["data"]
    assert (data["grouped_by"], data["groups"]) == ("article", 3)


def test_groups_may_have_a_column_of_another_name_that_is_no_slice(model_folder: Path) -> None:
    rows = [
        {"text": f"{text} {i}", "label": label, "story": i % 2, "doc": i}
        for i, (text, label) in enumerate(GOOD * 20)
    ]
    path = write(rows)
    options: dict[str, Any] = {"baselines": False, "behaviour": False, "output": None}
    found = stance.evaluate(model_folder, data=path, group_column="story", **options).to_dict()
    assert (found["data"]["grouped_by"], found["data"]["groups"]) == ("story", 2)
    assert "story" not in found["slices"]["columns"]
    assert "story" in measured(model_folder, path)["slices"]["columns"]
    with pytest.raises(DataError, match=r"gold.jsonl: nothing in a column 'plot' to group"):
        stance.compare(model_folder, model_folder, data=path, group_column="plot")


def test_empty_cells_and_the_gold_under_its_own_name_are_no_slices() -> None:
    rows = [
        {"text": "we met.", "label": label, "stance": label, "form": form}
        for label in ("neutral", "hardline")
        for form in ("speech", math.nan)
        for _ in range(40)
    ]
    sample = Sample("rows", rows, ("neutral", "hardline"), None, None)
    assert [one.name for one in find_slices(sample)] == ["form=speech"]


def test_votes_are_joined_or_listed_and_may_have_gaps(model_folder: Path) -> None:
    votes = ["h|h", ["hardline", "neutral"], "|c", ["n", None]]
    rows = [
        {"text": text, "label": label, "votes": given}
        for (text, label), given in zip(GOOD, votes, strict=True)
    ]
    people = measured(model_folder, write(rows))["agreement"]["annotators"]
    assert [one["rows"] for one in people] == [3, 3]
    assert people[0]["people"]["same"]["value"] == 0.5


def test_votes_may_be_a_column_for_each_annotator(model_folder: Path) -> None:
    joined = write([{"text": t, "label": y, "votes": f"h|{y}"} for t, y in GOOD], "joined.jsonl")
    apart = write([{"text": t, "label": y, "ann": "h", "bob": y} for t, y in GOOD])
    options: dict[str, Any] = {"baselines": False, "behaviour": False, "output": None}
    found = stance.evaluate(model_folder, data=apart, vote_columns=["ann", "bob"], **options)
    assert "Krippendorff's alpha of the annotators" in found.to_text()
    assert found.result["agreement"] == measured(model_folder, joined)["agreement"]
    with pytest.raises(DataError, match=r"gold.jsonl: no column 'eve' .*; the columns are 'text'"):
        stance.evaluate(model_folder, data=apart, vote_columns=["ann", "eve"], **options)


def test_votes_that_are_no_labels_are_refused_before_anything_is_scored(model_folder: Path) -> None:
    path = write([{"text": text, "label": label, "votes": 3} for text, label in GOOD])
    said: list[str] = []
    with pytest.raises(
        DataError, match=r"gold.jsonl: sentence 1: vote '3' .* none of conciliatory.*another name"
    ):
        stance.evaluate(model_folder, data=path, baselines=False, output=None, say=said.append)
    assert not any("scoring" in line for line in said)


def test_sentences_that_are_cut_are_told(model_folder: Path) -> None:
    rows = [{"text": text, "label": label} for text, label in [*GOOD, ("we met " * 40, "neutral")]]
    warnings = measured(model_folder, write(rows))["data"]["warnings"]
    assert "1 of 5 sentences are cut: the model reads 32 tokens at most" in warnings


def test_report_that_cannot_be_written_is_no_traceback(model_folder: Path) -> None:
    path = write([{"text": text, "label": label} for text, label in GOOD])
    Path("taken").write_text("")
    options: dict[str, Any] = {"baselines": False, "behaviour": False}
    with pytest.raises(StanceError, match=r"taken/.*: cannot be written: Not a directory"):
        stance.evaluate(model_folder, data=path, output="taken", **options)
    with pytest.raises(StanceError, match=r"taken/c.json: cannot be written"):
        stance.compare(model_folder, model_folder, data=path, output="taken/c.json")


def test_very_many_rows_are_warned_of() -> None:
    row = {"text": "we met.", "label": "neutral", "doc": 1}
    sample = Sample("many", [row] * 100_001, ("neutral", "hardline"), "doc", None)
    assert any("200 resamples" in warning for warning in _oddities(sample))


def test_flags_are_told_by_length(model_folder: Path) -> None:
    rows = [{"text": text, "label": label} for text, label in [*GOOD, ("we met " * 20, "neutral")]]
    result = measured(model_folder, write(rows))
    by_words = result["unfamiliar_by_words"]
    assert list(by_words) == ["01-10", "over 30"]
    whole = (4 * by_words["01-10"]["value"] + by_words["over 30"]["value"]) / 5
    assert whole == pytest.approx(result["unfamiliar"]["value"])


def test_long_scoring_tells_the_time_that_is_left(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    path = write([{"text": text, "label": label} for text, label in GOOD])
    whole = measured(model_folder, path)
    monkeypatch.setattr("stance.evaluation.sample._BLOCK", 3)
    monkeypatch.setattr("stance.evaluation.measure.MANY", 3)
    options: dict[str, Any] = {"baselines": False, "behaviour": False, "output": None}
    found = stance.evaluate(model_folder, data=path, say=said.append, **options)
    assert any(re.fullmatch(r"scored 3 of 4, about \d+\.\d minutes left", line) for line in said)
    assert "figures, each with its interval, and slices, about 0 minutes" in said
    assert found.result["figures"]["macro_f1"] == whole["figures"]["macro_f1"]


def test_unlearnt_precision_is_no_traceback(model_folder: Path) -> None:
    import shutil

    old = Path("old") / model_folder.name
    shutil.copytree(model_folder, old)
    manifest = json.loads((old / "stance.json").read_text())
    manifest["confidence"]["sets"] = [[0.1]]
    (old / "stance.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="damaged confidence"):
        stance.load(old)
