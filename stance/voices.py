"""Puts who says what into a scored article."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from stance.aggregate import Aggregator, confusion_of
from stance.artifact import Manifest
from stance.schema import Prediction, ScoredPart, ScoredSentence
from stance.speakers import Voice, Voices


def spoken(
    text: str,
    sentences: Sequence[ScoredSentence],
    voices: Voices,
    predict: Callable[[list[str]], list[Prediction]],
) -> list[ScoredSentence]:
    """Return sentences with their speakers, and the parts of those with several, scored."""
    spans = [part.span for voice in voices.sentences for part in voice.parts]
    texts = [text[span.start : span.end] for span in spans]
    predicted = iter(predict(texts) if texts else [])

    def parts(voice: Voice) -> Iterator[ScoredPart]:
        for part in voice.parts:
            p = next(predicted)
            yield ScoredPart(
                text=text[part.span.start : part.span.end],
                start=part.span.start,
                end=part.span.end,
                label=p.label,
                probabilities=p.probabilities,
                score=p.score,
                form=part.form,
                speaker=part.speaker,
                target=part.target,
            )

    return [
        replace(
            sentence,
            form=voice.form,
            speaker=voice.speaker,
            target=voice.target,
            parts=tuple(parts(voice)),
        )
        for sentence, voice in zip(sentences, voices.sentences, strict=True)
    ]


def stands(
    sentences: Sequence[ScoredSentence], voices: Voices, manifest: Manifest
) -> dict[str, Any]:
    """Return the parts of a scored article that tell how its actors stand."""
    labels = manifest.labels
    confusion = confusion_of(manifest.dev, labels)
    totals = Aggregator(sentences, voices.actors, labels=labels, confusion=confusion)
    correction = None
    if confusion is not None:
        known = {"source": "dev", "sentences": int(confusion.sum())}
        correction = {**known, "model": manifest.name}
    return {
        "actors": totals.actors(),
        "pairs": totals.pairs(),
        "narration": totals.narration(),
        "correction": correction,
    }
