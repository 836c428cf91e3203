"""From scores of tags to the likeliest tags of a text, and how sure each is."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stance.attribution.words import TAGS

Floats = NDArray[np.float64]
_NEVER = -1e4


@lru_cache(maxsize=1)
def _forbidden() -> Floats:
    """Return what makes it impossible to go on with a span that was not begun: shape (K, K)."""
    table = np.zeros((len(TAGS), len(TAGS)))
    for following, tag in enumerate(TAGS):
        if tag.startswith("I-"):
            for before, name in enumerate(TAGS):
                if name[2:] != tag[2:]:
                    table[before, following] = _NEVER
    return table


@lru_cache(maxsize=1)
def _side_by_side() -> Floats:
    """Return what makes it impossible that two sources, or two cues, touch: shape (K, K)."""
    apart = [
        (a, b)
        for a, before in enumerate(TAGS)
        for b, tag in enumerate(TAGS)
        if tag in ("B-source", "B-cue") and before[2:] == tag[2:]
    ]
    table = np.zeros((len(TAGS), len(TAGS)))
    for pair in apart:
        table[pair] = _NEVER
    return table


FORM = 4.0
"""What a tag gains where the form of the text gives it; chosen on held-out articles."""
_BEGINS, _GOES_ON = TAGS.index("B-content"), TAGS.index("I-content")


def decode(
    scores: Floats, transitions: Floats, opens: NDArray[np.bool_], form: NDArray[np.int64]
) -> tuple[NDArray[np.int64], Floats]:
    """Return the likeliest sequence of tags, and the probability of each of its tags.

    Viterbi, and forward-backward, on a linear chain (Lafferty et al. 2001).

    Args:
        scores: Of each word and tag, shape (N, K).
        transitions: From the row's tag to the column's, shape (K, K).
        opens: Words at which a span can only begin, shape (N,).
        form: The tag that the form of the text gives each word, or 0, shape (N,). A content ends
            with the words that it gives to one, and may begin before those that it says go on.

    Returns:
        Tags, shape (N,), and their marginal probabilities, shape (N,).
    """
    count, tags = scores.shape
    if count == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    inside = np.array([tag.startswith("I-") for tag in TAGS])
    given = (form[:, None] == np.arange(tags)) & (form > 0)[:, None]
    speech = given[:, _BEGINS] | given[:, _GOES_ON]
    given[:, _BEGINS] = speech
    barred = opens[:, None] & inside
    barred[1:, _GOES_ON] |= speech[:-1] & ~speech[1:]
    scores = scores + _NEVER * barred + FORM * given
    steps = transitions + _forbidden()
    within = steps + _side_by_side()
    best = np.zeros_like(scores)
    back = np.zeros((count, tags), dtype=np.int64)
    ahead = np.zeros_like(scores)
    best[0] = ahead[0] = scores[0] + _NEVER * inside
    for word in range(1, count):
        step = steps if opens[word] else within
        candidates = best[word - 1][:, None] + step
        back[word] = candidates.argmax(axis=0)
        best[word] = candidates.max(axis=0) + scores[word]
        ahead[word] = _logsumexp(ahead[word - 1][:, None] + step) + scores[word]
    behind = np.zeros_like(scores)
    for word in range(count - 2, -1, -1):
        step = steps if opens[word + 1] else within
        behind[word] = _logsumexp((step + scores[word + 1] + behind[word + 1]).T)
    path = np.zeros(count, dtype=np.int64)
    path[-1] = best[-1].argmax()
    for word in range(count - 1, 0, -1):
        path[word - 1] = back[word, path[word]]
    joint = ahead + behind
    chosen = joint[np.arange(count), path] - _logsumexp(joint.T)
    return path, np.exp(np.minimum(chosen, 0.0))


def _logsumexp(values: Floats) -> Floats:
    """Return the logarithm of the sum of exponentials over the rows of (R, C): shape (C,)."""
    top = values.max(axis=0)
    total: Floats = top + np.log(np.exp(values - top).sum(axis=0))
    return total
