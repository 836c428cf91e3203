"""Stand-off labels: sentences are rebuilt exactly, or it is said what is missing or changed."""

from __future__ import annotations

import csv
import hashlib
import http.client
import io
import os
import tarfile
import threading
import time
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from stance.artifact import cache_folder
from stance.corpus import SPLITS, load_corpus, pinned, standoff
from stance.corpus.texts import read_texts
from stance.schema import DataError

COMMIT = "c" * 40
SPEECH = "Title\r\nWe will talk.  We welcome\r\nthe  offer. They refuse & attack.\r\n"
WIRE = "<BODY>Paris said no. Lagos &lt;LGS> agreed to talks.</BODY>"
TABLE = 'ID,Speech,Sentence\n1,a,First.\n2,a,"We blame ""them"", the rebels."\n3,b,Other.\n'
FILES = {
    ("owner/speeches", "data/one.txt"): (SPEECH.encode(), "utf-8", "", ""),
    ("owner/wire", "w.sgm"): (WIRE.encode("latin-1"), "latin-1", "", ""),
    ("owner/table", "base.csv"): (TABLE.encode(), "utf-8", "ID", "Sentence"),
}
TEXTS = {
    "s1": "We welcome the offer.",
    "s2": "They refuse & attack.",
    "w1": "Lagos <LGS> agreed to talks.",
    "t1": 'We blame "them", the rebels.',
}


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def write_csv(path: Path, columns: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def pointer(name: str, label: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "commit": COMMIT, "sha256": sha(TEXTS[name]), "label": label, **more}


@pytest.fixture
def labels() -> Path:
    """A folder of stand-off labels; the files they point into are nowhere yet."""
    folder = Path("real")
    folder.mkdir()
    write_csv(
        folder / "files.csv",
        standoff.FILE_COLUMNS,
        [
            {
                "repository": repository,
                "commit": COMMIT,
                "path": path,
                "sha256": hashlib.sha256(content).hexdigest(),
                "encoding": encoding,
                "source": repository.partition("/")[2],
                "licence": "for tests only",
                "key_column": key,
                "text_column": text,
                "document_column": "Speech" if key else "",
            }
            for (repository, path), (content, encoding, key, text) in FILES.items()
        ],
    )
    speech = {"repository": "owner/speeches", "path": "data/one.txt"}
    start = SPEECH.index("We welcome")
    refuse = SPEECH.index("They")
    train = [
        pointer(
            "s1",
            "conciliatory",
            **speech,
            document="one",
            start=start,
            end=refuse - 1,
            before_start=SPEECH.index("We will"),
            after_end=SPEECH.index("attack.") + 7,
            votes="c|c|n",
            rule=0,
            form="first-person speech",
        ),
        pointer(
            "s2",
            "hardline",
            **speech,
            document="one",
            start=refuse,
            end=SPEECH.index("attack.") + 7,
        ),
    ]
    lagos = WIRE.index("Lagos")
    wire = pointer(
        "w1",
        "conciliatory",
        repository="owner/wire",
        path="w.sgm",
        document="w#7",
        start=lagos,
        end=WIRE.index("</BODY>"),
    )
    table = pointer(
        "t1", "hardline", repository="owner/table", path="base.csv", document="a", row="2"
    )
    for split, rows in (("train", train), ("dev", [wire]), ("test", [table])):
        write_csv(folder / f"{split}.csv", standoff.COLUMNS, rows)
    return folder


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mirror with one file as it is, two in archives of their repositories."""
    folder = Path("mirror")
    monkeypatch.setenv("STANCE_MIRROR", str(folder))
    for (repository, path), (content, *_) in FILES.items():
        if repository == "owner/wire":
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
            continue
        archive = folder / "pool" / f"{repository.replace('/', '+')}.tar.gz"
        archive.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive, "w:gz") as opened:
            member = tarfile.TarInfo(path)
            member.size = len(content)
            opened.addfile(member, io.BytesIO(content))
    return folder


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A network that serves the files, and the list of what was asked of it."""
    asked: list[str] = []

    def serve(url: str, timeout: float) -> io.BytesIO:
        asked.append(url)
        for (repository, path), (content, *_) in FILES.items():
            if url == f"https://raw.githubusercontent.com/{repository}/{COMMIT}/{path}":
                return io.BytesIO(content)
        raise urllib.error.URLError("no such file")

    monkeypatch.setattr("urllib.request.urlopen", serve)
    return asked


def no_network(*args: object, **kwargs: object) -> None:
    raise urllib.error.URLError("no route to host")


def test_sentences_are_rebuilt_with_context_and_the_file_s_own_offsets(
    labels: Path, mirror: Path
) -> None:
    corpus = load_corpus(labels)
    texts = {row["id"]: row["text"] for rows in corpus.splits.values() for row in rows}
    assert texts == TEXTS
    first = corpus.rows("train")[0]
    assert first["context_before"] == "We will talk."
    assert first["context_after"] == "They refuse & attack."
    assert (first["group"], first["source"], first["votes"]) == ("one", "speeches", "c|c|n")
    assert corpus.rows("test")[0]["context_before"] == "First."
    assert "context_after" not in corpus.rows("test")[0]  # the next row is another speech
    dataset = corpus.dataset("train")
    assert {"id", "text", "label", "group", "rule"} <= set(dataset.column_names)


def test_a_sentence_that_a_table_repeats_is_no_context_of_itself(
    labels: Path, mirror: Path
) -> None:
    first, second, third, *_ = TABLE.splitlines(keepends=True)
    said = second.partition(",a,")[2]
    table = f"{first}{second}{third}7,a,{third.partition(',a,')[2]}8,a,{said}9,b,Other.\n"
    files = labels / "files.csv"
    known, now = (hashlib.sha256(each.encode()).hexdigest() for each in (TABLE, table))
    files.write_text(files.read_text().replace(known, now))
    (mirror / "base.csv").write_text(table, encoding="utf-8")
    row = load_corpus(labels).rows("test")[0]
    assert row["text"] == TEXTS["t1"]
    assert (row["context_before"], row["context_after"]) == ("First.", "First.")


def test_downloads_are_kept_and_not_asked_for_again(labels: Path, network: list[str]) -> None:
    load_corpus(labels)
    assert len(network) == 3
    load_corpus(labels)
    assert len(network) == 3


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (TimeoutError("timed out"), "timed out"),
        (
            http.client.IncompleteRead(b"half", 99),
            r"IncompleteRead\(4 bytes read, 99 more expected",
        ),
    ],
)
def test_an_interrupted_download_goes_on_where_it_was(
    labels: Path,
    network: list[str],
    monkeypatch: pytest.MonkeyPatch,
    fault: Exception,
    told: str,
) -> None:
    served = urllib.request.urlopen

    def breaks(url: str, timeout: float) -> io.BytesIO:
        if "owner/wire" in url:
            raise fault
        return served(url, timeout)

    monkeypatch.setattr(pinned, "PAUSES", ())
    monkeypatch.setattr("urllib.request.urlopen", breaks)
    with pytest.raises(DataError, match=rf"1 of 3 public files are not at hand: .*w\.sgm.*{told}"):
        load_corpus(labels)
    monkeypatch.setattr("urllib.request.urlopen", served)
    load_corpus(labels)
    assert sorted(url.rpartition("/")[2] for url in network) == ["base.csv", "one.txt", "w.sgm"]


