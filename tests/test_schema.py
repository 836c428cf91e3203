"""The document schema, the errors, and the nouns."""

from __future__ import annotations

import json

import pytest
from stance.schema import (
    DataError,
    DependencyError,
    Problem,
    ScoredArticle,
    ScoredSentence,
    Span,
    require,
)

from tests.conftest import ROOT


def an_article(**changes: object) -> ScoredArticle:
    probabilities = {"conciliatory": 0.1, "neutral": 0.2, "hardline": 0.7}
    sentence = ScoredSentence("No.", 0, 3, "hardline", probabilities, 0.6, False)
    fields = {
        "name": "a.txt",
        "sentences": (sentence,),
        "score": 0.6,
        "interval": None,
        "counts": {"conciliatory": 0, "neutral": 0, "hardline": 1},
        "model": "m",
        "boilerplate": (Span(4, 14),),
    }
    return ScoredArticle(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "article",
    [an_article(), an_article(interval=(-0.5, 0.5)), an_article(sentences=(), score=None)],
)
def test_document_is_valid_under_the_published_schema(article: ScoredArticle) -> None:
    import jsonschema

    schema = json.loads((ROOT / "stance" / "document.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(article.to_dict(), schema)


def test_schema_refuses_a_document_without_offsets() -> None:
    import jsonschema

    schema = json.loads((ROOT / "stance" / "document.schema.json").read_text())
    document = an_article().to_dict()
    del document["sentences"][0]["start"]
    with pytest.raises(jsonschema.ValidationError, match="'start' is a required property"):
        jsonschema.validate(document, schema)


def test_frame_has_a_row_a_sentence_and_a_column_a_label() -> None:
    frame = an_article().to_frame()
    assert list(frame.columns) == [
        *("name", "text", "start", "end", "label"),
        *("p_conciliatory", "p_neutral", "p_hardline", "score", "truncated"),
        *("form", "speaker", "target", "label_set", "unfamiliar"),
        *("speaker_how", "target_how", "depends_on_context"),
    ]
    assert frame.loc[0, "p_hardline"] == 0.7


def test_frame_of_an_article_without_sentences_keeps_its_columns() -> None:
    frame = an_article(sentences=()).to_frame()
    assert len(frame) == 0
    assert "p_hardline" in frame.columns


def test_data_error_shows_places_and_counts_the_rest() -> None:
    problems = [Problem("a.csv", line, "text is empty") for line in range(2, 40)]
    error = DataError("a.csv: 38 faults", problems)
    assert "  a.csv:2: text is empty" in str(error)
    assert str(error).endswith("... and 13 more")
    assert len(error.problems) == 38


def test_missing_dependency_names_the_extra() -> None:
    with pytest.raises(DependencyError, match=r"pip install 'stance\[train\]'"):
        require("no_such_module_here", extra="train", purpose="dancing")
