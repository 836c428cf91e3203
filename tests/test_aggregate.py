"""Scores of actors and pairs, and shares corrected for a classifier's mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from stance.aggregate import Aggregator, confusion_of, prevalence
from stance.schema import ArticleActor, Mention, ScoredPart, ScoredSentence

LABELS = ("conciliatory", "neutral", "hardline")
GOOD = np.array([[90.0, 6, 4], [5, 90, 5], [4, 6, 90]])
RUSSIA = ArticleActor("rus", "Russia", "state")
LAVROV = ArticleActor("lavrov", "Sergey Lavrov", "person", "rus")
UKRAINE = ArticleActor("ukr", "Ukraine", "state")


def said(
    score: float,
    speaker: str | None,
    target: str | None = None,
    form: str = "direct",
    **more: object,
) -> ScoredSentence:
    label = "hardline" if score > 0.3 else "conciliatory" if score < -0.3 else "neutral"
    who, whom = (x and Mention(None, None, x, "name") for x in (speaker, target))
    return ScoredSentence(
        "x",
        0,
        1,
        label,
        {},
        score,
        False,
        form,
        who or None,
        whom or None,
        **more,  # type: ignore[arg-type]
    )


def aggregator(*sentences: ScoredSentence, confusion: object = None) -> Aggregator:
    actors = [RUSSIA, LAVROV, UKRAINE]
    return Aggregator(sentences, actors, labels=LABELS, confusion=confusion)  # type: ignore[arg-type]


def test_actor_score_is_the_mean_of_its_own_words_and_deeds_stay_apart() -> None:
    found = {
        actor.id: actor
        for actor in aggregator(
            said(0.9, "lavrov"),
            said(0.6, "lavrov"),
            said(-0.3, "lavrov"),
            said(0.8, "rus", form="narration"),
            said(0.1, None, form="background"),
        ).actors()
    }
    assert found["lavrov"].score == pytest.approx(0.4)
    low, high = found["lavrov"].words.interval or (1, -1)
    assert -0.3 <= low < 0.4 < high <= 0.9
    assert found["lavrov"].deeds.count == 0
    assert (found["rus"].words.count, found["rus"].deeds.count) == (0, 1)


def test_a_state_has_a_score_of_all_who_speak_for_it() -> None:
    actors = aggregator(said(0.9, "lavrov"), said(0.5, "rus"), said(0.1, "lavrov")).actors()
    russia = next(actor for actor in actors if actor.id == "rus")
    assert russia.words.value is None
    assert russia.side is not None
    assert russia.side.value == pytest.approx(0.5)
    assert next(actor for actor in actors if actor.id == "ukr").side is None


def test_too_little_evidence_has_a_count_and_no_number() -> None:
    actor = aggregator(said(0.9, "lavrov"), said(0.8, "lavrov")).actors()[0]
    assert (actor.words.count, actor.words.value, actor.words.interval) == (2, None, None)
    assert actor.to_dict()["words"]["enough"] is False


def test_pairs_have_a_direction_and_a_level() -> None:
    pairs = aggregator(
        said(0.9, "lavrov", "ukr"), said(0.8, "rus", "ukr"), said(-0.5, "ukr", "rus")
    ).pairs()
    found = {(p.level, p.speaker, p.target): p.words.count for p in pairs}
    assert found == {
        ("side", "rus", "ukr"): 2,
        ("side", "ukr", "rus"): 1,
        ("actor", "lavrov", "ukr"): 1,
        ("actor", "rus", "ukr"): 1,
        ("actor", "ukr", "rus"): 1,
    }


def test_parts_count_for_their_speakers_in_the_place_of_the_sentence() -> None:
    parts = tuple(
        ScoredPart("x", 0, 1, "neutral", {}, score, "narration", Mention(0, 1, actor, "name"))
        for score, actor in ((-0.9, "rus"), (0.9, "ukr"))
    )
    actors = aggregator(said(0.2, "rus", form="narration", parts=parts)).actors()
    scores = {actor.id: [s.score for s in actor.deeds.statements] for actor in actors}
    assert scores == {"rus": [-0.9], "ukr": [0.9], "lavrov": []}
    assert [s.part for s in actors[0].deeds.statements] == [0]


def test_strongest_are_three_each_way_strongest_first() -> None:
    scores = [0.1, 0.9, 0.5, 0.7, -0.2, -0.8]
    words = aggregator(*(said(score, "lavrov") for score in scores)).actors()[0].words
    assert [s.score for s in words.high] == [0.9, 0.7, 0.5]
    assert [s.score for s in words.low] == [-0.8, -0.2]
    assert [s.sentence for s in words.high] == [1, 3, 2]


def test_a_joint_statement_counts_for_each() -> None:
    joint = Mention(0, 1, "rus", "name", ("ukr",))
    sentence = ScoredSentence("x", 0, 1, "neutral", {}, -0.5, False, "direct", joint)
    counts = {actor.id: actor.words.count for actor in aggregator(sentence).actors()}
    assert counts == {"rus": 1, "ukr": 1, "lavrov": 0}


@pytest.mark.parametrize("truth", [(0.2, 0.5, 0.3), (0.7, 0.2, 0.1), (0.0, 1.0, 0.0)])
def test_correction_finds_the_shares_behind_known_mistakes(truth: tuple[float, ...]) -> None:
    confusion = np.array([[700.0, 200, 100], [100, 800, 100], [150, 250, 600]])
    rates = confusion / confusion.sum(axis=1, keepdims=True)
    predicted = np.round(10_000 * np.array(truth) @ rates)
    value, low, high = prevalence(predicted, confusion)
    assert value == pytest.approx(truth, abs=0.02)
    assert (low <= value + 1e-9).all()
    assert (value <= high + 1e-9).all()
    assert value.sum() == pytest.approx(1)


def test_few_statements_have_wide_intervals() -> None:
    _, low, high = prevalence(np.array([1.0, 2, 1]), GOOD)
    _, close, far = prevalence(np.array([100.0, 200, 100]), GOOD)
    assert (high - low).min() > 2 * (far - close).max()


def test_a_label_not_seen_in_few_statements_may_yet_be_said() -> None:
    value, low, high = prevalence(np.array([0.0, 0, 3]), GOOD)
    assert value[0] == pytest.approx(0, abs=0.01)
    assert high[0] > 0.1
    assert low[2] < 0.9


def test_shares_are_corrected_only_with_known_mistakes_and_enough_statements() -> None:
    three = [said(0.9, "lavrov")] * 3
    known = aggregator(*three, confusion=GOOD).actors()[0].words.shares["hardline"]
    assert (known.raw, known.corrected is not None, known.interval is not None) == (1, True, True)
    for words in (
        aggregator(*three).actors()[0].words,
        aggregator(*three[:2], confusion=GOOD).actors()[0].words,
    ):
        assert words.shares["hardline"].corrected is None
        assert words.shares["hardline"].raw == 1


def test_confusion_of_another_label_set_is_not_used() -> None:
    assert confusion_of({"confusion": GOOD.tolist()}, LABELS) is not None
    assert confusion_of({"confusion": [[1, 2], [3, 4]]}, LABELS) is None
    assert confusion_of({}, LABELS) is None
