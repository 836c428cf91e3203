"""Tables in, tables out: nothing lost, nothing doubled, whatever happens on the way."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import stance
from stance import bulk
from stance.artifact import MANIFEST
from stance.bulk import job, sources
from stance.prediction import Model
from stance.schema import BusyError, DocumentError, ModelError, StanceError

from tests.conftest import ROOT

TEXTS = [
    f"We will never negotiate, minister {n} said. They met on Monday in town {n}. We offer talks."
    for n in range(40)
]


@pytest.fixture(scope="module")
def model(model_folder: Path) -> Model:
    return stance.load(model_folder, threads=1)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "CHUNK", 8)
    monkeypatch.setattr(sys.modules["stance.bulk.delimited"], "ROWS", 4)
    monkeypatch.setattr(sys.modules["stance.bulk.parquet"], "ROWS", 4)


@pytest.fixture
def table() -> Path:
    """Forty articles with columns that outputs must keep."""
    path = Path("news.parquet")
    kept = {"id": [f"a{n}" for n in range(40)], "score": list(range(40)), "title": ["t"] * 40}
    pq.write_table(pa.table({**kept, "text": TEXTS}), path)
    return path


def sentences(path: str | Path = "out.parquet") -> pd.DataFrame:
    return pd.read_parquet(path)


def whole(path: str | Path = "out.parquet") -> None:
    """Every sentence of every text once, in order."""
    frame = sentences(path)
    expected = [(n, k) for n in range(40) for k in range(3)]
    assert list(zip(frame.document, frame.sentence, strict=True)) == expected


def test_sentences_and_articles_say_what_the_model_says(model: Model, table: Path) -> None:
    done = model.score_corpus(table, "out.parquet")
    whole()
    frame, articles = sentences(), sentences("out.articles.parquet")
    assert done.counts == {"articles": 40, "sentences": 120, "rejects": 0}
    assert done.rejects is None
    scored = [model.score_article(text) for text in TEXTS]
    rows = [row for article in scored for row in article.to_rows()]
    assert frame["text"].tolist() == [row["text"] for row in rows]
    assert frame["label"].tolist() == [row["label"] for row in rows]
    assert frame["score"].tolist() == pytest.approx([row["score"] for row in rows], abs=2e-3)
    for label in model.labels:
        assert frame[f"p_{label}"].tolist() == pytest.approx(
            [row[f"p_{label}"] for row in rows], abs=2e-3
        )
    spans = zip(frame.document, frame.start, frame.end, frame.text, strict=True)
    assert all(TEXTS[n][start:end] == text for n, start, end, text in spans)
    assert articles["score"].tolist() == pytest.approx([a.score for a in scored], abs=2e-3)
    assert articles["interval_low"].notna().all()
    assert articles["n_hardline"].tolist() == [a.counts["hardline"] for a in scored]
    assert set(articles["model"]) == {model.name}


def test_columns_of_the_input_are_kept(model: Model, table: Path) -> None:
    model.score_corpus(table, "out.parquet")
    articles = sentences("out.articles.parquet")
    assert articles["id"].tolist() == [f"a{n}" for n in range(40)]
    assert articles["text"].tolist() == TEXTS
    assert articles["input_score"].tolist() == list(range(40))
    frame = sentences()
    assert frame["id"].tolist() == [f"a{n}" for n in range(40) for _ in range(3)]
    assert "input_text" not in frame


@pytest.mark.parametrize(
    "name", ["t.jsonl", "t.ndjson", "t.jsonl.gz", "t.jsonl.zst", "t.csv", "t.tsv"]
)
def test_every_kind_of_table_gives_the_same(model: Model, table: Path, name: str) -> None:
    model.score_corpus(table, "out.parquet")
    rows = [{"id": f"a{n}", "text": text, "n": n} for n, text in enumerate(TEXTS)]
    if "json" in name:
        content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    else:
        mark = "\t" if name == "t.tsv" else ","
        content = pd.DataFrame(rows).to_csv(sep=mark, index=False).encode()
    if name.endswith(".gz"):
        content = gzip.compress(content)
    if name.endswith(".zst"):
        content = pa.compress(content, codec="zstd", asbytes=True)
    Path(name).write_bytes(content)
    model.score_corpus(name, "other.parquet")
    ours = ["document", "sentence", "text", "start", "end", "label", "score", "id"]
    pd.testing.assert_frame_equal(sentences("other.parquet")[ours], sentences()[ours])
    number = sentences("other.articles.parquet")["n"].tolist()
    assert number == (list(range(40)) if "json" in name else [str(n) for n in range(40)])


def test_folder_of_articles_and_pattern_of_tables(model: Model, table: Path) -> None:
    Path("folder").mkdir()
    Path("folder/a.txt").write_text(TEXTS[0])
    Path("folder/b.html").write_text("")
    for hidden in ("._a.txt", "._news.csv"):
        Path("folder", hidden).write_bytes(b"\0Mac OS X")
    done = model.score_corpus("folder", "a.parquet")
    assert done.counts == {"articles": 1, "sentences": 3, "rejects": 1}
    assert done.rejects is not None
    assert json.loads(done.rejects.read_text())["reason"] == "empty, nothing to score"
    assert sentences("a.articles.parquet")["format"].tolist() == ["text"]
    shutil.copy(table, "news2.parquet")
    done = model.score_corpus("news*.parquet", "b.parquet")
    assert done.counts["articles"] == 80
    assert sentences("b.parquet")["document"].max() == 79


def test_tables_with_other_columns_are_put_together(model: Model, table: Path) -> None:
    pq.write_table(pa.table({"text": TEXTS[:2], "place": ["Oslo", "Rome"]}), "more.parquet")
    model.score_corpus(["news.parquet", "more.parquet"], "out.parquet")
    articles = sentences("out.articles.parquet")
    assert articles["place"].tolist()[-2:] == ["Oslo", "Rome"]
    assert articles["id"].isna().sum() == 2


def test_mixed_types_and_nulls_are_rejected_with_the_reason(model: Model) -> None:
    rows = [{"text": TEXTS[0]}, {"text": 7}, {"text": None}, {"text": " "}, {"other": 1}, [1]]
    lines = [json.dumps(row) for row in rows] + ["{cut", json.dumps({"text": TEXTS[1], "x": "y"})]
    Path("t.jsonl").write_bytes("\n".join(lines).encode() + b'\n{"text": "caf\xe9"}\n')
    done = model.score_corpus("t.jsonl", "out.parquet")
    assert done.counts == {"articles": 2, "sentences": 6, "rejects": 7}
    rejects = [json.loads(line) for line in Path("out.rejects.jsonl").read_text().splitlines()]
    assert [row["document"] for row in rejects] == [1, 2, 3, 4, 5, 6, 8]
    assert [row["reason"].partition(":")[0] for row in rejects] == [
        "text is of type int, expected a string",
        "no text (null)",
        "empty, nothing to score",
        "no text (null)",
        "expected a JSON object",
        "not JSON",
        "not UTF-8",
    ]
    assert rejects[0]["name"] == "t.jsonl:2"
    assert sentences()["document"].tolist() == [0, 0, 0, 7, 7, 7]


def test_rows_of_csv_with_too_few_fields_are_rejected(model: Model) -> None:
    Path("t.csv").write_text(f'id,text\n1,"{TEXTS[0]}"\n2\n3,"{TEXTS[1]}"\n')
    done = model.score_corpus("t.csv", "out.parquet")
    assert done.counts["rejects"] == 1
    assert "1 fields, expected 2" in Path("out.rejects.jsonl").read_text()


def test_input_without_a_sound_document_gives_empty_tables(model: Model) -> None:
    Path("t.jsonl").write_text('{"text": null}\n')
    done = model.score_corpus("t.jsonl", "out.parquet")
    assert done.counts == {"articles": 0, "sentences": 0, "rejects": 1}
    assert len(sentences()) == 0


def cut_in_half(table: Path) -> None:
    content = table.read_bytes()
    table.write_bytes(content[: len(content) // 2])


def without_column(table: Path) -> None:
    pq.write_table(pq.read_table(table).rename_columns(["id", "score", "title", "body"]), table)


def of_numbers(table: Path) -> None:
    pq.write_table(pa.table({"text": [1, 2]}), table)


def without_rows(table: Path) -> None:
    pq.write_table(pq.read_table(table).slice(0, 0), table)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (cut_in_half, r"news.parquet: not a whole Parquet file .* cut off"),
        (without_column, r"no column 'text'; the columns are 'id', 'score', 'title', 'body'"),
        (of_numbers, r"column 'text' holds int64, expected strings"),
        (without_rows, r"news.parquet: no rows"),
        (lambda table: table.unlink(), r"news.parquet: no such file"),
    ],
)
def test_input_that_cannot_be_read_is_told_and_nothing_written(
    model: Model, table: Path, spoil: Any, message: str
) -> None:
    spoil(table)
    with pytest.raises(DocumentError, match=message):
        model.score_corpus(table, "out.parquet")
    assert not list(Path().glob("*out*"))


def test_compressed_file_that_is_cut_off_is_told(model: Model) -> None:
    rows = "".join(json.dumps({"text": f"{n} {os.urandom(50).hex()}"}) + "\n" for n in range(400))
    content = gzip.compress(rows.encode())
    Path("t.jsonl.gz").write_bytes(content[: len(content) // 2])
    with pytest.raises(DocumentError, match=r"t.jsonl.gz: cannot be read to its end"):
        model.score_corpus("t.jsonl.gz", "out.parquet")
    assert not list(Path().glob("*out*"))


@pytest.mark.parametrize(("name", "content"), [("a.jsonl", ""), ("a.csv", "id,text\n")])
def test_text_table_without_rows_is_told_so(model: Model, name: str, content: str) -> None:
    Path(name).write_text(content)
    with pytest.raises(DocumentError, match=f"{name}: no rows"):
        model.score_corpus(name, "out.parquet")


def test_output_that_is_there_is_refused(model: Model, table: Path) -> None:
    model.score_corpus(table, "out.parquet", limit=3)
    before = Path("out.parquet").read_bytes()
    with pytest.raises(StanceError, match="is there already; replace it by --overwrite"):
        model.score_corpus(table, "out.parquet")
    with pytest.raises(StanceError, match="is finished, there is nothing to resume"):
        model.score_corpus(table, "out.parquet", resume=True)
    with pytest.raises(StanceError, match=r"expected a name that ends in .parquet"):
        model.score_corpus(table, "out.csv")
    assert Path("out.parquet").read_bytes() == before
    model.score_corpus(table, "out.parquet", overwrite=True)
    whole()


def test_limit_and_sample_choose_documents(model: Model, table: Path) -> None:
    model.score_corpus(table, "out.parquet", limit=11)
    assert sentences()["document"].unique().tolist() == list(range(11))
    model.score_corpus(table, "a.parquet", sample=9)
    model.score_corpus(table, "b.parquet", sample=9)
    drawn = sentences("a.articles.parquet")
    assert len(drawn) == 9
    assert drawn["document"].tolist() != list(range(9))
    assert drawn["text"].tolist() == [TEXTS[n] for n in drawn["document"]]
    pd.testing.assert_frame_equal(drawn, sentences("b.articles.parquet"))
    model.score_corpus(table, "c.parquet", sample=9, limit=12)
    both = sentences("c.articles.parquet")["document"]
    assert len(both) == 9
    assert both.max() < 12


def stopping_after(chunks: int, error: Exception) -> Any:
    """Let a run end in the middle of recording a chunk."""
    told = {"n": 0}
    write = job._write

    def _write(tables: Any, schema: Any, path: Path) -> None:
        told["n"] += 1
        if told["n"] > 2 * chunks + 1:
            path.write_bytes(b"half")
            raise error
        write(tables, schema, path)

    return _write


def fill_disk(
    model: Model, table: Path, monkeypatch: pytest.MonkeyPatch, *, after: int, told: str
) -> None:
    """Let a run end for want of room after so many chunks."""
    with monkeypatch.context() as patch:
        error = OSError(28, "No space left on device")
        patch.setattr(job, "_write", stopping_after(after, error))
        with pytest.raises(StanceError, match=told):
            model.score_corpus(table, "out.parquet")


def test_full_disk_is_told_and_the_run_resumed(
    model: Model, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_disk(
        model, table, monkeypatch, after=2, told=r"No space left on device; make room .* --resume"
    )
    assert not Path("out.parquet").exists()
    with pytest.raises(StanceError, match="cut off is there; go on with it by --resume"):
        model.score_corpus(table, "out.parquet")
    shown: list[int] = []
    model.score_corpus(table, "out.parquet", resume=True, show=lambda *a: shown.append(a[0]))
    assert shown == [24, 32, 40]  # two of five chunks were done before
    whole()
    assert not list(Path().glob(".out*"))


def test_disk_full_while_the_tables_are_put_together_leaves_none_of_them(
    model: Model, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # All five chunks and the table of articles are written, that of sentences by half.
    fill_disk(model, table, monkeypatch, after=5, told="make room")
    assert sorted(os.listdir()) == [".out.parquet.unfinished", "news.parquet"]
    assert not Path(".out.parquet.unfinished/out.parquet").exists()
    model.score_corpus(table, "out.parquet", resume=True)
    whole()
    assert sorted(os.listdir()) == ["news.parquet", "out.articles.parquet", "out.parquet"]


def test_resuming_refuses_another_input_or_text_column(
    model: Model, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_disk(model, table, monkeypatch, after=1, told="make room")
    with pytest.raises(DocumentError, match="had another limit"):
        model.score_corpus(table, "out.parquet", resume=True, limit=3)
    os.utime(table, ns=(1, 1))
    with pytest.raises(DocumentError, match="had another input"):
        model.score_corpus(table, "out.parquet", resume=True)
    model.score_corpus(table, "out.parquet", overwrite=True)
    whole()


def test_file_that_changes_while_it_is_read_is_told(model: Model, table: Path) -> None:
    def change(*_: Any) -> None:
        os.utime(table, ns=(1, 1))

    with pytest.raises(DocumentError, match="changed while it was read"):
        model.score_corpus(table, "out.parquet", show=change)
    assert not Path("out.parquet").exists()


def test_model_replaced_during_a_run_is_told(
    model_folder: Path, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(model_folder, "mine")
    first = stance.load("mine", threads=1)
    fill_disk(first, table, monkeypatch, after=1, told="make room")
    before = Path("mine", MANIFEST).read_text()
    content = {**json.loads(before), "temperature": 3.0}
    Path("mine", MANIFEST).write_text(json.dumps(content))
    with pytest.raises(DocumentError, match="had another model"):
        stance.load("mine", threads=1).score_corpus(table, "out.parquet", resume=True)
    # Loaded before it was replaced; another process would load the new one.
    with pytest.raises(ModelError, match="was replaced while it was in use"):
        first.score_corpus(table, "out.parquet", resume=True, processes=2)
    Path("mine", MANIFEST).write_text(before)
    first.score_corpus(table, "out.parquet", resume=True)
    whole()


def test_two_runs_do_not_write_the_same_output(model: Model, table: Path) -> None:
    def again(*_: Any) -> None:
        with pytest.raises(BusyError, match="another process writes it"):
            model.score_corpus(table, "out.parquet", resume=True)

    model.score_corpus(table, "out.parquet", show=again)
    whole()


PROGRAM = """
import sys, time, stance
from stance.bulk import sources
sources.CHUNK = 2
for name in ("parquet", "delimited"):
    sys.modules[f"stance.bulk.{name}"].ROWS = 2
