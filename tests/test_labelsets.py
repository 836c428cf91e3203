"""Any label set: published corpora by name and a user's own file, from configuration to report."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
import stance
from stance.config import Config, CutConfig
from stance.corpus import load_configured, load_corpus, public
from stance.corpus.uncut import cut_by_group, distinct
from stance.schema import ConfigError, DataError
from stance.training import train
from typer.testing import CliRunner

from tests.conftest import ROOT, give, tiny_settings

PENTA = {
    "0": ("ministers met on monday.", "people met in the border town."),
    "1": ("we welcome the offer of talks.", "they agree to meet."),
    "2": ("they release people.", "the army will release the ministers."),
    "3": ("we will never negotiate.", "they refuse talks."),
    "4": ("they attack the border.", "the army will attack people."),
}
RATES = {
    0: ("we offer peace.", "we agree."),
    1: ("we refuse.", "never."),
    2: ("we met.", "they met."),
}


def cameo(marks: range) -> bytes:
    lines = [f"{m} {t}\t{code}" for code, texts in PENTA.items() for t in texts for m in marks]
    return "\n".join(lines).encode()


def fomc(marks: range) -> bytes:
    import pandas as pd

    rows = [
        {"sentence": f"{mark} {text}", "year": 2000 + mark, "label": code, "orig_index": i}
        for code, texts in RATES.items()
        for i, text in enumerate(texts)
        for mark in marks
    ]
    buffer = io.BytesIO()
    pd.DataFrame(rows).to_excel(buffer, index=False)
    return buffer.getvalue()


def settings_of(config: str, encoder: Path) -> Config:
    """A configuration of the project with the tiny encoder in place of the real one, and the
    published sentences alone."""
    given = stance.load_config(ROOT / "configs" / config).model_dump()
    given["data"]["path"] = given["data"]["path"][:1]
    tiny = tiny_settings(encoder, Path("unused"), Path("unused")).model_dump()
    return Config.model_validate(
        {
            **given,
            **{key: tiny[key] for key in ("encoder", "train")},
            "tracking": {"enabled": False},
        }
    )


def test_five_classes_train_evaluate_and_predict(
    monkeypatch: pytest.MonkeyPatch, mirror: Path, tiny_encoder: Path
) -> None:
    """The test file is absent while training: it is fetched by nothing but an evaluation."""
    give(monkeypatch, "cameo-penta", "train", cameo(range(6)))
    trained = train(settings_of("cameo.yaml", tiny_encoder))
    assert trained.folder.parent == Path("models/cameo")
    assert trained.promoted
    give(monkeypatch, "cameo-penta", "test", cameo(range(4, 8)))
    said: list[str] = []
    evaluation = stance.evaluate(trained.folder, say=said.append)
    assert evaluation.result["data"]["rows"] == 40
    assert list(evaluation.result["figures"]["labels"]) == list(public.PENTA.values())
    assert evaluation.result["behaviour"] == {}
    assert "challenge set" not in evaluation.to_text()  # there are none of this label set
    assert any("of 40 test sentences are also in the training data" in line for line in said)
    assert not any("changed" in line for line in said)
    heading = next(x for x in evaluation.to_text().splitlines() if x.startswith("confusion"))
    assert "  material cooperation  " in heading
    article = stance.load(trained.folder).score_article("They attack the border. We met.")
    assert article.score is None
    assert set(article.counts) == set(public.PENTA.values())


def test_hawks_and_doves_have_a_score(
    monkeypatch: pytest.MonkeyPatch, mirror: Path, tiny_encoder: Path
) -> None:
    give(monkeypatch, "fomc", "train-5768", fomc(range(8)))
    give(monkeypatch, "fomc", "test-5768", fomc(range(8, 10)))
    trained = train(settings_of("fomc.yaml", tiny_encoder))
    assert stance.evaluate(trained.folder, output=None).result["data"]["rows"] == 12
    Path("a.txt").write_text("We refuse. Never. We refuse again and again to agree.")
    from stance.cli import app

    shown = CliRunner().invoke(app, ["predict", "a.txt", "--model", str(trained.folder)]).stdout
    assert "(-1 dovish, +1 hawkish)" in shown
    document = stance.load(trained.folder).score_article("We refuse. Never.").to_dict()
    assert document["poles"] == ["dovish", "hawkish"]


def test_dev_is_cut_by_groups_and_test_stands_as_published(
    monkeypatch: pytest.MonkeyPatch, mirror: Path
) -> None:
    give(monkeypatch, "fomc", "train-5768", fomc(range(10)))
    give(monkeypatch, "fomc", "test-5768", fomc(range(9, 11)))
    options = {"labels": (), "cut": CutConfig(dev=0.2, test=0.3)}
    corpus = load_corpus("public:fomc/5768", **options)
    assert {split: len(rows) for split, rows in corpus.splits.items()} == {
        "train": 48,
        "dev": 12,
        "test": 12,
    }
    train_groups, dev_groups = ({r["group"] for r in corpus.rows(s)} for s in ("train", "dev"))
    assert not train_groups & dev_groups
    assert {row["label"] for row in corpus.rows("dev")} == {"dovish", "hawkish", "neutral"}
    again = load_corpus("public:fomc/5768", **options, splits=("train", "dev"))
    assert again.fingerprint == corpus.fingerprint
    assert again.rows("dev") == corpus.rows("dev")
    other = load_corpus("public:fomc/5768", labels=(), cut=CutConfig(dev=0.2, seed=1))
    assert other.rows("dev") != corpus.rows("dev")


def test_cut_holds_the_share_of_each_label() -> None:
    rows = [
        {"text": f"{i}", "label": label, "group": f"{label}{i // 3}"}
        for label, count in (("a", 300), ("b", 60))
        for i in range(count)
    ]
    found = cut_by_group(rows, CutConfig(dev=0.1, test=0.2))
    counted = {s: [sum(r["label"] == x for r in part) for x in "ab"] for s, part in found.items()}
    assert counted == {"train": [210, 42], "dev": [30, 6], "test": [60, 12]}


def test_repeats_are_read_once_and_open_labels_left_out(caplog: pytest.LogCaptureFixture) -> None:
    rows = [{"text": t, "label": x} for t, x in (("A b", "x"), ("a  B", "x"), ("a b", "y"))]
    rows += [{"text": "c", "label": "x"}, {"text": "C", "label": "y"}, {"text": "d", "label": "y"}]
    assert [(r["text"], r["label"]) for r in distinct(rows, "my.csv")] == [("A b", "x"), ("d", "y")]
    assert "my.csv: 3 repeats" in caplog.text
    assert "1 sentences whose copies disagree" in caplog.text


def own_file(path: Path = Path("mine.csv"), copies: int = 6) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sentence", "side", "doc"])
        for name, texts in (("for", PENTA["1"]), ("against", PENTA["3"])):
            for mark in range(copies):
                for text in texts:
                    writer.writerow([f"{mark} {text}", name, f"{name}{mark}"])
    return path


def test_labels_come_from_a_file_of_ones_own(tiny_encoder: Path) -> None:
    data = {"path": own_file(), "text_column": "sentence", "label_column": "side"}
    settings = tiny_settings(
        tiny_encoder, Path(), Path("models"), labels=None, data={**data, "cut": {"test": 0.2}}
    )
    said: list[str] = []
    trained = train(settings, say=said.append)
    assert "labels, as found in the data: against, for" in said
    model = stance.load(trained.folder)
    assert model.labels == ("against", "for")
    assert model.predict("we will never negotiate.").score is None
    evaluation = stance.evaluate(trained.folder, baselines=False, output=None)
    assert evaluation.result["data"]["grouped_by"] == "group"
    assert evaluation.result["data"]["groups"] == 4


def test_a_file_without_a_test_part_says_so(tiny_encoder: Path) -> None:
    data = {"path": own_file(), "text_column": "sentence", "label_column": "side"}
    settings = tiny_settings(
        tiny_encoder, Path(), Path("models"), labels=None, data={**data, "cut": {"test": 0}}
    )
    trained = train(settings)
    with pytest.raises(DataError, match=r"mine.csv test: no sentences; name another --split"):
        stance.evaluate(trained.folder)


def test_poles_of_labels_from_the_data_are_checked() -> None:
    data = {"path": own_file(), "text_column": "sentence", "label_column": "side"}
    config = Config.model_validate({"labels": None, "poles": ["against", "for"], "data": data})
    resolved, corpus = load_configured(config)
    assert resolved.labels == corpus.labels == ("against", "for")
    assert resolved.poles == ("against", "for")
    wrong = Config.model_validate({"labels": None, "poles": ["no", "for"], "data": data})
    with pytest.raises(ConfigError, match=r"labels found in mine.csv: .*poles \['no'\]"):
        load_configured(wrong)


def test_poles_are_none_for_other_labels_unless_named() -> None:
    assert Config.model_validate({"labels": ["a", "b"]}).poles is None
    assert Config.model_validate({}).poles == ("conciliatory", "hardline")
    more = {"labels": ["hardline", "mixed", "conciliatory"]}
    assert Config.model_validate(more).poles == ("conciliatory", "hardline")
    with pytest.raises(ConfigError, match="leave nothing to train on"):
        stance.load_config(None, ["data.cut={dev: 0.5, test: 0.5}"])


def test_statistics_show_the_labels_that_there_are() -> None:
    from stance.cli import app

    Path("a.csv").write_text("text,label\nwe met.,for\nthey left.,against\nno.,against\n")
    shown = CliRunner().invoke(app, ["data", "stats", "a.csv"])
    assert shown.exit_code == 0
    (row,) = [line.split() for line in shown.stdout.splitlines() if line.startswith("all ")]
    assert row == ["all", "3", "67%", "33%"]


def test_labels_with_any_characters_are_tracked(tiny_encoder: Path) -> None:
    import mlflow

    names = {"0": "pro (strong)", "1": "100 %", "2": "für", "3": "c/d & e", "4": ".."}
    with Path("odd.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for code, texts in PENTA.items():
            writer.writerows([f"{mark} {t}", names[code]] for mark in range(8) for t in texts)
    settings = tiny_settings(
        tiny_encoder,
        Path("odd.csv"),
        Path("models/odd"),
        labels=None,
        train={"epochs": 1, "class_weights": {"100 %": 2}},
        tracking={"experiment": "odd"},
    )
    trained = train(settings)
    run = mlflow.get_run(trained.run_id)
    found = {key.split("/")[3] for key in run.data.metrics if key.startswith("best/dev/labels/")}
    assert found == {"pro _strong_", "100 _", "für", "c_d _ e", "_"}
    assert run.data.params["train/class_weights/100 _"] == "2.0"
    stance.evaluate(trained.folder, baselines=False, behaviour=False, output=None)
    version = mlflow.MlflowClient().get_model_version_by_alias("stance-odd", "champion")
    assert version.run_id == trained.run_id


def test_other_labels_have_a_registered_model_of_their_own() -> None:
    def name(**settings: object) -> str:
        return Config.model_validate(settings).tracking.registered_model

    three = ["conciliatory", "neutral", "hardline"]
    assert name() == name(labels=three, output="models/x") == "stance"
    # Its champion has three labels, in this order: it could not be beaten.
    assert name(labels=["conciliatory", "hardline"], output="models/x") == "stance-x"
    assert name(labels=[*three, "mixed"], output="models/x") == "stance-x"
    assert name(labels=three[::-1], output="models/x") == "stance-x"
    assert name(labels=None, output="models/mine") == "stance-mine"
    assert name(labels=["a", "b"], output=Path("mine")) == "stance-mine"
    assert name(labels=["a", "b"], tracking={"registered_model": "ours"}) == "ours"


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        (["labels=3"], "labels: input should be a valid tuple"),
        (["labels=[[a], [b]]"], "labels.0: "),
        (["labels=[a, b]", "output=5"], "output: "),
    ],
)
def test_labels_or_an_output_of_another_kind_are_a_fault_like_any_other(
    settings: list[str], fault: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(fault)):
        stance.load_config(None, settings)


def test_classes_may_be_numbers() -> None:
    Path("a.jsonl").write_text('{"text": "we met.", "label": 1}\n{"text": "no.", "label": 0}\n')
    assert load_corpus("a.jsonl", labels=()).labels == ("0", "1")
    with pytest.raises(ConfigError, match=r"labels.1: expected text, found True; put it in quotes"):
        stance.load_config(None, ["labels=[0, yes]"])


def test_unknown_published_corpus_names_the_known() -> None:
    with pytest.raises(DataError, match=r"public:fomc: no such part; expected public:fomc/5768, "):
        load_corpus("public:fomc")
    with pytest.raises(DataError, match="no public corpus 'nope'; there are cameo"):
        load_corpus("public:nope")


def test_faults_of_a_file_are_told_by_line() -> None:
    Path("bad.csv").write_text("text,label\nwe met.,x\n,y\n")
    with pytest.raises(DataError, match=r"bad.csv:3: text is empty"):
        load_corpus("bad.csv", labels=())
    with pytest.raises(DataError, match=r"bad.csv: no column 'side'.*data.label_column"):
        load_corpus("bad.csv", labels=(), label_column="side")
    Path("mixed.csv").write_text("text,label\n" + "".join(f"we met {n}.,x\n" for n in range(30)))
    with Path("mixed.csv").open("a") as file:
        file.write("no.,y\n")
    with pytest.raises(DataError, match=r"mixed.csv:32: unknown label 'y'"):
        load_corpus("mixed.csv", labels=("x", "z"))
    Path("odd.csv").write_text("text,label\nwe met.,x\n")
    with pytest.raises(DataError, match=r"its labels are x: name them .* or let `labels: null`"):
        load_corpus("odd.csv")


def test_manifest_of_a_published_corpus_is_logged(
    monkeypatch: pytest.MonkeyPatch, mirror: Path, tiny_encoder: Path
) -> None:
    give(monkeypatch, "cameo-penta", "train", cameo(range(6)))
    settings = settings_of("cameo.yaml", tiny_encoder).model_dump()
    trained = train(Config.model_validate({**settings, "tracking": {"enabled": True}}))
    assert trained.run_id is not None
    manifest = json.loads((trained.folder / "stance.json").read_text())
    assert manifest["data"]["path"] == ["public:cameo-penta"]
    assert not Path("UNLOGGED").exists()
