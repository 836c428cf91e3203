"""Training: learns, repeats itself, saves whole models, promotes the better one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import stance
from stance import artifact
from stance.corpus import load_corpus
from stance.schema import LABELS, ConfigError, DataError, ModelError
from stance.training import train

from tests.conftest import tiny_settings, write_corpus


def test_learns_saves_and_becomes_champion(tiny_encoder: Path, corpus_folder: Path) -> None:
    said: list[str] = []
    settings = tiny_settings(tiny_encoder, corpus_folder, Path("models"))
    trained = train(settings, say=said.append)
    assert trained.dev["macro_f1"]["value"] > 0.8
    assert trained.promoted
    assert stance.load().name == trained.folder.name
    assert sorted(path.name for path in Path("models").iterdir()) == [
        trained.folder.name,
        "CHAMPION",
        "champions.jsonl",
    ]
    for name in ("config.yaml", "history.jsonl", "dev_report.txt", "dev_confusion.png"):
        assert (trained.folder / "run" / name).stat().st_size > 0
    assert stance.load_config(trained.folder / "run" / "config.yaml") == settings
    assert any("fine-tuning" in line for line in said)


def test_several_corpora_are_weighed(tiny_encoder: Path, corpus_folder: Path) -> None:
    """A corpus whose labels are shifted does harm with a weight, and none without."""
    shifted = write_corpus(Path("shifted"))
    turn = dict(zip(LABELS, (*LABELS[1:], LABELS[0]), strict=True))
    for split in ("train", "dev", "test"):
        path = shifted / f"{split}.jsonl"
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        if split == "train":
            rows = [{**row, "label": turn[row["label"]]} for row in rows]
        marked = [
            {**row, "id": f"x-{row['id']}", "text": f"{row['text']}!", "group": f"x-{row['group']}"}
            for row in rows
        ]
        path.write_text("".join(json.dumps(row) + "\n" for row in marked))
    found = {}
    for name, weights in (("without", [1, 0]), ("with", [1, 8])):
        data = {"path": [str(corpus_folder), str(shifted)], "weights": weights}
        settings = tiny_settings(tiny_encoder, corpus_folder, Path(name), data=data)
        trained = train(settings)
        # As the network says it: calibration sees through labels that are merely exchanged.
        lines = (trained.folder / "run" / "history.jsonl").read_text().splitlines()
        found[name] = max(json.loads(line).get("dev/macro_f1", 0) for line in lines)
        paths = artifact.read_manifest(trained.folder).data["path"]
        assert paths == [str(corpus_folder), str(shifted)]
    assert found["without"] > 0.8 > 0.5 > found["with"]
    model = Path("without", Path("without/CHAMPION").read_text().strip())
    assert stance.evaluate(model, baselines=False).macro_f1 > 0.8


def test_history_has_loss_and_dev_figures(model_folder: Path) -> None:
    lines = (model_folder / "run" / "history.jsonl").read_text().splitlines()
    history = [json.loads(line) for line in lines]
    losses = [entry["train/loss"] for entry in history if "train/loss" in entry]
    assert losses[-1] < losses[0]
    assert sum("dev/macro_f1" in entry for entry in history) >= 8


def test_best_epoch_is_kept(model_folder: Path) -> None:
    lines = (model_folder / "run" / "history.jsonl").read_text().splitlines()
    best = max(json.loads(line).get("dev/macro_f1", 0) for line in lines)
    assert artifact.read_manifest(model_folder).dev["macro_f1"]["value"] == pytest.approx(best)


def test_same_seed_gives_the_same_weights_and_another_does_not(
    tiny_encoder: Path, corpus_folder: Path
) -> None:
    texts = [row["text"] for row in load_corpus(corpus_folder).rows("test")]
    probs = []
    for number, seed in enumerate((1, 1, 2)):
        settings = tiny_settings(
            tiny_encoder,
            corpus_folder,
            Path(f"models{number}"),
            train={"epochs": 2, "batch_size": 8, "learning_rate": 5e-3, "seed": seed},
        )
        probs.append(stance.load(train(settings).folder).predict_proba(texts))
    np.testing.assert_array_equal(probs[0], probs[1])
    assert np.abs(probs[0] - probs[2]).max() > 1e-3


def test_onnx_scores_what_torch_scores(model_folder: Path) -> None:
    import torch
    from stance.encoder import load_classifier
    from stance.runtime import Scorer
    from transformers import AutoTokenizer

    texts = ["we will never negotiate.", "ministers met " * 30, "peace"]
    onnx, truncated = Scorer(model_folder, precision="fp32").logits(texts)
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    batch = tokenizer(texts, padding=True, truncation=True, max_length=32, return_tensors="pt")
    with torch.inference_mode():
        expected = load_classifier(model_folder)(**batch)["logits"].numpy()
    np.testing.assert_allclose(onnx, expected, atol=1e-4)
    assert truncated.tolist() == [False, True, False]


def test_model_trained_in_half_width_scores_in_full(
    tiny_encoder: Path, corpus_folder: Path
) -> None:
    half = {"epochs": 1, "batch_size": 8, "learning_rate": 5e-3, "precision": "bf16"}
    trained = train(tiny_settings(tiny_encoder, corpus_folder, Path("models"), train=half))
    assert stance.load(trained.folder).predict("we met.").label in LABELS


def test_worse_model_does_not_replace_the_champion(tiny_encoder: Path, corpus_folder: Path) -> None:
    good = train(tiny_settings(tiny_encoder, corpus_folder, Path("models")))
    feeble = {"epochs": 1, "batch_size": 32, "learning_rate": 1e-7, "head_learning_rate": 1e-7}
    bad = train(tiny_settings(tiny_encoder, corpus_folder, Path("models"), train=feeble))
    assert not bad.promoted
    assert "which stays the champion" in bad.verdict
    assert stance.load().name == good.folder.name


def test_unloadable_champion_is_replaced(tiny_encoder: Path, corpus_folder: Path) -> None:
    settings = tiny_settings(tiny_encoder, corpus_folder, Path("models"))
    shutil.rmtree(train(settings).folder)
    trained = train(settings)
    assert trained.promoted
    assert "cannot be loaded" in trained.verdict


def test_other_label_set_trains_and_does_not_replace_the_champion(tiny_encoder: Path) -> None:
    folder = write_corpus(Path("data"))
    settings = tiny_settings(tiny_encoder, folder, Path("models"))
    train(settings)
    for path in folder.iterdir():
        text = path.read_text().replace('"hardline"', '"hawkish"')
        path.write_text(text.replace('"conciliatory"', '"dovish"'))
    labels = {"labels": ["dovish", "neutral", "hawkish"], "poles": ["dovish", "hawkish"]}
    other = train(tiny_settings(tiny_encoder, folder, Path("models"), **labels))
    assert not other.promoted
    assert "output folder of its own" in other.verdict
    prediction = stance.load(other.folder).predict("we will never negotiate.")
    assert set(prediction.probabilities) == {"dovish", "neutral", "hawkish"}


def test_label_without_rows_is_refused(tiny_encoder: Path) -> None:
    folder = write_corpus(Path("data"))
    lines = (folder / "dev.jsonl").read_text().splitlines(keepends=True)
    (folder / "dev.jsonl").write_text("".join(line for line in lines if "hardline" not in line))
    with pytest.raises(DataError, match=r"no dev row is labelled hardline.*\[data,FOLDER\]"):
        train(tiny_settings(tiny_encoder, folder, Path("models")))
    data = {"path": folder / "train.jsonl", "cut": {"dev": 0}}
    with pytest.raises(DataError, match=r"no dev row .*data\.cut\.dev=0 is the share of dev"):
        train(tiny_settings(tiny_encoder, folder, Path("models"), data=data))


def test_failed_training_leaves_nothing_behind(corpus_folder: Path) -> None:
    with pytest.raises(ModelError, match="cannot be loaded"):
        train(tiny_settings(Path("no-such-encoder"), corpus_folder, Path("models")))
    assert list(Path("models").iterdir()) == []


def test_frozen_parts_keep_their_weights(tiny_encoder: Path, corpus_folder: Path) -> None:
    from stance.encoder import load_classifier
    from transformers import AutoModel

    train_section = {"epochs": 1, "batch_size": 4, "learning_rate": 5e-3, "frozen": 2}
    settings = tiny_settings(tiny_encoder, corpus_folder, Path("models"), train=train_section)
    before = dict(AutoModel.from_pretrained(tiny_encoder).named_parameters())
    after = dict(load_classifier(train(settings).folder).encoder.named_parameters())
    changed = {name for name, value in after.items() if not value.equal(before[name])}
    assert not any(name.startswith(("embeddings", "encoder.layer.0")) for name in changed)
    assert any(name.startswith("encoder.layer.1") for name in changed)


def test_more_frozen_parts_than_there_are_is_refused(
    tiny_encoder: Path, corpus_folder: Path
) -> None:
    settings = tiny_settings(tiny_encoder, corpus_folder, Path("models"), train={"frozen": 9})
    with pytest.raises(ConfigError, match="9 parts, but this encoder has 3"):
        train(settings)


def test_missing_folder_as_encoder_is_told(corpus_folder: Path) -> None:
    with pytest.raises(ModelError, match="no such folder"):
        train(tiny_settings(Path("/nowhere"), corpus_folder, Path("models")))


@pytest.mark.encoder
def test_real_encoder_learns_from_the_project_corpus() -> None:
    from tests.conftest import ROOT

    settings = stance.load_config(
        ROOT / "configs" / "quick.yaml",
        [f"data.path={ROOT / 'data'}", "tracking.enabled=false", "data.train_limit=400"],
    )
    trained = train(settings)
    assert trained.dev["macro_f1"]["value"] > 0.45
    model = stance.load(trained.folder)
    hard = model.predict("The minister vowed to retaliate and rejected any talks with the rebels.")
    soft = model.predict("The two governments agreed to resume talks and release prisoners.")
    assert hard.score is not None
    assert soft.score is not None
    assert hard.score > soft.score
