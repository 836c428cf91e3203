"""Scores texts with ONNX Runtime: no torch, no transformers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stance.artifact import ONNX, TOKENIZER, Manifest, read_manifest
from stance.schema import DocumentError, ModelError

BATCH_TOKENS = 2048
"""Padded tokens in a batch: past some thousands a CPU gains nothing and memory grows."""


class Scorer:
    """A saved model ready to score.

    Args:
        folder: A saved model.
        threads: CPU threads; None lets ONNX Runtime take all cores.

    Raises:
        ModelError: If the folder is not a whole, sound model.
    """

    def __init__(self, folder: Path, *, threads: int | None = None) -> None:
        self.manifest: Manifest = read_manifest(folder)
        self._tokenizer, self._session = _open(folder, threads)
        outputs = self._session.get_outputs()[0].shape[-1]
        if outputs != len(self.manifest.labels):
            raise ModelError(
                f"{folder}: the network has {outputs} outputs, "
                f"but the manifest names {len(self.manifest.labels)} labels"
            )
        self._inputs = [node.name for node in self._session.get_inputs()]
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(self.manifest.max_length)

    def probabilities(self, texts: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Score texts.

        Returns:
            Calibrated probabilities, shape (N, K), rows summing to 1; and for each text whether it
            was longer than the model reads, shape (N,).

        Raises:
            DocumentError: If a text is empty or only blanks, or not a string.
        """
        logits, truncated = self.logits(texts)
        return softmax(logits / self.manifest.temperature), truncated

    def logits(self, texts: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return raw network outputs, shape (N, K), and truncation flags, shape (N,)."""
        for index, text in enumerate(texts):
            if not isinstance(text, str):
                raise DocumentError(f"text {index}: expected a string, found {type(text).__name__}")
            if not text.strip():
                raise DocumentError(f"text {index}: empty; there is no stance to score")
        encodings = self._tokenizer.encode_batch_fast(list(texts)) if texts else []
        # Offsets are not needed, but overflow is, so `truncated` costs nothing more.
        truncated = np.array([bool(encoding.overflowing) for encoding in encodings], dtype=bool)
        result = np.zeros((len(texts), len(self.manifest.labels)))
        for rows in _batches([len(encoding.ids) for encoding in encodings]):
            batch = self._pad([encodings[row] for row in rows])
            result[rows] = self._session.run(None, batch)[0]
        return result, truncated

    def _pad(self, encodings: Sequence[Any]) -> dict[str, NDArray[np.int64]]:
        width = max(len(encoding.ids) for encoding in encodings)
        shape = (len(encodings), width)
        arrays = {name: np.zeros(shape, dtype=np.int64) for name in self._inputs}
        for row, encoding in enumerate(encodings):
            length = len(encoding.ids)
            values = {
                "input_ids": encoding.ids,
                "attention_mask": encoding.attention_mask,
                "token_type_ids": encoding.type_ids,
            }
            for name in self._inputs:
                arrays[name][row, :length] = values[name]
        return arrays


class TokenScorer:
    """A saved tagger ready to score tokens.

    Args:
        folder: A saved tagger.
        threads: CPU threads; None lets ONNX Runtime take all cores.

    Attributes:
        manifest: What it says of itself.
        tokenizer: Its `tokenizers.Tokenizer`; it cuts and pads nothing.

    Raises:
        ModelError: If the folder is not a whole, sound tagger.
    """

    def __init__(self, folder: Path, *, threads: int | None = None) -> None:
        self.manifest: Manifest = read_manifest(folder)
        self.tokenizer, self._session = _open(folder, threads)
        if len(self._session.get_outputs()) != 2:
            raise ModelError(f"{folder}: a model of sentences, not of tokens")
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        # What the encoder has around a text: one token at least on each side, as in pre-training.
        self._around: list[int] = self.tokenizer.encode("").ids

    def logits(
        self, windows: Sequence[tuple[Sequence[int], Sequence[int]]]
    ) -> tuple[list[NDArray[np.float64]], NDArray[np.float64]]:
        """Score windows.

        Args:
            windows: The tokens, without special ones, and their looks, of each.

        Returns:
            Scores of each token's tags, one array of shape (T, K) a window, and of one tag after
            another, shape (K, K).
        """
        rows = [bracketed(ids, looks, self._around) for ids, looks in windows]
        result: list[NDArray[np.float64]] = [np.zeros((0, 0))] * len(rows)
        transitions = np.zeros((len(self.manifest.labels),) * 2)
        for batch in _batches([len(ids) for ids, _ in rows]):
            width = max(len(rows[row][0]) for row in batch)
            arrays = {
                name: np.zeros((len(batch), width), dtype=np.int64)
                for name in ("input_ids", "attention_mask", "looks")
            }
            for place, row in enumerate(batch):
                ids, looks = rows[row]
                arrays["input_ids"][place, : len(ids)] = ids
                arrays["attention_mask"][place, : len(ids)] = 1
                arrays["looks"][place, : len(ids)] = looks
            logits, transitions = self._session.run(None, arrays)
            for place, row in enumerate(batch):
                result[row] = logits[place, 1 : 1 + len(windows[row][0])].astype(float)
        return result, transitions.astype(float)


def bracketed(
    ids: Sequence[int], looks: Sequence[int], around: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Return a window's tokens and looks with the special tokens at its ends."""
    return [around[0], *ids, around[-1]], [0, *looks, 0]


def _open(folder: Path, threads: int | None) -> tuple[Any, Any]:
    """Return a saved model's tokenizer and its ONNX session."""
    import onnxruntime
    from tokenizers import Tokenizer

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.log_severity_level = 3
    try:
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        session = onnxruntime.InferenceSession(
            str(folder / ONNX), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # both libraries raise their own kinds
        raise ModelError(f"{folder}: model cannot be loaded: {error}") from error
    return tokenizer, session


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn logits of shape (N, K) into probabilities; rows sum to 1."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    total: NDArray[np.float64] = shifted / shifted.sum(axis=1, keepdims=True)
    return total


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield row numbers in batches of like length, each within the token budget."""
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    start = 0
    while start < len(order):
        size = max(1, BATCH_TOKENS // max(1, lengths[order[start]]))
        yield order[start : start + size]
        start += size
