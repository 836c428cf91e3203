"""From scores of sentences to scores of what they make up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stance.metrics import mean_interval


def article_score(
    scores: Sequence[float | None],
) -> tuple[float | None, tuple[float, float] | None]:
    """Return an article's score and its interval.

    The score is the mean over its sentences of `p(hardline) - p(conciliatory)`, in [-1, +1]; the
    interval is a 95 % percentile bootstrap over sentences. No sentence, no score.
    """
    values = np.array([score for score in scores if score is not None], dtype=float)
    if not len(values):
        return None, None
    return float(values.mean()), mean_interval(values)
