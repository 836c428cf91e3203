"""Masked language modelling: an encoder goes on learning its language, from unlabelled text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Any

import torch
import transformers
from datasets import Dataset
from transformers import (
    AutoModelForMaskedLM,
    DataCollatorForLanguageModeling,
    DataCollatorForTokenClassification,
)

from stance.config import PretrainConfig
from stance.encoder.loop import LoopTrainer, OnLog, arguments, looping, run
from stance.encoder.model import load, quiet
from stance.schema import ModelError

IGNORED = -100
"""Label of a token that was not masked."""

_WORD = 10_000
"""More tokens than a word can have."""


@dataclass(frozen=True, slots=True)
class Adapted:
    """An encoder after masked language modelling.

    Attributes:
        model: The encoder with its language-modelling head, in evaluation mode.
        tokenizer: Its tokenizer.
        new_head: Whether the head was made here, since the encoder came without one.
        before: Mean loss (nats a masked token) on the held-out sentences before training.
        after: The same after it, the same tokens masked.
        steps: Optimiser steps.
    """

    model: Any
    tokenizer: Any
    new_head: bool
    before: float
    after: float
    steps: int


def adapt(
    settings: PretrainConfig,
    train: Sequence[str],
    held_out: Sequence[str],
    scratch: Path,
    on_log: OnLog,
    *,
    resume: Path | None = None,
) -> Adapted:
    """Go on with an encoder's pre-training (Gururangan et al. 2020).

    Args:
        settings: The experiment.
        train: Sentences to learn from.
        held_out: Sentences to measure by.
        scratch: Folder for checkpoints.
        on_log: Told every figure as it comes; what it raises ends the training.
        resume: Checkpoint of the same training to go on from (`latest`); None begins anew.

    Raises:
        ConfigError: If the precision needs a GPU.
        ModelError: If the encoder cannot be loaded, or has no mask token.
    """
    transformers.set_seed(settings.seed)
    tokenizer, model, new_head = _load(settings.encoder)
    masking = Masking(tokenizer, settings, epoch=lambda: trainer.epoch())
    with looping(
        MaskedTrainer,
        settings,
        on_log,
        model=model,
        args=arguments(
            settings,
            scratch,
            per_device_eval_batch_size=settings.batch_size,
            prediction_loss_only=True,
        ),
        data_collator=masking,
        train_dataset=masking.rows(train),
        eval_dataset=Masking(tokenizer, settings).masked_rows(held_out),
        optimizers=(_optimizer(model, settings, new_head), None),
    ) as trainer:
        before = trainer.evaluate()["eval_loss"]
        run(trainer, resume)
        after = trainer.evaluate()["eval_loss"]
    return Adapted(
        model.eval().cpu(), tokenizer, new_head, before, after, trainer.state.global_step
    )


def save_adapted(adapted: Adapted, folder: Path) -> None:
    """Write an encoder with its language-modelling head, and its tokenizer."""
    with quiet():
        adapted.model.save_pretrained(folder)
        adapted.tokenizer.save_pretrained(folder)


class Masking(DataCollatorForLanguageModeling):  # type: ignore[misc]
    """Masks tokens of a batch, others each epoch; leaves masked rows as they are.

    What is masked is a function of the seed, the epoch and the batch, so that a training that goes
    on after a kill masks what it would have masked.

    Args:
        tokenizer: The encoder's.
        settings: How much is masked, tokens or words, and the seed.
        epoch: Says which epoch it is.
    """

    def __init__(
        self, tokenizer: Any, settings: PretrainConfig, *, epoch: Callable[[], int] = lambda: 0
    ) -> None:
        whole = settings.whole_words
        super().__init__(
            tokenizer,
            mlm_probability=settings.masked,
            whole_word_mask=whole,
            # Whole words are all masked; of single tokens a tenth is left and a tenth is replaced.
            mask_replace_prob=1.0 if whole else 0.8,
            random_replace_prob=0.0 if whole else 0.1,
        )
        self._epoch = epoch
        self._settings = settings
        self._pad = DataCollatorForTokenClassification(tokenizer)

    def rows(self, texts: Sequence[str]) -> Dataset:
        """Return tokenised sentences, each cut to `max_length`."""
        encoded = self.tokenizer(
            list(texts),
            truncation=True,
            max_length=self._settings.max_length,
            return_special_tokens_mask=True,
        )
        columns = dict(encoded)
        if self.whole_word_mask:
            columns["offset_mapping"] = [
                _places(encoded.word_ids(row)) for row in range(len(encoded["input_ids"]))
            ]
        columns["length"] = [len(ids) for ids in encoded["input_ids"]]
        columns["row"] = list(range(len(columns["length"])))
        return Dataset.from_dict(columns)

    def masked_rows(self, texts: Sequence[str]) -> Dataset:
        """Return tokenised sentences with tokens masked once and for all."""
        masked = [self([row]) for row in self.rows(texts)]
        return Dataset.from_list(
            [{name: value[0].tolist() for name, value in row.items()} for row in masked]
        )

    def __call__(self, rows: list[dict[str, Any]], return_tensors: str | None = None) -> Any:
        if "labels" in rows[0]:
            return self._pad(rows)
        mark = f"{self._settings.seed} {self._epoch()} {rows[0]['row']}"
        self.generator = torch.Generator().manual_seed(Random(mark).getrandbits(63))
        rows = [{k: v for k, v in row.items() if k not in ("length", "row")} for row in rows]
        width = max(len(row["input_ids"]) for row in rows)
        for row in rows if self.whole_word_mask else ():
            missing = width - len(row["input_ids"])
            row["offset_mapping"] = [*row["offset_mapping"], *[[0, 0]] * missing]
        return super().__call__(rows, return_tensors)


class MaskedTrainer(LoopTrainer):
    """The `Trainer` of this package with a loss computed at the masked tokens only.

    Scores over a vocabulary of 30,000 cost as much as the encoder itself, and six in seven of them
    would be thrown away.
    """

    def compute_loss(
        self,
        model: Any,
        inputs: Mapping[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Return the mean cross-entropy of the masked tokens of a batch."""
        features = {name: value for name, value in inputs.items() if name != "labels"}
        masked = inputs["labels"] != IGNORED  # (B, T)
        with _only_at(masked, self.accelerator.unwrap_model(model).base_model):
            outputs = model(**features)
        logits = outputs.logits[0]  # (M, vocabulary), one row a masked token
        total = torch.nn.functional.cross_entropy(
            logits.float(), inputs["labels"][masked], reduction="sum"
        )
        loss = total / masked.sum().clamp_min(1)  # a batch of short sentences may have none
        return (loss, outputs) if return_outputs else loss


