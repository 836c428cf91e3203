"""What a training minimises: the loss of a batch, and the ways to make it harder to please."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.nn.functional import kl_div, log_softmax, one_hot

from stance.config import TrainConfig
from stance.encoder.loop import LoopTrainer


def cross_entropy(
    logits: torch.Tensor, target: torch.Tensor, *, gamma: float = 0.0
) -> torch.Tensor:
    """Return the focal loss of each row, at gamma 0 the cross-entropy, shape (B,), in nats.

    −Σₖ tₖ (1 − pₖ)^γ log pₖ: what the model is sure of and right about counts less (Lin et al.
    2017, eq. 4, with a sum over the labels so that a target may be soft).

    Args:
        logits: Shape (B, K).
        target: Probabilities, shape (B, K), rows summing to 1.
        gamma: 0 or more.
    """
    log_probs = log_softmax(logits.float(), dim=-1)
    losses = -target * log_probs
    if gamma:
        # 1 − p from log p, exact near p = 1 too, and never 0, where the power has no gradient.
        losses = losses * (-torch.expm1(log_probs)).clamp_min(1e-8) ** gamma
    return losses.sum(-1)


def divergence(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return ½ [KL(p‖q) + KL(q‖p)] of each row of two logits (B, K): shape (B,), in nats."""
    p, q = log_softmax(first.float(), dim=-1), log_softmax(second.float(), dim=-1)
    both = [kl_div(a, b, log_target=True, reduction="none") for a, b in ((p, q), (q, p))]
    return (both[0] + both[1]).sum(-1) / 2


class ClassificationTrainer(LoopTrainer):
    """The `Trainer` of this package with a classifier's loss.

    Batches hold what the model reads, `labels` (numbers, shape (B,), or probabilities, shape
    (B, K)), and may hold `weight`, shape (B,): what each row counts, 1 on average.

    Args:
        settings: Which loss.
        options: What `Trainer` takes.
    """

    def __init__(self, settings: TrainConfig, **options: Any) -> None:
        super().__init__(**options)
        self._settings = settings

    def compute_loss(
        self,
        model: Any,
        inputs: Mapping[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Return the mean loss of a batch; on dev the plain cross-entropy, whatever trains."""
        features = {k: v for k, v in inputs.items() if k not in ("labels", "weight", "length")}
        labels, weight = inputs["labels"], inputs.get("weight")
        if model.training:
            return self._training_loss(model, features, labels, weight)
        outputs = model(**features)
        target = labels if labels.dim() == 2 else one_hot(labels, outputs["logits"].shape[-1])
        loss = cross_entropy(outputs["logits"], target).mean()
        return (loss, outputs) if return_outputs else loss

    def _training_loss(
        self,
        model: Any,
        features: dict[str, torch.Tensor],
        target: torch.Tensor,
        weight: torch.Tensor | None,
    ) -> torch.Tensor:
        """Return the mean loss, with what R-Drop (Liang et al. 2021) adds to it.

        Two passes that differ by dropout are judged, and how far they are apart. The loss is their
        mean, not their sum, so that it compares with a plain training's.
        """
        settings = self._settings
        passes = 2 if settings.r_drop else 1
        # Two passes in one batch, so that several processes exchange gradients once.
        batch = {k: v.repeat(passes, *[1] * (v.dim() - 1)) for k, v in features.items()}
        logits = model(**batch)["logits"].chunk(passes)
        rows = [cross_entropy(one, target, gamma=settings.focal_gamma) for one in logits]
        losses = torch.stack(rows).mean(0)
        if passes == 2:
            losses = losses + settings.r_drop * divergence(*logits)
        # Not divided by the batch's weights: a batch of light rows must move little.
        return (losses if weight is None else losses * weight).mean()
