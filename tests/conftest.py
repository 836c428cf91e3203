"""Shared fixtures: a tiny random encoder and a tiny corpus, both made here, all offline."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import pytest
from stance.config import Config

from tests.trainer import Server, server

ROOT = Path(__file__).parents[1]

WORDS = [
    "we",
    "will",
    "never",
    "negotiate",
    "refuse",
    "attack",
    "threat",
    "sanctions",
    "talks",
    "peace",
    "welcome",
    "offer",
    "ready",
    "meet",
    "agree",
    "release",
    "the",
    "a",
    "of",
    "on",
    "in",
    "met",
    "monday",
    "ministers",
    "people",
    "said",
    "and",
    "to",
    "with",
    "they",
    "army",
    "border",
    ",",
    ".",
    '"',
    "'",
    "!",
    "?",
    "(",
    ")",
    "-",
    "0",
    "1",
    "2",
]
LETTERS = [chr(c) for c in range(97, 123)]

SENTENCES = {
    "hardline": [
        "we will never negotiate.",
        "they refuse talks and attack the border.",
        "sanctions will never end, the army said.",
    ],
    "conciliatory": [
        "we welcome the offer of peace talks.",
        "they agree to release people.",
        "we are ready to meet and talk in peace.",
    ],
    "neutral": [
        "ministers met on monday.",
        "people met in the border town with ministers.",
        "the army said 12 people met on monday.",
    ],
}


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test works in its own folder, with its own cache and its own MLflow store."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STANCE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("STANCE_MODELS", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    yield
    import sys

    if "mlflow" in sys.modules:
        import mlflow

        while mlflow.active_run():
            mlflow.end_run()
        mlflow.set_tracking_uri(None)


@pytest.fixture(scope="session")
def shell() -> Iterator[Server]:
    """Runs `stance` in processes of its own; importing torch once costs more than most tests."""
    with server() as running:
        yield running


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two layers, 32 wide, with random weights and its own vocabulary."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("encoder")
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    pieces += [piece for letter in LETTERS for piece in (letter, f"##{letter}")]
    vocabulary = {word: i for i, word in enumerate(dict.fromkeys(pieces))}
    tokenizer = BertTokenizerFast(vocab=vocabulary)
    assert tokenizer.tokenize("we never talk") == ["we", "never", "t", "##a", "##l", "##k"]
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_corpus(folder: Path, copies: int = 3) -> Path:
    """Write a sound corpus of `9 * copies` training rows; dev and test say the same otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, marks in (("train", copies), ("dev", 1), ("test", 1)):
        rows = [
            {
                "id": f"{split}-{label[0]}{i}-{mark}",
                "text": f"{split} {mark} {text}",
                "label": label,
                "group": f"{split}-{label[0]}{i}",
                "form": "speech",
            }
            for label, texts in SENTENCES.items()
            for i, text in enumerate(texts)
            for mark in range(marks)
        ]
        content = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{split}.jsonl").write_text(content, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def corpus_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny sound corpus; do not change it, `write_corpus` makes one to change."""
    return write_corpus(tmp_path_factory.mktemp("corpus"))


def tiny_settings(encoder: Path, corpus: Path, output: Path, **changes: object) -> Config:
    """Settings that train the tiny encoder in about a second, untracked unless changed."""
    base: dict[str, object] = {
        "encoder": {"name": str(encoder), "max_length": 32},
        "data": {"path": str(corpus)},
        "train": {
            "epochs": 8,
            "batch_size": 8,
            "learning_rate": 5e-3,
            "head_learning_rate": 5e-2,
            "early_stopping": 8,
        },
        "tracking": {"enabled": False},
        "output": str(output),
    }
    return Config.model_validate({**base, **changes})


@pytest.fixture(scope="session")
def model_folder(
    tiny_encoder: Path, corpus_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A tiny trained model, untracked; copy it to damage it."""
    from stance.training import train

    models = tmp_path_factory.mktemp("models")
    return train(tiny_settings(tiny_encoder, corpus_folder, models)).folder


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that published files come from instead of the network; `give` fills it."""
    folder = Path("mirror")
    folder.mkdir()
    monkeypatch.setenv("STANCE_MIRROR", str(folder))
    return folder


def give(monkeypatch: pytest.MonkeyPatch, name: str, part: str, content: bytes) -> None:
    """Put a file into the mirror folder as if it were the pinned one."""
    from stance.corpus import public

    (Path("mirror") / Path(public.SOURCES[name].files[part][0]).name).write_bytes(content)
    pin(monkeypatch, name, part, hashlib.sha256(content).hexdigest())


def pin(monkeypatch: pytest.MonkeyPatch, name: str, part: str, sha256: str) -> None:
    """Let a source expect another file than the real one."""
    from stance.corpus import public

    source = public.SOURCES[name]
    files = {**source.files, part: (source.files[part][0], sha256)}
    monkeypatch.setitem(public.SOURCES, name, replace(source, files=files))
