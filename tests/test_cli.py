"""The command line: formats, exit codes, and no traceback for a user's mistake."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.conftest import ROOT, write_corpus
from tests.makers import TITLE, news_page, pdf

ARTICLE = "Talks fail\n\nWe will never negotiate, the army said. Ministers met on Monday."


def run(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stance", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, **environment},
        check=False,
    )


def refused(*arguments: str, **environment: str) -> str:
    """Run a command that must fail as a user's mistake; return its message."""
    done = run(*arguments, **environment)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.fixture
def web() -> Iterator[str]:
    """A server of the files in this folder."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def article() -> str:
    Path("article.txt").write_text(ARTICLE)
    return "article.txt"


def test_predict_json_is_the_document(model_folder: Path, article: str) -> None:
    done = run("predict", article, "--model", str(model_folder), "--format", "json")
    document = json.loads(done.stdout)
    assert document["name"] == "article.txt"
    assert [ARTICLE[s["start"] : s["end"]] for s in document["sentences"]] == [
        s["text"] for s in document["sentences"]
    ]


def test_predict_reads_standard_input_and_prints_a_table(model_folder: Path) -> None:
    done = run("predict", "-", "--model", str(model_folder), stdin=ARTICLE)
    assert done.returncode == 0
    assert "<stdin>" in done.stdout
    assert "article score" in done.stdout
    assert "Ministers met on Monday." in done.stdout


def test_predict_csv_and_jsonl_have_every_article(model_folder: Path, article: str) -> None:
    Path("other.txt").write_text("They met.")
    both = (article, "other.txt", "--model", str(model_folder))
    assert run("predict", *both, "--format", "csv", "--output", "a.csv").returncode == 0
    with open("a.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["article.txt"] * 3 + ["other.txt"]
    assert {"p_hardline", "start", "label"} <= set(rows[0])
    lines = run("predict", *both, "--format", "jsonl").stdout.splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["article.txt", "other.txt"]


def test_predict_takes_pages_pdfs_and_urls_together(model_folder: Path, web: str) -> None:
    Path("folder").mkdir()
    Path("folder/page.html").write_text(news_page(), encoding="utf-8")
    Path("folder/talks.pdf").write_bytes(pdf([["They left the talks on Monday."]]))
    url = f"{web}/folder/page.html"
    inputs = ("folder", url, "--model", str(model_folder))
    assert f"stance: {url}: 127.0.0.1 is an address of this machine" in refused("predict", *inputs)

    names = ["folder/page.html", "folder/talks.pdf", url]
    done = run("predict", *inputs, "--allow-private", "--format", "json")
    articles = json.loads(done.stdout)
    assert [article["name"] for article in articles] == names
    assert [article["metadata"]["format"] for article in articles] == ["html", "pdf", "html"]
    assert articles[2]["metadata"]["url"] == url
    for article in articles:
        for s in article["sentences"]:
            assert article["text"][s["start"] : s["end"]] == s["text"]

    table = run("predict", *inputs, "--allow-private").stdout
    assert f"{TITLE} · The Harbour Post · 2024-05-03" in table
    assert "2 Comments" not in table
    rows = csv.DictReader(
        run("predict", *inputs, "--allow-private", "--format", "csv").stdout.splitlines()
    )
    assert list(dict.fromkeys(row["name"] for row in rows)) == names


def test_one_bad_article_stops_before_anything_is_written(model_folder: Path, article: str) -> None:
    Path("scores.json").write_text("earlier")
    Path("empty.txt").touch()
    message = refused(
        *("predict", article, "empty.txt", "nope.txt", "--model", str(model_folder)),
        *("--format", "json", "--output", "scores.json"),
    )
    assert message.splitlines() == [
        "stance: empty.txt: empty, nothing to score",
        "stance: nope.txt: no such file",
    ]
    assert Path("scores.json").read_text() == "earlier"
    assert not list(Path.cwd().glob(".scores*"))


def test_output_folder_that_cannot_be_written_is_told(model_folder: Path, article: str) -> None:
    Path("folder").mkdir()
    arguments = ("predict", article, "--model", str(model_folder), "-f", "json", "-o")
    assert "folder: is a folder, expected a file" in refused(*arguments, "folder")
    assert "cannot be written" in refused(*arguments, "/proc/nowhere/scores.json")


def test_other_language_is_warned_and_scored(model_folder: Path) -> None:
    french = "Le ministre des affaires étrangères a refusé lundi tout dialogue avec les rebelles."
    done = run("predict", "-", "--model", str(model_folder), stdin=french)
    assert done.returncode == 0
    assert "another language than English (fr)" in done.stderr


def test_line_of_5_megabytes_is_refused_at_once(model_folder: Path) -> None:
    Path("long.txt").write_text("we will never negotiate with them " * 150_000)
    message = refused("predict", "long.txt", "--model", str(model_folder))
    assert "long.txt: a line of 5,100,000 characters, expected an article in paragraphs" in message


def test_long_sentence_is_scored_with_a_warning(model_folder: Path) -> None:
    done = run("predict", "-", "--model", str(model_folder), stdin="we will never talk " * 100)
    assert done.returncode == 0
    assert "1 of 1 sentences are longer than the model reads" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("predict", "x.txt"), "x.txt: no such file"),
        (("predict", "empty"), "empty: no article in this folder"),
        (("train", "--config", "nope.yaml"), "nope.yaml: no such configuration file"),
        (("train", "--config", "c.yaml"), "c.yaml: unknown key 'train.epoch'; did you mean"),
        (("train", "--config", "ok.yaml", "data.path=nowhere"), "nowhere: no such folder"),
        (("evaluate", "--model", "nowhere"), "nowhere: no such model folder"),
        (("data", "check", "empty"), "empty: 3 faults in the corpus"),
        (("log", "nowhere"), "nowhere: no such model folder"),
        (("promote", "nowhere"), "nowhere: no such model folder"),
        (("promote", "nowhere", "--why", "so"), "--why is the reason of an override: give --force"),
        (("rollback",), "models: no earlier champion in champions.jsonl"),
        (("champions", "empty"), "empty: no champion in this folder"),
        (("predict",), "Missing argument"),
        (("predict", "x.txt", "--format", "xml"), "Invalid value"),
        (("dance",), "No such command"),
    ],
)
def test_mistake_gives_one_message_and_code_2(arguments: tuple[str, ...], message: str) -> None:
    Path("empty").mkdir()
    Path("c.yaml").write_text("train: {epoch: 3}")
    Path("ok.yaml").write_text("{}")
    assert message in refused(*arguments)


def test_command_without_its_extra_says_which() -> None:
    code = (
        "import sys; sys.modules['sklearn'] = sys.modules['pydantic'] = None\n"
        "import stance.cli; sys.argv = ['stance', 'train']; stance.cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "needs pydantic, which is not installed: run  pip install 'stance[train]'" in done.stderr


def test_without_a_model_predict_says_how_to_get_one(article: str) -> None:
    assert "no trained model in" in refused("predict", article)


def test_evaluate_refuses_a_file_with_unknown_labels(model_folder: Path) -> None:
    Path("gold.csv").write_text("text,label\nThey met.,hawkish\n")
    message = refused("evaluate", "--model", str(model_folder), "--data", "gold.csv")
    assert "gold.csv:2: unknown label 'hawkish'; expected one of conciliatory" in message


def test_data_check_lists_its_checks_and_fails_on_a_leak() -> None:
    folder = write_corpus(Path("corpus"))
    done = run("data", "check", str(folder))
    # The tiny corpus repeats itself across splits on purpose.
    assert done.returncode == 2
    assert "ok    rows: train 27, dev 9, test 9; fingerprint " in done.stdout
    assert "FAIL  leaks between splits" in done.stdout
    assert "leaks between splits" in done.stderr.splitlines()[-1]


def test_data_stats_prints_tables_and_writes_pictures() -> None:
    folder = write_corpus(Path("corpus"))
    done = run("data", "stats", str(folder), "--output", "stats")
    assert "45 sentences in 27 groups" in done.stdout
    assert json.loads(Path("stats/stats.json").read_text())["sentences"] == 45
    assert Path("stats/form.png").read_bytes().startswith(b"\x89PNG")


def test_make_evaluates_any_model_on_any_file() -> None:
    command = ["make", "-n", "-C", str(ROOT), "evaluate", "MODEL=models/A", "DATA=gold.csv"]
    command.append("OPTIONS=--no-baselines")
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert ".venv/bin/stance evaluate --model 'models/A' --data 'gold.csv' --no-baselines" in lines
    assert not any("stance train" in line for line in lines)  # another model needs no training


def test_train_and_evaluate_from_the_shell(tiny_encoder: Path) -> None:
    write_corpus(Path("data"))
    Path("c.yaml").write_text(f"encoder: {{name: {tiny_encoder}}}\ntracking: {{enabled: false}}")
    trained = run("train", "--config", "c.yaml", "train.epochs=1")
    assert trained.returncode == 0, trained.stderr
    assert "dev macro-F1" in trained.stdout
    done = run("evaluate", "--split", "dev")
    assert "this model" in done.stdout
    assert "TF-IDF + logistic regression" in done.stdout
    report = json.loads(next(Path("reports").rglob("report.json")).read_text())
    assert report["data"]["rows"] == 9


def test_champion_is_promoted_refused_forced_listed_and_rolled_back(model_folder: Path) -> None:
    for name in ("a", "b"):
        shutil.copytree(model_folder, Path("models", name))
    first = run("promote", "models/a")
    assert first.returncode == 0, first.stderr
    assert "is the champion (the first one)" in first.stdout
    twin = run("promote", "models/b")
    assert twin.returncode == 1
    assert twin.stderr == ""
    assert "dev macro-F1, chance of no gain" in twin.stdout
    assert "stays the champion" in twin.stdout
    assert "give one: --why" in refused("promote", "--force", "models/b")
    forced = run("promote", "--force", "--why", "asked for", "models/b")
    assert forced.stdout == "b is the champion, by force: asked for\n"
    assert run("rollback").stdout == "a is the champion again, in place of b\n"
    lines = run("champions").stdout.splitlines()
    assert [line.split("  ")[1:3] for line in lines[:-1]] == [
        ["gate", "a"],
        ["force", "b"],
        ["rollback", "a"],
    ]
    assert lines[-1] == "champion: a"
