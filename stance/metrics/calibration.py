"""Whether probabilities mean what they say."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stance.metrics.bootstrap import (
    RESAMPLES,
    Figure,
    FloatArray,
    IntArray,
    bootstrap,
    figure,
    ratio,
)
from stance.metrics.probabilities import squares, surprises

BINS = 15
NULL = 200
"""Samples of a calibrated model that an error is held against."""
_FOR_A_PICTURE = 200
_erf = np.vectorize(math.erf, otypes=[float])


def calibration_error(
    gold: IntArray, probs: FloatArray, *, bins: int = BINS, debiased: bool = True
) -> float:
    """Return the expected calibration error of the predicted labels, in [0, 1]; 0 is the best.

    The mean over bins of |share of right labels − mean probability of the predicted label|, rows
    sorted by that probability and cut into bins of equal size (Naeini et al. 2015; Nguyen &
    O'Connor 2015 for equal size). In a finite sample a perfectly calibrated model has an error
    above 0; `debiased` takes off what chance adds, by the normal approximation of each bin's share
    (Kumar, Liang & Ma, Verified Uncertainty Calibration, NeurIPS 2019, appendix on the ℓ1 error;
    their resampling is replaced by the mean of a folded normal), at least 0.

    Args:
        gold: Label numbers, shape (N,).
        probs: Probabilities, shape (N, K).
        bins: Number of bins; fewer where there would be under two rows in one.
        debiased: Take off the bias.
    """
    errors = Bins(*_predicted(gold, probs), bins=bins).errors(np.ones((1, len(gold))))
    return float(errors["debiased" if debiased else "plain"][0])


def calibration_figures(
    gold: IntArray,
    probs: FloatArray,
    labels: Sequence[str],
    *,
    groups: Sequence[object] | None = None,
    bins: int = BINS,
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """Compute the calibration of the predicted labels and of each label, with 95 % intervals.

    The interval of a calibration error is the spread of the debiased error of samples about the
    plain error of the rows, which is what the samples estimate, moved to the debiased error of the
    rows. It begins at 0 where a calibrated model would show as large an error by chance (`p` over
    0.05): no spread of samples can tell, since an error is never below 0.

    Returns:
        `ece`, the debiased error as `calibration_error`, with `p`, the chance that a calibrated
        model shows as large a plain error (Bröcker & Smith 2007); `ece_plain` without the
        debiasing; `log_loss`, `brier`; and `labels`, of each the `ece` of its own probability
        (class-wise calibration, Kull et al. 2019).
    """
    parts = {"": Bins(*_predicted(gold, probs), bins=bins)}
    for i, label in enumerate(labels):
        parts[label] = Bins(probs[:, i], gold == i, bins=bins)
    losses = {"log_loss": surprises(gold, probs), "brier": squares(gold, probs)}

    def statistic(weights: FloatArray) -> Mapping[str, FloatArray]:
        total = weights.sum(axis=1)
        found = {f"loss {name}": weights @ loss / total for name, loss in losses.items()}
        for name, part in parts.items():
            for kind, values in part.errors(weights).items():
                found[f"{kind} {name}"] = values
        return found

    point, drawn = bootstrap(statistic, len(gold), groups=groups, resamples=resamples)

    def error(name: str) -> Figure:
        value, plain = point[f"debiased {name}"], point[f"plain {name}"]
        found = figure(value, np.clip(value + drawn[f"debiased {name}"] - plain, 0, 1))
        p = float((parts[name].errors_by_chance(NULL) >= plain).mean())
        known = found["low"] is not None
        return {**found, "low": 0.0 if known and p > 0.05 else found["low"], "p": p}

    return {
        "ece": error(""),
        "ece_plain": float(point["plain "]),
        **{name: figure(point[f"loss {name}"], drawn[f"loss {name}"]) for name in losses},
        "labels": {label: {"ece": error(label)} for label in labels},
    }


def reliability(
    gold: IntArray,
    probs: FloatArray,
    labels: Sequence[str],
    *,
    groups: Sequence[object] | None = None,
    bins: int = 10,
) -> dict[str, list[dict[str, Any]]]:
    """Return what a reliability plot shows (DeGroot & Fienberg 1983), by bins of equal size.

    Returns:
        For `predicted` (the predicted label) and for each label, of each bin from the least to the
        most probable `n`, the mean `probability`, and how often it came true: `share`, a figure
        with its interval.
    """
    parts = {"predicted": Bins(*_predicted(gold, probs), bins=bins)}
    for i, label in enumerate(labels):
        parts[label] = Bins(probs[:, i], gold == i, bins=bins)
    found: dict[str, list[dict[str, Any]]] = {}
    for name, part in parts.items():

        def shares(weights: FloatArray, part: Bins = part) -> Mapping[str, FloatArray]:
            size, share, _ = part.of(weights)
            return {"share": np.where(size > 0, share, np.nan)}

        point, drawn = bootstrap(shares, len(gold), groups=groups, resamples=_FOR_A_PICTURE)
        size, _, sure = part.of(np.ones((1, len(gold))))
        found[name] = [
            {
                "n": int(size[0, i]),
                "probability": float(sure[0, i]),
                "share": figure(point["share"][i], drawn["share"][:, i]),
            }
            for i in range(size.shape[1])
        ]
    return found


class Bins:
    """Rows in bins of equal size by a probability; counts and errors of samples of them.

    Args:
        sure: A probability of each row, shape (N,).
        right: Whether it came true, shape (N,).
        bins: Number of bins; fewer where there would be under two rows in one.
    """

    def __init__(self, sure: FloatArray, right: FloatArray, *, bins: int) -> None:
        self._order = np.argsort(sure, kind="stable")
        self._sure, self._right = sure[self._order], right[self._order].astype(float)
        parts = np.array_split(np.arange(len(sure)), max(1, min(bins, len(sure) // 2)))
        self._starts = np.array([part[0] for part in parts])
        self._size = np.array([len(part) for part in parts])

    def of(self, weights: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return size, share of right and mean probability of each bin, each of shape (B, M)."""
        weights = weights[:, self._order]
        size = np.add.reduceat(weights, self._starts, axis=1)
        share = ratio(np.add.reduceat(weights * self._right, self._starts, axis=1), size)
        sure = ratio(np.add.reduceat(weights * self._sure, self._starts, axis=1), size)
        return size, share, sure

    def errors(self, weights: FloatArray) -> dict[str, FloatArray]:
        """Return the `plain` and the `debiased` calibration error of samples, shape (B,)."""
        size, share, sure = self.of(weights)
        gap = share - sure
        total = size.sum(axis=1)
        plain = (np.abs(gap) * size).sum(axis=1) / total
        by_chance = _folded_mean(gap, np.sqrt(ratio(share * (1 - share), size)))
        chance = (by_chance * size).sum(axis=1) / total
        return {"plain": plain, "debiased": np.maximum(0, 2 * plain - chance)}

    def errors_by_chance(self, samples: int, *, seed: int = 0) -> FloatArray:
        """Return the plain errors of samples in which each row comes true by its probability."""
        rng = np.random.default_rng(seed)
        sure = np.add.reduceat(self._sure, self._starts)
        found = np.zeros(samples)
        for i in range(samples):
            right = (rng.random(len(self._sure)) < self._sure).astype(float)
            found[i] = np.abs(np.add.reduceat(right, self._starts) - sure).sum()
        errors: FloatArray = found / self._size.sum()
        return errors


def _predicted(gold: IntArray, probs: FloatArray) -> tuple[FloatArray, FloatArray]:
    return probs.max(axis=1), (probs.argmax(axis=1) == gold).astype(float)


def _folded_mean(mean: FloatArray, sd: FloatArray) -> FloatArray:
    """Return the mean of |X| for X normal."""
    z = ratio(mean, sd)
    erf = _erf(z / np.sqrt(2))
    folded = sd * np.sqrt(2 / np.pi) * np.exp(-z * z / 2) + mean * erf
    return np.asarray(np.where(sd > 0, folded, np.abs(mean)))


def log_loss(gold: IntArray, logits: FloatArray, temperature: float = 1.0) -> float:
    """Return the mean negative log probability of the gold labels, in nats; lower is better."""
    scaled = logits / temperature
    scaled = scaled - scaled.max(axis=1, keepdims=True)
    log_probs = scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
    return float(-log_probs[np.arange(len(gold)), gold].mean())


def fit_temperature(gold: IntArray, logits: FloatArray) -> float:
    """Return the temperature that minimises the log loss (Guo et al., ICML 2017), in [0.05, 20].

    Dividing logits by it calibrates the probabilities and never changes a label.
    """
    # Unimodal in log T; a fine grid is plain, exact enough (1 %) and needs no optimiser. Every
    # 20th point first, then those around the best.
    grid = np.exp(np.linspace(np.log(0.05), np.log(20), 600))
    best = 20 * int(np.argmin([log_loss(gold, logits, t) for t in grid[::20]]))
    near = grid[max(0, best - 20) : best + 21]
    return float(near[np.argmin([log_loss(gold, logits, t) for t in near])])
