"""Scores texts with ONNX Runtime: no torch, no transformers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from stance.artifact import GRAPHS, TOKENIZER, Manifest, read_manifest
from stance.schema import DocumentError, ModelError
from stance.spelling import Spelling

BATCH_TOKENS = {"cpu": 256, "cuda": 16384}
"""Padded tokens in a batch. What a layer of a small encoder computes for 256 tokens stays in the
cache next to a CPU core: with 2,048 it takes 1.8 times as long."""

WINDOW = 4096
"""Texts that are tokenised, and sorted by length, together."""

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
"""What ONNX Runtime calls the devices."""


class Options(TypedDict, total=False):
    """How a model scores; see `Scorer`."""

    precision: str | None
    device: str
    threads: int | None
    batch_tokens: int | None


@dataclass(frozen=True, slots=True)
class Scored:
    """What the network says of N texts.

    Attributes:
        logits: Its raw outputs, shape (N, K).
        truncated: Whether a text was longer than the model reads, shape (N,).
        distances: How far a text is from those the model was trained on, shape (N,), 0 or more;
            None if the network does not tell.
    """

    logits: NDArray[np.float64]
    truncated: NDArray[np.bool_]
    distances: NDArray[np.float64] | None


class Scorer:
    """A saved model ready to score.

    Args:
        folder: A saved model.
        precision: `fp32` or `int8`; None takes what the model's manifest says, and fp32 on a GPU.
        device: `cpu`, or `cuda` with onnxruntime-gpu.
        threads: CPU threads; None takes `cores()`.
        batch_tokens: Padded tokens in a batch, at least 1. [256 on a CPU, 16,384 on a GPU]

    Raises:
        ModelError: If the folder is not a whole, sound model, or has no graph of that precision,
            or the device is not there.
    """

    def __init__(
        self,
        folder: Path,
        *,
        precision: str | None = None,
        device: str = "cpu",
        threads: int | None = None,
        batch_tokens: int | None = None,
    ) -> None:
        self.manifest: Manifest = read_manifest(folder)
        self.precision = precision or (self.manifest.precision if device == "cpu" else "fp32")
        self.batch_tokens = batch_tokens or BATCH_TOKENS.get(device, 1)
        graph = _graph(folder, self.manifest, self.precision)
        self._tokenizer, self._session = _open(folder, graph, device=device, threads=threads)
        outputs = self._session.get_outputs()[0].shape[-1]
        if outputs != len(self.manifest.labels):
            raise ModelError(
                f"{folder}: the network has {outputs} outputs, "
                f"but the manifest names {len(self.manifest.labels)} labels"
            )
        self._tells_distance = len(self._session.get_outputs()) > 1
        self._inputs = [node.name for node in self._session.get_inputs()]
        self._spelling = Spelling(self._tokenizer.get_vocab())
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(self.manifest.max_length)

    def score(self, texts: Sequence[str]) -> Scored:
        """Score texts.

        Equal texts are scored once, slips of the pen are mended (`stance.spelling`). What a text
        gets does not depend on what it is scored with, but for the rounding of sums: under 1e-5.

        Raises:
            DocumentError: If a text is empty or only blanks, or not a string.
        """
        for index, text in enumerate(texts):
            if not isinstance(text, str):
                raise DocumentError(f"text {index}: expected a string, found {type(text).__name__}")
            if not text.strip():
                raise DocumentError(f"text {index}: empty; there is no stance to score")
        place = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        logits = np.zeros((len(place), len(self.manifest.labels)))
        distances = np.zeros(len(place)) if self._tells_distance else None
        truncated = np.zeros(len(place), dtype=bool)
        start = 0
        for encodings in self._encoded([self._spelling.mended(text) for text in place]):
            # Offsets are not needed, but overflow is, so `truncated` costs nothing more.
            stop = start + len(encodings)
            truncated[start:stop] = [bool(encoding.overflowing) for encoding in encodings]
            lengths = [len(encoding) for encoding in encodings]
            for rows in _batches(lengths, self.batch_tokens):
                found = self._session.run(None, self._pad([encodings[row] for row in rows]))
                places = [start + row for row in rows]
                logits[places] = found[0]
                if distances is not None:
                    distances[places] = found[1]
            start = stop
        rows = [place[text] for text in texts]
        return Scored(logits[rows], truncated[rows], None if distances is None else distances[rows])

    def logits(self, texts: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return raw network outputs, shape (N, K), and truncation flags, shape (N,)."""
        found = self.score(texts)
        return found.logits, found.truncated

    def watch(
        self, network: bytes, names: Sequence[str], *, texts: Sequence[str]
    ) -> Iterator[dict[str, NDArray[np.float32]]]:
        """Show what a network like this one has of texts at some places, batch by batch.

        Args:
            network: The ONNX model, in which the places are outputs.
            names: The places.
            texts: What is scored.

        Returns:
            The values of each, shape (T, W), T the tokens of the batch without what pads them.
        """
        feeds = (
            self._pad([encodings[row] for row in rows])
            for encodings in self._encoded(list(texts))
            for rows in _batches([len(each) for each in encodings], self.batch_tokens)
        )
        return _watched(network, names, feeds)

    def _encoded(self, texts: list[str]) -> Iterator[list[Any]]:
        """Yield the texts tokenised, a window at a time, the next one while this one is scored."""
        encode = self._tokenizer.encode_batch_fast
        if len(texts) <= WINDOW:
            yield encode(texts) if texts else []
            return
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1) as ahead:  # the tokenizer works outside Python's lock
            coming = ahead.submit(encode, texts[:WINDOW])
            for start in range(WINDOW, len(texts) + WINDOW, WINDOW):
                window = coming.result()
                coming = ahead.submit(encode, texts[start : start + WINDOW])
                yield window

    def _pad(self, encodings: Sequence[Any]) -> dict[str, NDArray[np.int64]]:
        columns = {
            "input_ids": [encoding.ids for encoding in encodings],
            "attention_mask": [encoding.attention_mask for encoding in encodings],
            "token_type_ids": [encoding.type_ids for encoding in encodings],
        }
        return {name: _padded(columns[name]) for name in self._inputs}


