"""Any encoder: found, loaded, fine-tuned, exported and scored, whatever its architecture."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stance
import torch
from datasets import Dataset
from safetensors.torch import load_file, save_file
from stance.artifact import read_manifest
from stance.confidence import softmax
from stance.config import Config, EncoderConfig, TrainConfig, load_config
from stance.encoder import HEAD, embed, fine_tune, load_classifier, save
from stance.encoder.layers import optimizer, parts, prepare
from stance.encoder.losses import ClassificationTrainer
from stance.encoder.model import Classifier, load_encoder, load_pretrained
from stance.examples import examples
from stance.runtime import Scorer
from stance.schema import ConfigError, ModelError
from stance.training import train
from tokenizers import Tokenizer
from transformers import TrainingArguments

from tests.architectures import ARCHITECTURES, SHAPE, write_encoder
from tests.conftest import ROOT, SENTENCES, tiny_settings

LONG = "ministers met on monday in the border town and said they will never negotiate " * 2
TEXTS = ["we will never negotiate.", "peace", LONG, "they agree to release people."]


@pytest.fixture(scope="session")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder for each architecture; do not change them."""
    home = tmp_path_factory.mktemp("encoders")
    return {name: write_encoder(name, home / name) for name in ARCHITECTURES}


each_architecture = pytest.mark.parametrize("architecture", ARCHITECTURES)


def test_every_shipped_encoder_has_its_architecture_tested_here() -> None:
    """`stance train` on a shipped configuration meets nothing that a test here does not meet."""
    shipped = {
        path.stem: load_config(path).encoder for path in (ROOT / "configs/encoders").glob("*.yaml")
    }
    tested = {
        "minilm_l12": "bert",
        "modernbert_base": "modernbert",
        "deberta_v3_small": "deberta",
        "deberta_v3_base": "deberta",
        "conflibert": "bert",
        "mpnet_base": "mpnet",
    }
    assert set(shipped) == set(tested)
    assert set(tested.values()) <= set(ARCHITECTURES)
    assert all("/" in encoder.name for encoder in shipped.values())  # hub ids


def settings_of(folder: Path, corpus: Path, **changes: Any) -> Config:
    settings = tiny_settings(folder, corpus, Path("models")).model_dump()
    settings["encoder"].update(changes.pop("encoder", {}))
    settings["train"].update(changes.pop("train", {}))
    return Config.model_validate({**settings, **changes})


