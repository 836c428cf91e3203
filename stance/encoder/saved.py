"""A fine-tuned classifier on disk: weights, tokenizer, and the ONNX graph that scoring runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file

from stance.artifact import ONNX
from stance.encoder.familiarity import TEXTS, Familiarity, distances, lower, lower_vectors
from stance.encoder.finetune import FineTuned
from stance.encoder.model import Classifier, load_encoder, quiet
from stance.encoder.tracing import trace
from stance.schema import ModelError
from stance.spelling import Spelling

HEAD = "head.safetensors"
"""File of a saved model with the weights of the classifying head."""


def save(
    tuned: FineTuned, folder: Path, *, train: Sequence[str], dev: Sequence[str], max_length: int
) -> NDArray[np.float64]:
    """Write weights, configuration, tokenizer and the ONNX graph that scoring runs.

    Args:
        tuned: What to save.
        folder: Where.
        train: Texts that it was trained on, in the order of a seed.
        dev: Texts held out.
        max_length: Tokens that it reads.

    Returns:
        How far the held-out texts are from those trained on, shape (N,).
    """
    with quiet():
        tuned.model.encoder.save_pretrained(folder)
        tuned.tokenizer.save_pretrained(folder)
        head = tuned.model.head.state_dict()
        save_file(head, folder / HEAD, metadata={"pooling": tuned.model.pooling})
        return export(tuned.model, tuned.tokenizer, folder, train, dev, max_length=max_length)


def export(
    model: Classifier,
    tokenizer: Any,
    folder: Path,
    train: Sequence[str],
    dev: Sequence[str],
    *,
    max_length: int,
) -> NDArray[np.float64]:
    """Write the ONNX graph, with logits and the distance from the training texts; as `save`."""
    familiarity = Familiarity(
        *lower_vectors(model, tokenizer, train[:TEXTS], max_length=max_length)
    )
    example = tokenizer(["one", "a longer one, twice"], padding=True, return_tensors="pt")
    read = {name: example[name] for name in tokenizer.model_input_names if name in example}
    trace(
        _Positional(model, familiarity, list(read)),
        model.encoder,
        read,
        folder / ONNX,
        outputs={"logits": {0: "batch"}, "distance": {0: "batch"}},
    )
    return distances(familiarity, *lower_vectors(model, tokenizer, dev, max_length=max_length))


def logits(tuned: FineTuned, texts: Sequence[str], *, max_length: int) -> NDArray[np.float64]:
    """Return the outputs of a fine-tuned model itself, in fp32, shape (N, K); slips of the pen
    are mended, as where it scores."""
    device = next(tuned.model.parameters()).device
    result = np.zeros((len(texts), tuned.model.head.out_features))
    spelling = Spelling(tuned.tokenizer.get_vocab())
    tuned.model.eval()
    with torch.inference_mode():
        for row, text in enumerate(texts):
            batch = tuned.tokenizer(
                [spelling.mended(text)], truncation=True, max_length=max_length, return_tensors="pt"
            )
            read = {name: batch[name].to(device) for name in tuned.tokenizer.model_input_names}
            result[row] = tuned.model(**read)["logits"][0].float().cpu().numpy()
    return result


def load_classifier(folder: Path) -> Classifier:
    """Load a saved model's classifier back into torch, in evaluation mode.

    Raises:
        ModelError: If the folder holds no such model.
    """
    return load_saved(folder)[0]


def load_saved(folder: Path) -> tuple[Classifier, Any]:
    """Load a saved model's classifier, as `load_classifier`, and its tokenizer."""
    if not (folder / HEAD).is_file():
        raise ModelError(f"{folder}: no {HEAD}; expected a model saved by stance train")
    with safe_open(folder / HEAD, framework="pt") as head:
        weights = {name: head.get_tensor(name) for name in head.keys()}  # noqa: SIM118
        pooling = (head.metadata() or {}).get("pooling", "mean")
    tokenizer, encoder = load_encoder(str(folder))
    model = Classifier(encoder, len(weights["bias"]), pooling=pooling)
    model.head.load_state_dict(weights)
    return model.eval(), tokenizer


class _Positional(torch.nn.Module):
    """A classifier that takes its inputs in order and returns bare tensors, as tracing wants."""

    def __init__(self, model: Classifier, familiarity: Familiarity, names: Sequence[str]) -> None:
        super().__init__()
        self.model = model
        self.familiarity = familiarity
        self.names = tuple(names)

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        given = dict(zip(self.names, inputs, strict=True))
        out = self.model.encoder(**given, output_hidden_states=True)
        mask = given["attention_mask"]
        logits: torch.Tensor = self.model.head(self.model.pooled(out.last_hidden_state, mask))
        distance: torch.Tensor = self.familiarity(*lower(out.hidden_states, mask))
        return logits, distance