@contextmanager
def _only_at(masked: torch.Tensor, encoder: Any) -> Iterator[None]:
    """Let an encoder hand on the vectors at these places alone, as one sentence (1, M, width)."""

    def keep(module: Any, arguments: Any, output: Any) -> Any:
        output.last_hidden_state = output.last_hidden_state[masked].unsqueeze(0)
        return output

    handle = encoder.register_forward_hook(keep)
    try:
        yield
    finally:
        handle.remove()


def _load(name: str) -> tuple[Any, Any, bool]:
    """Return an encoder's tokenizer, the encoder with a head, and whether the head is new."""
    tokenizer, model, report = load(AutoModelForMaskedLM, name)
    if tokenizer.mask_token is None:
        raise ModelError(
            f"encoder {name!r}: its tokenizer has no mask token, so there is nothing to learn to "
            f"fill in; name another encoder"
        )
    prefix = f"{model.base_model_prefix}."
    return tokenizer, model, any(not key.startswith(prefix) for key in report["missing_keys"])


def _optimizer(model: Any, settings: PretrainConfig, new_head: bool) -> torch.optim.Optimizer:
    """AdamW, with a faster rate for a head that starts from nothing."""
    encoder = list(model.base_model.parameters())
    known = set(encoder)
    head = [parameter for parameter in model.parameters() if parameter not in known]
    rate = settings.head_learning_rate if new_head else settings.learning_rate
    return torch.optim.AdamW(
        [{"params": encoder, "lr": settings.learning_rate}, {"params": head, "lr": rate}],
        weight_decay=settings.weight_decay,
        fused=True,
    )


def _places(words: Sequence[int | None]) -> list[list[int]]:
    """Return made-up offsets by which the collator finds words: those of a word's tokens touch.

    True offsets do not do: some tokenizers count the blank before a word to it, so that all the
    words of a sentence touch.
    """
    places = []
    for word, tokens in groupby(words):
        for number, _ in enumerate(tokens):
            start = 0 if word is None else (word + 1) * _WORD + number
            places.append([start, start + (word is not None)])
    return places
