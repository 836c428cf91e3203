"""Annotation: what is handed out comes back as a corpus, with nothing lost on the way."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from stance import annotation
from stance.corpus import check, load_corpus
from stance.schema import LABELS, DataError

ARTICLES = {
    f"articles/{name}.txt": (
        f"The minister of {name} spoke on Monday. {name} will never accept such a demand.\n\n"
        f"“We are ready to meet {name} at once,” the envoy said. Talks were held in {name}."
    )
    for name in ("Mali", "Peru", "Chad", "Fiji", "Oman", "Cuba")
}


@pytest.fixture
def articles() -> Path:
    for name, text in ARTICLES.items():
        path = Path(name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Path("articles")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def fill(path: Path, label: Any) -> None:
    """Let a reader label each sentence of a sheet by a function of its row."""
    rows = rows_of(path)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "label": label(row)} for row in rows)


def by_word(row: dict[str, str]) -> str:
    if "never" in row["sentence"]:
        return "hardline"
    return "conciliatory" if "ready" in row["sentence"] else "neutral"


def test_sheets_hold_every_sentence_once_in_orders_of_their_own(articles: Path) -> None:
    assert annotation.sample([str(articles)], 100, "work") == 24
    one, two = (rows_of(Path(f"work/reader-{n}.csv")) for n in (1, 2))
    assert {row["id"] for row in one} == {row["id"] for row in two}
    assert [row["id"] for row in one] != [row["id"] for row in two]
    assert all(row["label"] == "" for row in one)
    for item in rows_of(Path("work/items.csv")):
        text = Path(item["document"]).read_text(encoding="utf-8")
        assert text[int(item["start"]) : int(item["end"])] == item["sentence"]
    middle = next(row for row in one if "never accept" in row["sentence"])
    assert middle["before"].startswith("The minister of")
    assert middle["after"].startswith("“We are ready")


def test_a_document_has_one_name_however_it_is_given(articles: Path) -> None:
    Path("docs.csv").write_text("id,text\n1,They met in Oslo on Monday.\n")
    annotation.sample([str(articles), "docs.csv"], 99, "near")
    annotation.sample([str(articles.resolve()), str(Path("docs.csv").resolve())], 99, "far")
    near, far = (rows_of(Path(name, "items.csv")) for name in ("near", "far"))
    assert near == far
    assert {row["document"] for row in near} == {*ARTICLES, "docs.csv#1"}


def test_the_draw_follows_the_seed(articles: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        annotation.sample([str(articles)], 5, name, seed=seed)
    a, b, c = (Path(name, "items.csv").read_text() for name in "abc")
    assert a == b != c


def test_label_studio_gets_tasks_and_an_interface(articles: Path) -> None:
    import xml.etree.ElementTree as ET

    annotation.sample([str(articles)], 3, "work", labels=("for", "against & <so>"))
    tasks = json.loads(Path("work/label-studio.json").read_text(encoding="utf-8"))
    assert len(tasks) == 3
    assert set(tasks[0]["data"]) == {"id", "before", "sentence", "after"}
    root = ET.fromstring(Path("work/label-studio.xml").read_text(encoding="utf-8"))
    assert [c.get("value") for c in root.iter("Choice")] == ["for", "against & <so>"]
    assert "posture" in Path("work/codebook.txt").read_text(encoding="utf-8")
    guide = [text.get("value", "") for text in root.iter("Text")]
    for beginning in (
        "Which way",
        "conciliatory moves",
        "hardline moves",
        "(1) ",
        "(15) Still torn",
    ):
        assert sum(line.startswith(beginning) for line in guide) == 1


def test_round_trip_with_adjudication(articles: Path) -> None:
    annotation.sample([str(articles)], 24, "work", readers=("ann", "ben", "cem"))
    sheets = [Path(f"work/{reader}.csv") for reader in ("ann", "ben", "cem")]
    fill(sheets[0], by_word)
    fill(sheets[1], by_word)
    fill(sheets[2], lambda row: "neutral" if "Mali" in row["sentence"] else by_word(row))
    votes = annotation.read_labels("work", sheets)
    found = annotation.agree("work", votes)
    assert found.items == 24
    assert len(found.disagreements) == 2
    assert found.pairs["ann", "ben"] == 1.0
    assert found.pairs["ann", "cem"] == pytest.approx(22 / 24)
    assert found.alpha["value"] == pytest.approx(0.90, abs=0.03)
    assert found.alpha["low"] is not None
    assert found.alpha["low"] < 0.90

    with pytest.raises(DataError, match="2 disagreements are undecided"):
        annotation.export("work", votes, "corpus")
    decide = Path("work/disagreements.csv")
    assert "cem: neutral" in rows_of(decide)[0]["votes"]
    fill(decide, lambda row: "neutral")
    annotation.agree("work", votes)  # asking again keeps what was decided
    sizes = annotation.export("work", votes, "corpus")
    assert sum(sizes.values()) == 24
    corpus = load_corpus("corpus")
    assert check.frozen(Path("corpus")).passed
    labels = {row["text"]: row["label"] for rows in corpus.splits.values() for row in rows}
    assert labels["Mali will never accept such a demand."] == "neutral"
    assert labels["Peru will never accept such a demand."] == "hardline"
    assert all(len(r["votes"].split("|")) == 3 for rows in corpus.splits.values() for r in rows)
    assert {r["sample"] for rows in corpus.splits.values() for r in rows} == {"random"}


def test_each_step_tells_the_next_command_which_works_as_printed(articles: Path) -> None:
    def run(command: str) -> str:
        line = command.replace("stance", f"{sys.executable} -m stance", 1)
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
        (said,) = re.findall(r"^· (?:when|next).*?:  (stance .*)$", done.stderr, re.M)
        return str(said)

    agree = run("stance annotate sample articles --output work")
    fill(Path("work/reader-1.csv"), by_word)
    fill(Path("work/reader-2.csv"), lambda row: "neutral")
    export = run(agree)
    assert Path("work/disagreements.csv").is_file()
    fill(Path("work/disagreements.csv"), by_word)
    last = run(export.replace("NEW_FOLDER", "mine"))
    assert last == "stance data check mine --found"
    assert sum(map(len, load_corpus("mine").splits.values())) == 24


def test_what_is_told_to_do_with_an_export_fits_it(
    articles: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from stance.cli.annotate import export

    for labels, work in ((LABELS, "ours"), (("yes", "no"), "other")):
        annotation.sample([str(articles)], 99, work, labels=labels, readers=("a",))
        fill(Path(work, "a.csv"), lambda row, label=labels[0]: label)
        export(Path(work), [Path(work, "a.csv")], Path(f"{work}-plain"))
        pointers = Path(f"{work}-pointers")
        export(Path(work), [Path(work, "a.csv")], pointers, repository="a/b", commit="c" * 40)
    said = capsys.readouterr().err
    assert said.count("labels: null") == 2
    assert "stance data fetch ours-pointers" in said
    assert "stance train 'data.path=[data,ours-plain]'" in said
    assert "fetch ours-plain" not in said


def test_majority_decides_when_asked(articles: Path) -> None:
    annotation.sample([str(articles)], 24, "work", readers=("a", "b", "c"))
    sheets = [Path(f"work/{reader}.csv") for reader in "abc"]
    for sheet in sheets[:2]:
        fill(sheet, by_word)
    fill(sheets[2], lambda row: "neutral")
    votes = annotation.read_labels("work", sheets)
    annotation.export("work", votes, "corpus", majority=True)
    rows = [row for part in load_corpus("corpus").splits.values() for row in part]
    assert all(row["label"] == by_word({"sentence": row["text"]}) for row in rows)
    two = annotation.read_labels("work", sheets[1:])
    with pytest.raises(DataError, match="undecided"):  # one against one is no majority
        annotation.export("work", two, "other", majority=True)


def test_standoff_export_holds_no_text_and_rebuilds(
    articles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    annotation.sample([str(articles)], 24, "work", readers=("a",))
    fill(Path("work/a.csv"), by_word)
    votes = annotation.read_labels("work", ["work/a.csv"])
    commit = "a" * 40
    annotation.export(
        "work", votes, "pointers", repository="me/news", commit=commit, root=".", licence="mine"
    )
    written = "".join(path.read_text(encoding="utf-8") for path in Path("pointers").iterdir())
    assert "minister" not in written
    monkeypatch.setenv("STANCE_MIRROR", ".")
    rows = [row for part in load_corpus("pointers").splits.values() for row in part]
    assert len(rows) == 24
    assert all(row["label"] == by_word({"sentence": row["text"]}) for row in rows)


def test_label_studio_export_is_read_by_reader(articles: Path) -> None:
    annotation.sample([str(articles)], 4, "work")
    tasks = json.loads(Path("work/label-studio.json").read_text(encoding="utf-8"))

    def annotated(reader: Any, choice: str, **more: Any) -> dict[str, Any]:
        result = [{"type": "choices", "from_name": "label", "value": {"choices": [choice]}}]
        return {"completed_by": reader, "result": result, **more}

    for task in tasks:
        task["annotations"] = [
            annotated({"email": "ann@x"}, "hardline"),
            annotated(7, "neutral"),
            annotated(8, "neutral", was_cancelled=True),
        ]
    Path("export.json").write_text(json.dumps(tasks), encoding="utf-8")
    votes = annotation.read_labels("work", ["export.json"])
    assert set(votes) == {"ann@x", "7"}
    assert set(votes["ann@x"].values()) == {"hardline"}
    assert len(annotation.agree("work", votes).disagreements) == 4


def exported(path: str, *annotations: list[dict[str, Any]]) -> Path:
    """Write what Label Studio exports of the tasks in `work`, a list of annotations for each."""
    tasks = json.loads(Path("work/label-studio.json").read_text(encoding="utf-8"))
    for number, (task, given) in enumerate(zip(tasks, annotations, strict=True), start=1):
        task |= {"id": 100 + number, "annotations": given, "predictions": [], "drafts": []}
        task |= {"file_upload": "3f2a-label-studio.json", "project": 1, "total_annotations": 1}
    Path(path).write_text(json.dumps(tasks), encoding="utf-8-sig")
    return Path(path)


def chosen(choice: str, reader: Any, **more: Any) -> dict[str, Any]:
    control = {"from_name": "label", "to_name": "sentence", "type": "choices", "origin": "manual"}
    result = [{**control, "id": "x", "value": {"choices": [choice]}}]
    return {"id": 1, "completed_by": reader, "result": result, "was_cancelled": False, **more}


def test_label_studio_exports_are_read_as_they_come(articles: Path) -> None:
    annotation.sample([str(articles)], 4, "work")
    remark = {"from_name": "remark", "type": "choices", "value": {"choices": ["unsure"]}}
    relation = {"type": "relation", "from_id": "x", "to_id": "y", "direction": "right"}
    noisy = chosen("hardline", 1)
    noisy["result"] += [remark, relation]
    skipped = {"completed_by": 1, "result": [], "was_cancelled": True}
    several = exported(
        "several.json",
        [noisy, chosen("neutral", {"id": 2, "first_name": "B"})],
        [skipped, chosen("neutral", {"id": 3, "email": "cem@x"})],
        [chosen("Neutral", None), {"completed_by": 1, "result": []}],
        [],
    )
    votes = annotation.read_labels("work", [several])
    counts = {reader: list(given.values()) for reader, given in votes.items()}
    assert counts == {
        "1": ["hardline"],
        "2": ["neutral"],
        "cem@x": ["neutral"],
        "label-studio": ["neutral"],
    }


def test_two_people_who_are_number_one_each_in_their_own_label_studio(articles: Path) -> None:
    annotation.sample([str(articles)], 2, "work")
    ann = exported("ann.json", [chosen("hardline", 1)], [chosen("neutral", 1)])
    ben = exported("ben.json", [chosen("hardline", 1)], [chosen("hardline", 1)])
    found = annotation.agree("work", annotation.read_labels("work", [ann, ben]))
    assert found.pairs == {("ann", "ben"): 0.5}


def test_label_studio_faults_are_told_by_task(articles: Path) -> None:
    annotation.sample([str(articles)], 2, "work")
    twice = [chosen("hardline", 1), chosen("neutral", 1)]
    path = exported("twice.json", twice, [chosen("friendly", 2)])
    with pytest.raises(DataError, match="2 faults in what readers gave") as caught:
        annotation.read_labels("work", [path])
    assert "twice.json: task 1: 1 labels s" in str(caught.value)
    assert "twice.json: task 2: label 'friendly', expected one of con" in str(caught.value)
    Path("min.json").write_text('[{"id": 1, "sentence": "x", "label": "neutral"}]')
    for name in ("min.json", "work/label-studio.json"):
        with pytest.raises(DataError, match=r"JSON-MIN, and not the tasks themselves.*at task 1"):
            annotation.read_labels("work", [name])


def test_a_sheet_of_another_annotation_is_one_fault(articles: Path) -> None:
    annotation.sample([str(articles)], 12, "work")
    annotation.sample([str(articles)], 12, "other", exclude=["work"])
    fill(Path("other/reader-1.csv"), by_word)
    with pytest.raises(DataError, match="none of its 12 ids is of work; is it of") as caught:
        annotation.read_labels("work", ["other/reader-1.csv"])
    assert len(caught.value.problems) == 1


def test_sheets_open_in_a_spreadsheet_as_they_are(articles: Path) -> None:
    (articles / "Mali.txt").write_text("- We will never pay for it.\n\n=1+1 is what they say now.")
    annotation.sample([str(articles)], 24, "work")
    sheet = Path("work/reader-1.csv")
    assert sheet.read_bytes().startswith(b"\xef\xbb\xbf")  # else Excel shows marks as rubbish
    assert not [v for row in rows_of(sheet) for v in row.values() if v.startswith(("=", "-"))]
    assert not Path("work/items.csv").read_bytes().startswith(b"\xef")
    rows = rows_of(sheet)
    with sheet.open("w", encoding="cp1252", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    with pytest.raises(DataError, match=r"not UTF-8 \(byte \d+\); save the file as UTF-8"):
        annotation.read_labels("work", [sheet])


def test_readers_who_agree_on_nothing_are_under_chance(articles: Path) -> None:
    annotation.sample([str(articles)], 24, "work")
    sheets = [Path(f"work/reader-{n}.csv") for n in (1, 2)]
    other = {"hardline": "neutral", "neutral": "conciliatory", "conciliatory": "hardline"}
    fill(sheets[0], by_word)
    fill(sheets[1], lambda row: other[by_word(row)])
    votes = annotation.read_labels("work", sheets)
    found = annotation.agree("work", votes)
    assert found.pairs == {("reader-1", "reader-2"): 0.0}
    assert found.alpha["value"] is not None
    assert found.alpha["value"] < 0
    assert len(found.disagreements) == 24
    with pytest.raises(DataError, match=r"24 disagreements are undecided.*these have no majority"):
        annotation.export("work", votes, "corpus", majority=True)


def test_a_corpus_is_sampled_for_another_reading(
    articles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    annotation.sample([str(articles)], 24, "work", readers=("a",))
    fill(Path("work/a.csv"), by_word)
    votes = annotation.read_labels("work", ["work/a.csv"])
    annotation.export("work", votes, "plain")
    annotation.export("work", votes, "pointers", repository="me/news", commit="a" * 40)
    monkeypatch.setenv("STANCE_MIRROR", ".")
    first = {row["sentence"]: row for row in rows_of(Path("work/items.csv"))}
    (Path("plain") / "README.md").write_text("This is no sentence of the corpus at all.")
    for corpus in ("plain", "pointers"):
        assert annotation.sample([corpus], 99, f"again-{corpus}") == 24
        again = {row["sentence"]: row for row in rows_of(Path(f"again-{corpus}/items.csv"))}
        assert again.keys() == first.keys()
        assert all(again[text]["before"] == row["before"] for text, row in first.items())
        assert "hardline" not in Path(f"again-{corpus}/reader-1.csv").read_text("utf-8")
    fill(Path("again-plain/reader-1.csv"), by_word)
    votes = annotation.read_labels("again-plain", ["again-plain/reader-1.csv"])
    assert sum(annotation.export("again-plain", votes, "second").values()) == 24
    with pytest.raises(DataError, match="stand-off labels point into text files"):
        annotation.export("again-plain", votes, "p", repository="a/b", commit="c" * 40)


def test_documents_of_a_published_corpus_are_drawn_from_and_not_trained_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [{"text": text, "group": g, "annotation": ""} for g, text in ARTICLES.items()]
    monkeypatch.setattr("stance.corpus.attributions.public_rows", lambda name, part: rows * 2)
    assert annotation.sample(["public:polnear"], 99, "work") == 24
    (item,) = (r for r in rows_of(Path("work/items.csv")) if r["sentence"].startswith("Mali will"))
    assert item["document"] == "articles/Mali.txt"
    assert item["before"] == "The minister of Mali spoke on Monday."
    with pytest.raises(DataError, match=r"public:polnear: whole documents without labels"):
        load_corpus("public:polnear")


def test_uncertain_draws_what_the_model_knows_least(articles: Path, model_folder: Path) -> None:
    from stance.prediction import load

    annotation.sample([str(articles)], 6, "work", strategy="uncertain", model=str(model_folder))
    annotation.sample([str(articles)], 24, "all")
    model = load(str(model_folder))

    def doubt(folder: str) -> dict[str, float]:
        rows = rows_of(Path(folder, "items.csv"))
        given = model.predict([row["sentence"] for row in rows])
        return {r["id"]: max(p.probabilities.values()) for r, p in zip(rows, given, strict=True)}

    every = doubt("all")
    drawn = {row["id"] for row in rows_of(Path("work/items.csv"))}
    assert max(every[i] for i in drawn) <= min(every[i] for i in every if i not in drawn) + 0.1


def test_diverse_draws_across_kinds(articles: Path) -> None:
    annotation.sample([str(articles)], 4, "work", strategy="diverse")
    kinds = {row["sentence"].split()[1] for row in rows_of(Path("work/items.csv"))}
    assert len(kinds) >= 3  # "minister", "will", "are", "were"


def test_tables_are_sampled_by_row(articles: Path) -> None:
    rows = "".join(
        f'{name},"They met {name} in Oslo. Nobody there knew {name}."\n' for name in "xyz"
    )
    Path("docs.csv").write_text(f"id,body\n{rows}")
    with pytest.raises(DataError, match="no column 'text'; the columns are id, body"):
        annotation.sample(["docs.csv"], 5, "work")
    assert annotation.sample(["docs.csv"], 9, "work", text_column="body") == 6
    found = {row["document"] for row in rows_of(Path("work/items.csv"))}
    assert found == {"docs.csv#x", "docs.csv#y", "docs.csv#z"}
    fill(Path("work/reader-1.csv"), by_word)
    votes = annotation.read_labels("work", ["work/reader-1.csv"])
    assert annotation.export("work", votes, "plain") == {"train": 2, "dev": 2, "test": 2}
    with pytest.raises(DataError, match=r"point into text files \(not into tables"):
        annotation.export("work", votes, "p", repository="a/b", commit="c" * 40)


def test_too_few_documents_are_told(articles: Path) -> None:
    annotation.sample(["articles/Mali.txt", "articles/Peru.txt"], 9, "work")
    fill(Path("work/reader-1.csv"), by_word)
    with pytest.raises(DataError, match="2 documents; a corpus of 3 splits needs as many"):
        annotation.export("work", annotation.read_labels("work", ["work/reader-1.csv"]), "corpus")


def test_faults_are_told(articles: Path) -> None:
    with pytest.raises(DataError, match=r"'\|' stands between votes"):
        annotation.sample([str(articles)], 4, "work", labels=("a|b", "c"))
    annotation.sample([str(articles)], 4, "work")
    with pytest.raises(DataError, match="holds an annotation already"):
        annotation.sample([str(articles)], 4, "work")
    with pytest.raises(DataError, match="no row has a label"):
        annotation.read_labels("work", ["work/reader-1.csv"])
    fill(Path("work/reader-1.csv"), lambda row: "friendly")
    with pytest.raises(DataError, match=r"reader-1\.csv:2: label 'friendly', expected one of con"):
        annotation.read_labels("work", ["work/reader-1.csv"])
    with pytest.raises(DataError, match=r"no items\.csv here"):
        annotation.agree("elsewhere", {"a": {"x": "neutral"}})
    Path("bad.json").write_text("{}")
    with pytest.raises(DataError, match="not a Label Studio export"):
        annotation.read_labels("work", ["bad.json"])


def damaged(change: Any) -> Path:
    """Fill a sheet, change its rows, and write it as another reader's."""
    fill(Path("work/reader-1.csv"), by_word)
    rows = change(rows_of(Path("work/reader-1.csv")))
    path = Path("work/other.csv")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: [{**rows[0], "id": "1.2E+11"}], r"other\.csv:2: id '1\.2E\+11' is none of"),
        (
            lambda rows: [rows[0], {**rows[0], "label": "hardline"}, *rows[1:]],
            r"other\.csv:3: other labels s\w+ a second time, otherwise",
        ),
        (lambda rows: [{"id": row["id"]} for row in rows], r"other\.csv: no column label"),
    ],
)
def test_damaged_sheets_are_told(articles: Path, change: Any, message: str) -> None:
    annotation.sample([str(articles)], 24, "work")
    with pytest.raises(DataError, match=message):
        annotation.read_labels("work", [damaged(change)])


