"""From scores of sentences to scores of what they make up: articles, actors, pairs of actors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from stance.metrics import mean_interval
from stance.schema import (
    MIN_STATEMENTS,
    NOTHING_SAID,
    ActorScore,
    ArticleActor,
    Mention,
    PairScore,
    Score,
    ScoredPart,
    ScoredSentence,
    Share,
    Statement,
)

STRONGEST = 3
_DRAWS = 500
_STEPS = 100

Confusion = NDArray[np.float64]


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


class Aggregator:
    """Scores of the actors of one article.

    Args:
        sentences: Its sentences, with their speakers.
        actors: Its actors.
        labels: Labels of the model, in its order.
        confusion: What the model makes of sentences whose label is known: counts, rows gold,
            columns predicted, in the order of `labels`; None if unknown.
    """

    def __init__(
        self,
        sentences: Sequence[ScoredSentence],
        actors: Sequence[ArticleActor],
        *,
        labels: Sequence[str],
        confusion: Confusion | None = None,
    ) -> None:
        self._sentences = sentences
        self._actors = {actor.id: actor for actor in actors}
        self._labels = tuple(labels)
        self._confusion = confusion

    def actors(self) -> tuple[ActorScore, ...]:
        """Return every actor with its scores, those with most statements first."""
        words: dict[str, list[Statement]] = {}
        deeds: dict[str, list[Statement]] = {}
        sides: dict[str, list[Statement]] = {}
        for statement, unit in self._statements():
            if unit.speaker is None:
                continue
            kind = deeds if unit.form == "narration" else words
            for actor in unit.speaker.actors:
                kind.setdefault(actor, []).append(statement)
            for side in {self._side(actor) for actor in unit.speaker.actors}:
                if kind is words:
                    sides.setdefault(side, []).append(statement)
        spoken_for = {self._side(actor) for actor in words if self._side(actor) != actor}
        scores = [
            ActorScore(
                actor,
                self._score(words.get(actor.id, ())),
                self._score(deeds.get(actor.id, ())),
                self._score(sides.get(actor.id, ())) if actor.id in spoken_for else None,
            )
            for actor in self._actors.values()
        ]
        return tuple(sorted(scores, key=lambda a: (-a.words.count, -a.deeds.count, a.name)))

    def pairs(self) -> tuple[PairScore, ...]:
        """Return who stands how toward whom: actors, and the sides they speak for."""
        found: dict[tuple[str, str, str], tuple[list[Statement], list[Statement]]] = {}
        for statement, unit in self._statements():
            for level, speaker, target in self._directions(unit.speaker, unit.target):
                kinds = found.setdefault((speaker, target, level), ([], []))
                kinds[unit.form == "narration"].append(statement)
        pairs = [
            PairScore(speaker, target, level, self._score(words), self._score(deeds))
            for (speaker, target, level), (words, deeds) in found.items()
        ]
        return tuple(
            sorted(pairs, key=lambda p: (-p.words.count - p.deeds.count, p.speaker, p.target))
        )

    def narration(self) -> Score:
        """Return the score of what the outlet tells in words of its own."""
        told = [
            statement
            for statement, unit in self._statements()
            if unit.form in ("narration", "background")
        ]
        return self._score(told)

    def _statements(self) -> Iterable[tuple[Statement, ScoredSentence | ScoredPart]]:
        for number, sentence in enumerate(self._sentences):
            for part, unit in enumerate(sentence.parts) if sentence.parts else [(None, sentence)]:
                if unit.score is not None:
                    yield Statement(number, part, unit.score), unit

    def _side(self, actor: str) -> str:
        known = self._actors.get(actor)
        return (known.side if known else None) or actor

    def _directions(
        self, speaker: Mention | None, target: Mention | None
    ) -> set[tuple[str, str, str]]:
        if speaker is None or target is None:
            return set()
        found = {("actor", s, t) for s in speaker.actors for t in target.actors}
        found |= {("side", self._side(s), self._side(t)) for _, s, t in found}
        return {direction for direction in found if direction[1] != direction[2]}

    def _score(self, statements: Sequence[Statement]) -> Score:
        if not statements:
            return NOTHING_SAID
        values = np.array([statement.score for statement in statements])
        enough = len(values) >= MIN_STATEMENTS
        ranked = sorted(statements, key=lambda statement: statement.score)
        return Score(
            float(values.mean()) if enough else None,
            mean_interval(values) if enough else None,
            len(values),
            self._shares(statements, corrected=enough),
            tuple(s for s in ranked[:STRONGEST] if s.score < 0),
            tuple(s for s in ranked[::-1][:STRONGEST] if s.score > 0),
            tuple(statements),
        )

    def _shares(self, statements: Sequence[Statement], *, corrected: bool) -> dict[str, Share]:
        counts = np.zeros(len(self._labels))
        for statement in statements:
            sentence = self._sentences[statement.sentence]
            part = statement.part
            label = (sentence if part is None else sentence.parts[part]).label
            counts[self._labels.index(label)] += 1
        raw = counts / counts.sum()
        if not corrected or self._confusion is None:
            return {label: Share(float(r)) for label, r in zip(self._labels, raw, strict=True)}
        value, low, high = prevalence(counts, self._confusion)
        return {
            label: Share(float(raw[i]), float(value[i]), (float(low[i]), float(high[i])))
            for i, label in enumerate(self._labels)
        }


def prevalence(
    predicted: NDArray[np.float64], confusion: Confusion, *, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Correct shares of labels for a classifier's mistakes.

    The shares that make the predicted counts likeliest, if the classifier errs as it does on
    sentences whose label is known: adjusted classify-and-count (Forman, Data Mining and Knowledge
    Discovery 2008) held inside [0, 1] by the EM of Saerens, Latinne & Decaestecker (Neural
    Computation 2002) on predicted labels. Interval: 95 % percentiles over draws of the shares of
    predicted labels and of the mistakes (Dirichlet, a half added to each count), so that it knows
    that both were sampled: a label not seen in three statements may yet be said. It assumes that
    labels look alike in both texts; where they do not, the correction inherits the difference.

    Args:
        predicted: Counts of the predicted labels, shape (K,).
        confusion: Counts on known sentences, shape (K, K): rows gold, columns predicted.
        seed: Seed of the draws.

    Returns:
        Shares, their lower and their upper bounds, each of shape (K,).
    """
    rng = np.random.default_rng(seed)
    half = np.asarray(confusion, dtype=float) + 0.5
    rates = np.stack([rng.dirichlet(row, size=_DRAWS) for row in half], axis=1)  # (B, K, K)
    drawn = rng.dirichlet(predicted + 0.5, size=_DRAWS)  # (B, K)
    point = _likeliest(predicted[None, :], (half / half.sum(axis=1, keepdims=True))[None])
    low, high = np.percentile(_likeliest(drawn, rates), [2.5, 97.5], axis=0)
    return point[0], np.minimum(low, point[0]), np.maximum(high, point[0])


