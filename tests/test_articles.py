"""Whole articles and challenge sets of the corpus: sound as shipped, and faults are told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from stance.corpus import load_corpus
from stance.corpus.articles import load_articles
from stance.corpus.challenge import load_challenge
from stance.schema import DataError

from tests.conftest import ROOT

CAPABILITIES = {
    *("negation", "contrast", "condition", "attribution", "tense", "agentless"),
    *("irony", "contact", "demands", "help", "perturbation", "actors"),
}


def test_project_articles_hold_in_the_splits() -> None:
    articles = load_articles(ROOT / "data", corpus=load_corpus(ROOT / "data"))
    assert len(articles) >= 120
    assert sum(250 <= len(article.text.split()) <= 600 for article in articles) >= 120
    assert all(any(a.contents for a in article.attributions) for article in articles[:5])


def test_project_challenge_sets_are_whole() -> None:
    sets = load_challenge(ROOT / "data" / "challenge")
    assert set(sets) == CAPABILITIES
    for capability, cases in sets.items():
        assert len(cases) >= 50
        invariance = capability in ("perturbation", "actors")
        assert all((case.variant is not None) == invariance for case in cases)


SAID = {"sentence": "a-1", "sources": [[6, 8]], "cues": [[9, 13]], "contents": [[0, 5]]}


def an_article(**changes: object) -> dict[str, object]:
    sentence = {"id": "a-1", "start": 0, "end": 12, "label": "hardline", "form": "x"}
    base: dict[str, object] = {
        "id": "a",
        "title": "",
        "text": '"No," he said.',
        "sentences": [{**sentence, "end": 14, "speaker": None, "target": None}],
        "attributions": [SAID],
    }
    return {**base, **changes}


def write(article: dict[str, object]) -> Path:
    Path("articles.jsonl").write_text(json.dumps(article) + "\n")
    return Path()


def test_spans_are_read() -> None:
    (article,) = load_articles(write(an_article()))
    (said,) = article.attributions
    parts = (said.sources, said.cues, said.contents)
    assert [article.text[p[0].start : p[0].end] for p in parts] == ["he", "said", '"No,"']


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text": "short"}, "out of order or out of the text"),
        ({"attributions": [{**SAID, "sentence": "b"}]}, "an attribution leaves its sentence"),
        (
            {
                "attributions": [
                    {"sentence": "a-1", "sources": [[3, 3]], "cues": [], "contents": []}
                ]
            },
            "an attribution has an empty span",
        ),
        ({"sentences": 3}, "articles.jsonl:1: malformed article"),
    ],
)
def test_faulty_article_is_told(changes: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_articles(write(an_article(**changes)))


def test_article_that_disagrees_with_the_splits_is_told(corpus_folder: Path) -> None:
    with pytest.raises(DataError, match="a-1: not in the splits"):
        load_articles(write(an_article()), corpus=load_corpus(corpus_folder))


def test_faulty_challenge_case_is_told() -> None:
    with pytest.raises(DataError, match="no challenge sets"):
        load_challenge(".")
    Path("negation.jsonl").write_text('{"id": "1", "text": "No.", "label": "odd"}\n')
    with pytest.raises(DataError, match=r"negation.jsonl:1: unknown label 'odd'"):
        load_challenge(".")