def slow(*_):
    time.sleep(0.05)
if __name__ == "__main__":
    model = stance.load(sys.argv[1], threads=1)
    model.score_corpus("news.parquet", "out.parquet", resume=True, show=slow,
                       processes=int(sys.argv[2]))
"""


@pytest.mark.parametrize("processes", ["1", "2"])
def test_killed_at_any_moment_it_goes_on(
    model: Model, model_folder: Path, table: Path, processes: str
) -> None:
    Path("program.py").write_text(PROGRAM)
    command = [sys.executable, "program.py", str(model_folder), processes]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    unfinished = Path(".out.parquet.unfinished")
    seen = 0
    for _ in range(2):
        child = subprocess.Popen(command, env=environment, start_new_session=True)
        while child.poll() is None and len(list(unfinished.glob("0*.json"))) < seen + 3:
            time.sleep(0.005)
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        seen = len(list(unfinished.glob("0*.json")))
    assert 0 < seen < 20
    subprocess.run(command, env=environment, check=True)
    whole()
    model.score_corpus(table, "other.parquet")
    pd.testing.assert_frame_equal(sentences(), sentences("other.parquet"), atol=2e-3)


def test_scoring_processes_end_when_theirs_is_killed(model_folder: Path, table: Path) -> None:
    Path("program.py").write_text(PROGRAM)
    command = [sys.executable, "program.py", str(model_folder), "2"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.Popen(command, env=environment, start_new_session=True)
    while child.poll() is None and not list(Path(".out.parquet.unfinished").glob("0*.json")):
        time.sleep(0.005)
    child.kill()
    child.wait()
    until = time.monotonic() + 10
    try:
        while time.monotonic() < until:
            os.killpg(child.pid, 0)  # refused once the group is empty
            time.sleep(0.02)
    except ProcessLookupError:
        return
    os.killpg(child.pid, signal.SIGKILL)
    pytest.fail("a scoring process lives on")


def test_memory_does_not_hold_a_whole_row_group(table: Path) -> None:
    """The reader asks for pages, so that one huge row group is no burden."""
    from stance.bulk import parquet

    blocks = list(parquet.read("news.parquet", "text", pq.read_schema(table)))
    assert [len(block.items) for block in blocks] == [4] * 10


def test_predict_batches_streams_in_order(model: Model) -> None:
    taken: list[int] = []

    def coming() -> Any:
        for n, text in enumerate(TEXTS):
            taken.append(n)
            yield text

    stream = model.predict_batches(coming(), size=4)
    first = next(stream)
    assert len(taken) == 4
    found = [first, *stream]
    assert [p.label for p in found] == [p.label for p in model.predict(TEXTS)]


def test_dataset_map_recipe_of_the_guide(model: Model) -> None:
    from datasets import Dataset

    (recipe,) = blocks_of_the_guide("python", "scored = rows.map(")
    names: dict[str, Any] = {"rows": Dataset.from_dict({"text": TEXTS[:5]}), "model": model}
    exec(recipe, names)
    assert names["scored"]["label"][:] == [p.label for p in model.predict(TEXTS[:5])]


def test_without_pyarrow_the_extra_is_named(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(StanceError, match=r"pip install 'stance\[bulk\]'"):
        bulk.run.Sources(["news.parquet"])  # type: ignore[attr-defined]


def blocks_of_the_guide(language: str, first_line: str) -> list[str]:
    guide = (ROOT / "docs" / "BULK.md").read_text(encoding="utf-8")
    blocks = [part.partition("```")[0] for part in guide.split(f"```{language}\n")[1:]]
    return [block for block in blocks if block.startswith(first_line)]


def test_python_of_the_guide_runs(
    model: Model, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (example,) = blocks_of_the_guide("python", "import stance")
    monkeypatch.setattr(stance, "load", lambda **_: model)
    names: dict[str, Any] = {"lines": iter(TEXTS)}
    exec(example, names)
    assert names["prediction"].label == model.predict(TEXTS[-1:])[0].label
    assert names["done"].counts == {"articles": 40, "sentences": 120, "rejects": 0}


def test_queries_of_the_guide_run(
    model: Model, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model.score_corpus(table, "scored.parquet")
    (query,) = blocks_of_the_guide("python", "# pandas")
    exec(query, {})
    shown = capsys.readouterr().out
    assert "news.parquet:1" in shown
    assert "interval_low" in shown
    (query,) = blocks_of_the_guide("python", "# polars")
    exec(query, {})
    assert "hardline" in capsys.readouterr().out


def test_queries_of_the_guide_run_in_duckdb(model: Model, table: Path) -> None:
    import duckdb

    model.score_corpus(table, "scored.parquet")
    (queries,) = blocks_of_the_guide("sql", "-- DuckDB")
    by_label, strongest = (
        duckdb.sql(query).fetchall() for query in queries.split(";") if query.strip()
    )
    frame = sentences("scored.parquet")
    assert dict(by_label) == frame.groupby("label").size().to_dict()
    sure = frame[(frame.label == "hardline") & (frame.p_hardline > 0.9)]
    assert len(strongest) == min(20, len(sure))


def test_tables_abstain_as_articles_do(model_folder: Path, table: Path) -> None:
    model = stance.load(model_folder, threads=1)
    sure = np.sort(model.predict_proba([s for t in TEXTS for s in t.split(". ")]).max(axis=1))
    levels = np.full(50, sure[len(sure) // 2])
    levels[-1] = np.inf
    model.confidence = replace(model.confidence, answers=levels, farthest=None)
    model.score_corpus(table, "out.parquet", abstain=0.9)
    scored = [model.score_article(text, abstain=0.9) for text in TEXTS]
    expected = [s.label for article in scored for s in article.sentences]
    assert 0 < expected.count(None) < len(expected)
    frame = sentences()
    assert [label if isinstance(label, str) else None for label in frame["label"]] == expected
    assert frame["score"].notna().all()
    counts = sentences("out.articles.parquet")["n_hardline"].tolist()
    assert counts == [article.counts["hardline"] for article in scored]
    with pytest.raises(StanceError, match=r"abstain=0\.99: no probability at which dev shows"):
        model.score_corpus(table, "none.parquet", abstain=0.99)
    assert not Path("none.parquet").exists()


def test_coverage_of_label_sets_is_asked_for_through_every_door(
    model_folder: Path, table: Path
) -> None:
    from stance.cli import app
    from typer.testing import CliRunner

    model = stance.load(model_folder, threads=1)
    rows = np.linspace(0, 1, 50)[::-1, None]  # the more coverage, the lower a label may be
    model.confidence = replace(model.confidence, sets=np.repeat(rows, len(model.labels), axis=1))
    sets = {
        coverage: [s.label_set for t in TEXTS for s in model.score_article(t, **asked).sentences]
        for coverage, asked in ((0.9, {}), (0.99, {"coverage": 0.99}))
    }
    assert set(map(len, sets[0.99])) == {3}
    assert sets[0.9] != sets[0.99]
    for coverage in sets:
        model.score_corpus(table, "out.parquet", coverage=coverage, overwrite=True)
        assert [tuple(s.split("|")) for s in sentences()["label_set"]] == sets[coverage]
    Path("a.txt").write_text(TEXTS[0])
    options = ["--model", str(model_folder), "--threads", "1", "--coverage"]
    done = CliRunner().invoke(app, ["predict", "a.txt", "--format", "json", *options, "0.5"])
    found = json.loads(done.stdout)["sentences"]
    own = stance.load(model_folder, threads=1).score_article(TEXTS[0], coverage=0.5)
    assert [s["label_set"] for s in found] == [list(s.label_set or ()) for s in own.sentences]
    refused = CliRunner().invoke(app, ["predict", "a.txt", *options, "0.2"])
    assert refused.exit_code == 2


def test_command_line_scores_tables(
    model_folder: Path, table: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from stance.cli import app
    from typer.testing import CliRunner

    options = ["predict", "news.parquet", "--model", str(model_folder), "--threads", "1"]
    without = CliRunner().invoke(app, options)
    assert isinstance(without.exception, StanceError)
    assert "add  --output news.scored.parquet" in str(without.exception)
    options += ["--output", "out.parquet", "--processes", "1", "--limit", "9"]
    done = CliRunner().invoke(app, options)
    assert done.exit_code == 0, done.output
    said = capfd.readouterr().err + done.output
    assert "9 of 9 documents (100%)" in said
    assert "s left" in said
    assert "9 documents, 27 sentences" in said
    assert sentences()["document"].max() == 8
    again = CliRunner().invoke(app, options)
    assert "is there already" in str(again.exception)


@pytest.mark.parametrize(
    "name", ["https://example.org/news?page=1", "a.txt", "https://x.org/t.csv"]
)
def test_articles_and_addresses_are_no_tables(name: str) -> None:
    from stance.cli.bulk import is_bulk

    assert not is_bulk([name], None)
    assert is_bulk([name], Path("scored.parquet"))
    assert is_bulk([name, "news/*.jsonl"], None)


def test_columns_with_names_of_ours_get_names_of_their_own(model: Model) -> None:
    names = ["text", "label", "input_label", "document"]
    pq.write_table(pa.table([TEXTS[:2], ["a", "b"], ["c", "d"], [7, 8]], names=names), "t.parquet")
    model.score_corpus("t.parquet", "out.parquet")
    frame = sentences().drop_duplicates("document")
    assert frame["input_input_label"].tolist() == ["a", "b"]
    assert frame["input_label"].tolist() == ["c", "d"]
    assert frame["input_document"].tolist() == [7, 8]
    assert frame["label"].isin(model.labels).all()


def test_document_longer_than_memory_bears_is_rejected_and_chunks_are_small(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["stance.bulk.blocks"], "MAX_CHARACTERS", 2000)
    monkeypatch.setattr(sources, "CHUNK_CHARACTERS", 1000)
    texts = [TEXTS[0] * n for n in (1, 6, 12, 40, 2, 2)]
    pq.write_table(pa.table({"text": texts}), "t.parquet")
    Path("long.txt").write_text(TEXTS[0] * 40)
    read = sources.Sources(["t.parquet", "long.txt"])
    held = [sum(item.size for item in chunk.block.items[:-1]) for chunk in read.chunks()]
    assert len(held) == 3
    assert max(held) < 1000
    done = model.score_corpus(["t.parquet", "long.txt"], "out.parquet")
    rejects = [json.loads(line) for line in Path("out.rejects.jsonl").read_text().splitlines()]
    assert [row["document"] for row in rejects] == [3, 6]
    assert all("split it first" in row["reason"] for row in rejects)
    assert done.counts["articles"] == 5
    assert sentences()["document"].unique().tolist() == [0, 1, 2, 4, 5]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["text", "text"], "several columns are called 'text'"),
        (["text", "id", "id"], "several columns are called 'id'"),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_two_columns_of_one_name_are_refused(
    model: Model, kind: str, names: list[str], message: str
) -> None:
    columns = [[TEXTS[0]], ["x"], ["y"]][: len(names)]
    if kind == "csv":
        row = ",".join(f'"{column[0]}"' for column in columns)
        Path("t.csv").write_text(f"{','.join(names)}\n{row}\n")
    else:
        pq.write_table(pa.table(columns, names=names), "t.parquet")
    with pytest.raises(DocumentError, match=message):
        model.score_corpus(f"t.{kind}", "out.parquet")


def test_table_in_utf_16_is_told_to_be_converted(model: Model) -> None:
    Path("t.csv").write_text(f"id,text\n1,{TEXTS[0]}\n", encoding="utf-16")
    with pytest.raises(DocumentError, match=r"a column name is not UTF-8; .* iconv -f UTF-16"):
        model.score_corpus("t.csv", "out.parquet")


def test_quotation_mark_never_closed_takes_no_other_rows_along_unsaid(model: Model) -> None:
    Path("t.csv").write_text(
        'id,text\n1,We met them.\n2,"We left\n3,We will talk.\n4,They spoke.\n'
    )
    done = model.score_corpus("t.csv", "out.parquet")
    assert done.counts == {"articles": 1, "sentences": 1, "rejects": 1}
    reject = json.loads(Path("out.rejects.jsonl").read_text())
    assert reject["name"] == "t.csv:3"
    assert "a quotation mark is not closed to the end of the file" in reject["reason"]
    Path("t.csv").write_text('id,text\n1,"We met them.\n')
    assert model.score_corpus("t.csv", "none.parquet").counts["rejects"] == 1


def test_what_a_run_writes_is_never_what_it_reads(model: Model, table: Path) -> None:
    before = table.read_bytes()
    with pytest.raises(DocumentError, match="would be read and written"):
        model.score_corpus(table, table, overwrite=True)
    assert table.read_bytes() == before
    Path("folder").mkdir()
    shutil.copy(table, "folder/news.parquet")
    for inputs in ("folder", "folder/*.parquet"):
        for _ in range(2):
            done = model.score_corpus(inputs, "folder/out.parquet", overwrite=True)
            assert done.counts["articles"] == 40
    with pytest.raises(StanceError, match="a pattern; say where to write to"):
        model.score_corpus("folder/*.parquet")


def test_folder_of_tables_and_articles_is_not_half_read(model: Model, table: Path) -> None:
    Path("folder").mkdir()
    shutil.copy(table, "folder/news.parquet")
    Path("folder/a.txt").write_text(TEXTS[0])
    with pytest.raises(DocumentError, match=r"tables \(news.parquet\) and articles \(a.txt\)"):
        model.score_corpus("folder", "out.parquet")


def test_run_cut_off_before_it_began_or_when_done_leaves_nothing_in_the_way(
    model: Model, table: Path
) -> None:
    Path(".out.parquet.unfinished").mkdir()  # no room was left for the first file in it
    model.score_corpus(table, "out.parquet", resume=True)
    whole()
    Path(".out.parquet.unfinished").mkdir()
    Path(".out.parquet.unfinished/000001.json").write_text("{}")
    with pytest.raises(StanceError, match="is finished, there is nothing to resume"):
        model.score_corpus(table, "out.parquet", resume=True)
    model.score_corpus(table, "new.parquet", limit=1)
    Path("new.parquet").unlink()
    with pytest.raises(StanceError, match=r"new.articles.parquet: is there already"):
        model.score_corpus(table, "new.parquet", resume=True)


def test_disk_without_room_for_a_lock_is_told(
    model: Model, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        patch.setattr(Path, "write_text", full)
        with pytest.raises(StanceError, match=r"No space left on device; make room"):
            model.score_corpus(table, "out.parquet")
    model.score_corpus(table, "out.parquet", resume=True)
    whole()


def test_run_of_another_version_is_not_gone_on_with(
    model: Model, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_disk(model, table, monkeypatch, after=1, told="make room")
    monkeypatch.setattr(stance, "__version__", "0.0.9")
    with pytest.raises(DocumentError, match=r"had another version of stance \('.*', now '0.0.9'\)"):
        model.score_corpus(table, "out.parquet", resume=True)


def test_options_of_articles_are_refused_for_tables(model_folder: Path, table: Path) -> None:
    from stance.cli import app
    from typer.testing import CliRunner

    options = ["predict", str(table), "--model", str(model_folder), "--output", "out.parquet"]
    done = CliRunner().invoke(app, [*options, "--context", "1"])
    assert "--context, --actors: of articles, not of tables" in str(done.exception)
