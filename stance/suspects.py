"""Sentences whose label is likely wrong, by out-of-fold probabilities (confident learning)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stance.baselines import embedded
from stance.corpus import load_corpus
from stance.schema import LABELS, DataError, require


@dataclass(frozen=True, slots=True)
class Suspect:
    """A sentence that cross-validation would label otherwise.

    Attributes:
        id: Its id.
        text: The sentence.
        label: Its label in the corpus.
        guess: The label that models trained without its group give.
        quality: Self-confidence: the out-of-fold probability of its own label, 0 the most suspect.
    """

    id: str
    text: str
    label: str
    guess: str
    quality: float


def suspects(
    folder: str | Path = "data",
    *,
    labels: Sequence[str] = LABELS,
    encoder: str = "all-MiniLM-L6-v2",
    folds: int = 5,
) -> list[Suspect]:
    """Find likely label errors in a corpus.

    Out-of-fold probabilities come from logistic regression on frozen sentence vectors and word
    n-grams, whole groups held out; which of them disagree enough is decided by cleanlab
    (Northcutt, Jiang and Chuang, JAIR 2021).

    Returns:
        Suspects, the most suspect first. They are to be read, not to be flipped.

    Raises:
        DataError: If the corpus is faulty or has fewer groups than folds.
        DependencyError: If cleanlab is not installed.
    """
    require("cleanlab", extra="data", purpose="stance data suspects")
    from cleanlab.filter import find_label_issues
    from scipy.sparse import csr_matrix, hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.multiclass import OneVsRestClassifier

    corpus = load_corpus(folder, labels=labels)
    rows = [row for split in corpus.splits.values() for row in split]
    groups = [row["group"] for row in rows]
    if len(set(groups)) < folds:
        raise DataError(f"{folder}: {len(set(groups))} groups, expected at least {folds}")
    gold = np.array([labels.index(row["label"]) for row in rows])
    texts = [row["text"] for row in rows]
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2).fit_transform(texts)
    vectors = embedded(encoder, texts, 128)
    probs = cross_val_predict(
        # One against the rest by coordinate descent: on words and vectors together, many times
        # faster than the solvers for all classes at once.
        OneVsRestClassifier(LogisticRegression(C=5, solver="liblinear", class_weight="balanced")),
        hstack([words, csr_matrix(vectors)]).tocsr(),
        gold,
        groups=groups,
        cv=StratifiedGroupKFold(folds, shuffle=True, random_state=0),
        method="predict_proba",
    )
    order = find_label_issues(gold, probs, return_indices_ranked_by="self_confidence")
    return [
        Suspect(
            rows[i]["id"],
            texts[i],
            labels[gold[i]],
            labels[int(probs[i].argmax())],
            float(probs[i, gold[i]]),
        )
        for i in order
    ]
