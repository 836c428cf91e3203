"""Which words carry a label: occlusion, and a check that the answer is more than decoration."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from stance.metrics import FloatArray, mean_interval
from stance.schema import Explanation, Span, Word

Score = Callable[[list[str]], FloatArray]
"""Texts to probabilities, shape (N, K)."""

NOTHING = "."
"""What is scored in place of a text without words."""

STEPS = 10
"""Points of a deletion curve after its first: a tenth of the words is taken out at each."""

_WORD = re.compile(r"\w+(?:[-.'’]\w+)*|[^\w\s]")


def words(text: str) -> list[Span]:
    """Return where the words and the marks of punctuation of a text are, from left to right."""
    return [Span(*match.span()) for match in _WORD.finditer(text)]


def without(text: str, spans: Sequence[Span]) -> str:
    """Return a text without some of its words; `NOTHING` if none is left."""
    kept, at = [], 0
    for span in sorted(spans, key=lambda span: span.start):
        kept.append(text[at : span.start])
        at = span.end
    left = " ".join("".join([*kept, text[at:]]).split())
    return left or NOTHING


def occlusion(texts: Sequence[str], predicted: Sequence[int], score: Score) -> list[list[float]]:
    """Weigh each word by what its absence takes from the probability of the predicted label.

    p(label | text) − p(label | text without the word), in [-1, 1], a pass of the model for each
    word: erasure, Li, Monroe & Jurafsky, Understanding Neural Networks through Representation
    Erasure (2016), after the occlusion of Zeiler & Fergus (2014).

    Args:
        texts: Sentences.
        predicted: Number of the label to explain of each.
        score: The model.

    Returns:
        For each text a weight for each of its `words`.
    """
    found = [words(text) for text in texts]
    variants = [
        [text, *(without(text, [span]) for span in spans)]
        for text, spans in zip(texts, found, strict=True)
    ]
    probs = iter(_scored([variant for each in variants for variant in each], score))
    weights = []
    for each, label in zip(variants, predicted, strict=True):
        p = np.array([next(probs)[label] for _ in each])  # of the text, then without each word
        weights.append((p[0] - p[1:]).tolist())
    return weights


def explanations(
    texts: Sequence[str],
    probs: FloatArray,
    weights: Sequence[Sequence[float]],
    *,
    labels: Sequence[str],
    method: str,
) -> list[Explanation]:
    """Put probabilities (N, K) and weights of words together, a result for each text."""
    return [
        Explanation(
            text=text,
            label=labels[int(row.argmax())],
            probability=float(row.max()),
            words=tuple(
                Word(text[span.start : span.end], span.start, span.end, weight)
                for span, weight in zip(words(text), own, strict=True)
            ),
            method=method,
        )
        for text, row, own in zip(texts, probs, weights, strict=True)
    ]


def faithfulness(
    found: Sequence[Explanation],
    score: Score,
    *,
    labels: Sequence[str],
    draws: int = 3,
    seed: int = 0,
) -> dict[str, Any]:
    """Check that explanations name the words that the model goes by.

    The words of a sentence are taken out, tenth by tenth, those with the largest weight first; the
    probability of its label should fall faster than when words go in random order. The area under
    the deletion curve (Petsiuk, Das & Saenko, RISE, BMVC 2018), by the trapezoid rule.

    Args:
        found: Explanations of one model.
        score: That model.
        labels: Its labels.
        draws: Random orders of each sentence, averaged.
        seed: Seed of the orders.

    Returns:
        `sentences`; `removed`, shares of the words in [0, 1]; `curve` and `random`, the mean
        probability of the label when so many are gone; `area` and `random_area` under them, in
        [0, 1], lower is better; `gain`, random area minus area, with its 95 % interval `low` and
        `high` over sentences (above 0: the explanations know more than chance). None without a
        sentence; no interval with fewer than two.
    """
    rng = np.random.default_rng(seed)
    removed = np.linspace(0, 1, STEPS + 1)
    variants: list[str] = []
    for each in found:
        spans = [Span(word.start, word.end) for word in each.words]
        ranked = np.argsort([-word.weight for word in each.words], kind="stable")
        for order in (ranked, *(rng.permutation(len(spans)) for _ in range(draws))):
            for share in removed:
                gone = [spans[i] for i in order[: round(share * len(spans))]]
                variants.append(without(each.text, gone))
    if not variants:
        return {"sentences": 0, "gain": None}
    numbers = [list(labels).index(each.label) for each in found]
    probs = _scored(variants, score).reshape(len(found), 1 + draws, STEPS + 1, len(labels))
    p = probs[np.arange(len(found)), ..., numbers]  # (sentences, orders, steps)
    curve, chance = p[:, 0], p[:, 1:].mean(axis=1)
    areas = np.trapezoid(curve, removed, axis=1), np.trapezoid(chance, removed, axis=1)
    gain = areas[1] - areas[0]
    interval = mean_interval(gain)
    return {
        "sentences": len(found),
        "removed": removed.tolist(),
        "curve": curve.mean(axis=0).tolist(),
        "random": chance.mean(axis=0).tolist(),
        "area": float(areas[0].mean()),
        "random_area": float(areas[1].mean()),
        "gain": float(gain.mean()),
        **({"low": interval[0], "high": interval[1]} if interval else {}),
    }


def _scored(texts: Sequence[str], score: Score) -> FloatArray:
    """Return probabilities (N, K), each different text scored once."""
    place = {text: row for row, text in enumerate(dict.fromkeys(texts))}
    probs: FloatArray = np.asarray(score(list(place)))
    return probs[[place[text] for text in texts]]