@pytest.fixture(scope="session")
def trained(
    encoders: dict[str, Path], corpus_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """A saved model of each architecture, made with the techniques that look into an encoder, and
    one by its first token."""
    models = tmp_path_factory.mktemp("trained")
    techniques = {
        "epochs": 8,
        "learning_rate": 4e-3,
        "layer_decay": 0.9,
        "reinitialized": 1,
        "ema": 0.7,
    }
    cls = {"encoder": {"pooling": "cls"}, "train": {"epochs": 1}}
    kinds = {**{name: {"train": techniques} for name in encoders}, "bert-cls": cls}
    return {
        name: train(
            settings_of(
                encoders[name.partition("-")[0]], corpus_folder, output=models / name, **kind
            )
        ).folder
        for name, kind in kinds.items()
    }


@each_architecture
def test_each_architecture_learns(trained: dict[str, Path], architecture: str) -> None:
    assert read_manifest(trained[architecture]).dev["macro_f1"]["value"] > 0.8


@pytest.mark.parametrize("kind", [*ARCHITECTURES, "bert-cls"])
def test_onnx_says_what_torch_says(trained: dict[str, Path], kind: str) -> None:
    """Alone and in batches, short, long and cut."""
    folder = trained[kind]
    classifier = load_classifier(folder)
    assert classifier.pooling == ("cls" if kind == "bert-cls" else "mean")
    tokenizer, _ = load_encoder(str(folder))
    scorer = Scorer(folder, precision="fp32")
    for texts in (TEXTS, TEXTS[:1], TEXTS[2:3] * 5):
        batch = tokenizer(texts, padding=True, truncation=True, max_length=32, return_tensors="pt")
        with torch.inference_mode():
            logits = classifier(**batch)["logits"]
        found, truncated = scorer.logits(texts)
        np.testing.assert_allclose(softmax(found), torch.softmax(logits, -1).numpy(), atol=1e-4)
        assert truncated.tolist() == [text is LONG for text in texts]


@each_architecture
def test_adapters_are_merged_into_each_architecture(
    encoders: dict[str, Path], corpus_folder: Path, architecture: str
) -> None:
    settings = settings_of(
        encoders[architecture],
        corpus_folder,
        encoder={"lora": {"rank": 4, "alpha": 8}},
        train={"epochs": 2, "frozen": 1},
    )
    folder = train(settings).folder
    before, after = (load_file(f / "model.safetensors") for f in (encoders[architecture], folder))
    assert set(after) == set(before)
    changed = {name for name in after if not after[name].equal(before[name])}
    assert changed
    assert not any("embed" in name.lower() or "norm" in name.lower() for name in changed)


@each_architecture
def test_embeddings_and_layers_are_told_apart(encoders: dict[str, Path], architecture: str) -> None:
    config = Config.model_validate({"encoder": {"name": str(encoders[architecture])}})
    _, encoder = load_encoder(config.encoder.name)
    model = Classifier(encoder, 3)
    assert len(parts(model.encoder)) == 1 + SHAPE["num_hidden_layers"]
    train_settings = TrainConfig(layer_decay=0.5, learning_rate=0.08, frozen=0)
    groups = optimizer(model, train_settings).param_groups
    assert [group["lr"] for group in groups] == pytest.approx([0.08, 0.04, 0.02, 0.01, 1e-3])
    table = model.encoder.get_input_embeddings().weight
    assert any(parameter is table for parameter in groups[-2]["params"])
    prepare(model, config.encoder, TrainConfig(frozen=4))
    above = [name for name, p in model.encoder.named_parameters() if p.requires_grad]
    assert all("pooler" in name or "final_norm" in name for name in above)


@each_architecture
def test_r_drop_with_recomputed_activations_reach_every_weight(
    encoders: dict[str, Path], architecture: str
) -> None:
    tokenizer, encoder = load_encoder(str(encoders[architecture]))
    model = Classifier(encoder, 3)
    able = encoder.supports_gradient_checkpointing
    settings = TrainConfig(r_drop=1, gradient_checkpointing=able)
    prepare(model, EncoderConfig(), settings)
    trainer = ClassificationTrainer(
        settings, model=model, args=TrainingArguments(output_dir="scratch", report_to="none")
    )
    batch = tokenizer(TEXTS[:3], padding=True, return_tensors="pt")
    trainer.compute_loss(model.train(), {**batch, "labels": torch.eye(3)}).backward()
    untouched = {name for name, p in model.named_parameters() if p.grad is None}
    assert all("pooler" in name for name in untouched)


def test_an_encoder_that_cannot_recompute_activations_says_so(encoders: dict[str, Path]) -> None:
    _, encoder = load_encoder(str(encoders["mpnet"]))
    with pytest.raises(ConfigError, match="gradient_checkpointing: a mpnet encoder cannot"):
        prepare(Classifier(encoder, 3), EncoderConfig(), TrainConfig(gradient_checkpointing=True))


@each_architecture
def test_half_precision_weights_are_trained_in_single(
    encoders: dict[str, Path], architecture: str
) -> None:
    tokenizer, encoder = load_encoder(str(encoders[architecture]))
    encoder.half().save_pretrained("half")
    tokenizer.save_pretrained("half")
    _, loaded = load_encoder("half")
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float32}


@each_architecture
def test_sentences_are_embedded_as_unit_vectors_that_do_not_depend_on_company(
    encoders: dict[str, Path], architecture: str
) -> None:
    together = embed(str(encoders[architecture]), TEXTS, max_length=32)
    alone = np.vstack([embed(str(encoders[architecture]), [t], max_length=32) for t in TEXTS])
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_rounded_embeddings_are_nearly_the_same(encoders: dict[str, Path]) -> None:
    exact, rounded = (
        embed(str(encoders["bert"]), TEXTS, max_length=32, rounded=rounded)
        for rounded in (False, True)
    )
    assert rounded.dtype == np.float32
    np.testing.assert_allclose(rounded, exact, atol=0.02)
    assert not np.array_equal(rounded, exact)


STYLES = [
    '"We won\'t talk," he said - never...',
    "“We won’t talk,” he said – never…",
    "‘We won’t talk,’ he said—never...",
    "« We won't talk, » he said – never…",
    "``We won't talk,'' he said -- never…",
]


@each_architecture
def test_marks_of_every_style_are_read_alike(encoders: dict[str, Path], architecture: str) -> None:
    config = {"encoder": {"name": str(encoders[architecture]), "max_length": 32}}
    tokenizer, _ = load_pretrained(Config.model_validate(config))
    same = [tokenizer(text)["input_ids"] for text in STYLES]
    assert all(ids == same[0] for ids in same)
    assert tokenizer("They met.")["input_ids"] == tokenizer("They met")["input_ids"]
    assert tokenizer("They met.")["input_ids"] != tokenizer("They met?")["input_ids"]