def test_two_files_of_one_name_are_two_readers_never_one(articles: Path) -> None:
    annotation.sample([str(articles)], 4, "work")
    fill(Path("work/reader-1.csv"), by_word)
    twin = Path("elsewhere/reader-1.csv")
    twin.parent.mkdir()
    twin.write_bytes(Path("work/reader-1.csv").read_bytes())
    with pytest.raises(DataError, match="reader-1 has labelled in another file too; rename one"):
        annotation.read_labels("work", ["work/reader-1.csv", twin])
    annotation.agree("work", annotation.read_labels("work", ["work/reader-1.csv"]))
    with pytest.raises(DataError, match=r"disagreements\.csv: is no reader's sheet"):
        annotation.read_labels("work", ["work/disagreements.csv"])


def test_spreadsheets_may_write_capitals_semicolons_and_a_mark(articles: Path) -> None:
    annotation.sample([str(articles)], 24, "work", labels=("For", "Against"))
    rows = rows_of(Path("work/reader-1.csv"))
    path = Path("work/reader-1.csv")
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows({**row, "label": " FOR "} for row in rows)
    votes = annotation.read_labels("work", [path])
    assert set(votes["reader-1"].values()) == {"For"}


def test_decisions_survive_and_are_checked(articles: Path) -> None:
    annotation.sample([str(articles)], 24, "work")
    sheets = [Path(f"work/reader-{n}.csv") for n in (1, 2)]
    fill(sheets[0], by_word)
    fill(sheets[1], lambda row: "neutral" if "Mali" in row["sentence"] else by_word(row))
    decide = Path("work/disagreements.csv")
    annotation.agree("work", annotation.read_labels("work", sheets))
    fill(decide, lambda row: " Neutral")
    annotation.agree("work", annotation.read_labels("work", sheets[:1]))
    assert [row["label"] for row in rows_of(decide)] == ["neutral", "neutral"]
    fill(decide, lambda row: "maybe")
    with pytest.raises(DataError, match=r"disagreements\.csv:2: s\w+ 'maybe', expected one of con"):
        annotation.export("work", annotation.read_labels("work", sheets), "corpus")


