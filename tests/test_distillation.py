"""Distillation: a student learns what its teachers say, in fewer layers if wanted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stance
from stance import artifact
from stance.cli import app
from stance.config import Config, load_config
from stance.corpus import load_corpus
from stance.corpus.texts import read_texts
from stance.distillation import UNLABELLED, resolved, soft_targets, taught, write_opinions
from stance.encoder import load_classifier
from stance.examples import TEACHERS, TEACHERS_SHARE, target, weights
from stance.schema import LABELS, ConfigError, DataError, DocumentError, ModelError, StanceError
from stance.training import train
from typer.testing import CliRunner

from tests.architectures import ARCHITECTURES, write_encoder
from tests.conftest import SENTENCES, give, tiny_settings, write_corpus
from tests.test_labelsets import fomc

SPOKEN = [text for texts in SENTENCES.values() for text in texts]


def distilled(encoder: Path, corpus: Path, teacher: Path | str, **distill: Any) -> Config:
    """Settings that learn from a teacher."""
    section = {"teachers": [str(teacher)], "temperature": 1, **distill}
    return tiny_settings(encoder, corpus, Path("models"), distill=section)


def changed(settings: Config, section: str, **changes: Any) -> Config:
    """The same settings but for a few of a section."""
    old = getattr(settings, section).model_dump()
    return Config.model_validate({**settings.model_dump(), section: {**old, **changes}})


def write_texts(path: Path, copies: int = 3) -> Path:
    """Write unlabelled sentences that no corpus of these tests has."""
    lines = [f"{text[:-1]} on day {day}." for day in range(copies) for text in SPOKEN]
    path.write_text("\n\n".join(lines), encoding="utf-8")
    return path


def write_mislabelled(folder: Path) -> Path:
    """Write a corpus whose every training label is wrong, and dev and test right."""
    write_corpus(folder)
    after = dict(zip(LABELS, (*LABELS[1:], LABELS[0]), strict=True))
    path = folder / "train.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps({**r, "label": after[r["label"]]}) + "\n" for r in rows))
    return folder


def test_a_student_learns_from_the_teacher_alone(tiny_encoder: Path, model_folder: Path) -> None:
    """With weight 1 wrong gold labels do no harm; texts without labels teach as well."""
    corpus = write_mislabelled(Path("data"))
    options = {"weight": 1, "unlabelled": [str(write_texts(Path("texts.txt")))]}
    trained = train(distilled(tiny_encoder, corpus, model_folder, **options))
    texts = [row["text"] for row in load_corpus(corpus).rows("test")]
    teacher, student = (stance.load(m).predict_proba(texts) for m in (model_folder, trained.folder))
    assert (teacher.argmax(axis=1) == student.argmax(axis=1)).mean() > 0.8
    assert trained.dev["macro_f1"]["value"] > 0.8


def test_the_gold_labels_count_with_weight_nought(tiny_encoder: Path, model_folder: Path) -> None:
    corpus = write_mislabelled(Path("data"))
    trained = train(distilled(tiny_encoder, corpus, model_folder, weight=0))
    assert trained.dev["macro_f1"]["value"] < 0.5


def test_targets_mix_the_mean_of_the_teachers_with_the_gold_label(
    tiny_encoder: Path, corpus_folder: Path, model_folder: Path
) -> None:
    other = train(
        tiny_settings(tiny_encoder, corpus_folder, Path("others"), train={"epochs": 1})
    ).folder
    teachers = [str(model_folder), str(other)]
    settings = distilled(
        tiny_encoder, corpus_folder, "", teachers=teachers, weight=0.25, temperature=2
    )
    corpus = load_corpus(corpus_folder)
    rows = corpus.rows("train")
    texts = [row["text"] for row in rows]
    spoken = [stance.load(one, precision="fp32").predict_proba(texts) for one in teachers]
    mean = (spoken[0] + spoken[1]) / 2
    softened = np.sqrt(mean) / np.sqrt(mean).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(soft_targets(texts, settings), softened)
    shown = taught(rows, settings, say=lambda line: None)
    gold = np.array([[float(row["label"] == label) for label in LABELS] for row in rows])
    found = np.array([target(row, settings) for row in shown])
    np.testing.assert_allclose(found, 0.75 * gold + 0.25 * softened)


def test_unlabelled_text_is_labelled_by_the_teachers_and_shares_nothing_with_the_corpus(
    corpus_folder: Path, tiny_encoder: Path, model_folder: Path
) -> None:
    corpus = load_corpus(corpus_folder)
    known = [row["text"] for split in corpus.splits.values() for row in split]
    Path("texts.txt").write_text("\n\n".join([*known, "We will never negotiate on day 3."]))
    settings = distilled(tiny_encoder, corpus_folder, model_folder, unlabelled="texts.txt")
    rows = corpus.rows("train")
    *labelled, new = taught(rows, settings, say=lambda line: None)
    assert [row["text"] for row in labelled] == [row["text"] for row in rows]
    assert new["text"] == "We will never negotiate on day 3."
    assert new["label"] == stance.load(model_folder).predict(new["text"]).label
    assert (new[TEACHERS_SHARE], labelled[0][TEACHERS_SHARE]) == (1, 0.5)
    assert target(new, settings) == pytest.approx(new[TEACHERS])
    halved = changed(settings, "data", column_weights={"corpus": {"unlabelled": 0.5}})
    *of_labelled, of_new = weights([*labelled, new], halved)
    assert of_new == pytest.approx(of_labelled[0] / 2)


def test_a_shallower_student_is_whole_and_says_whom_it_learnt_from(
    tiny_encoder: Path, corpus_folder: Path, model_folder: Path
) -> None:
    texts = write_texts(Path("texts.txt"))
    settings = changed(
        distilled(
            tiny_encoder, corpus_folder, model_folder, start="teacher", unlabelled=str(texts)
        ),
        "encoder",
        layers=[1],
    )
    folder = train(settings).folder
    assert json.loads((folder / "config.json").read_text())["num_hidden_layers"] == 1
    assert len(load_classifier(folder).encoder.encoder.layer) == 1
    assert (folder / artifact.ONNX).stat().st_size < (model_folder / artifact.ONNX).stat().st_size
    manifest = artifact.read_manifest(folder)
    assert manifest.provenance["layers"] == [1]
    assert manifest.data["teachers"][0]["name"] == model_folder.name
    assert manifest.data["unlabelled"]["rows"] == 27
    assert manifest.config["encoder"]["name"] == str(model_folder)
    assert stance.load(folder).predict("we will never negotiate.").label in LABELS


def test_kept_layers_have_the_weights_of_the_teacher(
    tiny_encoder: Path, corpus_folder: Path, model_folder: Path
) -> None:
    feeble = {"epochs": 1, "learning_rate": 1e-9, "head_learning_rate": 1e-9}
    settings = distilled(tiny_encoder, corpus_folder, model_folder, start="teacher")
    settings = changed(changed(settings, "encoder", layers=[1]), "train", **feeble)
    teacher = load_classifier(model_folder).encoder
    student = load_classifier(train(settings).folder).encoder
    for name, kept in student.encoder.layer[0].named_parameters():
        expected = teacher.encoder.layer[1].get_parameter(name)
        np.testing.assert_allclose(kept.detach(), expected.detach(), atol=1e-6)


def test_the_champion_teaches(tiny_encoder: Path, corpus_folder: Path, model_folder: Path) -> None:
    settings = distilled(tiny_encoder, corpus_folder, "champion")
    with pytest.raises(ModelError, match="no champion in models; train one first"):
        train(settings)
    teacher = Path(shutil.copytree(model_folder, Path("models", model_folder.name)))
    artifact.set_champion(teacher, how="gate", why="the first one")
    assert resolved(settings).distill.teachers == (str(teacher),)


def test_a_student_that_starts_as_its_teacher_pools_as_it_does(
    tiny_encoder: Path, corpus_folder: Path, model_folder: Path
) -> None:
    teacher = Path(shutil.copytree(model_folder, "teacher"))
    manifest = json.loads((teacher / "stance.json").read_text())
    manifest["config"]["encoder"]["pooling"] = "cls"
    (teacher / "stance.json").write_text(json.dumps(manifest))
    for start, pooling in (("teacher", "cls"), ("encoder", "mean")):
        settings = resolved(distilled(tiny_encoder, corpus_folder, teacher, start=start))
        assert settings.encoder.pooling == pooling


def test_a_published_test_file_stays_shut(
    monkeypatch: pytest.MonkeyPatch, mirror: Path, tiny_encoder: Path, model_folder: Path
) -> None:
    rates = fomc(range(6))
    give(monkeypatch, "fomc", "train-5768", rates)  # no test file: asking for it fails
    Path("texts.txt").write_text("1 We agree. They will never agree.")
    options = {"unlabelled": ["texts.txt", "public:fomc/5768"]}
    settings = distilled(tiny_encoder, Path("public:fomc/5768"), model_folder, **options)
    (new,) = taught([], settings, say=lambda line: None)
    assert new["text"] == "They will never agree."


def test_a_teacher_without_weights_is_no_start(
    tiny_encoder: Path, corpus_folder: Path, model_folder: Path
) -> None:
    scoring = Path(shutil.copytree(model_folder, "scoring"))
    (scoring / "model.safetensors").unlink()
    assert resolved(distilled(tiny_encoder, corpus_folder, scoring)).distill.teachers == (
        "scoring",
    )
    with pytest.raises(ModelError, match=r"scoring has no model\.safetensors to start from"):
        resolved(distilled(tiny_encoder, corpus_folder, scoring, start="teacher"))


def test_teachers_are_scored_once(
    tiny_encoder: Path, corpus_folder: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = distilled(tiny_encoder, corpus_folder, model_folder)
    texts = ["we met.", "they refuse talks."]
    first = soft_targets(texts, settings)
    monkeypatch.setattr("stance.runtime.Scorer.logits", lambda *_: pytest.fail("scored again"))
    # In any order: another seed shuffles the rows otherwise.
    np.testing.assert_array_equal(soft_targets(texts[::-1], settings), first[::-1])


def test_a_teacher_of_other_labels_is_refused(
    tiny_encoder: Path, corpus_folder: Path, model_folder: Path
) -> None:
    settings = distilled(tiny_encoder, corpus_folder, model_folder)
    labels = {"labels": ("dovish", "neutral", "hawkish"), "poles": None}
    with pytest.raises(ModelError, match=r"knows the labels conciliatory.*expected dovish"):
        resolved(settings.model_copy(update=labels))


def test_the_order_of_a_teachers_labels_does_not_matter(
    tiny_encoder: Path, corpus_folder: Path, model_folder: Path
) -> None:
    settings = distilled(tiny_encoder, corpus_folder, model_folder)
    turned = settings.model_copy(update={"labels": LABELS[::-1]})
    texts = ["we met.", "they refuse talks."]
    np.testing.assert_array_equal(
        soft_targets(texts, turned), soft_targets(texts, settings)[:, ::-1]
    )


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (3, "3, but this encoder has 2 layers: expected a number from 1 to 2"),
        ([0, 2], r"\(0, 2\), but this encoder has 2 layers.*rising numbers from 0 to 1"),
        ([1, 0], "but this encoder has 2 layers"),
        ([], "but this encoder has 2 layers"),
    ],
)
def test_layers_that_are_not_there_are_told(
    layers: Any, message: str, tiny_encoder: Path, corpus_folder: Path
) -> None:
    settings = tiny_settings(tiny_encoder, corpus_folder, Path("models"))
    with pytest.raises(ConfigError, match=message):
        train(changed(settings, "encoder", layers=layers))


@pytest.mark.parametrize(
    ("depth", "count", "expected"),
    [
        (12, 6, [0, 2, 4, 7, 9, 11]),  # DistilBERT's
        (6, 3, [0, 2, 5]),
        (6, 1, [0]),
        (4, 4, [0, 1, 2, 3]),
    ],
)
def test_layers_are_spread_evenly(depth: int, count: int, expected: list[int]) -> None:
    from stance.encoder.pruning import evenly

    assert evenly(depth, count) == expected


def test_layers_that_differ_by_place_are_kept_as_they_are() -> None:
    """ModernBERT's layers alternate global and local attention, and the lowest has no norm."""
    import torch
    from stance.encoder.pruning import shallower
    from transformers import ModernBertConfig, ModernBertModel

    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2}
    config = ModernBertConfig(vocab_size=50, pad_token_id=0, num_hidden_layers=6, **sizes)
    encoder = ModernBertModel(config)
    student = shallower(encoder, [0, 3, 4])
    kept = [encoder.layers[i] for i in (0, 3, 4)]
    assert [layer.attention_type for layer in student.layers] == [
        layer.attention_type for layer in kept
    ]
    for old, new in zip(kept, student.layers, strict=True):
        assert all(
            torch.equal(a, b) for a, b in zip(old.parameters(), new.parameters(), strict=True)
        )
    with pytest.raises(ConfigError, match="keep layer 0"):
        shallower(encoder, [1, 3])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_shallower_encoder_of_each_architecture_loads_as_it_was_saved(architecture: str) -> None:
    import torch
    from stance.encoder.model import load_encoder
    from stance.encoder.pruning import shallower

    tokenizer, encoder = load_encoder(str(write_encoder(architecture, Path("whole"))))
    batch = tokenizer(["we will never negotiate.", "peace"], padding=True, return_tensors="pt")

    def output(encoder: Any) -> Any:
        with torch.inference_mode():
            return encoder.eval()(**batch).last_hidden_state

    torch.testing.assert_close(output(shallower(encoder, 3)), output(encoder))
    student = shallower(encoder, 2)
    tokenizer.save_pretrained("cut")
    student.save_pretrained("cut")
    _, again = load_encoder("cut")
    torch.testing.assert_close(output(again), output(student))
    assert again.config.num_hidden_layers == 2
    assert again.config.kept_layers == [0, 2]
    assert sum(p.numel() for p in again.parameters()) < sum(p.numel() for p in encoder.parameters())


