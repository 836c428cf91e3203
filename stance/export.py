"""The networks that scoring runs, held against the model they were made of on sentences of dev.

A graph that says something else than the trained model would put another model's figures in print.
So the one in fp32 must say the same to 1e-4, and the one in 8 bits must give 99 sentences in 100
the same label and be as good; or else it is refused and fp32 scores.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stance import artifact, metrics
from stance.confidence import softmax
from stance.runtime import Scorer
from stance.schema import ModelError

if TYPE_CHECKING:
    from stance.encoder import FineTuned

APART = 1e-4
"""How far a probability of the fp32 graph may be from the model's."""

AGREEMENT = 0.99
"""Share of labels that the int8 graph must have in common with the fp32 graph."""

F1_APART = 0.005
"""How far the macro-F1 of the int8 graph may be from that of the fp32 graph."""

SPARED = (0.0, 0.1, 0.25)
"""Shares of the matrix products left in fp32, from the fastest to the nearest to fp32."""

SEEN = 256
"""Texts that the roundings are fitted to."""


def check_fp32(folder: Path, tuned: FineTuned, texts: Sequence[str]) -> None:
    """Refuse a graph that says other than the model: a trace may go wrong without a word.

    Raises:
        ModelError: If a probability differs by more than `APART`.
    """
    from stance import encoder

    scorer = Scorer(folder, precision="fp32")
    found, _ = scorer.logits(texts)
    expected = encoder.logits(tuned, texts, max_length=scorer.manifest.max_length)
    apart = float(abs(softmax(found) - softmax(expected)).max(initial=0))
    if not apart <= APART:
        raise ModelError(
            f"the ONNX graph of this {tuned.model.encoder.config.model_type} encoder says other "
            f"than the model: probabilities differ by {apart:.2g}; choose another encoder.name"
        )


def add_int8(
    folder: Path,
    train: Sequence[str],
    texts: Sequence[str],
    gold: NDArray[np.int64],
    *,
    say: Callable[[str], None],
) -> artifact.Manifest:
    """Give a saved model a network in 8 bits, if it says the same; write the manifest anew.

    Args:
        folder: A saved model.
        train: Texts that it was trained on, in the order of a seed: roundings are fitted to some.
        texts: Sentences of dev.
        gold: Their label numbers, shape (N,).
        say: Told in a line what came of it.

    Returns:
        The manifest: `precision` is `int8` if the network was accepted, and `int8` has its figures.
    """
    from stance import encoder

    manifest = artifact.read_manifest(folder)
    scorer = Scorer(folder, precision="fp32")
    watch = partial(scorer.watch, texts=train[:SEEN])
    expected, _ = scorer.logits(texts)
    figures: dict[str, Any] = {}
    for spared in SPARED:
        paths = folder / artifact.ONNX, folder / artifact.ONNX_INT8
        encoder.quantise(*paths, watch, spared=spared)
        artifact.write_manifest(folder, manifest)
        found, _ = Scorer(folder, precision="int8").logits(texts)
        figures = compared(found, expected, gold, manifest.labels)
        said = "int8: {agreement:.4f} of labels as in fp32, macro-F1 {macro_f1:.3f} against "
        say((said + "{macro_f1_fp32:.3f}").format(**figures))
        if figures["accepted"]:
            break
    if not figures["accepted"]:
        (folder / artifact.ONNX_INT8).unlink()
        say("int8: refused, fp32 scores")
    precision = "int8" if figures["accepted"] else "fp32"
    artifact.write_manifest(folder, replace(manifest, precision=precision, int8=figures))
    return artifact.read_manifest(folder)


def compared(
    found: NDArray[np.float64],
    expected: NDArray[np.float64],
    gold: NDArray[np.int64],
    labels: Sequence[str],
) -> dict[str, Any]:
    """Compare the outputs (N, K) of two networks, the second the one that is right."""
    ours, theirs = found.argmax(axis=1), expected.argmax(axis=1)
    f1, f1_fp32 = (metrics.macro_f1(gold, each, len(labels)) for each in (ours, theirs))
    agreement = float((ours == theirs).mean())
    return {
        "sentences": len(gold),
        "agreement": agreement,
        "macro_f1": f1,
        "macro_f1_fp32": f1_fp32,
        "accepted": agreement >= AGREEMENT and abs(f1 - f1_fp32) <= F1_APART,
    }