class TokenScorer:
    """A saved tagger ready to score tokens.

    Args:
        folder: A saved tagger.
        precision: `fp32` or `int8`; None takes what its manifest says.
        threads: CPU threads; None takes `cores()`.

    Attributes:
        manifest: What it says of itself.
        tokenizer: Its `tokenizers.Tokenizer`; it cuts and pads nothing.

    Raises:
        ModelError: If the folder is not a whole, sound tagger.
    """

    def __init__(
        self, folder: Path, *, precision: str | None = None, threads: int | None = None
    ) -> None:
        self.manifest: Manifest = read_manifest(folder)
        graph = _graph(folder, self.manifest, precision or self.manifest.precision)
        self.tokenizer, self._session = _open(folder, graph, threads=threads)
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
        result: list[NDArray[np.float64]] = [np.zeros((0, 0))] * len(windows)
        transitions = np.zeros((len(self.manifest.labels),) * 2)
        for batch, feed in self._feeds(windows):
            logits, transitions = self._session.run(None, feed)
            for place, row in enumerate(batch):
                result[row] = logits[place, 1 : 1 + len(windows[row][0])].astype(float)
        return result, transitions.astype(float)

    def watch(
        self,
        network: bytes,
        names: Sequence[str],
        *,
        windows: Sequence[tuple[Sequence[int], Sequence[int]]],
    ) -> Iterator[dict[str, NDArray[np.float32]]]:
        """Show what a network like this one has of windows, as `Scorer.watch` does of texts."""
        return _watched(network, names, (feed for _, feed in self._feeds(windows)))

    def _feeds(
        self, windows: Sequence[tuple[Sequence[int], Sequence[int]]]
    ) -> Iterator[tuple[list[int], dict[str, NDArray[np.int64]]]]:
        rows = [bracketed(ids, looks, self._around) for ids, looks in windows]
        for batch in _batches([len(ids) for ids, _ in rows], BATCH_TOKENS["cpu"]):
            arrays = {
                "input_ids": _padded([rows[row][0] for row in batch]),
                "attention_mask": _padded([[1] * len(rows[row][0]) for row in batch]),
                "looks": _padded([rows[row][1] for row in batch]),
            }
            yield batch, arrays


