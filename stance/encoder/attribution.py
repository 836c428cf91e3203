"""Integrated gradients: what each token adds to the probability of a label."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stance.encoder.saved import load_saved
from stance.schema import Span
from stance.spelling import Spelling

STEPS = 20
"""Points on the way from a sentence of masks to the sentence."""


def integrated_gradients(
    folder: Path,
    texts: Sequence[str],
    spans: Sequence[Sequence[Span]],
    predicted: Sequence[int],
    *,
    weight: NDArray[np.float64],
    bias: NDArray[np.float64],
    max_length: int,
) -> list[list[float]]:
    """Weigh words by integrated gradients (Sundararajan, Taly & Yan, ICML 2017), through captum.

    The way goes from the sentence with every token masked to the sentence; a word's weight is the
    sum of its tokens', and all weights of a sentence add up to the difference between the two
    probabilities of its label.

    Args:
        folder: A saved model.
        texts: Sentences.
        spans: Words of each.
        predicted: Number of the label to explain of each.
        weight: Of the calibration (`stance.confidence`), shape (K, K).
        bias: Likewise, shape (K,).
        max_length: Tokens that the model reads; words beyond have weight 0.

    Returns:
        For each text a weight for each word, in the unit of a probability.

    Raises:
        ModelError: If the folder cannot be trained further, so has no gradients.
    """
    from captum.attr import LayerIntegratedGradients  # an extra

    model, tokenizer = load_saved(folder)
    spelling = Spelling(tokenizer.get_vocab())
    scale, shift = (torch.tensor(values, dtype=torch.float32) for values in (weight, bias))

    def probability(ids: torch.Tensor, mask: torch.Tensor, *types: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = model(ids, mask, *types)["logits"]
        return torch.softmax(logits.log_softmax(dim=1) @ scale.T + shift, dim=1)

    gradients = LayerIntegratedGradients(probability, model.encoder.get_input_embeddings())
    weights = []
    for text, own, label in zip(texts, spans, predicted, strict=True):
        batch = tokenizer(
            spelling.mended(text),  # as where it scores; as long as the text, so offsets hold
            truncation=True,
            max_length=max_length,
            return_tensors="pt",
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
        )
        found = gradients.attribute(
            batch["input_ids"],
            baselines=_masked(batch, tokenizer),
            target=label,
            additional_forward_args=tuple(
                batch[name] for name in ("attention_mask", "token_type_ids") if name in batch
            ),
            n_steps=STEPS,
            internal_batch_size=STEPS,
        )
        tokens = found[0].sum(dim=-1).tolist()
        weights.append(_by_word(own, batch["offset_mapping"][0].tolist(), tokens))
    return weights


def _masked(batch: Any, tokenizer: Any) -> torch.Tensor:
    """Return the ids (1, T) with all but the special tokens masked."""
    blank = next(
        token
        for token in (tokenizer.mask_token_id, tokenizer.pad_token_id, tokenizer.unk_token_id)
        if token is not None
    )
    masked: torch.Tensor = torch.where(
        batch["special_tokens_mask"].bool(), batch["input_ids"], torch.tensor(blank)
    )
    return masked


def _by_word(
    spans: Sequence[Span], offsets: Sequence[Sequence[int]], tokens: Sequence[float]
) -> list[float]:
    """Add up the tokens of each word; a token that touches two goes to the first."""
    weights = [0.0] * len(spans)
    for (start, end), weight in zip(offsets, tokens, strict=True):
        for number, span in enumerate(spans):
            if start < span.end and end > span.start:
                weights[number] += weight
                break
    return weights