def test_one_file_that_is_gone_costs_no_other(
    labels: Path, network: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = urllib.error.HTTPError("", 404, "Not Found", Message(), None)
    served = urllib.request.urlopen

    def lacks(*paths: str) -> None:
        def serve(url: str, timeout: float) -> Any:
            if url.endswith(paths):
                raise gone
            return served(url, timeout)

        monkeypatch.setattr("urllib.request.urlopen", serve)

    lacks("one.txt")
    with pytest.raises(DataError, match=r"^1 of 3 .*one\.txt: .* \(404 Not Found\); try later"):
        load_corpus(labels)
    assert len(network) == 2
    for path in Path("cache").rglob("w.sgm"):
        path.unlink()
    lacks("one.txt", "w.sgm")
    with pytest.raises(DataError, match=r"^2 of 3 .*one\.txt: .*; also w\.sgm$"):
        load_corpus(labels)


def test_a_download_that_hangs_holds_nobody_up(
    labels: Path, network: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    served, ended = urllib.request.urlopen, threading.Event()

    def serve(url: str, timeout: float) -> Any:
        if "w.sgm" in url:
            ended.wait(60)
        return served(url, timeout)

    def interrupted(done: int, total: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("urllib.request.urlopen", serve)
    before = threading.enumerate()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        standoff.read_standoff(labels, SPLITS, progress=interrupted)
    hanging = [
        t for t in threading.enumerate() if not t.daemon and t is not threading.main_thread()
    ]
    assert not hanging  # or the interpreter would wait for them
    assert time.monotonic() - start < 5
    ended.set()
    for thread in set(threading.enumerate()) - set(before):
        thread.join(10)  # or it would write into the folder of the next test


def test_a_cache_that_cannot_be_written_is_told(labels: Path, network: list[str]) -> None:
    cache_folder().parent.mkdir(parents=True, exist_ok=True)
    cache_folder().write_text("no folder")
    with pytest.raises(DataError, match=r"cannot be kept \(.*STANCE_CACHE"):
        load_corpus(labels)


def test_files_that_come_at_once_get_the_usual_rights(
    labels: Path, network: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_mask = os.umask
    usual = set_mask(0o022)

    def slow(mask: int) -> int:
        before = set_mask(mask)
        time.sleep(0.02)
        return before

    monkeypatch.setattr("os.umask", slow)
    try:
        load_corpus(labels)
    finally:
        left = set_mask(usual)
    kept = [path for path in cache_folder().rglob("*") if path.is_file()]
    assert [path.stat().st_mode & 0o777 for path in kept] == [0o644] * 3
    assert left == 0o022


@pytest.mark.parametrize(
    ("fault", "tries"),
    [
        (urllib.error.HTTPError("", 503, "Service Unavailable", Message(), None), 3),
        (urllib.error.HTTPError("", 429, "Too Many Requests", Message(), None), 3),
        (urllib.error.URLError(ConnectionResetError("reset by peer")), 3),
        (http.client.IncompleteRead(b"half", 99), 3),
        (urllib.error.HTTPError("", 404, "Not Found", Message(), None), 1),
        (urllib.error.URLError("no route to host"), 1),
        (TimeoutError("timed out"), 1),
    ],
)
def test_what_may_pass_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, fault: Exception, tries: int
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    asked: list[str] = []

    def serve(url: str, timeout: float) -> io.BytesIO:
        asked.append(url)
        if len(asked) < 3:
            raise fault
        return io.BytesIO(b"here")

    monkeypatch.setattr("urllib.request.urlopen", serve)
    file = pinned.PinnedFile("a/b", COMMIT, "c.txt", hashlib.sha256(b"here").hexdigest())
    if tries == 3:
        assert pinned.fetch(file) == b"here"
    else:
        with pytest.raises(DataError, match=r"a/b c\.txt: cannot be downloaded"):
            pinned.fetch(file)
    assert len(asked) == tries
    assert waited == [1.0, 5.0][: tries - 1]


def test_missing_network_is_one_message(labels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("urllib.request.urlopen", no_network)
    with pytest.raises(DataError) as caught:
        load_corpus(labels)
    message = str(caught.value)
    assert "3 of 3 public files are not at hand" in message
    assert "no route to host" in message
    assert "STANCE_MIRROR" in message


def test_a_changed_public_file_is_refused(labels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("urllib.request.urlopen", lambda *a, **k: io.BytesIO(b"something else"))
    with pytest.raises(DataError, match="is not the pinned file: sha256"):
        load_corpus(labels)
    assert not Path("cache").exists()


def test_a_mirror_that_is_no_folder_is_told(labels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANCE_MIRROR", "nowhere")
    with pytest.raises(DataError, match="STANCE_MIRROR=nowhere: no such folder"):
        load_corpus(labels)


def test_a_damaged_archive_in_the_mirror_is_passed_over(
    labels: Path, mirror: Path, network: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    (mirror / "pool" / "owner+table.tar.gz").write_bytes(b"cut off")
    load_corpus(labels)
    assert "not a sound archive" in caplog.text
    assert [url.rpartition("/")[2] for url in network] == ["base.csv"]


def test_a_moved_offset_is_told_by_row(labels: Path, mirror: Path) -> None:
    path = labels / "train.csv"
    start = SPEECH.index("They")
    path.write_text(path.read_text().replace(f",{start},", f",{start + 1},"))
    with pytest.raises(DataError, match=r"train\.csv:3.*s2: the sentence cut from data/one\.txt"):
        load_corpus(labels)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("test.csv", ",2,", ",9,", "base.csv: no row '9'"),
        ("train.csv", COMMIT, "d" * 40, "commit dddddddddddd is not the one in files.csv"),
        ("dev.csv", "conciliatory", "friendly", "unknown label 'friendly'"),
        ("train.csv", "after_end", "after", "no column after_end"),
        ("files.csv", "licence", "license", "no column licence"),
        ("files.csv", "w.sgm", "x.sgm", "does not list owner/wire w.sgm"),
        ("files.csv", "w.sgm", "../w.sgm", "path '../w.sgm': not inside a repository"),
        ("files.csv", "w.sgm", "/w.sgm", "path '/w.sgm': not inside a repository"),
        ("files.csv", COMMIT, "main", "commit 'main': expected 40 hex digits"),
        ("files.csv", ",latin-1,", ",ebony,", "w.sgm is not 'ebony'"),
        ("files.csv", ",Speech", ",Talk", "base.csv: no column 'Talk', which files.csv names"),
    ],
)
def test_damaged_tables_are_told(
    labels: Path, mirror: Path, file: str, old: str, new: str, message: str
) -> None:
    path = labels / file
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(DataError, match=message):
        load_corpus(labels)


def test_a_document_in_two_splits_is_refused(labels: Path, mirror: Path) -> None:
    path = labels / "dev.csv"
    path.write_text(path.read_text().replace("w#7", "one"))
    with pytest.raises(DataError, match="group 'one' is also in train"):
        load_corpus(labels)


def test_two_corpora_load_as_one(labels: Path, mirror: Path, corpus_folder: Path) -> None:
    both = load_corpus([corpus_folder, labels])
    alone = load_corpus(corpus_folder)
    assert len(both.rows("train")) == len(alone.rows("train")) + 2
    assert {row["corpus"] for row in both.rows("dev")} == {str(corpus_folder), str(labels)}
    assert both.fingerprint != alone.fingerprint
    with pytest.raises(DataError, match="one is named twice"):
        load_corpus([labels, Path("real/../real")])


def test_a_table_without_labels_is_unlabelled_text(labels: Path, mirror: Path) -> None:
    rows = [
        {**row, "label": ""}
        for split in ("train", "test")
        for row in csv.DictReader((labels / f"{split}.csv").read_text("utf-8").splitlines())
    ]
    more = labels / "more.csv"
    write_csv(more, standoff.COLUMNS, rows)
    assert read_texts([more]) == [TEXTS["s1"], TEXTS["s2"], TEXTS["t1"]]
    rows[1]["sha256"] = sha("They accept.")
    write_csv(more, standoff.COLUMNS, rows)
    with pytest.raises(DataError, match=r"(?s)more\.csv: 1 faults.*s2: the sentence cut from"):
        read_texts([more])