def test_the_adjudicator_sees_what_readers_noted(articles: Path) -> None:
    annotation.sample([str(articles)], 24, "work")
    sheets = [Path(f"work/reader-{n}.csv") for n in (1, 2)]
    fill(sheets[0], by_word)
    fill(sheets[1], lambda row: "neutral")
    text = sheets[1].read_text(encoding="utf-8-sig")
    sheets[1].write_text(text.replace(",neutral,", ",neutral,whose demand?"), encoding="utf-8")
    votes = annotation.read_labels("work", sheets)
    annotation.agree("work", votes, notes=annotation.read_notes(sheets))
    rows = rows_of(Path("work/disagreements.csv"))
    assert len(rows) == 12
    assert {row["notes"] for row in rows} == {"reader-2: whose demand?"}


def test_labels_that_look_like_formulas_survive_adjudication(articles: Path) -> None:
    annotation.sample([str(articles)], 24, "work", labels=("-1", "0", "+1"))
    sheets = [Path(f"work/reader-{n}.csv") for n in (1, 2)]
    fill(sheets[0], lambda row: "-1")
    fill(sheets[1], lambda row: "+1")
    votes = annotation.read_labels("work", sheets)
    annotation.agree("work", votes)
    fill(Path("work/disagreements.csv"), lambda row: "-1")
    annotation.agree("work", votes)
    annotation.export("work", votes, "corpus")
    rows = load_corpus("corpus", labels=("-1", "0", "+1")).rows("train")
    assert {(row["label"], row["votes"]) for row in rows} == {("-1", "-1|+1")}


