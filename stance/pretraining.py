"""Task-adaptive pre-training: an encoder reads unlabelled text of its task before it is fine-tuned.

Gururangan et al. 2020, "Don't Stop Pretraining". What comes out is a folder that `encoder.name`
takes: the encoder with its language-modelling head, its tokenizer, and a card of how it came about.
"""

from __future__ import annotations

import hashlib
import json
import logging
import random
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stance import tracking
from stance.config import PretrainConfig, load_pretrain_config
from stance.corpus.texts import read_texts
from stance.schema import DataError, ModelError

logger = logging.getLogger(__name__)

CARD = "pretraining.json"
"""File of an adapted encoder that says what it has read."""

LEAST = 20
"""Sentences without which there is nothing to learn."""

MOST_HELD_OUT = 2000


@dataclass(frozen=True, slots=True)
class Pretrained:
    """The outcome of a pre-training; also what its card says.

    Attributes:
        encoder: What it started from.
        texts: The sources that were read.
        sentences: How many were learned from, and how many were held out.
        sha256: Of all the sentences, independent of their order.
        new_head: Whether the language-modelling head was made here; a loss before training is then
            that of a head that knows nothing.
        loss_before: Mean loss, in nats a masked token, on the held-out sentences.
        loss_after: The same after training.
        steps: Optimiser steps.
        seconds: How long it took, of the last start if it was gone on with.
        settings: All of them.
    """

    encoder: str
    texts: tuple[str, ...]
    sentences: dict[str, int]
    sha256: str
    new_head: bool
    loss_before: float
    loss_after: float
    steps: int
    seconds: float
    settings: dict[str, Any]


def pretrain(
    texts: Sequence[str | Path],
    output: str | Path,
    config: PretrainConfig | str | Path | None = None,
    overrides: Sequence[str] = (),
    *,
    text_column: str = "text",
    say: Callable[[str], None] = logger.info,
) -> Pretrained:
    """Go on with an encoder's masked language modelling on unlabelled text.

    Killed, the same call goes on from the last checkpoint.

    Args:
        texts: Text files, tables, folders of them, and corpora (`stance.corpus.texts`).
        output: Folder to write the encoder to; it must not hold anything yet.
        config: Settings, or the path of a YAML file with them; None takes the defaults.
        overrides: `key=value` strings that win over the file.
        text_column: Column of a table with the text.
        say: Told in a line what happens next.

    Raises:
        ConfigError: If a setting is wrong.
        DataError: If the texts cannot be read or are too few.
        DocumentError: If a text file is no text.
        ModelError: If the encoder cannot be loaded, or the folder is taken.
    """
    started = time.time()
    settings = (
        config if isinstance(config, PretrainConfig) else load_pretrain_config(config, overrides)
    )
    output = Path(output)
    _refuse_taken(output)
    train, held_out = _divided(read_texts(texts, text_column=text_column), settings)
    say(f"{len(train)} sentences to learn from, {len(held_out)} to measure by")
    digest = hashlib.sha256("\x1e".join(sorted([*train, *held_out])).encode()).hexdigest()
    work = output.parent / f".pretraining-{_mark(settings, digest)}"
    from stance import encoder

    with tracking.run(settings.tracking, name=f"pretrain-{output.name}") as run:
        say(f"pre-training {settings.encoder}")
        adapted = encoder.adapt(settings, train, held_out, work / "checkpoints", run.metrics)
        outcome = Pretrained(
            encoder=settings.encoder,
            texts=tuple(map(str, texts)),
            sentences={"train": len(train), "held_out": len(held_out)},
            sha256=digest,
            new_head=adapted.new_head,
            loss_before=round(adapted.before, 4),
            loss_after=round(adapted.after, 4),
            steps=adapted.steps,
            seconds=round(time.time() - started, 1),
            settings=settings.model_dump(mode="json"),
        )
        building = work / "encoder"
        shutil.rmtree(building, ignore_errors=True)
        encoder.save_adapted(adapted, building)
        card = json.dumps(asdict(outcome), indent=2, ensure_ascii=False) + "\n"
        (building / CARD).write_text(card, encoding="utf-8")
        run.artifacts(building / CARD, "pretraining")
        building.replace(output)
    shutil.rmtree(work, ignore_errors=True)
    say(f"saved {output}")
    return outcome


def _refuse_taken(output: Path) -> None:
    """Refuse before hours of work what would fail after them."""
    if output.is_file() or (output.is_dir() and any(output.iterdir())):
        raise ModelError(f"{output}: holds something already; name another folder, or remove it")


def _divided(texts: list[str], settings: PretrainConfig) -> tuple[list[str], list[str]]:
    """Return the sentences to learn from and those held out, drawn with the seed."""
    if len(texts) < LEAST:
        raise DataError(f"{len(texts)} sentences are too few to learn from; expected {LEAST}")
    texts = random.Random(settings.seed).sample(texts, len(texts))
    held_out = min(MOST_HELD_OUT, max(1, round(settings.held_out * len(texts))))
    return texts[held_out:], texts[:held_out]


def _mark(settings: PretrainConfig, digest: str) -> str:
    """Return twelve hexadecimal digits that change with whatever changes the weights."""
    content = settings.model_dump(mode="json", exclude={"tracking"})
    return hashlib.sha256(json.dumps([content, digest]).encode()).hexdigest()[:12]
