"""Learns on dev how far a model's answers are to be trusted; `stance.confidence` applies it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stance import metrics
from stance.confidence import LEVELS, Confidence, log_softmax, scaling, softmax
from stance.metrics import FloatArray, IntArray

FOLDS = 5
_PENALTY = 0.01
"""Of the squared departures from the temperature alone, per label: with a few hundred sentences a
free matrix learns their luck (Kull et al. 2019 penalise the same)."""
_BY_LUCK = 0.1
"""Chance that a threshold keeps its promise on dev alone, and not on other sentences like it."""
_Z = 1.2815515655446004
"""Normal quantile of 1 - _BY_LUCK."""
METHODS = ("temperature", "vector", "dirichlet")
FAMILIAR = 0.98
"""Share of dev that is called familiar."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """What was learnt on dev.

    Attributes:
        confidence: What is saved with the model.
        temperature: The temperature alone, with the caution.
        log_losses: Of each method, the log loss on dev in cross-validation over groups (nats), and
            for `none` without any.
    """

    confidence: Confidence
    temperature: float
    log_losses: dict[str, float]


def learn(
    gold: IntArray,
    outputs: FloatArray,
    labels: Sequence[str],
    *,
    groups: Sequence[object] | None = None,
    distances: FloatArray | None = None,
    caution: float = 1.0,
) -> Learnt:
    """Learn calibration, label sets and thresholds to abstain by.

    Three calibrations are tried, each with more freedom: one temperature (Guo et al. 2017), a scale
    and a bias a label (vector scaling, the same), and a whole matrix (Dirichlet calibration, Kull
    et al. 2019). A freer one is taken if its log loss in cross-validation over groups is lower by
    more than one standard error of the difference.

    Args:
        gold: Label numbers of dev, shape (N,).
        outputs: What the network puts out on dev, shape (N, K).
        labels: The K labels.
        groups: What belongs together, length N.
        distances: How far dev is from what the model was trained on, shape (N,).
        caution: What the temperature is multiplied by in the end, 1 or more: dev chose the epoch
            and is of one kind with train, and other text is harder. No label changes by it.
    """
    temperature = metrics.fit_temperature(gold, outputs)
    losses = {name: _held_out(name, gold, outputs, groups) for name in METHODS}
    method = "temperature"
    for name in METHODS[1:]:
        gain = losses[method] - losses[name]
        if gain.mean() > _standard_error(gain, groups):
            method = name
    weight, bias = (each / caution for each in _fit(method, gold, outputs))
    probs = softmax(log_softmax(outputs) @ weight.T + bias)
    confidence = Confidence(
        tuple(labels),
        method,
        weight,
        bias,
        _sets(gold, probs),
        _answers(gold, probs),
        None if distances is None else float(np.quantile(distances, FAMILIAR)),
    )
    found = {name: float(loss.mean()) for name, loss in losses.items()}
    return Learnt(
        confidence, temperature * caution, {"none": metrics.log_loss(gold, outputs), **found}
    )


def _fit(method: str, gold: IntArray, outputs: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return weight and bias with the least penalised log loss."""
    k = outputs.shape[1]
    start, _ = scaling(k, metrics.fit_temperature(gold, outputs))
    if method == "temperature":
        return start, np.zeros(k)
    from scipy.optimize import minimize

    free = np.eye(k, dtype=bool) if method == "vector" else np.ones((k, k), dtype=bool)
    inputs = log_softmax(outputs)
    right = np.eye(k)[gold]

    def loss(values: FloatArray) -> tuple[float, FloatArray]:
        moved = np.zeros((k, k))
        moved[free] = values[k:]
        probs = softmax(inputs @ (start + moved).T + values[:k])
        surprise = -np.log(np.clip((probs * right).sum(axis=1), 1e-300, None)).mean()
        slope = (probs - right) / len(gold)
        penalty = _PENALTY * (values**2).sum()
        by_weight = (slope.T @ inputs)[free]
        gradient = np.concatenate([slope.sum(axis=0), by_weight]) + 2 * _PENALTY * values
        return float(surprise + penalty), gradient

    found = minimize(loss, np.zeros(k + free.sum()), jac=True, method="L-BFGS-B").x
    moved = np.zeros((k, k))
    moved[free] = found[k:]
    return start + moved, found[:k]


def _held_out(
    method: str, gold: IntArray, outputs: FloatArray, groups: Sequence[object] | None
) -> FloatArray:
    """Return the log loss of each row by a calibration fitted without its group."""
    index = metrics.group_index(len(gold), groups)
    fold = np.random.default_rng(0).permutation(int(index.max()) + 1)[index] % FOLDS
    losses = np.zeros(len(gold))
    for number in range(FOLDS):
        out = fold == number
        if not out.any():
            continue
        kept = ~out if (~out).any() else out
        weight, bias = _fit(method, gold[kept], outputs[kept])
        logs = log_softmax(log_softmax(outputs[out]) @ weight.T + bias)
        losses[out] = -logs[np.arange(out.sum()), gold[out]]
    return losses


def _standard_error(values: FloatArray, groups: Sequence[object] | None) -> float:
    """Return the standard error of a mean of rows in groups (the sandwich by clusters)."""
    index = metrics.group_index(len(values), groups)
    sums = np.bincount(index, weights=values - values.mean())
    return float(np.sqrt((sums**2).sum()) / len(values))


def _sets(gold: IntArray, probs: FloatArray) -> FloatArray:
    """Return the least probability of each label for sets of each coverage, shape (levels, K).

    The r-th most probable of n dev sentences of a label covers a share of other sentences like them
    that is distributed as Beta(r, n + 1 - r) (Vovk 2012, training-conditional validity); r is the
    lowest for which that is under the coverage with a chance of `_BY_LUCK` at most. With the usual
    ⌈(n + 1) · coverage⌉ it is half the time. With too few sentences, 0: the label is in every set.
    """
    from scipy.stats import beta

    table = np.zeros((len(LEVELS), probs.shape[1]))
    for label in range(probs.shape[1]):
        known = np.sort(probs[gold == label, label])[::-1]
        ranks = np.arange(1, len(known) + 1)
        for i, level in enumerate(LEVELS):
            good = beta.cdf(level, ranks, len(known) + 1 - ranks) <= _BY_LUCK
            table[i, label] = known[good.argmax()] if good.any() else 0.0
    return table


def _answers(gold: IntArray, probs: FloatArray) -> FloatArray:
    """Return the least probability to answer for each precision; infinite where there is none.

    The lowest at which the lower bound (Wilson 1927, one-sided 90 %) of the share of right labels
    among those at least as sure reaches the precision: a point estimate would fail half the time
    on other sentences.
    """
    sure = probs.max(axis=1)
    order = np.argsort(-sure, kind="stable")
    n = np.arange(1, len(order) + 1)
    share = np.cumsum(probs.argmax(axis=1)[order] == gold[order]) / n
    z = _Z
    middle = share + z * z / (2 * n)
    spread = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    bound = (middle - spread) / (1 + z * z / n)
    # Only where the next is less sure: rows alike are answered alike.
    ends = np.append(np.diff(sure[order]) < 0, True)
    table = np.full(len(LEVELS), np.inf)
    for i, level in enumerate(LEVELS):
        good = np.flatnonzero(ends & (bound >= level))
        if len(good):
            table[i] = sure[order][good[-1]]
    return table


def described(learnt: Learnt) -> dict[str, Any]:
    """Return what a manifest keeps."""
    return {**learnt.confidence.to_dict(), "log_loss": learnt.log_losses}
