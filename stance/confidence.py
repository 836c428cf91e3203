"""How far a model's answer is to be trusted: what is learnt on dev, saved with it, and applied.

`stance.calibration` learns it; this applies it, with nothing but numpy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stance.schema import ModelError, Prediction, StanceError

FloatArray = NDArray[np.float64]

LEVELS: tuple[float, ...] = tuple(round(0.5 + i / 100, 2) for i in range(50))
"""Coverages of label sets, and precisions to abstain by, that are learnt: 0.50 to 0.99."""
COVERAGE = 0.9
"""Coverage of the label set that a prediction carries."""


@dataclass(frozen=True, slots=True)
class Confidence:
    """What a model's outputs are worth.

    Attributes:
        labels: The K labels, in the order of the outputs.
        method: How the probabilities were calibrated: `temperature`, `vector` or `dirichlet`.
        weight: Matrix of shape (K, K) of the calibration.
        bias: Shape (K,): the probabilities are softmax(weight · log softmax(outputs) + bias).
        sets: Shape (levels, K): the least probability of a label to be in a set of a coverage of
            `LEVELS`; None for a model that was not given it.
        answers: Shape (levels,): the least probability to answer for a precision of `LEVELS`,
            infinite where dev reaches none; None likewise.
        farthest: Distance from what the model was trained on past which a text is unfamiliar; None
            for a model that does not tell.
    """

    labels: tuple[str, ...]
    method: str
    weight: FloatArray
    bias: FloatArray
    sets: FloatArray | None = None
    answers: FloatArray | None = None
    farthest: float | None = None

    def probabilities(self, outputs: FloatArray) -> FloatArray:
        """Turn the network's outputs, shape (N, K), into calibrated probabilities."""
        return softmax(log_softmax(outputs) @ self.weight.T + self.bias)

    def in_set(self, probs: FloatArray, coverage: float = COVERAGE) -> NDArray[np.bool_]:
        """Tell which labels are in the conformal set of each row, shape (N, K).

        Sets of label-conditional split conformal prediction (Vovk 2012; Sadinle, Lei & Wasserman
        2019): of sentences of each label, like those of dev, at least the share `coverage` has its
        gold label in the set. The predicted label is always in it.

        Raises:
            StanceError: If the coverage is not in [0.5, 0.99].
            ModelError: If the model was saved without.
        """
        least = self._learnt(self.sets, "label sets")[_level(coverage, "coverage")]
        found: NDArray[np.bool_] = probs >= least
        found[np.arange(len(probs)), probs.argmax(axis=1)] = True
        return found

    def answered(self, probs: FloatArray, precision: float) -> NDArray[np.bool_]:
        """Tell which rows are sure enough for labels to be right at a rate of `precision`.

        Raises:
            StanceError: If the precision is not in [0.5, 0.99], or dev does not reach it.
            ModelError: If the model was saved without.
        """
        answers = self._learnt(self.answers, "thresholds to abstain by")
        least = answers[_level(precision, "abstain")]
        if not math.isfinite(least):
            reached = [level for level, t in zip(LEVELS, answers, strict=True) if math.isfinite(t)]
            highest = f"the highest is {max(reached)}" if reached else "it reaches none"
            raise StanceError(
                f"abstain={precision}: no probability at which dev shows that so many labels are "
                f"right; {highest}"
            )
        return np.asarray(probs.max(axis=1) >= least)

    def reaches(self, precision: float) -> bool:
        """Tell whether dev shows so many right labels at some probability; see `answered`."""
        if self.answers is None:
            return False
        return math.isfinite(self.answers[_level(precision, "abstain")])

    def predictions(
        self,
        outputs: FloatArray,
        truncated: NDArray[np.bool_],
        distances: FloatArray | None,
        poles: tuple[str, str] | None,
        coverage: float = COVERAGE,
    ) -> list[Prediction]:
        """Return what the network's outputs say of each text; see `Prediction`."""
        probs = self.probabilities(outputs)
        sets = None if self.sets is None else self.in_set(probs, coverage)
        unfamiliar = self.unfamiliar(len(probs), distances)
        low, high = (self.labels.index(pole) for pole in poles) if poles else (0, 0)
        return [
            Prediction(
                label=self.labels[int(row.argmax())],
                probabilities=dict(zip(self.labels, map(float, row), strict=True)),
                score=float(row[high] - row[low]) if poles else None,
                truncated=bool(truncated[i]),
                label_set=None
                if sets is None
                else tuple(self.labels[j] for j in np.flatnonzero(sets[i])),
                unfamiliar=bool(unfamiliar[i]),
            )
            for i, row in enumerate(probs)
        ]

    def silent(self, predictions: Sequence[Prediction], abstain: float | None) -> set[int]:
        """Return the numbers of the predictions that are not sure enough for a label."""
        if abstain is None or not predictions:
            return set()
        probs = np.array([list(p.probabilities.values()) for p in predictions])
        answered = self.answered(probs, abstain)
        return {i for i, p in enumerate(predictions) if p.unfamiliar or not answered[i]}

    def unfamiliar(self, n: int, distances: FloatArray | None) -> NDArray[np.bool_]:
        """Tell which of `n` texts are unlike those that the model was trained on, shape (N,).

        None of them, of a model that does not tell distances.
        """
        if self.farthest is None or distances is None:
            return np.zeros(n, dtype=bool)
        return np.asarray(distances > self.farthest)

    def _learnt(self, table: FloatArray | None, what: str) -> FloatArray:
        if table is None:
            raise ModelError(
                f"this model was saved without {what}; learn them from its dev split once:  "
                f"stance calibrate MODEL"
            )
        return table

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types, for the manifest; infinity as None."""
        return {
            "method": self.method,
            "weight": self.weight.tolist(),
            "bias": self.bias.tolist(),
            "levels": list(LEVELS),
            "sets": None if self.sets is None else self.sets.tolist(),
            "answers": None
            if self.answers is None
            else [t if math.isfinite(t) else None for t in self.answers.tolist()],
            "farthest": self.farthest,
        }


def read_confidence(
    labels: Sequence[str], temperature: float, content: Mapping[str, Any]
) -> Confidence:
    """Return what a manifest says of the confidence; of an older model, its temperature alone.

    Raises:
        ModelError: If it makes no sense.
    """
    labels = tuple(labels)
    if not content:
        return Confidence(labels, "temperature", *scaling(len(labels), temperature))
    try:
        sets, answers = content["sets"], content["answers"]
        found = Confidence(
            labels,
            content["method"],
            np.array(content["weight"], dtype=float),
            np.array(content["bias"], dtype=float),
            None if sets is None else np.array(sets, dtype=float),
            None if answers is None else np.array(answers, dtype=float),
            content.get("farthest"),
        )
        k, levels = len(labels), len(LEVELS)
        shapes = [(found.weight, (k, k)), (found.bias, (k,))]
        shapes += [(t, s) for t, s in ((found.sets, (levels, k)),) if t is not None]
        shapes += [(t, s) for t, s in ((found.answers, (levels,)),) if t is not None]
        if any(table.shape != shape for table, shape in shapes):
            raise ValueError("a table of another shape than the labels need")
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"damaged confidence in the manifest ({error})") from None
    if found.answers is not None:
        found.answers[np.isnan(found.answers)] = np.inf
    return found


def scaling(k: int, temperature: float) -> tuple[FloatArray, FloatArray]:
    """Return weight and bias that divide the outputs by a temperature."""
    return np.eye(k) / temperature, np.zeros(k)


def _level(wanted: float, name: str) -> int:
    """Return the number of the first level that is at least what is wanted."""
    if not LEVELS[0] <= wanted <= LEVELS[-1]:
        raise StanceError(f"{name}={wanted}: expected a share of {LEVELS[0]} to {LEVELS[-1]}")
    return next(i for i, level in enumerate(LEVELS) if level >= wanted - 1e-9)


def softmax(logits: FloatArray) -> FloatArray:
    """Turn logits of shape (N, K) into probabilities; rows sum to 1."""
    return np.exp(log_softmax(logits))


def log_softmax(logits: FloatArray) -> FloatArray:
    """Turn logits of shape (N, K) into the logarithms of probabilities."""
    shifted = logits - logits.max(axis=1, keepdims=True, initial=-np.inf)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
