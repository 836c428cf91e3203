"""Pre-training on unlabelled text: learns, goes on after a kill, gives an encoder to fine-tune."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import stance
import torch
from stance import artifact
from stance.config import PretrainConfig, load_pretrain_config
from stance.encoder.masked import MaskedTrainer, Masking
from stance.encoder.model import load, load_encoder
from stance.pretraining import CARD, pretrain
from stance.schema import ConfigError, DataError, ModelError
from stance.training import train
from transformers import AutoModelForMaskedLM, AutoTokenizer

from tests.architectures import ARCHITECTURES, write_encoder
from tests.conftest import SENTENCES, tiny_settings, write_corpus
from tests.test_cli import refused, run
from tests.trainer import Server

FAST = (
    "epochs=6",
    "batch_size=8",
    "learning_rate=5e-3",
    "held_out=0.1",
    "masked=0.3",
    "tracking.enabled=false",
)


@pytest.fixture
def texts() -> str:
    """A file of 81 unlabelled sentences."""
    lines = [
        f"{text[:-1]} on day {day}." for day in range(9) for t in SENTENCES.values() for text in t
    ]
    Path("texts.txt").write_text("\n\n".join(lines), encoding="utf-8")
    return "texts.txt"


@pytest.fixture(scope="session")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder for each architecture, none with a language-modelling head."""
    home = tmp_path_factory.mktemp("encoders")
    return {name: write_encoder(name, home / name) for name in ARCHITECTURES}


each_architecture = pytest.mark.parametrize("architecture", ARCHITECTURES)


@pytest.mark.parametrize("architecture", ["bert", "modernbert"])
def test_held_out_loss_falls_and_the_encoder_can_be_fine_tuned(
    encoders: dict[str, Path], architecture: str, texts: str, corpus_folder: Path
) -> None:
    settings = [*FAST, f"encoder={encoders[architecture]}"]
    done = pretrain([texts], "adapted", overrides=settings)
    assert done.loss_after < 0.8 * done.loss_before
    assert done.new_head
    card = json.loads((Path("adapted") / CARD).read_text())
    assert card["sentences"] == {"train": 73, "held_out": 8}
    assert card["texts"] == [texts]
    assert (card["loss_before"], card["loss_after"]) == (done.loss_before, done.loss_after)
    assert card["steps"] == 6 * 10
    assert [path.name for path in Path().iterdir() if path.name.startswith(".")] == []
    trained = train(tiny_settings(Path("adapted"), corpus_folder, Path("models")))
    assert trained.dev["macro_f1"]["value"] > 0.8


def test_a_pre_training_goes_on_with_the_head_it_made(tiny_encoder: Path, texts: str) -> None:
    first = pretrain([texts], "once", overrides=[*FAST, f"encoder={tiny_encoder}"])
    second = pretrain([texts], "twice", overrides=[*FAST, "encoder=once"])
    assert not second.new_head
    assert second.loss_before == pytest.approx(first.loss_after, abs=1e-3)


@each_architecture
def test_the_loss_at_masked_tokens_is_that_of_the_whole_model(
    encoders: dict[str, Path], architecture: str, texts: str
) -> None:
    tokenizer, model, _ = load(AutoModelForMaskedLM, str(encoders[architecture]))
    model.eval()
    masking = Masking(tokenizer, PretrainConfig())
    sentences = Path(texts).read_text().split("\n\n")[:8]
    batch = masking(list(masking.masked_rows(sentences)))
    trainer = object.__new__(MaskedTrainer)
    trainer.accelerator = _Bare()
    with torch.inference_mode():
        loss, outputs = trainer.compute_loss(model, batch, return_outputs=True)
        expected = model(**batch).loss
    assert loss == pytest.approx(float(expected), rel=1e-5)
    assert outputs.logits.shape[:2] == (1, int((batch["labels"] != -100).sum()))


class _Bare:
    """An accelerator that wraps no model."""

    def unwrap_model(self, model: Any) -> Any:
        return model


@each_architecture
def test_words_are_masked_whole_and_differently_each_time(
    encoders: dict[str, Path], architecture: str
) -> None:
    tokenizer, _ = load_encoder(str(encoders[architecture]))
    epochs = itertools.count()
    masking = Masking(tokenizer, PretrainConfig(masked=0.4), epoch=lambda: next(epochs))
    row, short = masking.rows(["we talk about walls and doors on monday", "peace"])
    words = tokenizer("we talk about walls and doors on monday").word_ids()
    assert len(words) > 2 + len(set(words))  # some words are of several tokens
    batches = [masking([row, short]) for _ in range(20)]
    for batch in batches:
        masked = batch["labels"][0] != -100
        chosen = {word for word, hit in zip(words, masked, strict=True) if hit}
        assert None not in chosen
        assert all(hit == (word in chosen) for word, hit in zip(words, masked, strict=True))
        assert (batch["input_ids"][0][masked] == tokenizer.mask_token_id).all()
        assert (batch["labels"][1, len(short["input_ids"]) :] == -100).all()  # the padding
    assert len({tuple(batch["labels"][0].tolist()) for batch in batches}) > 10