def bracketed(
    ids: Sequence[int], looks: Sequence[int], around: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Return a window's tokens and looks with the special tokens at its ends."""
    return [around[0], *ids, around[-1]], [0, *looks, 0]


def _open(
    folder: Path, graph: Path, *, device: str = "cpu", threads: int | None = None
) -> tuple[Any, Any]:
    """Return a saved model's tokenizer and the ONNX session of one of its graphs."""
    import onnxruntime
    from tokenizers import Tokenizer

    provider = _provider(device, onnxruntime.get_available_providers())
    try:
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        session = _session(str(graph), provider, threads=threads)
    except Exception as error:  # both libraries raise their own kinds
        raise ModelError(f"{folder}: model cannot be loaded: {error}") from error
    return tokenizer, session


def _session(network: str | bytes, provider: str, *, threads: int | None) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or cores()
    options.log_severity_level = 3
    # A thread that waits for work in a loop starves whatever else runs on the machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(network, options, providers=[provider])


def _watched(
    network: bytes, names: Sequence[str], feeds: Iterable[dict[str, NDArray[np.int64]]]
) -> Iterator[dict[str, NDArray[np.float32]]]:
    session = _session(network, PROVIDERS["cpu"], threads=None)
    for feed in feeds:
        read = feed["attention_mask"] > 0
        values = zip(names, session.run(list(names), feed), strict=True)
        yield {
            name: each[read] if each.shape[:2] == read.shape else each.reshape(-1, each.shape[-1])
            for name, each in values
        }


def cores() -> int:
    """Return the CPUs this process may use; fewer if `OMP_NUM_THREADS` says so."""
    try:
        usable = len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        usable = os.cpu_count() or 1
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    return min(usable, int(wanted)) if wanted.isdecimal() and int(wanted) else usable


def _graph(folder: Path, manifest: Manifest, precision: str) -> Path:
    """Return the file with the network of a precision."""
    if precision not in GRAPHS:
        raise ModelError(f"precision {precision!r}: expected one of {', '.join(GRAPHS)}")
    if GRAPHS[precision] not in manifest.files:
        why = "its int8 rounding changed too much" if manifest.int8 else "it was saved without one"
        raise ModelError(f"{folder}: no {precision} network ({why}); use precision fp32")
    return folder / GRAPHS[precision]


def _provider(device: str, available: Sequence[str]) -> str:
    """Return what ONNX Runtime calls a device."""
    if device not in PROVIDERS:
        raise ModelError(f"device {device!r}: expected one of {', '.join(PROVIDERS)}")
    if PROVIDERS[device] not in available:
        raise ModelError(
            f"device {device}: this ONNX Runtime knows no {PROVIDERS[device]}; with a GPU, run  "
            f"pip uninstall onnxruntime; pip install onnxruntime-gpu"
        )
    return PROVIDERS[device]


def _batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Yield row numbers in batches of like length, each within the token budget."""
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    start = 0
    while start < len(order):
        size = max(1, budget // max(1, lengths[order[start]]))
        yield order[start : start + size]
        start += size


def _padded(rows: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    """Return rows of numbers as one array, noughts behind the shorter ones."""
    array = np.zeros((len(rows), max(map(len, rows))), dtype=np.int64)
    for place, row in enumerate(rows):
        array[place, : len(row)] = row
    return array
