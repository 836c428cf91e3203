"""The predict API: sentences and articles, offsets, order, bad models."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import stance
from stance.artifact import MANIFEST, read_manifest, set_champion
from stance.schema import DocumentError, ModelError

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
    manifest["temperature"] *= 10
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
