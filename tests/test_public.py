"""Published corpora: pinned, checked, cached, mapped. No network: a mirror folder or a fake."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import urllib.error
from pathlib import Path

import pytest
from stance.corpus import public
from stance.schema import DataError

from tests.conftest import give, pin

CAMEO = b"Rebels shelled the town.\t4\nThey agreed to talks.\t1\nThe minister spoke.\t0\n"


def no_network(*args: object, **kwargs: object) -> None:
    raise urllib.error.URLError("no route to host")


def test_cameo_is_mapped_to_our_labels(
    monkeypatch: pytest.MonkeyPatch, mirror: Path, caplog: pytest.LogCaptureFixture
) -> None:
    give(monkeypatch, "cameo", "train", CAMEO)
    dataset = public.load_public("cameo")
    assert dataset["label"][:] == ["hardline", "conciliatory", "neutral"]
    assert dataset["id"][0] == "cameo-train-1"
    assert "research use" in caplog.text


def test_plv_groups_rows_that_share_a_sentence(
    monkeypatch: pytest.MonkeyPatch, mirror: Path
) -> None:
    content = (
        b"\tsentence\tsource\ttarget\tgold_penta\n"
        b"0\tA blamed B.\tA\tB\t3\n1\tA blamed B.\tC\tB\t3.0\n"
    )
    give(monkeypatch, "plv", "train", content)
    rows = public.public_rows("plv")
    assert [row["label"] for row in rows] == ["hardline", "hardline"]
    assert len({row["group"] for row in rows}) == 1
    assert len({row["id"] for row in rows}) == 2


def test_fomc_reads_excel(monkeypatch: pytest.MonkeyPatch, mirror: Path) -> None:
    import pandas as pd

    buffer = io.BytesIO()
    pd.DataFrame({"sentence": ["Rates rose."], "label": [1]}).to_excel(buffer, index=False)
    give(monkeypatch, "fomc", "train-5768", buffer.getvalue())
    assert public.public_rows("fomc", "train-5768")[0]["label"] == "hawkish"


def test_newsmtsc_has_a_row_a_target(monkeypatch: pytest.MonkeyPatch, mirror: Path) -> None:
    targets = [{"mention": "A", "polarity": 2.0}, {"mention": "B", "polarity": 6.0}]
    item = {"primary_gid": "g", "sentence_normalized": "A blamed B.", "targets": targets}
    give(monkeypatch, "newsmtsc", "train", json.dumps(item).encode())
    rows = public.public_rows("newsmtsc")
    assert [(row["target"], row["label"]) for row in rows] == [("A", "negative"), ("B", "positive")]


@pytest.mark.parametrize("root", ["", "PolNeAR-c3eee83/data/"])
def test_polnear_is_known_however_it_is_packed(
    monkeypatch: pytest.MonkeyPatch, mirror: Path, root: str
) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in (
            ("dev/text/a_b.txt", b"He said no."),
            ("dev/attributions/a_b_4e07.ann", b"T1\tSource 0 2\tHe"),
            ("README.md", root.encode()),
        ):
            member = tarfile.TarInfo(root + name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    (mirror / "polnear").mkdir()
    (mirror / "polnear" / "anything.tar.gz").write_bytes(buffer.getvalue())
    listed = [
        f"{name} {hashlib.sha256(content).hexdigest()}"
        for name, content in (
            ("dev/attributions/a_b_4e07.ann", b"T1\tSource 0 2\tHe"),
            ("dev/text/a_b.txt", b"He said no."),
        )
    ]
    pin(monkeypatch, "polnear", "dev", hashlib.sha256("\n".join(listed).encode()).hexdigest())
    (row,) = public.public_rows("polnear", "dev")
    assert (row["text"], row["group"]) == ("He said no.", "a_b")
    assert row["annotation"].startswith("T1\tSource")


def test_missing_network_is_told_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("urllib.request.urlopen", no_network)
    with pytest.raises(
        DataError,
        match=r"cameo_class/train.tsv: cannot be downloaded from https://raw.*"
        r"no route to host.*STANCE_MIRROR",
    ):
        public.load_public("cameo")
    assert not Path("cache").exists()


def test_download_is_cached_and_a_changed_one_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def serve(url: str, timeout: float) -> io.BytesIO:
        calls.append(url)
        return io.BytesIO(CAMEO)

    monkeypatch.setattr("urllib.request.urlopen", serve)
    with pytest.raises(DataError, match="is not the pinned file: sha256"):
        public.load_public("cameo")
    assert not Path("cache").exists()
    pin(monkeypatch, "cameo", "train", hashlib.sha256(CAMEO).hexdigest())
    assert len(public.load_public("cameo")) == 3
    assert len(public.load_public("cameo")) == 3
    assert len(calls) == 2
    source = public.SOURCES["cameo"]
    assert calls[0].endswith(f"{source.repository}/{source.commit}/data/cameo_class/train.tsv")


def test_damaged_cache_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    source = public.SOURCES["cameo"]
    path = Path("cache/public") / source.commit / "data/cameo_class/train.tsv"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"cut off")
    monkeypatch.setattr("urllib.request.urlopen", lambda *a, **k: io.BytesIO(CAMEO))
    pin(monkeypatch, "cameo", "train", hashlib.sha256(CAMEO).hexdigest())
    assert len(public.load_public("cameo")) == 3
    assert path.read_bytes() == CAMEO


def test_unknown_names_list_the_known() -> None:
    with pytest.raises(DataError, match="no public corpus 'x'; there are cameo, plv, fomc"):
        public.load_public("x")
    with pytest.raises(DataError, match="cameo: no part 'dev'; there are train, test"):
        public.load_public("cameo", "dev")
