"""Fine-tuning with each technique: what it does to the model that comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stance
import torch
from datasets import Dataset
from stance.config import Config
from stance.encoder import FineTuned, fine_tune, loop
from stance.examples import examples
from stance.schema import ConfigError
from stance.training import train

from tests.conftest import SENTENCES, tiny_settings

TRAIN = {
    "epochs": 2,
    "batch_size": 8,
    "learning_rate": 5e-3,
    "head_learning_rate": 5e-2,
    "early_stopping": 8,
}


def rows(copies: int = 2) -> list[dict[str, Any]]:
    return [
        {"text": f"{text} {mark}", "label": label}
        for label, texts in SENTENCES.items()
        for text in texts
        for mark in range(copies)
    ]


def tuned(
    encoder: Path,
    given: list[dict[str, Any]] | None = None,
    *,
    lora: dict[str, Any] | None = None,
    **settings: Any,
) -> FineTuned:
    """Fine-tune the tiny encoder for two epochs."""
    config = Config.model_validate(
        {
            "encoder": {"name": str(encoder), "max_length": 32, "lora": lora},
            "train": {**TRAIN, **settings},
        }
    )
    dev = Dataset.from_list(rows(1))
    return fine_tune(
        config,
        Dataset.from_dict(examples(given or rows(), config)),
        dev,
        Path("scratch"),
        lambda step, figures: None,
    )


def weights(model: FineTuned) -> dict[str, torch.Tensor]:
    return dict(model.model.state_dict())


def distance(first: FineTuned, second: FineTuned) -> float:
    """Largest difference of a weight."""
    a, b = weights(first), weights(second)
    return max(float((a[name] - b[name]).abs().max()) for name in a)


@pytest.fixture(scope="module")
def plain(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> FineTuned:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("plain"))
        return tuned(tiny_encoder)


@pytest.mark.parametrize(
    "settings",
    [
        {"layer_decay": 0.5},
        {"reinitialized": 1},
        {"focal_gamma": 2.0},
        {"r_drop": 1.0},
        {"ema": 0.9},
        {"head_dropout": 0.5},
        {"class_weights": {"hardline": 3}},
        {"gradient_accumulation": 2},
        {"precision": "bf16"},
        {"schedule": "cosine"},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_each_technique_changes_the_model(
    tiny_encoder: Path, plain: FineTuned, settings: dict[str, Any]
) -> None:
    found = tuned(tiny_encoder, **settings)
    assert distance(found, plain) > 1e-4
    assert np.isfinite(found.dev_logits).all()


def test_all_techniques_go_together_and_still_learn(tiny_encoder: Path) -> None:
    found = tuned(
        tiny_encoder,
        epochs=24,
        early_stopping=24,
        frozen=1,
        layer_decay=0.9,
        reinitialized=1,
        focal_gamma=1.0,
        class_weights="balanced",
        oversample=0.5,
        label_smoothing=0.05,
        r_drop=0.5,
        ema=0.9,
        gradient_accumulation=2,
        gradient_checkpointing=True,
        precision="bf16",
    )
    assert max(entry.get("dev/macro_f1", 0) for entry in found.history) > 0.8


def without_dropout(encoder: Path, folder: Path) -> Path:
    from transformers import AutoModel, AutoTokenizer

    model = AutoModel.from_pretrained(
        encoder, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(encoder).save_pretrained(folder)
    return folder


def test_two_accumulated_batches_of_8_learn_what_one_of_16_learns(tiny_encoder: Path) -> None:
    still = without_dropout(tiny_encoder, Path("still"))
    given = rows(8)[:64]
    common = {"epochs": 1, "head_dropout": 0.0, "learning_rate": 1e-3, "head_learning_rate": 1e-2}
    once = tuned(still, given, batch_size=16, **common)
    twice = tuned(still, given, batch_size=8, gradient_accumulation=2, **common)
    other = tuned(still, given, batch_size=8, **common)
    assert distance(once, twice) < 2e-4 < 2e-3 < distance(once, other)


def test_recomputing_activations_changes_no_weight(tiny_encoder: Path, plain: FineTuned) -> None:
    assert distance(tuned(tiny_encoder, gradient_checkpointing=True), plain) < 1e-5


def test_class_weights_raise_the_recall_of_a_rare_label(tiny_encoder: Path) -> None:
    """The same sentences are called hardline one time in eight: the weight decides."""
    given = [
        {"text": "the army said.", "label": "hardline" if n % 8 == 0 else "neutral"}
        for n in range(64)
    ] + [row for row in rows() if row["label"] == "conciliatory"]
    shares = []
    for settings in ({}, {"class_weights": {"hardline": 30}}, {"oversample": 1.0}):
        model = tuned(tiny_encoder, given, epochs=4, **settings)
        batch = model.tokenizer(["the army said."], return_tensors="pt")
        with torch.inference_mode():
            logits = model.model(**batch)["logits"]
        shares.append(float(torch.softmax(logits, -1)[0, 2]))
    assert shares[0] < 0.3
    assert shares[1] > 0.5
    assert shares[2] > shares[0] + 0.15


def test_averaged_weights_are_what_is_judged_and_kept(tiny_encoder: Path) -> None:
    found = tuned(tiny_encoder, ema=0.99, epochs=3)
    batch = found.tokenizer([row["text"] for row in rows(1)], padding=True, return_tensors="pt")
    with torch.inference_mode():
        logits = found.model(**batch)["logits"].numpy()
    np.testing.assert_allclose(found.dev_logits, logits, atol=1e-4)
    gold = [stance.schema.LABELS.index(row["label"]) for row in rows(1)]
    accuracy = float((logits.argmax(1) == gold).mean())
    best = max(
        (e for e in found.history if "dev/macro_f1" in e), key=lambda entry: entry["dev/macro_f1"]
    )
    assert best["dev/accuracy"] == pytest.approx(accuracy)


def test_adapters_leave_a_plain_model_behind(
    tiny_encoder: Path, corpus_folder: Path, plain: FineTuned
) -> None:
    settings = tiny_settings(tiny_encoder, corpus_folder, Path("models")).model_dump()
    settings["encoder"]["lora"] = {"rank": 8, "alpha": 16}
    trained = train(Config.model_validate(settings))
    assert trained.dev["macro_f1"]["value"] > 0.8
    assert not list(trained.folder.glob("adapter*"))
    from stance.encoder import load_classifier

    assert set(load_classifier(trained.folder).state_dict()) == set(weights(plain))
    model = stance.load(trained.folder)
    assert model.predict("test 0 we will never negotiate.").label == "hardline"


def test_half_precision_without_a_gpu_is_refused(tiny_encoder: Path) -> None:
    if torch.cuda.is_available():
        assert np.isfinite(tuned(tiny_encoder, precision="fp16").dev_logits).all()
        return
    with pytest.raises(ConfigError, match=r"precision: fp16 needs a CUDA GPU.*use fp32"):
        tuned(tiny_encoder, precision="fp16")


def test_compiled_model_learns_what_the_plain_one_learns(
    tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    compiler = torch.compile

    def eager(model: Any, **options: Any) -> Any:
        """Trace as always, but run the traced graph without the minutes of making C++ of it."""
        calls.append(options["backend"])
        return compiler(model, **{**options, "backend": "eager"})

    given = [row for row in rows(4) if row["label"] == "neutral"][:8]  # one batch, one trace
    plain = tuned(tiny_encoder, given, epochs=1)
    monkeypatch.setattr(torch, "compile", eager)
    compiled = tuned(tiny_encoder, given, epochs=1, compile=True)
    assert calls == ["inductor"]
    assert distance(compiled, plain) < 1e-3
    assert not any("_orig_mod" in name for name in weights(compiled))


@pytest.mark.parametrize("fast", [True, False])
def test_automatic_precision_is_half_width_where_that_is_fast(
    fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "fast_bf16", lambda: fast)
    assert bool(loop.precision("auto").get("bf16")) == fast


def test_a_processor_without_tiles_for_bf16_keeps_to_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    for tiles in (True, False):
        found = {"amx_bf16": tiles, "avx512_bf16": True}
        monkeypatch.setattr("torch.cpu.get_capabilities", lambda found=found: found)
        assert loop.fast_bf16() == tiles
