"""Labels without training: a model of natural language inference is asked for each label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForSequenceClassification

from stance.encoder.model import load
from stance.schema import ModelError


def zero_shot(
    name: str, texts: Sequence[str], hypotheses: Sequence[str], *, max_length: int = 256
) -> NDArray[np.float64]:
    """Ask whether each text entails each hypothesis (Yin, Hay & Roth, EMNLP 2019).

    Args:
        name: A folder or hub id of a sequence classifier with a label `entailment`.
        texts: Sentences.
        hypotheses: One for each of K labels.
        max_length: Tokens of text and hypothesis together.

    Returns:
        Shape (N, K): the probability of entailment, rows scaled to sum to 1.

    Raises:
        ModelError: If it cannot be loaded, or is no model of inference.
    """
    tokenizer, model, _ = load(AutoModelForSequenceClassification, name)
    names = {str(label).lower(): i for i, label in model.config.id2label.items()}
    if "entailment" not in names:
        raise ModelError(
            f"{name}: expected a model of natural language inference with a label 'entailment', "
            f"found {', '.join(map(str, model.config.id2label.values()))}"
        )
    model.eval()
    scores = np.zeros((len(texts), len(hypotheses)))
    with torch.inference_mode():
        for column, hypothesis in enumerate(hypotheses):
            for start in range(0, len(texts), 32):
                part = list(texts[start : start + 32])
                batch = tokenizer(
                    part,
                    [hypothesis] * len(part),
                    padding=True,
                    truncation="only_first",
                    max_length=max_length,
                    return_tensors="pt",
                )
                read = {key: batch[key] for key in tokenizer.model_input_names if key in batch}
                probs = model(**read).logits.softmax(dim=1)[:, names["entailment"]]
                scores[start : start + len(part), column] = probs.float().numpy()
    return np.asarray(scores / np.maximum(scores.sum(axis=1, keepdims=True), 1e-12))