def read(encoder: Path, *, mask_actors: bool) -> Callable[[str], str]:
    settings = {"name": str(encoder), "max_length": 64, "mask_actors": mask_actors}
    tokenizer, _ = load_pretrained(Config.model_validate({"encoder": settings}))
    return tokenizer.backend_tokenizer.normalizer.normalize_str  # type: ignore[no-any-return]


ABOUT_OTHERS = [
    ("an Iranian envoy met Iran's guest", "a Norwegian envoy met Norway's guest"),
    ("the United States' offer stands", "Peru's offer stands"),
    ("the Russian president blamed Tehran", "the British prime minister blamed the Kremlin"),
    ("Saudi Arabia told the Mexicans", "Mexico told the Poles"),
    ("Mexico City is silent", "The White House is silent"),
    ("the Taliban fired on the Houthis", "Hamas fired on Islamic Jihad"),
    ("the Kosovo Liberation Army's men", "Hezbollah's men"),
    ("US troops and NORTH KOREA", "U.S. troops and north korea"),
]


@pytest.mark.parametrize(("text", "other"), ABOUT_OTHERS)
def test_every_state_and_every_group_is_read_as_one(
    encoders: dict[str, Path], text: str, other: str
) -> None:
    masked = read(encoders["bert"], mask_actors=True)
    assert masked(text) == masked(other)
    plain = read(encoders["bert"], mask_actors=False)
    assert plain(text) != plain(other)


def test_other_words_are_not_read_as_actors(encoders: dict[str, Path]) -> None:
    masked, plain = (read(encoders["bert"], mask_actors=m) for m in (True, False))
    for text in ("let us polish the male part", "an angry Indianapolis", "the Parisians' king"):
        assert masked(text) == plain(text)


def test_a_tokenizer_that_was_saved_reads_nothing_twice(
    encoders: dict[str, Path], tmp_path: Path
) -> None:
    settings = {"name": str(encoders["bert"]), "max_length": 32, "mask_actors": True}
    tokenizer, model = load_pretrained(Config.model_validate({"encoder": settings}))
    tokenizer.save_pretrained(tmp_path)
    model.encoder.save_pretrained(tmp_path)
    settings["name"] = str(tmp_path)
    again, _ = load_pretrained(Config.model_validate({"encoder": settings}))
    assert again.backend_tokenizer.to_str() == tokenizer.backend_tokenizer.to_str()


def test_every_process_makes_the_same_patterns() -> None:
    """Else a saved tokenizer would not be known for what it is, and would read names twice."""
    code = "from stance.encoder import reading; print(reading._actors())"
    made = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(made) == 1


def test_how_marks_are_read_is_saved_with_the_tokenizer(
    encoders: dict[str, Path], tmp_path: Path
) -> None:
    config = {"encoder": {"name": str(encoders["bert"]), "max_length": 32}}
    tokenizer, model = load_pretrained(Config.model_validate(config))
    text = "“they won’t talk”, we said."
    offsets = tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    assert [text[a:b] for a, b in offsets][1:3] == ["“", "they"]
    assert [text[a:b] for a, b in offsets][-2:] == ["said", ""]
    tokenizer.save_pretrained(tmp_path)
    model.encoder.save_pretrained(tmp_path)
    again, _ = load_encoder(str(tmp_path))
    runtime = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    straight = '"they won\'t talk", we said'
    for style in (text, straight):
        assert again(style)["input_ids"] == tokenizer(straight)["input_ids"]
        assert runtime.encode(style).ids == tokenizer(straight)["input_ids"]


def test_first_token_is_what_cls_takes(encoders: dict[str, Path]) -> None:
    name = str(encoders["bert"])
    tokenizer, model = load_pretrained(
        Config.model_validate({"encoder": {"name": name, "pooling": "cls", "max_length": 32}})
    )
    batch = tokenizer(TEXTS, padding=True, return_tensors="pt")
    model.eval()
    with torch.inference_mode():
        expected = model.head(model.encoder(**batch).last_hidden_state[:, 0])
        torch.testing.assert_close(model(**batch)["logits"], expected)


def test_a_model_saved_before_there_was_a_choice_takes_the_mean(
    model_folder: Path, tmp_path: Path
) -> None:
    old = shutil.copytree(model_folder, tmp_path / "old")
    save_file(load_file(old / HEAD), old / HEAD)  # without a word on pooling
    assert load_classifier(old).pooling == "mean"


def test_labels_without_poles_train_and_score(
    encoders: dict[str, Path], corpus_folder: Path
) -> None:
    settings = settings_of(encoders["modernbert"], corpus_folder, poles=None, train={"epochs": 1})
    prediction = stance.load(train(settings).folder).predict("we met.")
    assert prediction.score is None
    assert sum(prediction.probabilities.values()) == pytest.approx(1)