def test_held_out_sentences_are_masked_once(tiny_encoder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    sentences = ["we will never negotiate.", "ministers met on monday."]
    for whole in (True, False):
        settings = PretrainConfig(whole_words=whole, masked=0.5)
        first, second = (Masking(tokenizer, settings).masked_rows(sentences) for _ in range(2))
        assert first[:] == second[:]
        batch = Masking(tokenizer, settings)(list(first))
        assert batch["labels"][0].tolist() == first[0]["labels"]


def command(encoder: Path, texts: str) -> list[str]:
    """Three epochs of 13 steps, with checkpoints after steps 10, 20, 30 and each epoch."""
    settings = [*FAST, "epochs=3", "batch_size=6", "checkpoint_minutes=0"]
    return ["pretrain", texts, *settings, "--encoder", str(encoder), "--output", "adapted"]


def adapted() -> list[object]:
    """What came out: the weights, and what does not depend on when it was of the card."""
    folder = Path("adapted")
    card = json.loads((folder / CARD).read_text())
    assert list(Path().glob(".training-*")) == []
    files = [(folder / name).read_bytes() for name in ("model.safetensors", "tokenizer.json")]
    return [*files, *(card[key] for key in ("loss_before", "loss_after", "steps"))]


def test_killed_pre_training_ends_as_if_nothing_had_happened(
    shell: Server, tiny_encoder: Path, texts: str
) -> None:
    arguments = command(tiny_encoder, texts)
    assert shell.run(*arguments).status == 0
    whole = adapted()
    step = "torch.optim:AdamW.step"
    for at, call, place in (
        (step, 5, "from the start"),
        (step, 24, "from step 20"),  # within an epoch
        ("stance.encoder:save_adapted", 1, "from step 39"),
        ("stance.workspace:Workspace.clear", 1, "from step 39"),
    ):
        shutil.rmtree("adapted", ignore_errors=True)
        assert shell.run(*arguments, at=at, call=call).status == -9
        done = shell.run(*arguments)
        assert done.status == 0, done.output
        assert f"going on {place}" in done.output
        assert adapted() == whole, at


def test_pre_training_asked_to_stop_makes_a_checkpoint_and_two_at_once_are_refused(
    shell: Server, tiny_encoder: Path, texts: str
) -> None:
    arguments = command(tiny_encoder, texts)
    done = shell.run(*arguments, at="torch.optim:AdamW.step", call=7, do="SIGINT")
    assert done.status == 130
    assert "stopped; the same command goes on from step 7" in done.output
    (workspace,) = Path().glob(".training-*")
    with artifact.locked(workspace / "lock"):
        refused = shell.run(*arguments)
    assert refused.status == 2
    assert "this training is under way already" in refused.output


def test_full_disk_ends_a_pre_training_clearly(
    shell: Server, tiny_encoder: Path, texts: str
) -> None:
    arguments = command(tiny_encoder, texts)
    done = shell.run(*arguments, at="torch.optim:AdamW.step", call=14, do="full")
    assert done.status == 2
    assert "\nstance: .: the disk is full" in done.output
    assert "Traceback" not in done.output
    assert "from step 13" in shell.run(*arguments).output


def test_mlflow_has_the_curve_and_the_card(tiny_encoder: Path, texts: str) -> None:
    import mlflow

    done = pretrain(
        [texts], "adapted", overrides=[*FAST[1:-1], "epochs=1", f"encoder={tiny_encoder}"]
    )
    (found,) = mlflow.MlflowClient().search_runs(
        [mlflow.get_experiment_by_name("stance").experiment_id]
    )
    assert found.data.metrics["dev/loss"] == pytest.approx(done.loss_after, abs=1e-4)
    assert (
        mlflow.artifacts.load_dict(f"{found.info.artifact_uri}/pretraining/{CARD}")["steps"] == 10
    )


def test_the_command_line_takes_texts_and_settings(tiny_encoder: Path, texts: str) -> None:
    corpus = write_corpus(Path("data"))
    done = run(
        *("pretrain", texts, str(corpus), "epochs=1", "tracking.enabled=false"),
        *("--encoder", str(tiny_encoder), "--output", "adapted"),
    )
    assert done.returncode == 0, done.stderr
    assert "held-out loss" in done.stdout
    card = json.loads((Path("adapted") / CARD).read_text())
    assert card["texts"] == [texts, "data"]
    assert card["sentences"]["train"] + card["sentences"]["held_out"] == 81 + 27
    assert card["settings"]["epochs"] == 1
    message = refused("pretrain", texts, "--output", "adapted")
    assert "adapted: holds something already; name another folder" in message


def test_mistakes_are_told_before_any_training(tiny_encoder: Path, texts: str) -> None:
    Path("short.txt").write_text("They met. They left.")
    with pytest.raises(DataError, match="2 sentences are too few to learn from; expected 20"):
        pretrain(["short.txt"], "adapted", overrides=FAST)
    with pytest.raises(ConfigError, match="unknown key 'epoch'; did you mean 'epochs'"):
        pretrain([texts], "adapted", overrides=["epoch=3"])
    with pytest.raises(ModelError, match="no such folder"):
        pretrain([texts], "adapted", overrides=[*FAST, "encoder=/nowhere"])
    assert not Path("adapted").exists()


def test_an_encoder_without_a_mask_token_is_refused(tiny_encoder: Path, texts: str) -> None:
    Path("maskless").mkdir()
    for path in tiny_encoder.iterdir():
        content = path.read_bytes()
        if path.name == "tokenizer_config.json":
            settings = {k: v for k, v in json.loads(content).items() if k != "mask_token"}
            content = json.dumps({**settings, "tokenizer_class": "TokenizersBackend"}).encode()
        (Path("maskless") / path.name).write_bytes(content)
    with pytest.raises(ModelError, match="its tokenizer has no mask token"):
        pretrain([texts], "adapted", overrides=[*FAST, "encoder=maskless"])


def test_shipped_settings_load() -> None:
    from tests.conftest import ROOT

    path = ROOT / "configs" / "pretrain.yaml"
    assert load_pretrain_config(path) == PretrainConfig()
    assert path.read_text().startswith("# stance pretrain ")


def test_the_front_door_has_it() -> None:
    assert stance.pretrain is pretrain
