"""The loss of a batch: its formula, and what R-Drop adds to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from stance.config import Config, TrainConfig
from stance.encoder.losses import ClassificationTrainer, cross_entropy, divergence
from stance.encoder.model import Classifier, load_pretrained
from transformers import TrainingArguments

LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.5, 0.0], [-30.0, 30.0, 0.0]])
SOFT = torch.tensor([[0.7, 0.2, 0.1], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]])


def test_without_gamma_it_is_cross_entropy() -> None:
    expected = torch.nn.functional.cross_entropy(LOGITS, SOFT, reduction="none")
    torch.testing.assert_close(cross_entropy(LOGITS, SOFT), expected)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_focal_loss_follows_its_formula_with_soft_targets(gamma: float) -> None:
    p = torch.softmax(LOGITS, -1)
    expected = -(SOFT * (1 - p) ** gamma * p.clamp_min(1e-30).log()).sum(-1)
    torch.testing.assert_close(
        cross_entropy(LOGITS, SOFT, gamma=gamma), expected, atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_focal_loss_of_what_is_certain_has_a_finite_gradient(gamma: float) -> None:
    logits = torch.tensor([[100.0, -100.0], [-100.0, 100.0]], requires_grad=True)
    cross_entropy(logits, torch.eye(2), gamma=gamma).sum().backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_divergence_is_the_mean_of_both_directions() -> None:
    p, q = torch.softmax(LOGITS, -1).double(), torch.softmax(LOGITS.flip(0), -1).double()
    expected = ((p * (p / q).log()).sum(-1) + (q * (q / p).log()).sum(-1)) / 2
    found = divergence(LOGITS, LOGITS.flip(0))
    torch.testing.assert_close(found.double(), expected, atol=1e-3, rtol=1e-4)
    assert divergence(LOGITS, LOGITS).abs().max() == 0


def classifier(encoder: Path, *, dropout: float) -> Classifier:
    torch.manual_seed(0)
    config = Config.model_validate({"encoder": {"name": str(encoder)}})
    model = load_pretrained(config)[1]
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = dropout
    return model.train()


def loss_of(model: Classifier, batch: dict[str, torch.Tensor], **settings: Any) -> torch.Tensor:
    trainer = ClassificationTrainer(
        TrainConfig.model_validate(settings),
        model=model,
        args=TrainingArguments(output_dir="scratch", report_to="none"),
    )
    torch.manual_seed(1)
    loss = trainer.compute_loss(model, batch)
    assert isinstance(loss, torch.Tensor)
    return loss


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    return {
        "input_ids": torch.tensor([[2, 5, 6, 7, 3], [2, 8, 9, 3, 0]]),
        "attention_mask": torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 1, 0]]),
        "labels": torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.2, 0.8]]),
        "weight": torch.tensor([1.5, 0.5]),
        "length": torch.tensor([5, 4]),
    }


def test_rows_count_by_their_weight(tiny_encoder: Path, batch: dict[str, torch.Tensor]) -> None:
    model = classifier(tiny_encoder, dropout=0)
    logits = model(batch["input_ids"], batch["attention_mask"])["logits"]
    expected = (cross_entropy(logits, batch["labels"]) * batch["weight"]).mean()
    torch.testing.assert_close(loss_of(model, batch), expected)


def test_dev_is_judged_by_plain_cross_entropy(
    tiny_encoder: Path, batch: dict[str, torch.Tensor]
) -> None:
    model = classifier(tiny_encoder, dropout=0.5).eval()
    dev = {**batch, "labels": torch.tensor([0, 2])}
    del dev["weight"]
    found = loss_of(model, dev, focal_gamma=2, r_drop=1)
    logits = model(batch["input_ids"], batch["attention_mask"])["logits"]
    torch.testing.assert_close(found, torch.nn.functional.cross_entropy(logits, dev["labels"]))


def test_r_drop_adds_nothing_without_dropout_and_something_with_it(
    tiny_encoder: Path, batch: dict[str, torch.Tensor]
) -> None:
    still = classifier(tiny_encoder, dropout=0)
    torch.testing.assert_close(loss_of(still, batch, r_drop=4), loss_of(still, batch))
    moving = classifier(tiny_encoder, dropout=0.3)
    little, much = (loss_of(moving, batch, r_drop=weight) for weight in (1e-9, 4))
    assert much > little + 1e-3