@pytest.mark.parametrize(("architecture", "limit"), [("bert", 64), ("roberta", 64)])
def test_more_tokens_than_positions_are_refused(
    encoders: dict[str, Path], architecture: str, limit: int
) -> None:
    config = {"encoder": {"name": str(encoders[architecture]), "max_length": limit}}
    tokenizer, model = load_pretrained(Config.model_validate(config))
    batch = tokenizer("a " * 99, truncation=True, max_length=limit, return_tensors="pt")
    assert model(**batch)["logits"].shape == (1, 3)  # as many as told do work
    config["encoder"]["max_length"] = limit + 1
    with pytest.raises(ConfigError, match=f"max_length: 65 tokens, but .* reads {limit}"):
        load_pretrained(Config.model_validate(config))


def test_what_cannot_be_traced_is_told(
    encoders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Config.model_validate(
        {"encoder": {"name": str(encoders["bert"]), "max_length": 32}, "train": {"epochs": 1}}
    )
    rows = [{"text": texts[0], "label": label} for label, texts in SENTENCES.items()]
    columns = Dataset.from_dict(examples(rows, config))
    tuned = fine_tune(config, columns, Dataset.from_list(rows), Path("scratch"), lambda *_: None)

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("operator 'odd' is unknown")

    read = [row["text"] for row in rows]
    options: dict[str, Any] = {"train": read, "dev": read, "max_length": 32}
    with monkeypatch.context() as patch:  # undoing it all would leave the test's own folder
        patch.setattr(torch.onnx, "export", fail)
        with pytest.raises(
            ModelError, match=r"a bert encoder cannot be exported .* 'odd' is unknown"
        ):
            save(tuned, Path("saved"), **options)
    assert tuned.model.encoder.config._attn_implementation == "sdpa"
    save(tuned, Path("saved"), **options)
    assert not tuned.model.training  # still fit to score with


def test_a_graph_that_says_other_than_the_model_is_not_saved(
    encoders: dict[str, Path], corpus_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stance.encoder import saved

    class Inverted(saved._Positional):
        def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            logits, distance = super().forward(*inputs)
            return -logits, distance

    monkeypatch.setattr(saved, "_Positional", Inverted)
    with pytest.raises(ModelError, match="ONNX graph of this bert encoder says other than the mod"):
        train(settings_of(encoders["bert"], corpus_folder))
    assert not list(Path("models").glob("2*"))


@pytest.fixture
def hub(encoders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the model hub with one encoder, `maker/tiny`, and a network that is not there."""
    from huggingface_hub import constants

    cache = tmp_path / "hub"
    commit = "0123456789abcdef0123456789abcdef01234567"
    home = cache / "models--maker--tiny"
    shutil.copytree(encoders["deberta"], home / "snapshots" / commit)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text(commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)

    def no_network(*arguments: Any, **options: Any) -> None:
        raise OSError("no network in a test")

    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # between tries
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    monkeypatch.setattr(socket.socket, "connect", no_network)
    return cache


def test_a_cached_hub_encoder_is_loaded_without_the_network(hub: Path) -> None:
    tokenizer, encoder = load_encoder("maker/tiny")
    assert encoder.config.model_type == "deberta-v2"
    assert tokenizer.tokenize("we met") == ["▁we", "▁met"]


def test_a_missing_hub_encoder_is_told_with_what_to_do(
    hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelError, match=r"'maker/other' cannot be loaded: .*\n.*hf download mak"):
        load_encoder("maker/other")
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match=r"hf download maker/other  with HF_HUB_OFFLINE=0 \(it is"):
        load_encoder("maker/other")


def test_a_damaged_encoder_is_told(encoders: dict[str, Path], tmp_path: Path) -> None:
    damaged = shutil.copytree(encoders["bert"], tmp_path / "damaged")
    (damaged / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(ModelError, match=r"cannot be loaded: .*\nExpected a folder with config"):
        load_encoder(str(damaged))


def test_a_folder_without_an_encoder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no config.json in this folder\nExpected a folder with"):
        load_encoder(str(tmp_path))


def test_a_sentencepiece_vocabulary_without_its_library_is_told(
    encoders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stance.encoder import model

    original = model.find_spec
    monkeypatch.setattr(model, "find_spec", lambda n: None if "piece" in n else original(n))
    raw = shutil.copytree(encoders["deberta"], tmp_path / "raw")
    (raw / "tokenizer.json").unlink()
    (raw / "spm.model").write_bytes(b"\x0a\x07\x0a\x05<unk>")
    with pytest.raises(ModelError, match=r"run  pip install 'stance\[sentencepiece\]'"):
        load_encoder(str(raw))
