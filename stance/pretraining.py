"""Task-adaptive pre-training: an encoder reads unlabelled text of its task before it is fine-tuned.

Gururangan et al. 2020, "Don't Stop Pretraining". What comes out is a folder that `encoder.name`
takes: the encoder with its language-modelling head, its tokenizer, and a card of how it came about.
"""

from __future__ import annotations

import hashlib
import json
import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stance import tracking, workspace
from stance.config import PretrainConfig, load_pretrain_config
from stance.corpus.texts import read_texts
from stance.schema import DataError, ModelError
from stance.workspace import Workspace

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
        fingerprint: Of what determines the weights: settings, sentences, versions.
        new_head: Whether the language-modelling head was made here; a loss before training is then
            that of a head that knows nothing.
        loss_before: Mean loss, in nats a masked token, on the held-out sentences.
        loss_after: The same after training.
        steps: Optimiser steps.
        seconds: From its beginning to its end, pauses after a kill included.
        continued: How often it was gone on with after a kill.
        settings: All of them.
    """

    encoder: str
    texts: tuple[str, ...]
    sentences: dict[str, int]
    sha256: str
    fingerprint: str
    new_head: bool
    loss_before: float
    loss_after: float
    steps: int
    seconds: float
    continued: int
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

    Killed, the same call goes on from the last checkpoint and ends with the same weights.

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
        BusyError: If another process is at the same pre-training.
        ModelError: If the encoder cannot be loaded, or the folder is taken.
    """
    settings = (
        config if isinstance(config, PretrainConfig) else load_pretrain_config(config, overrides)
    )
    output = Path(output)
    train, held_out = _divided(read_texts(texts, text_column=text_column), settings)
    mark = workspace.fingerprint(settings, [train, held_out])
    _refuse_taken(output, mark)
    say(f"{len(train)} sentences to learn from, {len(held_out)} to measure by")
    from stance.encoder import place

    with workspace.opened(output.parent, mark, name=output.name) as work:
        work.note(name=output.name)
        if work.continued:
            say(f"going on {place(work.checkpoints)}")
        run_id = work.run_id if tracking.exists(settings.tracking, work.run_id) else None
        name = f"pretrain-{output.name}"
        try:
            with tracking.run(settings.tracking, name=name, run_id=run_id) as run:
                if work.run_id == run.id:
                    run.recall()
                work.note(run_id=run.id)
                if not (output / CARD).is_file():
                    _adapt(texts, train, held_out, settings, output, work, run, say)
                run.artifacts(output / CARD, "pretraining")
        except (KeyboardInterrupt, SystemExit):
            say(f"stopped; the same command goes on {place(work.checkpoints)}")
            raise
    return _read_card(output)


def _adapt(
    texts: Sequence[str | Path],
    train: list[str],
    held_out: list[str],
    settings: PretrainConfig,
    output: Path,
    work: Workspace,
    run: tracking.Run,
    say: Callable[[str], None],
) -> None:
    """Train from where it stands, and write the encoder with its card to `output`."""
    from stance import encoder

    say(f"pre-training {settings.encoder}")
    resume = encoder.latest(work.checkpoints)
    adapted = encoder.adapt(settings, train, held_out, work.checkpoints, run.metrics, resume=resume)
    outcome = Pretrained(
        encoder=settings.encoder,
        texts=tuple(map(str, texts)),
        sentences={"train": len(train), "held_out": len(held_out)},
        sha256=hashlib.sha256("\x1e".join(sorted([*train, *held_out])).encode()).hexdigest(),
        fingerprint=work.mark,
        new_head=adapted.new_head,
        loss_before=round(adapted.before, 4),
        loss_after=round(adapted.after, 4),
        steps=adapted.steps,
        seconds=round(time.time() - work.begun, 1),
        continued=work.continued,
        settings=settings.model_dump(mode="json"),
    )
    building = work.building()
    encoder.save_adapted(adapted, building)
    card = json.dumps(asdict(outcome), indent=2, ensure_ascii=False) + "\n"
    (building / CARD).write_text(card, encoding="utf-8")
    building.replace(output)
    say(f"saved {output}")


def _refuse_taken(output: Path, mark: str) -> None:
    """Refuse before hours of work what would fail after them."""
    if not output.is_file() and not (output.is_dir() and any(output.iterdir())):
        return
    # Killed between saving the encoder and clearing up, it has the rest to do.
    if not (workspace.unfinished(output.parent, mark) and _is_of(output, mark)):
        raise ModelError(f"{output}: holds something already; name another folder, or remove it")


def _is_of(output: Path, mark: str) -> bool:
    try:
        return _read_card(output).fingerprint == mark
    except (OSError, ValueError, TypeError):  # no card, or another release's
        return False


def _read_card(folder: Path) -> Pretrained:
    content = json.loads((folder / CARD).read_text(encoding="utf-8"))
    return Pretrained(**{**content, "texts": tuple(content["texts"])})


def _divided(texts: list[str], settings: PretrainConfig) -> tuple[list[str], list[str]]:
    """Return the sentences to learn from and those held out, drawn with the seed."""
    if len(texts) < LEAST:
        raise DataError(f"{len(texts)} sentences are too few to learn from; expected {LEAST}")
    texts = random.Random(settings.seed).sample(texts, len(texts))
    held_out = min(MOST_HELD_OUT, max(1, round(settings.held_out * len(texts))))
    return texts[held_out:], texts[:held_out]