def _likeliest(counts: NDArray[np.float64], rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return shares (B, K) that make counts (B, K) likeliest under rates (B, gold, predicted)."""
    shares = np.full(counts.shape, 1 / counts.shape[1])
    for _ in range(_STEPS):
        expected = np.einsum("bi,bij->bj", shares, rates)
        ratio = counts / np.maximum(expected, 1e-12)
        shares = shares * np.einsum("bij,bj->bi", rates, ratio)
        shares /= shares.sum(axis=1, keepdims=True)
    return shares


def confusion_of(dev: Mapping[str, object], labels: Sequence[str]) -> Confusion | None:
    """Return the confusion counts that a manifest's dev figures hold, or None."""
    matrix = np.array(dev.get("confusion") or [], dtype=float)
    return matrix if matrix.shape == (len(labels), len(labels)) else None


def article_warnings(language: str | None, sentences: Sequence[ScoredSentence]) -> list[str]:
    """Say what a reader of an article's scores should know."""
    found = []
    if language not in (None, "en"):
        found.append(
            f"the text seems to be in another language than English ({language}); "
            f"labels mean little"
        )
    cut = sum(sentence.truncated for sentence in sentences)
    if cut:
        found.append(f"{cut} of {len(sentences)} sentences are longer than the model reads")
    if 2 * sum(sentence.unfamiliar for sentence in sentences) > len(sentences):
        found.append("most sentences are unlike what the model was trained on; labels mean little")
    if not sentences:
        found.append("no sentence found; there is no score")
    return found
