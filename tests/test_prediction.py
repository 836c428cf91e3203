"""The predict API: sentences and articles, offsets, order, bad models."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import stance
from stance.artifact import MANIFEST, read_manifest, set_champion
from stance.schema import Attribution, DocumentError, ModelError, Span

from tests.conftest import ROOT

ARTICLE = (
    "Talks fail\n\n“We will never negotiate,” the army said. Ministers met on Monday.\r\n\r\n"
    "They agreed to release people 😀.\n\n0 Comments\n"
)


@pytest.fixture(scope="module")
def model(model_folder: Path) -> stance.Model:
    return stance.load(model_folder)


def test_one_sentence_gives_one_prediction(model: stance.Model) -> None:
    p = model.predict("we will never negotiate.")
    assert p.label == "hardline"
    assert sum(p.probabilities.values()) == pytest.approx(1)
    assert list(p.probabilities) == ["conciliatory", "neutral", "hardline"]
    assert p.score == pytest.approx(p.probabilities["hardline"] - p.probabilities["conciliatory"])
    assert not p.truncated


def test_list_gives_list_in_order(model: stance.Model) -> None:
    texts = [f"{'peace ' * (i % 7)}we met on monday {i}" for i in range(150)]
    together = model.predict(texts)
    for i in (0, 6, 77, 149):
        alone = model.predict(texts[i])
        assert alone.label == together[i].label
        assert alone.probabilities == pytest.approx(together[i].probabilities, abs=1e-5)
    assert model.predict([]) == []


def test_predict_and_predict_proba_agree(model: stance.Model) -> None:
    texts = ["we welcome the offer.", "they refuse talks.", "ministers met."]
    probs = model.predict_proba(texts)
    assert probs.shape == (3, 3)
    assert [model.labels[i] for i in probs.argmax(1)] == [p.label for p in model.predict(texts)]


def test_long_sentence_is_marked_truncated(model: stance.Model) -> None:
    assert model.predict("we met " * 100).truncated


def test_temperature_softens_and_keeps_labels(model_folder: Path, tmp_path: Path) -> None:
    folder = copy(model_folder, tmp_path)
    manifest = json.loads((folder / MANIFEST).read_text())
    confidence = manifest["confidence"]
    confidence["weight"] = [[value / 10 for value in row] for row in confidence["weight"]]
    (folder / MANIFEST).write_text(json.dumps(manifest))
    sharp = stance.load(model_folder).predict("we will never negotiate.")
    soft = stance.load(folder).predict("we will never negotiate.")
    assert soft.label == sharp.label
    assert soft.probabilities["hardline"] < sharp.probabilities["hardline"]


@pytest.mark.parametrize("text", ["", "  \n", None, 3])
def test_what_is_no_sentence_is_refused(model: stance.Model, text: object) -> None:
    with pytest.raises(DocumentError, match=r"text 1: (empty|expected a string)"):
        model.predict(["we met.", text])  # type: ignore[list-item]


def test_article_offsets_index_the_untouched_text(model: stance.Model) -> None:
    article = model.score_article(ARTICLE)
    assert [s.text for s in article] == [
        "Talks fail",
        "“We will never negotiate,” the army said.",
        "Ministers met on Monday.",
        "They agreed to release people 😀.",
    ]
    for sentence in article:
        assert ARTICLE[sentence.start : sentence.end] == sentence.text
    assert [ARTICLE[s.start : s.end] for s in article.boilerplate] == ["0 Comments"]


def test_article_score_is_the_mean_and_counts_add_up(model: stance.Model) -> None:
    article = model.score_article(ARTICLE)
    assert article.score == pytest.approx(np.mean([s.score for s in article]))
    assert article.interval is not None
    assert -1 <= article.interval[0] <= article.score <= article.interval[1] <= 1
    assert sum(article.counts.values()) == len(article) == 4


def test_article_without_sentences_has_no_score(model: stance.Model) -> None:
    article = model.score_article("12 - 34\n0 Comments")
    assert (article.score, article.interval, len(article)) == (None, None, 0)
    assert article.warnings == ("no sentence found; there is no score",)


@pytest.mark.parametrize("text", ["", " \n ", None])
def test_no_article_is_refused(model: stance.Model, text: object) -> None:
    with pytest.raises(DocumentError):
        model.score_article(text)  # type: ignore[arg-type]


def test_other_language_is_warned(model: stance.Model) -> None:
    german = (
        "Der Außenminister lehnte am Montag jedes Gespräch mit der Gegenseite ab. "
        "Die Regierung werde niemals nachgeben, sagte er vor Journalisten in Berlin."
    )
    assert "another language than English (de)" in model.score_article(german).warnings[0]
    english = "MINISTERS OF THE ARMY MET PEOPLE ON MONDAY. THEY AGREED TO TALKS."
    assert model.score_article(english).warnings == ()


def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy" / folder.name))


def rewrite(folder: Path, **changes: object) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, **changes}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: shutil.rmtree(f), "no such model folder"),
        (lambda f: (f / MANIFEST).unlink(), r"not a saved model \(no stance.json\)"),
        (lambda f: (f / "model.onnx").unlink(), "incomplete model, model.onnx is missing"),
        (lambda f: (f / "tokenizer.json").unlink(), "incomplete model, tokenizer.json is missing"),
        (lambda f: (f / MANIFEST).write_text("{"), "damaged manifest"),
        (lambda f: (f / MANIFEST).write_text("[]"), "damaged manifest"),
        (lambda f: rewrite(f, surprise=1), "damaged manifest"),
        (lambda f: rewrite(f, format=99), "written in another format"),
        (lambda f: rewrite(f, labels=["a", "b"]), "3 outputs, but the manifest names 2 labels"),
        (lambda f: (f / "model.onnx").write_bytes(b"x" * 100), "damaged .*sha256"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_unsound_model_folder_is_refused(
    model_folder: Path, tmp_path: Path, damage: object, message: str
) -> None:
    folder = copy(model_folder, tmp_path)
    damage(folder)  # type: ignore[operator]
    with pytest.raises(ModelError, match=message):
        stance.load(folder)


def test_champion_is_loaded_from_models(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelError, match=r"no trained model in .*/models: train one with"):
        stance.load()
    set_champion(copy(model_folder, Path.cwd()), how="gate", why="the first one")
    monkeypatch.setenv("STANCE_MODELS", "copy")
    assert stance.load().name == read_manifest(model_folder).name


SPOKEN = (
    "Kyiv refused talks.\n\n“We will never negotiate,” the Iranian army said. It agreed to peace.\n"
)


def marked(text: str) -> list[Attribution]:
    def span(words: str) -> Span:
        return Span(text.index(words), text.index(words) + len(words))

    source, cue = span("the Iranian army"), span("said")
    return [Attribution((source,), (cue,), (span("“We will never negotiate,”"),))]


def test_article_tells_who_speaks_when_attributions_are_known(model: stance.Model) -> None:
    article = model.score_article(SPOKEN, attributions=marked(SPOKEN))
    assert article.sentences[1].form == "direct"
    speaker = article.sentences[1].speaker
    assert speaker is not None
    assert SPOKEN[speaker.start : speaker.end] == "the Iranian army"
    iran = article.actor("Iran")
    assert (iran.id, iran.words.count, iran.words.value) == ("irn", 1, None)
    assert article.correction == {"source": "dev", "sentences": 9, "model": model.name}
    row = article.to_rows()[1]
    assert (row["speaker"], row["speaker_how"], row["target_how"]) == ("Iran", speaker.how, None)
    assert row["depends_on_context"] is False
    with pytest.raises(KeyError, match="'Mars': expected one of"):
        article.actor("Mars")


def test_scored_speakers_are_valid_under_the_schema(model: stance.Model) -> None:
    import jsonschema

    text = "Seoul refused peace; Tokyo agreed to peace.\n\n" + SPOKEN
    article = model.score_article(text, attributions=marked(text), context=1)
    document = model.weigh_words(article, strongest=2).to_dict()
    schema = json.loads((ROOT / "stance" / "document.schema.json").read_text())
    jsonschema.validate(document, schema)
    for sentence in document["sentences"]:
        for part in sentence["parts"]:
            assert text[part["start"] : part["end"]] == part["text"]
    assert sum(bool(sentence["evidence"]) for sentence in document["sentences"]) == 2


def test_context_flags_labels_that_neighbours_change(model: stance.Model) -> None:
    text = (
        "Ministers met on Monday. We refuse and we will never negotiate. Ministers met on Monday."
    )
    alone = model.score_article(text)
    assert not any(s.depends_on_context or s.in_context for s in alone)
    article = model.score_article(text, context=1)
    assert [s.label for s in article] == [s.label for s in alone]
    for sentence in article:
        assert sentence.in_context is not None
        assert sentence.depends_on_context == (sentence.in_context.label != sentence.label)
    wide = article.sentences[1].in_context
    assert wide is not None
    assert wide.probabilities == pytest.approx(model.predict(text).probabilities, abs=1e-5)


def test_actors_of_ones_own_are_known(model_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("id,name,type\nmoon,Moonbase,organisation\n")
    mine = stance.load(model_folder, actors=path)
    article = mine.score_article(
        "We will never negotiate, Moonbase said.",
        attributions=[Attribution((Span(25, 33),), (Span(34, 38),), (Span(0, 23),))],
    )
    assert [actor.id for actor in article.actors] == ["moon"]


def test_the_tagger_in_use_finds_who_says_what_unless_told_not_to(
    model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Marker:
        def attributions(self, text: str, sentences: list[Span]) -> list[Attribution]:
            assert text[sentences[0].start : sentences[0].end] == "Kyiv refused talks."
            return marked(text)

    asked = []

    def find(models: Path, *, threads: int | None = None) -> Marker | None:
        asked.append((models, threads))
        return Marker() if models != model_folder.parent else None

    monkeypatch.setattr("stance.prediction.find", find)
    model = stance.load(model_folder, threads=1)
    assert model.score_article(SPOKEN, speakers=False).sentences[1].form is None
    assert asked == []
    assert model.score_article(SPOKEN).actor("irn").words.count == 1
    assert asked[0] == (model_folder.parent, 1)
