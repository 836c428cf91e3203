"""Scores sentences and articles with a saved model.

model = stance.load()
model.predict("We will never negotiate under threat.").label
model.score_article(text).to_frame()
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray

from stance import artifact, evidence
from stance.aggregate import article_score
from stance.article import Document, language_of, split_document
from stance.runtime import Scorer, softmax
from stance.schema import (
    DocumentError,
    Explanation,
    Metadata,
    ModelError,
    Prediction,
    ScoredArticle,
    ScoredSentence,
    StanceError,
    require,
)

Method = Literal["occlusion", "gradients"]
"""How `Model.explain` weighs words."""

MODELS = Path("models")
"""Where `load` looks for the champion unless `STANCE_MODELS` names another folder."""


class Model:
    """A saved model ready to score; make one with `load`.

    Args:
        folder: A saved model.
        threads: CPU threads; None takes all cores.

    Raises:
        ModelError: If the folder is not a whole, sound model.
    """

    def __init__(self, folder: str | Path, *, threads: int | None = None) -> None:
        self.folder = Path(folder)
        self._scorer = Scorer(self.folder, threads=threads)
        self.manifest = self._scorer.manifest

    def __repr__(self) -> str:
        return f"<stance.Model {self.name!r}: {', '.join(self.labels)}>"

    @property
    def name(self) -> str:
        """Name of the saved model."""
        return self.manifest.name

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels in the order of `predict_proba`'s columns."""
        return self.manifest.labels

    @overload
    def predict(self, texts: str) -> Prediction: ...  # type: ignore[overload-overlap]
    @overload
    def predict(self, texts: Sequence[str]) -> list[Prediction]: ...
    def predict(self, texts: str | Sequence[str]) -> Prediction | list[Prediction]:
        """Score one sentence, or several in order.

        Args:
            texts: A sentence, or a sequence of sentences.

        Returns:
            A `Prediction` for a string, a list of them for a sequence.

        Raises:
            DocumentError: If a text is empty or not a string.
        """
        if isinstance(texts, str):
            return self._predict([texts])[0]
        return self._predict(list(texts))

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return calibrated probabilities, shape (N, K), columns in the order of `labels`."""
        return self._scorer.probabilities(list(texts))[0]

    def logits(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return what the network puts out, shape (N, K), before calibration."""
        return self._scorer.logits(list(texts))[0]

    def calibrated(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn outputs of `logits` into calibrated probabilities, shape (N, K)."""
        return softmax(logits / self.manifest.temperature)

    @overload
    def explain(self, texts: str, *, method: Method = "occlusion") -> Explanation: ...  # type: ignore[overload-overlap]
    @overload
    def explain(
        self, texts: Sequence[str], *, method: Method = "occlusion"
    ) -> list[Explanation]: ...
    def explain(
        self, texts: str | Sequence[str], *, method: Method = "occlusion"
    ) -> Explanation | list[Explanation]:
        """Weigh the words of one sentence, or of several in order, for its predicted label.

        Args:
            texts: A sentence, or a sequence of sentences.
            method: `occlusion` scores the sentence without each word in turn and needs nothing
                installed; `gradients`, integrated gradients, needs torch and captum. How far each
                can be trusted is measured by `stance.evidence.faithfulness`.

        Returns:
            An `Explanation` for a string, a list of them for a sequence.

        Raises:
            DocumentError: If a text is empty or not a string.
            DependencyError: If `gradients` is asked for and captum is not installed.
        """
        if isinstance(texts, str):
            return self._explain([texts], method)[0]
        return self._explain(list(texts), method)

    def _explain(self, texts: list[str], method: Method) -> list[Explanation]:
        probs = self.predict_proba(texts)
        predicted = probs.argmax(axis=1).tolist()
        if method == "occlusion":
            weights = evidence.occlusion(texts, predicted, self.predict_proba)
        elif method == "gradients":
            require("captum", extra="explain", purpose="explaining by gradients")
            from stance.encoder import integrated_gradients

            weights = integrated_gradients(
                self.folder,
                texts,
                [evidence.words(text) for text in texts],
                predicted,
                temperature=self.manifest.temperature,
                max_length=self.manifest.max_length,
            )
        else:
            raise StanceError(f"method {method!r}: expected occlusion or gradients")
        return evidence.explanations(texts, probs, weights, labels=self.labels, method=method)

    def score_article(self, article: str | Document, *, name: str | None = None) -> ScoredArticle:
        """Score an article sentence by sentence.

        Args:
            article: The whole article as plain text, or what `stance.read_document` returned.
            name: Where it comes from, for the result. [the document's own, or `<text>`]

        Returns:
            Sentences whose offsets index the text as given, with article score and counts.

        Raises:
            DocumentError: If there is no text.
        """
        document = _document(article, name)
        text = document.text
        spans = split_document(document)
        texts = [text[span.start : span.end] for span in spans.sentences]
        predictions = self._predict(texts)
        sentences = tuple(
            ScoredSentence(sentence, s.start, s.end, p.label, p.probabilities, p.score, p.truncated)
            for sentence, s, p in zip(texts, spans.sentences, predictions, strict=True)
        )
        score, interval = article_score([p.score for p in predictions])
        counts = dict.fromkeys(self.labels, 0)
        for p in predictions:
            counts[p.label] += 1
        return ScoredArticle(
            name=document.name,
            sentences=sentences,
            score=score,
            interval=interval,
            counts=counts,
            model=self.name,
            poles=self.manifest.poles,
            warnings=(*document.warnings, *_warnings(document.metadata.language, sentences)),
            boilerplate=spans.boilerplate,
            text=text,
            metadata=document.metadata,
        )

    def _predict(self, texts: list[str]) -> list[Prediction]:
        probs, truncated = self._scorer.probabilities(texts)
        poles = [self.labels.index(pole) for pole in self.manifest.poles or ()]
        result = []
        for row, cut in zip(probs, truncated, strict=True):
            score = float(row[poles[1]] - row[poles[0]]) if poles else None
            named = dict(zip(self.labels, map(float, row), strict=True))
            result.append(Prediction(self.labels[int(row.argmax())], named, score, bool(cut)))
        return result


def load(model: str | Path | None = None, *, threads: int | None = None) -> Model:
    """Load a model.

    Args:
        model: Nothing for the champion of `models/` (or of the folder `STANCE_MODELS` names); a
            saved model's folder; or what MLflow logged: `"models:/stance@champion"`,
            `"models:/stance/3"`, `"runs:/<id>/model"`.
        threads: CPU threads; None takes all cores.

    Raises:
        ModelError: If there is no such model, or it is incomplete or damaged.
    """
    return Model(resolve(model), threads=threads)


def resolve(model: str | Path | None = None) -> Path:
    """Return the folder of a model named as for `load`."""
    if model is not None and str(model).startswith(("models:/", "runs:/")):
        from stance import tracking

        return tracking.download(str(model))
    if model is not None:
        return Path(model)
    models = Path(os.environ.get("STANCE_MODELS") or MODELS)
    folder = artifact.champion(models)
    if folder is None:
        raise ModelError(
            f"no trained model in {models.resolve()}: train one with  make train  (or  stance train"
            f" --config configs/default.yaml), or name a model folder, or set STANCE_MODELS"
        )
    return folder


def _document(article: object, name: str | None) -> Document:
    if isinstance(article, Document):
        document = replace(article, name=name or article.name)
    elif isinstance(article, str):
        metadata = Metadata(language=language_of(article))
        document = Document(name or "<text>", article, metadata)
    else:
        found = type(article).__name__
        raise DocumentError(f"{name or '<text>'}: expected a string or a document, found {found}")
    if not document.text.strip():
        raise DocumentError(f"{document.name}: empty, nothing to score")
    return document


def _warnings(language: str | None, sentences: Sequence[ScoredSentence]) -> list[str]:
    found = []
    if language not in (None, "en"):
        found.append(
            f"the text seems to be in another language than English ({language}); "
            f"labels mean little"
        )
    cut = sum(sentence.truncated for sentence in sentences)
    if cut:
        found.append(f"{cut} of {len(sentences)} sentences are longer than the model reads")
    if not sentences:
        found.append("no sentence found; there is no score")
    return found
