"""What a model must beat: majority, TF-IDF + logistic regression, frozen encoder + the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stance.cache import cached

NAMES: tuple[str, ...] = ("majority", "TF-IDF + logistic regression", "frozen encoder + log. reg.")


def predict_baselines(
    train_texts: Sequence[str],
    train_gold: NDArray[np.int64],
    texts: Sequence[str],
    *,
    encoder: str,
    max_length: int,
) -> dict[str, NDArray[np.int64]]:
    """Fit each baseline on the training rows and label other texts.

    Args:
        train_texts: Training sentences.
        train_gold: Their label numbers.
        texts: Sentences to label.
        encoder: Encoder of the third baseline, as it comes.
        max_length: Tokens it reads.

    Returns:
        For each name in `NAMES`, label numbers of shape (N,).
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    majority = np.full(len(texts), np.bincount(train_gold).argmax(), dtype=np.int64)
    words = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2),
        LogisticRegression(C=10, max_iter=1000, class_weight="balanced"),
    ).fit(train_texts, train_gold)
    vectors = LogisticRegression(C=10, max_iter=1000, class_weight="balanced")
    vectors.fit(embedded(encoder, train_texts, max_length), train_gold)
    frozen = vectors.predict(embedded(encoder, texts, max_length))
    return dict(zip(NAMES, (majority, words.predict(texts), frozen), strict=True))


def embedded(encoder: str, texts: Sequence[str], max_length: int) -> NDArray[np.float32]:
    """Embed texts, or take them from the cache: a training set is embedded once, not each time."""
    from stance.encoder import embed

    key = (encoder, str(max_length), *texts)
    return cached(
        "embeddings", key, len(texts), lambda: embed(encoder, texts, max_length=max_length)
    )