@pytest.mark.parametrize("architecture", ["bert", "roberta", "deberta"])
def test_a_narrower_encoder_keeps_the_units_that_count(architecture: str) -> None:
    import torch
    from stance.encoder.model import load_encoder
    from stance.encoder.pruning import narrower

    tokenizer, encoder = load_encoder(str(write_encoder(architecture, Path("whole"))))
    batch = tokenizer(["we will never negotiate.", "peace"], padding=True, return_tensors="pt")
    silent = torch.arange(0, 64, 2)
    for layer in encoder.encoder.layer:
        layer.output.dense.weight.data[:, silent] = 0  # half of the units bring nothing

    def output(encoder: Any) -> Any:
        with torch.inference_mode():
            return encoder.eval()(**batch).last_hidden_state

    student = narrower(encoder, 32, [batch])
    torch.testing.assert_close(output(student), output(encoder))
    tokenizer.save_pretrained("cut")
    student.save_pretrained("cut")
    _, again = load_encoder("cut")
    torch.testing.assert_close(output(again), output(student))
    assert again.encoder.layer[0].intermediate.dense.out_features == 32


def test_padding_does_not_say_which_units_count() -> None:
    import torch
    from stance.encoder.model import load_encoder
    from stance.encoder.pruning import narrower

    tokenizer, encoder = load_encoder(str(write_encoder("bert", Path("whole"))))
    texts = ["we will never negotiate.", "peace"]
    singly = [tokenizer([text], return_tensors="pt") for text in texts]
    padded = tokenizer(texts, padding="max_length", max_length=60, return_tensors="pt")
    alone, together = (narrower(encoder, 8, batches) for batches in (singly, [padded]))
    for a, b in zip(alone.parameters(), together.parameters(), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(
    ("architecture", "width", "message"),
    [
        ("bert", 65, "encoder.intermediate_size: 65, but the layers of this encoder have 64 units"),
        ("modernbert", 32, "a modernbert encoder has not one linear map to the 64 units"),
    ],
)
def test_an_encoder_that_cannot_be_narrowed_so_is_told(
    architecture: str, width: int, message: str, corpus_folder: Path
) -> None:
    write_encoder(architecture, Path("whole"))
    settings = tiny_settings(Path("whole"), corpus_folder, Path("models"))
    with pytest.raises(ConfigError, match=message):
        train(changed(settings, "encoder", intermediate_size=width))


def test_a_student_of_fewer_layers_and_units_scores(
    tiny_encoder: Path, corpus_folder: Path, model_folder: Path
) -> None:
    settings = distilled(tiny_encoder, corpus_folder, model_folder, start="teacher")
    trained = train(changed(settings, "encoder", layers=1, intermediate_size=16))
    manifest = artifact.read_manifest(trained.folder)
    assert manifest.config["encoder"]["intermediate_size"] == 16
    network = json.loads((trained.folder / "config.json").read_text())
    assert (network["num_hidden_layers"], network["intermediate_size"]) == (1, 16)
    assert len(stance.load(trained.folder).predict(SPOKEN)) == len(SPOKEN)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("distill.unlabelled=[texts]", "distill: unlabelled texts without teachers"),
        ("distill.start=teacher", "distill: start: teacher without teachers"),
        ("distill.temperature=0", "distill.temperature: input should be greater than 0"),
        ("distill.weight=2", "distill.weight: input should be less than or equal to 1"),
    ],
)
def test_settings_that_make_no_sense_are_told(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(None, [override])


def test_missing_unlabelled_text_stops_before_any_training(
    tiny_encoder: Path, corpus_folder: Path, model_folder: Path
) -> None:
    with pytest.raises(DocumentError, match="nowhere: no such file"):
        train(distilled(tiny_encoder, corpus_folder, model_folder, unlabelled="nowhere"))
    assert not Path("models").exists()


def test_a_teacher_may_be_a_file_of_what_it_said(tiny_encoder: Path, model_folder: Path) -> None:
    """It teaches as the model itself does; a row it does not know follows its label alone."""
    corpus = write_mislabelled(Path("data"))
    called = ["data", "opinions", str(model_folder), "--data", str(corpus)]
    assert CliRunner().invoke(app, [*called, "--output", "said.csv"]).exit_code == 0
    assert not any(text in Path("said.csv").read_text() for text in SPOKEN)
    rows = load_corpus(corpus).rows("train")
    of_model, of_file = (
        taught(rows, resolved(distilled(tiny_encoder, corpus, name, weight=1)), say=str)
        for name in (model_folder, "said.csv")
    )
    expected = np.array([row[TEACHERS] for row in of_model])
    assert np.abs(np.array([row[TEACHERS] for row in of_file]) - expected).max() < 1e-4

    lines = Path("said.csv").read_text().splitlines(keepends=True)
    Path("said.csv").write_text("".join(lines[:-2]))
    heard: list[str] = []
    settings = resolved(distilled(tiny_encoder, corpus, "said.csv", weight=1))
    partly = taught(rows, settings, say=heard.append)
    assert sum(TEACHERS not in row for row in partly) == 2
    assert heard[-1] == "2 rows that no teacher knows follow their labels alone"
    trained = train(settings)
    assert trained.dev["macro_f1"]["value"] > 0.8
    described = artifact.read_manifest(trained.folder).data["teachers"]
    assert described[0]["name"] == "said.csv"


def test_opinions_may_be_of_unlabelled_text_too(tiny_encoder: Path, model_folder: Path) -> None:
    corpus, more = write_corpus(Path("data")), str(write_texts(Path("texts.txt")))
    called = ["data", "opinions", str(model_folder), "--data", str(corpus), "--unlabelled", more]
    assert CliRunner().invoke(app, [*called, "--output", "said.csv"]).exit_code == 0
    rows = load_corpus(corpus).rows("train")
    of_model, of_file = (
        taught(rows, resolved(distilled(tiny_encoder, corpus, name, unlabelled=more)), say=str)
        for name in (model_folder, "said.csv")
    )
    assert [row["text"] for row in of_file] == [row["text"] for row in of_model]


def test_a_file_of_opinions_teaches_no_other_text_and_has_the_labels(
    tiny_encoder: Path, corpus_folder: Path
) -> None:
    rows = load_corpus(corpus_folder).rows("train")
    texts = [row["text"] for row in rows]
    write_opinions(Path("said.csv"), texts, LABELS, np.full((len(texts), 3), 1 / 3))
    more = [str(write_texts(Path("texts.txt")))]
    settings = resolved(distilled(tiny_encoder, corpus_folder, "said.csv", unlabelled=more))
    with pytest.raises(DataError, match=r"27 texts, and said\.csv says nothing of them"):
        taught(rows, settings, say=str)
    known = read_texts(more)[5:8]
    write_opinions(Path("said.csv"), [*texts, *known], LABELS, np.full((len(texts) + 3, 3), 1 / 3))
    heard: list[str] = []
    found = taught(rows, settings, say=heard.append)
    assert [row["text"] for row in found if row.get("corpus") == UNLABELLED] == known
    assert heard[-1] == "24 unlabelled sentences that no teacher knows are left out"
    Path("said.csv").write_text("text_sha256,dovish,hawkish\n")
    with pytest.raises(ModelError, match="knows the labels dovish, hawkish; expected"):
        resolved(distilled(tiny_encoder, corpus_folder, "said.csv"))
    Path("said.csv").write_text("text,label\n")
    with pytest.raises(DataError, match=r"said\.csv: .*expected the columns text_sha256"):
        resolved(distilled(tiny_encoder, corpus_folder, "said.csv"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe", "can't decode"),
        (b"text_sha256,%s\n0123,0.5,0.5\n", "row 0123 has 0.5, 0.5; expected"),
        (b"text_sha256,%s\n0123,-0.5,0.5,1\n", "row 0123 has -0.5, 0.5, 1; expected"),
        (b"text_sha256,%s\n0123,20,30,50\n", "row 0123 has 20, 30, 50; expected"),
        (b"text_sha256,%s\n0123,nan,0.5,0.5\n", "row 0123 has nan"),
        (b"text_sha256,%s\n0123,high,0.5,0.5\n", "could not convert string to float: 'high'"),
        (b"text_sha256\n0123\n", "row 0123 has nothing"),
    ],
)
def test_a_file_that_holds_no_probabilities_teaches_nothing(
    tiny_encoder: Path, corpus_folder: Path, content: bytes, message: str
) -> None:
    Path("said.csv").write_bytes(content.replace(b"%s", ",".join(LABELS).encode()))
    with pytest.raises(DataError, match=rf"said\.csv: .*{message}"):
        resolved(distilled(tiny_encoder, corpus_folder, "said.csv"))


def test_opinions_that_are_not_there_or_cannot_be_written_are_told(
    tiny_encoder: Path, corpus_folder: Path
) -> None:
    with pytest.raises(ModelError, match=r"said\.csv: no such file; .* stance data opinions MODEL"):
        resolved(distilled(tiny_encoder, corpus_folder, "said.csv"))
    with pytest.raises(StanceError, match=r"said\.csv: cannot be written"):
        write_opinions(Path("/proc/none/said.csv"), ["x"], LABELS, np.full((1, 3), 1 / 3))
