"""What a model must beat: majority, a lexicon, TF-IDF + logistic regression, a frozen encoder."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stance.cache import cached
from stance.schema import ModelError

_LEXICON = Path(__file__).with_name("lexicon.csv")
_WORD = re.compile(r"[a-z]+(?:['’-][a-z]+)*")
_NEGATIONS = re.compile(
    r"(?:no|not|never|without|nor|neither|cannot|refus\w*|reject\w*|fail\w*|.*n['’]t)$"
)
_REACH = 3
"""Words that a negation reaches over."""

LEXICON = "stance lexicon"
NAMES: tuple[str, ...] = ("majority", "TF-IDF + logistic regression", "frozen encoder + log. reg.")


def predict_baselines(
    train_texts: Sequence[str],
    train_gold: NDArray[np.int64],
    texts: Sequence[str],
    *,
    encoder: str,
    max_length: int,
    say: Callable[[str], None],
) -> dict[str, NDArray[np.int64]]:
    """Fit each baseline on the training rows and label other texts.

    Args:
        train_texts: Training sentences.
        train_gold: Their label numbers.
        texts: Sentences to label.
        encoder: Encoder of the third baseline, as it comes.
        max_length: Tokens it reads.
        say: Told what is missing where the encoder cannot be had; its baseline is then left out.

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
    found = dict(zip(NAMES, (majority, words.predict(texts)), strict=False))
    try:
        learnt, asked = (embedded(encoder, some, max_length) for some in (train_texts, texts))
    except ModelError as error:
        say(f"left out: the baseline {NAMES[2]!r}; {error}")
        return found
    vectors = LogisticRegression(C=10, max_iter=1000, class_weight="balanced")
    return {**found, NAMES[2]: vectors.fit(learnt, train_gold).predict(asked)}


def embedded(encoder: str, texts: Sequence[str], max_length: int) -> NDArray[np.float32]:
    """Embed texts, or take them from the cache: a training set is embedded once, not each time."""
    from stance.encoder import embed, fast_bf16

    rounded = fast_bf16()
    key = (encoder, str(max_length), "bf16" if rounded else "fp32", *texts)
    return cached(
        "embeddings",
        key,
        len(texts),
        lambda: embed(encoder, texts, max_length=max_length, rounded=rounded),
    )


def lexicon_labels(texts: Sequence[str], labels: Sequence[str]) -> NDArray[np.int64] | None:
    """Label texts by counting words of `lexicon.csv`, written for this project.

    A word counts for its pole, after a negation (up to three words before) for the other; the pole
    with more words is the label, neutral if neither has. None where the labels are others.

    Returns:
        Label numbers, shape (N,).
    """
    lexicon = _lexicon()
    poles = sorted(set(lexicon.values()))
    if not {*poles, "neutral"} <= set(labels):
        return None
    numbers = [labels.index(poles[0]), labels.index("neutral"), labels.index(poles[1])]
    return np.array([numbers[_leaning(text, lexicon, poles) + 1] for text in texts])


def _leaning(text: str, lexicon: dict[str, str], poles: Sequence[str]) -> int:
    """Return -1 for the first pole, +1 for the second, 0 for neither."""
    words = _WORD.findall(text.lower())
    total = 0
    for i, word in enumerate(words):
        stems = (word, *(word[:end] + "*" for end in range(3, len(word) + 1)))
        pole = next((lexicon[stem] for stem in stems if stem in lexicon), None)
        if pole is not None:
            turned = any(_NEGATIONS.match(before) for before in words[max(0, i - _REACH) : i])
            total += (1 if pole == poles[1] else -1) * (-1 if turned else 1)
    return (total > 0) - (total < 0)


@cache
def _lexicon() -> dict[str, str]:
    with _LEXICON.open(encoding="utf-8", newline="") as file:
        return {row["word"]: row["label"] for row in csv.DictReader(file)}