def test_an_output_that_cannot_be_written_is_told(articles: Path) -> None:
    Path("file").write_text("mine")
    with pytest.raises(DataError, match=r"file/annotation\.json: cannot be written: "):
        annotation.sample([str(articles)], 24, "file")
    annotation.sample([str(articles)], 24, "work")
    fill(Path("work/reader-1.csv"), by_word)
    votes = annotation.read_labels("work", ["work/reader-1.csv"])
    with pytest.raises(DataError, match=r"file/train\.jsonl: cannot be written: "):
        annotation.export("work", votes, "file")
    assert Path("file").read_text() == "mine"


def test_nothing_is_overwritten(articles: Path) -> None:
    annotation.sample([str(articles)], 24, "work")
    fill(Path("work/reader-1.csv"), by_word)
    votes = annotation.read_labels("work", ["work/reader-1.csv"])
    annotation.export("work", votes, "corpus")
    with pytest.raises(DataError, match="corpus: holds something already"):
        annotation.export("work", votes, "corpus", repository="a/b", commit="c" * 40)


def test_a_pointer_that_leads_astray_is_not_written(articles: Path) -> None:
    annotation.sample([str(articles)], 24, "work")
    fill(Path("work/reader-1.csv"), by_word)
    votes = annotation.read_labels("work", ["work/reader-1.csv"])
    with pytest.raises(DataError, match="need both a repository and the commit"):
        annotation.export("work", votes, "p", repository="a/b")
    with pytest.raises(DataError, match="commit 'main': expected 40 hex digits"):
        annotation.export("work", votes, "p", repository="a/b", commit="main")
    path = articles / "Mali.txt"
    path.write_text("New: " + path.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(DataError, match=r"Mali\.txt: changed since s\w+ was drawn from it"):
        annotation.export("work", votes, "p", repository="a/b", commit="c" * 40)
    assert not Path("p").exists()


def test_pointers_into_an_extracted_text_are_not_written(articles: Path) -> None:
    for path in articles.glob("*.txt"):
        path.rename(path.with_suffix(".md"))
    annotation.sample([str(articles)], 24, "work")
    fill(Path("work/reader-1.csv"), by_word)
    votes = annotation.read_labels("work", ["work/reader-1.csv"])
    with pytest.raises(DataError, match=r"\.md: not plain text; stand-off labels point into text"):
        annotation.export("work", votes, "p", repository="a/b", commit="c" * 40)


def test_a_second_round_draws_others_and_keeps_the_splits(articles: Path) -> None:
    annotation.sample([str(articles)], 18, "one")
    annotation.sample([str(articles)], 18, "two", exclude=["one"])
    drawn = [{row["sentence"] for row in rows_of(Path(f, "items.csv"))} for f in ("one", "two")]
    assert len(drawn[0]) == 18
    assert len(drawn[1]) == 6
    assert not drawn[0] & drawn[1]
    for name in ("one", "two"):
        fill(Path(name, "reader-1.csv"), by_word)
        votes = annotation.read_labels(name, [Path(name, "reader-1.csv")])
        assert annotation.agree(name, votes).incomplete == 0
