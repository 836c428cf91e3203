"""Scores sentences and articles with a saved model.

model = stance.load()
model.predict("We will never negotiate under threat.").label
model.score_article(text).to_frame()
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Any, Literal, Unpack, overload

import numpy as np
from numpy.typing import NDArray

from stance import evidence
from stance.actors import read_actors
from stance.aggregate import article_score, article_warnings
from stance.article import Document, Sentences, document_of, split_document, texts_of
from stance.attribution import Tagger, find
from stance.bulk import Inputs, Summary, score_corpus
from stance.confidence import COVERAGE, Confidence, read_confidence
from stance.models import models_folder, resolve
from stance.runtime import WINDOW, Options, Scored, Scorer
from stance.schema import (
    Attribution,
    Explanation,
    Prediction,
    ScoredArticle,
    ScoredSentence,
    Span,
    StanceError,
    require,
)
from stance.speakers import Gazetteer, Voices, identify, usual_gazetteer, written_small
from stance.voices import spoken, stands

Method = Literal["occlusion", "gradients"]
"""How `Model.explain` weighs words."""


class Model:
    """A saved model ready to score; make one with `load`.

    Args:
        folder: A saved model.
        actors: A CSV file with actors of one's own, as `stance.actors.read_actors` reads it.
        options: How it scores, as for `stance.runtime.Scorer`.

    Raises:
        ModelError: If the folder is not a whole, sound model.
        DataError: If the file of actors is wrong.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        actors: str | Path | None = None,
        **options: Unpack[Options],
    ) -> None:
        self.folder = Path(folder)
        self._threads = options.get("threads")
        self._known = Gazetteer(read_actors(actors)) if actors else usual_gazetteer()
        self._options: dict[str, Any] = {"actors": actors, **options}
        self._scorer = Scorer(self.folder, **options)
        self.precision = self._scorer.precision
        self.manifest = manifest = self._scorer.manifest
        self.confidence: Confidence = read_confidence(
            manifest.labels, manifest.temperature, manifest.confidence
        )
        """How outputs become probabilities, label sets and abstentions."""

    @cached_property
    def _tagger(self) -> Tagger | None:
        """The tagger in use beside this model, else where models are looked for."""
        for models in (self.folder.parent, models_folder()):
            if (tagger := find(models, threads=self._threads)) is not None:
                return tagger
        return None

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
    def predict(  # type: ignore[overload-overlap]
        self, texts: str, *, abstain: float | None = None, coverage: float = COVERAGE
    ) -> Prediction: ...
    @overload
    def predict(
        self, texts: Sequence[str], *, abstain: float | None = None, coverage: float = COVERAGE
    ) -> list[Prediction]: ...
    def predict(
        self,
        texts: str | Sequence[str],
        *,
        abstain: float | None = None,
        coverage: float = COVERAGE,
    ) -> Prediction | list[Prediction]:
        """Score one sentence, or several in order.

        Args:
            texts: A sentence, or a sequence of sentences.
            abstain: Give no label (None) where the model is not sure enough for this share of its
                labels to be right on sentences like those of dev, 0.5 to 0.99, or where the text is
                unlike what it was trained on; None always gives one.
            coverage: Of sentences like those of dev, the share of each label whose `label_set` is
                to hold it, 0.5 to 0.99.

        Returns:
            A `Prediction` for a string, a list of them for a sequence.

        Raises:
            DocumentError: If a text is empty or not a string.
            StanceError: If dev does not reach the precision, or was not asked for it.
        """
        if isinstance(texts, str):
            return self.predict([texts], abstain=abstain, coverage=coverage)[0]
        predictions = self._predict(list(texts), coverage=coverage)
        silent = self.confidence.silent(predictions, abstain)
        return [replace(p, label=None) if i in silent else p for i, p in enumerate(predictions)]

    def predict_batches(self, texts: Iterable[str], *, size: int = WINDOW) -> Iterator[Prediction]:
        """Score sentences as they come, `size` together, in order and in bounded memory."""
        coming = iter(texts)
        while together := list(islice(coming, size)):
            yield from self._predict(together)

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return calibrated probabilities, shape (N, K), columns in the order of `labels`."""
        return self.confidence.probabilities(self.outputs(texts).logits)

    def outputs(self, texts: Sequence[str]) -> Scored:
        """Return what the network says before calibration."""
        return self._scorer.score(list(texts))

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
                weight=self.confidence.weight,
                bias=self.confidence.bias,
                max_length=self.manifest.max_length,
            )
        else:
            raise StanceError(f"method {method!r}: expected occlusion or gradients")
        return evidence.explanations(texts, probs, weights, labels=self.labels, method=method)

    def score_article(
        self,
        article: str | Document,
        *,
        name: str | None = None,
        context: int = 0,
        attributions: Sequence[Attribution] | None = None,
        speakers: bool = True,
        abstain: float | None = None,
        coverage: float = COVERAGE,
    ) -> ScoredArticle:
        """Score an article sentence by sentence, and the actors who speak in it.

        Args:
            article: The whole article as plain text, or what `stance.read_document` returned.
            name: Where it comes from, for the result. [the document's own, or `<text>`]
            context: So many sentences before and after each are read with it once more; those
                whose label they change are flagged (`depends_on_context`). Labels and scores stay
                those of the sentence alone.
            attributions: Who says what, marked by hand. [what the tagger in use finds]
            speakers: Look for who says what, which doubles the time.
            abstain: As for `predict`. Sentences without a label are in no count; their scores,
                which need none, are in the article's.
            coverage: As for `predict`.

        Returns:
            Sentences whose offsets index the text as given, with article score and counts; with
            attributions, also who says each, and the scores of actors and of pairs of them.

        Raises:
            DocumentError: If there is no text.
        """
        document = document_of(article, name)
        spans = split_document(document)
        predictions = self._predict(texts_of(document, spans), coverage=coverage)
        voices = None
        if speakers:
            voices = self._voices(document.text, spans.sentences, predictions, attributions)
        return self._scored(document, spans, predictions, context, voices, abstain)

    def score_documents(
        self,
        documents: Sequence[Document],
        *,
        abstain: float | None = None,
        coverage: float = COVERAGE,
    ) -> list[ScoredArticle]:
        """Score documents, none of them blank: as `score_article`, but all sentences together.

        Who says what is not looked for.
        """
        parts = [split_document(document) for document in documents]
        pairs = list(zip(documents, parts, strict=True))
        texts = [text for pair in pairs for text in texts_of(*pair)]
        predicted = iter(self._predict(texts, coverage=coverage))
        return [
            self._scored(
                document, spans, list(islice(predicted, len(spans.sentences))), abstain=abstain
            )
            for document, spans in pairs
        ]

    def score_corpus(
        self, inputs: Inputs, output: str | Path | None = None, **options: Any
    ) -> Summary:
        """Score tables and folders of any size to Parquet: see `stance.bulk.score_corpus`."""
        make = partial(Model, self.folder, **self._options)
        return score_corpus(inputs, output, model=self, make=make, **options)

    def _scored(
        self,
        document: Document,
        spans: Sentences,
        predictions: list[Prediction],
        context: int = 0,
        voices: Voices | None = None,
        abstain: float | None = None,
    ) -> ScoredArticle:
        text, texts = document.text, texts_of(document, spans)
        sentences = [
            ScoredSentence(
                *(sentence, s.start, s.end, p.label, p.probabilities, p.score, p.truncated),
                label_set=p.label_set,
                unfamiliar=p.unfamiliar,
            )
            for sentence, s, p in zip(texts, spans.sentences, predictions, strict=True)
        ]
        if context and sentences:
            around = self._predict(
                [" ".join(texts[max(0, i - context) : i + context + 1]) for i in range(len(texts))]
            )
            sentences = [
                replace(sentence, in_context=wide)
                for sentence, wide in zip(sentences, around, strict=True)
            ]
        if voices is not None:
            sentences = spoken(text, sentences, voices, self._predict)
        score, interval = article_score([p.score for p in predictions])
        counts = dict.fromkeys(self.labels, 0)
        silent = self.confidence.silent(predictions, abstain)
        for i, p in enumerate(predictions):
            if p.label is not None and i not in silent:
                counts[p.label] += 1
        return ScoredArticle(
            name=document.name,
            sentences=tuple(
                replace(s, label=None) if i in silent else s for i, s in enumerate(sentences)
            ),
            score=score,
            interval=interval,
            counts=counts,
            model=self.name,
            run=(self.manifest.provenance.get("mlflow") or {}).get("run_id"),
            poles=self.manifest.poles,
            warnings=(*document.warnings, *article_warnings(document.metadata.language, sentences)),
            boilerplate=spans.boilerplate,
            text=text,
            metadata=document.metadata,
            **(stands(sentences, voices, self.manifest) if voices is not None else {}),
        )

    def weigh_words(self, article: ScoredArticle, *, strongest: int = 4) -> ScoredArticle:
        """Return an article with the `evidence` of its strongest sentences, as `explain` finds it.

        Args:
            article: An article that this model scored.
            strongest: Of how many sentences, those with the largest scores either way first; each
                of their words costs a pass of the model.
        """
        ranked = sorted(
            (number for number, s in enumerate(article.sentences) if s.score is not None),
            key=lambda number: -abs(article.sentences[number].score or 0.0),
        )[:strongest]
        found = self.explain([article.sentences[number].text for number in ranked])
        sentences = list(article.sentences)
        for number, explanation in zip(ranked, found, strict=True):
            sentences[number] = replace(sentences[number], evidence=explanation.words)
        return replace(article, sentences=tuple(sentences))

    def _voices(
        self,
        text: str,
        sentences: Sequence[Span],
        predictions: Sequence[Prediction],
        attributions: Sequence[Attribution] | None,
    ) -> Voices | None:
        """Return who says each sentence; None if nothing tells who is reported to say what."""
        tagger = self._tagger if attributions is None else None
        if attributions is None and tagger is None:
            return None
        text = written_small(text, sentences, self._known)
        if tagger is not None:
            attributions = tagger.attributions(text, sentences)
        poles = self.manifest.poles
        moves = [poles is None or p.label in poles for p in predictions]
        return identify(text, sentences, attributions or (), moves=moves, actors=self._known)

    def _predict(self, texts: list[str], *, coverage: float = COVERAGE) -> list[Prediction]:
        found = self.outputs(texts)
        return self.confidence.predictions(
            found.logits, found.truncated, found.distances, self.manifest.poles, coverage
        )


def load(
    model: str | Path | None = None,
    *,
    actors: str | Path | None = None,
    **options: Unpack[Options],
) -> Model:
    """Load a model.

    Args:
        model: Nothing for the champion of `models/` (or of the folder `STANCE_MODELS` names); a
            saved model's folder, or a folder with a champion; or what MLflow logged:
            `"models:/stance@champion"`, `"models:/stance/3"`, `"runs:/<id>/model"`.
        actors: A CSV file with actors of one's own, as `stance.actors.read_actors` reads it.
        options: `precision`, `fp32` or `int8` [what the model's manifest says]; `device`, `cpu` or
            `cuda`; `threads`, CPU threads [all cores]; `batch_tokens`, padded tokens in a batch.

    Raises:
        ModelError: If there is no such model, or it is incomplete or damaged.
    """
    return Model(resolve(model), actors=actors, **options)
